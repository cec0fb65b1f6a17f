# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that name modules to load at boot, and modules.dep, which says what comes with each.

modules-load.d(5) with systemd's modules-load.c, /etc/modules with Debian's init script of kmod,
initramfs-tools(7), dracut.conf(5), the .modules scripts of initscripts (RHEL 6 and older), and depmod's modules.dep(5).
"""

from __future__ import annotations

import re
import typing as t

from .modprobe_conf import normalize_module

_MODPROBE = re.compile(r"(?:^|[\s;&|(/])(?:modprobe|insmod)((?:[ \t]+-\S+)*)[ \t]+([\w./-]+)")
_FORCED = re.compile(r"^[ \t]*force_drivers[ \t]*\+?=[ \t]*(?:\"([^\"]*)\"|'([^']*)'|(\S*))", re.MULTILINE)
_SUFFIX = re.compile(r"\.k?o(?:\.(?:gz|xz|zst))?$")


def lines(text: str) -> list[str]:
    """As systemd reads them: a whole line is one name. A comment or an option behind it makes it no module's name."""
    found = (line.strip(" \t\r") for line in text.split("\n"))
    return [normalize_module(line) for line in found if line and line[0] not in "#;"]


def first_words(text: str) -> list[str]:
    """As init scripts and initramfs-tools read them: the name, then options for the module."""
    found = (line.split() for line in text.split("\n") if not line.startswith("#"))
    return [normalize_module(words[0]) for words in found if words]


def commented(text: str, unwanted: t.Callable[[str], bool]) -> str:
    """The text with a ``#`` before each line that names an unwanted module; every other byte stays."""
    return "".join(
        "#" + line if any(map(unwanted, first_words(line))) else line for line in text.splitlines(keepends=True)
    )


def script(text: str) -> list[str]:
    """What the modprobe commands of a shell script load. A script may take another way: the last word is its own."""
    found = []
    for line in text.split("\n"):
        if line.lstrip().startswith("#"):
            continue
        for options, name in _MODPROBE.findall(line):
            if "r" not in options.replace("--remove", "-r").replace("-", " ").split():
                found.append(module_of(name))
    return found


def forced(text: str) -> list[str]:
    """dracut's force_drivers: loaded early in the initramfs. (add_drivers are only put there.)"""
    return [normalize_module(word) for groups in _FORCED.findall(text) for word in "".join(groups).split()]


def dependencies(text: str) -> dict[str, frozenset[str]]:
    """modules.dep: each module, and all that is loaded before it."""
    found = {}
    for line in text.split("\n"):
        module, colon, needed = line.partition(":")
        if colon:
            found[module_of(module)] = frozenset(module_of(path) for path in needed.split())
    return found


def module_of(path: str) -> str:
    """``nf_conntrack`` for ``kernel/net/netfilter/nf_conntrack.ko.xz``."""
    return normalize_module(_SUFFIX.sub("", path.rsplit("/", 1)[-1]))
