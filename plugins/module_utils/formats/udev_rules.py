# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""udev rules: which commands they run for an event. From udev(7) and systemd's udev-rules.c.

A match on something that is not known of the event counts as no match, so that no command is promised which may not
run.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

_TOKEN = re.compile(
    r"(?P<key>[A-Z_]+)(?:\{(?P<attribute>[^}]*)\})?[ \t]*(?P<sign>==|!=|\+=|-=|:=|=)[ \t]*"
    r"(?P<kind>[ei]?)\"(?P<value>(?:[^\"\\]|\\.)*)\""
)
_MATCHED = ("ACTION", "SUBSYSTEM", "KERNEL")


class Command(t.NamedTuple):
    """A command that udev runs, as it would split it into words, and the line where its rule begins."""

    line: int
    text: str


def commands(text: str, event: t.Mapping[str, str]) -> list[Command]:
    """What the rules of one file run for an event, which is given by ACTION, SUBSYSTEM and KERNEL."""
    found: list[Command] = []
    leap: str | None = None
    for number, line in _joined(text):
        tokens = list(_TOKEN.finditer(line))
        if leap is not None:
            if not any(token["key"] == "LABEL" and token["value"] == leap for token in tokens):
                continue
            leap = None
        if not all(_holds(token, event) for token in tokens):
            continue
        for token in tokens:
            if token["key"] == "GOTO":
                leap = token["value"]
            elif token["key"] == "RUN" and token["attribute"] in (None, "", "program", "fail_event_on_error"):
                if token["sign"] in ("=", ":="):
                    found.clear()
                if token["sign"] != "-=":
                    found.append(Command(number, _unescaped(token["value"])))
    return found


def _joined(text: str) -> t.Iterator[tuple[int, str]]:
    """Lines with their continuations, without comments; each with the number of its first."""
    first, parts = 1, []
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue
        if not parts:
            first = number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        yield first, "".join((*parts, line))
        parts = []


def _holds(token: re.Match[str], event: t.Mapping[str, str]) -> bool:
    """Whether a rule's match lets this event pass; assignments always do."""
    if token["sign"] not in ("==", "!="):
        return True
    if token["key"] not in _MATCHED or token["attribute"]:
        return False
    value = event[token["key"]]
    fits = any(fnmatch.fnmatchcase(value, pattern) for pattern in token["value"].split("|"))
    return fits == (token["sign"] == "==")


def _unescaped(value: str) -> str:
    return value.replace('\\"', '"').replace("$$", "$").replace("%%", "%")
