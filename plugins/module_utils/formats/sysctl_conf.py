# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl.conf and sysctl.d files: what they assign, and edits that touch nothing but the value.

Syntax as in sysctl.d(5) of systemd (``parse_file`` and ``sysctl_normalize`` of its source) and
sysctl.conf(5) of procps: comments start with ``#`` or ``;``, a leading ``-`` makes an assignment optional,
and without a ``=`` it keeps a key out of the globs (systemd only).
"""

from __future__ import annotations

import re
import typing as t

from .lines import append_line

_BLANKS = " \t\r\v\f"
_ASSIGNMENT = re.compile(
    r"(?P<key>[^=]*)=[ \t\v\f]*(?P<value>.*?)[ \t\r\v\f]*\Z",
    re.DOTALL,
)
_SWAP = str.maketrans("./", "/.")


class Assignment(t.NamedTuple):
    """``key = value``: the line counted from 1, the normalized key (globs kept), the value without blanks
    around it, and whether a leading ``-`` lets it fail."""

    line: int
    key: str
    value: str
    optional: bool


class Exclusion(t.NamedTuple):
    """systemd's ``-key`` without a value: globs elsewhere do not apply to this key."""

    line: int
    key: str


def normalize_key(raw: str) -> str:
    """The dotted form of a key in either spelling.

    The first separator decides, as in systemd and procps: where it is a slash, slashes separate and a dot is
    a plain character, which the dotted form writes as ``/`` (``net/ipv4/conf/eth0.5/forwarding`` is
    ``net.ipv4.conf.eth0/5.forwarding``). A path under ``/proc/sys/`` is no key: it is returned as it is.
    """
    key = raw.strip(_BLANKS + "\n")
    if key.startswith("/proc/sys/"):
        return key
    separator = re.search(r"[./]", key)
    path = key.translate(_SWAP) if separator and separator.group() == "." else key
    return ".".join(part.replace(".", "/") for part in path.split("/") if part not in ("", "."))


def parse(text: str) -> list[Assignment | Exclusion]:
    """What ``text`` says, in its order. Lines that are neither are skipped, as both readers do."""
    found: list[Assignment | Exclusion] = []
    for number, line in enumerate(text.split("\n"), 1):
        assignment = _assignment(line)
        if assignment:
            optional, key, match = assignment
            found.append(Assignment(number, key, match.group("value"), optional))
        elif "=" not in line and line.strip(_BLANKS).startswith("-"):
            key = normalize_key(line.strip(_BLANKS)[1:])
            if key:
                found.append(Exclusion(number, key))
    return found


def assign(text: str, values: t.Sequence[tuple[tuple[str, ...], str]]) -> str:
    """``text`` in which each entry of ``values`` (all names of one setting, the preferred first; its value)
    holds.

    Every assignment to one of the names gets the value in its place; where there is none, ``name = value``
    with the preferred name is added at the end. Raises ValueError for a value that does not fit on one line.
    """
    for keys, value in values:
        if "\n" in value or value != value.strip(_BLANKS):
            raise ValueError(f"not a value of one line without blanks around it: {value!r}")
        names = {normalize_key(key) for key in keys}
        lines = text.split("\n")
        present = False
        for index, line in enumerate(lines):
            assignment = _assignment(line)
            if assignment and assignment[1] in names:
                present = True
                match = assignment[2]
                lines[index] = line[: match.start("value")] + value + line[match.end("value") :]
        text = "\n".join(lines) if present else append_line(text, f"{keys[0]} = {value}")
    return text


def _assignment(line: str) -> tuple[bool, str, re.Match[str]] | None:
    """Optional or not, the normalized key, and where key and value are; None when the line assigns
    nothing."""
    start = len(line) - len(line.lstrip(_BLANKS))
    if line[start : start + 1] in ("", "#", ";"):
        return None
    match = _ASSIGNMENT.match(line)
    if not match:
        return None
    raw = match.group("key").strip(_BLANKS)
    optional = raw.startswith("-")
    key = normalize_key(raw[1:] if optional else raw)
    return (optional, key, match) if key else None
