# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Combinations of sysctl files, and the value that each of the two readers makes of them.

Plain data. Each combination plays on one setting and has file names of its own, so that as many as there are settings
can be laid into one root, and one boot (or one run of systemd-sysctl or of sysctl --system) proves all of them.

In paths and texts {n} is the mark of a combination, {key} a sysctl key as in net.netfilter.nf_conntrack_udp_timeout,
{path} the same with slashes, {leaf} its last part, and {glob} that last part as a pattern that fits nothing else.
"""

from __future__ import annotations

import os
import typing as t

# Timeouts of every kernel from 5.0 on, each network namespace's own, so that one can write them without harm.
LEAVES = (
    *("tcp_timeout_" + state for state in ("close", "close_wait", "established", "fin_wait", "last_ack")),
    *("tcp_timeout_" + state for state in ("max_retrans", "syn_recv", "syn_sent", "time_wait", "unacknowledged")),
    *("udp_timeout", "udp_timeout_stream", "generic_timeout", "icmp_timeout", "icmpv6_timeout"),
    *("gre_timeout", "gre_timeout_stream"),
    *("sctp_timeout_" + state for state in ("closed", "cookie_wait", "cookie_echoed", "established")),
    *("sctp_timeout_" + state for state in ("shutdown_sent", "shutdown_recd", "shutdown_ack_sent", "heartbeat_sent")),
)
PREFIX = "net.netfilter.nf_conntrack_"

SYSCTL_CONF = "/etc/sysctl.conf"


class Link(t.NamedTuple):
    """A symbolic link. The target is relative, or it would lead out of a root that is not /."""

    target: str


class Combination(t.NamedTuple):
    """``systemd`` and ``procps`` are what systemd-sysctl and ``sysctl --system`` set; None leaves the kernel default.

    ``procps`` is that of version 4; ``glob`` marks those that version 3 reads otherwise.
    """

    name: str
    files: dict[str, str | bytes | Link]
    systemd: int | None
    procps: int | None
    glob: bool = False


ETC, RUN = "/etc/sysctl.d/", "/run/sysctl.d/"
LOCAL, USR = "/usr/local/lib/sysctl.d/", "/usr/lib/sysctl.d/"
ONE, TWO, THREE = "{key} = 101\n", "{key} = 102\n", "{key} = 103\n"
NULL = Link("../../dev/null")


def _same(name: str, files: dict[str, str | bytes | Link], value: int | None, glob: bool = False) -> Combination:
    return Combination(name, files, value, value, glob)


def _text(name: str, text: str | bytes, value: int | None, glob: bool = False) -> Combination:
    """One file that holds ``text``."""
    return _same(name, {ETC + "50-{n}.conf": text}, value, glob)


COMBINATIONS = (
    # Which files are read, and in which order.
    _same("one file", {ETC + "50-{n}.conf": ONE}, 101),
    _same("names decide, not directories", {USR + "60-{n}.conf": ONE, ETC + "50-{n}.conf": TWO}, 101),
    _same("capitals sort before small letters", {ETC + "Z-{n}.conf": ONE, ETC + "a-{n}.conf": TWO}, 102),
    _same("numbers sort as text", {ETC + "100-{n}.conf": ONE, ETC + "99-{n}.conf": TWO}, 102),
    _same("etc shadows usr/lib", {ETC + "50-{n}.conf": ONE, USR + "50-{n}.conf": TWO}, 101),
    _same("run is empty after a boot", {RUN + "50-{n}.conf": ONE, LOCAL + "40-{n}.conf": TWO}, 102),
    _same("run shadows nothing after a boot", {RUN + "50-{n}.conf": ONE, LOCAL + "50-{n}.conf": TWO}, 102),
    _same("usr/local shadows usr/lib", {LOCAL + "50-{n}.conf": ONE, USR + "50-{n}.conf": TWO}, 101),
    _same("shadowed though it says more", {ETC + "90-{n}.conf": "# nothing\n", USR + "90-{n}.conf": ONE}, None),
    _same("masked by an empty file", {ETC + "50-{n}.conf": "", USR + "50-{n}.conf": ONE}, None),
    _same("masked by a link to /dev/null", {ETC + "50-{n}.conf": NULL, USR + "50-{n}.conf": ONE}, None),
    _same("masked only until the boot", {RUN + "50-{n}.conf": Link("../../dev/null"), USR + "50-{n}.conf": ONE}, 101),
    _same("masked in usr/local", {LOCAL + "50-{n}.conf": "", USR + "50-{n}.conf": ONE}, None),
    _same("masked by a link to nowhere", {ETC + "50-{n}.conf": Link("nowhere-{n}"), USR + "50-{n}.conf": ONE}, None),
    _same("a mask of another name", {ETC + "50-{n}.conf": NULL, USR + "51-{n}.conf": ONE}, 101),
    _same("a mask in a lower directory", {ETC + "50-{n}.conf": ONE, USR + "50-{n}.conf": NULL}, 101),
    _same("a link to a file elsewhere", {ETC + "50-{n}.conf": Link("../audit-{n}"), "/etc/audit-{n}": ONE}, 101),
    _same("no .conf at the end", {ETC + "50-{n}": ONE}, None),
    _same("left behind by an editor", {ETC + "50-{n}.conf~": ONE, ETC + "51-{n}.conf.bak": TWO}, None),
    _same("in a directory below", {ETC + "{n}.d/50-{n}.conf": ONE}, None),
    Combination("a hidden file", {ETC + ".{n}.conf": ONE}, None, 101),
    # Only procps reads sysctl.conf by itself, and after all others.
    Combination("sysctl.conf against a late name", {SYSCTL_CONF: ONE, ETC + "99-zz-{n}.conf": TWO}, 102, 101),
    # Lines.
    _text("the last line of a file", ONE + TWO, 102),
    _text("said again with the first value", ONE + TWO + ONE, 101),
    _text("may fail", "-{key} = 101\n", 101),
    _text("slashes", "{path} = 101\n", 101),
    _text("a slash in front", "/{path} = 101\n", 101),
    _text("separators twice", "net..netfilter.{leaf} = 101\n", 101),
    _same("two spellings", {ETC + "10-{n}.conf": "{path}=101\n", ETC + "20-{n}.conf": TWO}, 102),
    _text("comments", "# {key} = 1\n ; {key} = 2\n" + ONE + "\t#{key} = 3\n", 101),
    _text("blanks", " \t{key}\t =\t 101 \t\n", 101),
    _text("no blanks", "{key}=101\n", 101),
    _text("no newline at the end", "{key} = 101", 101),
    _text("lines of another system", "{key} = 101\r\n", 101),
    _text("not UTF-8", b"# caf\xe9\n{key} = 101\n", 101),
    _text("a byte order mark", "\ufeff{key} = 101\n", None),
    _text("a long line", "# " + 20000 * "x" + "\n" + ONE, 101),
    _text("lines that are none", "{key}\n= 5\nnonsense\n" + ONE + "net.no.such.key = 1\n", 101),
    _text("the path in /proc", "/proc/sys/{path} = 101\n", None),
    Combination("a blank after the dash", {ETC + "50-{n}.conf": "- {key} = 101\n"}, 101, None),
    # Values, as the kernel reads them.
    _text("a comment behind the value", "{key} = 101 # seconds\n", 101),
    _text("two values", "{key} = 101 102\n", 101),
    _text("two signs", "{key} = 101 = 102\n", 101),
    _text("hexadecimal", "{key} = 0x65\n", 101),
    _text("octal", "{key} = 0145\n", 101),
    _text("no octal number", "{key} = 0189\n", None),
    _text("in quotes", '{key} = "101"\n', None),
    _text("with a unit", "{key} = 101s\n", None),
    _text("too large", "{key} = 99999999999\n", None),
    # What the kernel refuses: systemd has forgotten the value before, procps has set it.
    Combination("refused after a good one", {ETC + "50-{n}.conf": ONE + "{key} = 102#\n"}, None, 101),
    Combination("empty in a later file", {ETC + "50-{n}.conf": ONE, ETC + "60-{n}.conf": "{key} =\n"}, None, 101),
    # Patterns.
    _text("a pattern", "net.netfilter.{glob} = 101\n", 101, True),
    _text("a star for a directory", "net.*.{leaf} = 101\n", 101, True),
    _text("a star crosses no directory", "net.*{leaf} = 101\n", None),
    _same(
        "a later pattern spares what is named",
        {ETC + "10-{n}.conf": ONE, ETC + "20-{n}.conf": "net.netfilter.{glob} = 102\n"},
        101,
    ),
    _same(
        "the later of two patterns",
        {ETC + "10-{n}.conf": "net.netfilter.{glob} = 101\n", ETC + "20-{n}.conf": "net.*.{leaf} = 102\n"},
        102,
        True,
    ),
    _same(
        "left out of a pattern",
        {ETC + "10-{n}.conf": "net.netfilter.{glob} = 101\n", ETC + "20-{n}.conf": "-{key}\n"},
        None,
    ),
    _same(
        "a pattern leaves nothing out of a pattern",
        {ETC + "10-{n}.conf": "net.*.{leaf} = 101\n", ETC + "20-{n}.conf": "-net.netfilter.{glob}\n"},
        101,
        True,
    ),
    Combination("left out after it was said", {ETC + "50-{n}.conf": ONE + "-{key}\n"}, None, 101),
    _text("said after it was left out", "-{key}\n" + ONE, 101),
)


def key(leaf: str) -> str:
    return PREFIX + leaf


def mark(combination: Combination) -> str:
    """What its files are named by."""
    return "audit%02d" % COMBINATIONS.index(combination)


def chunks() -> list[list[tuple[Combination, str]]]:
    """All combinations, each with a leaf to play on, in lists that fit into one boot each."""
    size = len(LEAVES)
    return [list(zip(COMBINATIONS[at : at + size], LEAVES)) for at in range(0, len(COMBINATIONS), size)]


def lay(root: str, combination: Combination, leaf: str) -> list[str]:
    """Puts the files below ``root``; the paths that were made. To /etc/sysctl.conf lines are added."""
    made = []
    words = _words(combination, leaf)
    for path, content in combination.files.items():
        path = _filled(path, words)
        real = root.rstrip("/") + path
        os.makedirs(os.path.dirname(real), exist_ok=True)
        if isinstance(content, Link):
            os.symlink(_filled(content.target, words), real)
        elif isinstance(content, bytes):
            with open(real, "wb") as stream:
                stream.write(_filled(content.decode("latin-1"), words).encode("latin-1"))
        else:
            with open(real, "a" if path == SYSCTL_CONF else "w", encoding="utf-8", newline="") as stream:
                stream.write(_filled(content, words))
        made.append(path)
    return made


def _words(combination: Combination, leaf: str) -> dict[str, str]:
    name = PREFIX.rsplit(".", 1)[-1] + leaf
    glob = name[:-1] + "[" + name[-1] + "]"
    dotted = key(leaf)
    return {"n": mark(combination), "key": dotted, "path": dotted.replace(".", "/"), "leaf": name, "glob": glob}


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace("{%s}" % word, value)
    return text
