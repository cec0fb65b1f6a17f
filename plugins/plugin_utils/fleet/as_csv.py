# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for a spreadsheet: RFC 4180, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import typing as t

from . import words
from .rows import Row

_COLUMNS: tuple[tuple[str, t.Callable[[Row], t.Any]], ...] = (
    ("host", lambda row: row.host),
    ("status", lambda row: row.status),
    ("summary", lambda row: row.summary),
    ("entries", lambda row: row.entries),
    ("max", lambda row: row.max),
    ("usage", lambda row: row.usage),
    ("drops", lambda row: row.drops),
    ("drops_per_second", lambda row: row.drops_per_second),
    ("growth_per_second", lambda row: row.growth_per_second),
    ("seconds_to_full", lambda row: row.seconds_to_full),
    ("drift", lambda row: "; ".join(map(words.drift, row.drift))),
    ("advice", lambda row: "; ".join(map(words.advice, row.advice))),
    ("top_talkers", lambda row: "; ".join(map(words.talker, row.talkers))),
    ("kernel", lambda row: row.kernel),
    ("transport", lambda row: row.transport),
    ("error", lambda row: row.error),
)
# The wide forms are the same to a spreadsheet of the Far East.
_FORMULA = tuple("=+-@＝＋－＠")


def parts(report: t.Any) -> t.Iterator[str]:
    yield _line(name for name, _cell in _COLUMNS)
    for row in report.rows:
        yield _line(_cell(value(row)) for _name, value in _COLUMNS)


def _line(cells: t.Iterable[str]) -> str:
    return ",".join(cells) + "\r\n"


def _cell(value: t.Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    text = words.visible(value)
    if text.lstrip().startswith(_FORMULA):
        text = "'" + text
    return '"%s"' % text.replace('"', '""') if any(char in text for char in ',"') or text != text.strip() else text
