# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of a report as the record that another report is made from, whole or compact: there and back.

A compact record is for where a report has to be small, such as a variable that AWX hands on. What is unknown, empty or
false is not in it, nor is what takes many words: evidence, talkers, findings and the like.
"""

from __future__ import annotations

import typing as t

from . import given, statuses
from .rows import Row

# No more of a text than this, and of a list, so that a thousand hosts come to a few hundred kB.
_WORDS = 200
_ITEMS = 5
_NUMBERS = (
    "entries", "max", "usage", "drops", "interval", "drops_per_second", "growth_per_second", "seconds_to_full",
)  # fmt: skip


def compact(row: Row) -> dict[str, t.Any]:
    record: dict[str, t.Any] = {"host": row.host, "status": row.status, "summary": _cut(row.summary)}
    for name in _NUMBERS:
        if getattr(row, name) is not None:
            record[name] = getattr(row, name)
    if row.unlimited:
        record["unlimited"] = True
    if row.advice:
        record["advice"] = [_advised(item) for item in row.advice[:_ITEMS]]
    if row.drift:
        record["drift"] = [_told(item, ("setting", "live", "after_boot", "wanted")) for item in row.drift[:_ITEMS]]
    if row.error:
        record["error"] = _cut(row.error)
    return record


def _cut(text: str) -> str:
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"


def _told(item: t.Mapping[str, t.Any], names: t.Iterable[str]) -> dict[str, t.Any]:
    return {name: item[name] for name in names if item[name] is not None}


def _advised(item: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A setting and a value say it all; the sentence is for where there is none."""
    return _told(item, ("setting", "value", "now", "where")) if item["setting"] else {"why": _cut(item["why"])}


def row(record: t.Mapping[t.Any, t.Any]) -> Row:
    """Of a record of either kind, from whomever: what is not as it should be is not told."""
    status, usage = given.text(record.get("status")), given.number(record.get("usage"))
    return Row(
        host=given.text(record.get("host"), limit=1 << 20) or "",
        status=status if status in statuses.WORST_FIRST else statuses.UNKNOWN,
        summary=given.text(record.get("summary")) or "",
        entries=given.whole(record.get("entries")),
        max=given.whole(record.get("max")),
        unlimited=record.get("unlimited") is True,
        usage=usage if usage is not None and usage >= 0 else None,
        drops=given.whole(record.get("drops")),
        interval=given.number(record.get("interval")),
        drops_per_second=given.number(record.get("drops_per_second")),
        growth_per_second=given.number(record.get("growth_per_second")),
        seconds_to_full=given.whole(record.get("seconds_to_full")),
        evidence=given.texts(record.get("evidence")),
        advice=[_read(item, _ADVICE) for item in given.mappings(record.get("advice"))],
        drift=[_read(item, _DRIFT) for item in given.mappings(record.get("drift"))],
        writers=[_read(item, _WRITER) for item in given.mappings(record.get("writers"))],
        talkers=[_read(item, _TALKER) for item in given.mappings(record.get("talkers"))],
        findings=[_finding(item) for item in given.mappings(record.get("findings"))],
        unread=given.texts(record.get("unread")),
        kernel=given.text(record.get("kernel")),
        transport=given.text(record.get("transport")),
        error=given.text(record.get("error")),
    )


def _word(value: t.Any) -> str:
    return given.text(value) or ""


# What is read of each field of an item, in the order that JSON has them in.
_Readers = t.Mapping[str, t.Callable[[t.Any], t.Any]]
_ADVICE: _Readers = {
    "setting": given.text, "value": given.whole, "now": given.whole, "where": given.text, "why": _word,
}  # fmt: skip
_DRIFT: _Readers = {
    "setting": _word, "live": given.whole, "after_boot": given.whole, "wanted": given.whole, "why": _word,
}  # fmt: skip
_WRITER: _Readers = {"name": _word, "knob": _word}
_TALKER: _Readers = {
    "group": _word, "who": _word, "entries": given.whole,
    "share": given.number, "share_low": given.number, "share_high": given.number,
}  # fmt: skip
_FINDING: _Readers = {"finding": _word, "why": _word, "evidence": given.texts}


def _read(item: t.Mapping[t.Any, t.Any], readers: _Readers) -> dict[str, t.Any]:
    return {name: read(item.get(name)) for name, read in readers.items()}


def _finding(item: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    settings = list(given.mapping(item.get("settings")).items())[: given.ITEMS]
    return {**_read(item, _FINDING), "settings": {_word(name): given.whole(value) for name, value in settings}}
