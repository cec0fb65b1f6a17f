# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tuned.conf: the sections of one profile of TuneD (2.20 and 2.25: profiles/loader.py)."""

from __future__ import annotations

import re
import typing as t

_SECTION = re.compile(r"\s*\[([^\]]+)\]")
_OPTION = re.compile(r"\s*([^=\s#;\[][^=]*?)\s*=\s*(.*?)\s*\Z")


class Option(t.NamedTuple):
    """``line`` counts from 1; ``value`` is without the quotes around it."""

    line: int
    value: str


def sections(text: str) -> dict[str, dict[str, Option]]:
    """A section's options by its name; of an option that is given twice the last one."""
    found: dict[str, dict[str, Option]] = {}
    section = None
    for number, line in enumerate(text.split("\n"), 1):
        head = _SECTION.match(line)
        option = _OPTION.match(line)
        if head:
            section = found.setdefault(head.group(1), {})
        elif option and section is not None:
            value = option.group(2).split(" #", 1)[0].strip()
            section[option.group(1)] = Option(number, _unquoted(value))
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
