# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of a host and of all hosts, as SVG in the page."""

from __future__ import annotations

import typing as t

from ...module_utils.facts.verdict import SOON_SECONDS
from . import statuses, words
from .rows import Row

# The class of a status is its colour; the status itself always stands beside it as a word.
CLASSES = {
    "full": "bad", "was_full": "warn", "race": "warn", "pressure": "warn", "unreachable": "lost", "failed": "lost",
    "unknown": "lost", "host_owned": "calm", "not_tracking": "calm", "ok": "good",
}  # fmt: skip
# A third of the line is the interval, the rest what lies ahead, as far as the verdict looks: an hour.
_NOW = 32
_WIDE, _HIGH = 96, 26


def usage_bar(row: Row) -> str:
    """How full; a table over its limit is a whole bar."""
    share = min(row.usage or 0, 1) * 100
    return (
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="%s" width="%.1f" height="6"/></svg>' % (_bar_class(row), share)
    )


def _bar_class(row: Row) -> str:
    own = CLASSES[row.status]
    return own if own != "lost" else "calm"


def shares(totals: t.Mapping[str, t.Any]) -> str:
    """All hosts as one bar, a part for each verdict."""
    done, parts, hosts = 0, [], totals["hosts"] or 1
    for status, number in totals["by_status"].items():
        if number:
            parts.append(
                '<rect class="%s" x="%.2f" width="%.2f" height="10"><title>%s: %d</title></rect>'
                % (CLASSES[status], 1000 * done / hosts, 1000 * number / hosts, statuses.label(status), number)
            )
            done += number
    return '<svg class="share" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">%s</svg>' % "".join(
        parts
    )


def spark(row: Row) -> str:
    """The two readings as a line, and what comes of it within an hour as a dashed one; the dotted top is the limit.

    Empty where no interval was taken, or where there is no limit to draw it by.
    """
    if row.growth_per_second is None or not row.interval or row.entries is None or not row.max:
        return ""
    before = max(0.0, row.entries - row.growth_per_second * row.interval)
    ends, place = max(0.0, row.entries + row.growth_per_second * SOON_SECONDS), float(_WIDE)
    if not 0 <= ends <= row.max and row.growth_per_second:
        # It is full, or empty, before the hour is over.
        bound = row.max if ends > row.max else 0
        share = (bound - row.entries) / row.growth_per_second / SOON_SECONDS
        place = _NOW + (_WIDE - _NOW) * max(0.0, min(1.0, share))
        ends = bound
    first, second, last = (_height(entries, row.max) for entries in (before, row.entries, ends))
    rest = " H%d" % _WIDE if place < _WIDE else ""
    return (
        '<svg class="spark" viewBox="0 0 %d %d" role="img"><title>%s</title><path class="top" d="M0 1H%d"/>'
        '<path d="M0 %.1f L%d %.1f"/><path class="then" d="M%d %.1f L%.1f %.1f%s"/></svg>'
        % (_WIDE, _HIGH, _words(row, before), _WIDE, first, _NOW, second, _NOW, second, place, last, rest)
    )


def _height(entries: float, most: int) -> float:
    return _HIGH - 1 - (_HIGH - 2) * min(1.0, entries / most)


def _words(row: Row, before: float) -> str:
    said = "from %s to %s entries in %g s" % (words.compact(before), words.compact(row.entries), row.interval or 0)
    if row.seconds_to_full is not None:
        said += "; at this growth full in %s" % words.soon(row.seconds_to_full)
    return said
