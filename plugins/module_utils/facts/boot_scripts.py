# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of the operator's own that run at boot: the modules and the rules that their commands load.

rc.local(8) of RHEL and Debian, interfaces(5) with the folders that ifup runs, and the commands of udev's rules.
A script may take another way, so what it says is what it may do.
"""

from __future__ import annotations

import re
import typing as t

from ..formats import modules_load
from ..probe import UDEV_RULES, File, Glob, Item
from ..snapshot import NOT_READ, Snapshot
from . import boot_files, saved_rules

_RC_LOCAL = ("/etc/rc.d/rc.local", "/etc/rc.local")
_INTERFACES = ("/etc/network/interfaces", "/etc/network/interfaces.d/*")
_IFUP = ("/etc/network/if-pre-up.d/*", "/etc/network/if-up.d/*")
# Where such a script usually keeps its rules.
_FILES = ("/etc/iptables.rules", "/etc/iptables.up.rules", "/etc/iptables.save", "/etc/iptables.conf")
_FILES6 = ("/etc/ip6tables.rules", "/etc/ip6tables.up.rules", "/etc/ip6tables.save", "/etc/ip6tables.conf")

_RESTORE = re.compile(r"\bip(6?)tables(?:-legacy|-nft)?-restore\b[^|;&\n]*?[\s<](/[^\s;|&)\"']+)")
_NFT = re.compile(r"\bnft\b[^|;&\n]*?\s(?:-f|--file)\s+(/[^\s;|&)\"']+)")
_COMMAND = re.compile(r"(?:\b|\$\{?)(ip(6?)t(?:ables)?)(?:-legacy|-nft)?\}?[ \t]+([^|;&\n]+)", re.IGNORECASE)
_TABLE = re.compile(r"(?:^|\s)(?:-t|--table)[ \t=]+(\w+)")
_ADDED = re.compile(r"(?:^|\s)(?:-A|-I|--append|--insert)[ \t]+(\S+)(?:[ \t]+\d+(?=\s|$))?")

ITEMS: tuple[Item, ...] = (
    *(File(path, limit=1 << 18) for path in (*_RC_LOCAL, _INTERFACES[0])),
    *(Glob(pattern, limit=1 << 18) for pattern in (_INTERFACES[1], *_IFUP)),
    *(File(path, limit=1 << 22) for path in (*_FILES, *_FILES6)),
)


def modules(snapshot: Snapshot) -> t.Iterator[tuple[str, str]]:
    """The script, and the module that it loads."""
    udev = [(path, snapshot.text(path) or "") for path in boot_files.by_name(snapshot, UDEV_RULES)]
    for path, text in (*_scripts(snapshot), *udev):
        for name in modules_load.script(text):
            yield path, name


def rules(snapshot: Snapshot) -> t.Iterator[tuple[str, saved_rules.Saved]]:
    """The script, and what its rules bring with them, be they in a file that it restores."""
    for path, text in _scripts(snapshot):
        text = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
        restored = [(file, "ip6tables" if six else "iptables") for six, file in _RESTORE.findall(text)]
        restored += [(file, saved_rules.NFT) for file in _NFT.findall(text)]
        change = "take the rules that need tracking out of %s" % path
        for file, family in restored:
            saved = saved_rules.need(snapshot, file, family)
            if saved:
                yield path, saved._replace(evidence="it restores %s: %s" % (file, saved.evidence))
            elif snapshot.reason(file) == NOT_READ:
                yield path, saved_rules.Saved(saved_rules.RULES, "it restores %s, which was not read" % file, change)
        found = next((evidence for evidence in map(_rule, _COMMAND.findall(text)) if evidence), None)
        if found:
            yield path, saved_rules.Saved(saved_rules.RULES, found, change)


def _rule(command: tuple[str, str, str]) -> str | None:
    """A command that adds a rule, taken for a line of a saved file."""
    _name, six, arguments = command
    added = _ADDED.search(arguments)
    if not added:
        return None
    table = _TABLE.search(arguments)
    rest = _TABLE.sub("", _ADDED.sub("", arguments)).strip()
    text = "*%s\n-A %s %s\nCOMMIT\n" % (table.group(1) if table else "filter", added.group(1), rest)
    return saved_rules.command(text, "ip6tables" if six else "iptables")


def _scripts(snapshot: Snapshot) -> t.Iterator[tuple[str, str]]:
    for path in _RC_LOCAL:
        # RHEL's /etc/rc.local is a link to the other.
        if _runs(snapshot, path) and not (snapshot.reading(path).link or "").endswith("rc.d/rc.local"):
            yield path, snapshot.text(path) or ""
    for pattern in _INTERFACES:
        for path in snapshot.glob(pattern):
            yield path, snapshot.text(path) or ""
    for pattern in _IFUP:
        for path in snapshot.glob(pattern):
            if _runs(snapshot, path):
                yield path, snapshot.text(path) or ""


def _runs(snapshot: Snapshot, path: str) -> bool:
    return bool((snapshot.reading(path).mode or 0) & 0o111)
