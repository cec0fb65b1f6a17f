# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long entries have been idle, from the seconds that each has left.

Every packet sets an entry's timer to the timeout of its class (protocol, state, name of the setting); so what is gone
of the timeout is the time since the last packet. Flows that were handed to a flow table have nothing left to tell: they
do not belong here.

A histogram is a mapping of bins to numbers of entries, one a class. Bins are 1 s wide below 1024 s left, and 1024 s
wide from there: at most ``MOST_BINS`` of them however large the table.
"""

from __future__ import annotations

import typing as t

_FINE = 1024
_SHIFT = 10
# Timeouts beyond 48 days are not worth telling apart; nor is what very old kernels print of an overdue entry: it is
# below 0 there, but printed unsigned.
_FAR = 1 << 22
MOST_BINS = _FINE + (_FAR >> _SHIFT)
_LAST = MOST_BINS - 1
_MOST_SECONDS = (1 << 32) - 1

Histogram = t.Mapping[int, int]


def bins(lefts: t.Iterable[int]) -> list[int]:
    """The bin of each number of seconds left; less than nothing left (Linux before 4.9 says so) is nothing."""
    # Numbers and not names: this runs once an entry.
    return [
        (left if left > 0 else 0) if left < 1024 else 1023 + (left >> 10) if left < 4194304 else 5119 for left in lefts
    ]


def bounds(number: int) -> tuple[int, int]:
    """The least and the most seconds left in a bin, both in it."""
    if number < _FINE:
        return number, number
    low = (number - _FINE + 1) << _SHIFT
    return low, low + (1 << _SHIFT) - 1 if number < _LAST else _MOST_SECONDS


class Idle(t.NamedTuple):
    """Entries of a histogram by how long they were idle: (least seconds, most seconds, entries), shortest first.

    Seconds are whole and rounded up: 5 is more than 4 and at most 5. ``longer`` entries have more left than the timeout
    is long, so theirs was another one when their last packet came; nothing is known of how long they are idle.
    """

    spans: list[tuple[int, int, int]]
    entries: int
    longer: int


def spans(histogram: Histogram, timeout: int) -> Idle:
    """``timeout`` in seconds, 0 or more."""
    found = []
    longer = 0
    for number in sorted(histogram, reverse=True):
        low, high = bounds(number)
        if low > timeout:
            longer += histogram[number]
        elif histogram[number]:
            # A wide bin with the timeout inside: what is above the timeout cannot be told apart, and is rare.
            found.append((max(timeout - high, 0), timeout - low, histogram[number]))
    return Idle(found, sum(span[2] for span in found), longer)


def idle(histogram: Histogram, timeout: int) -> dict[str, t.Any]:
    """How long the entries of one class were idle, in whole seconds, with ``timeout`` in seconds set for it.

    ``longest`` and the percentiles are None where there is nothing to tell them from. In bins that are 1024 s wide they
    are interpolated, ``longest`` is the most it can be. ``longer_timeout`` entries have more left than the timeout:
    their timeout was another one when their last packet came, or a policy sets it. They are in nothing else here.
    """
    found = spans(histogram, timeout)
    result: dict[str, t.Any] = {"entries": found.entries, "longer_timeout": found.longer}
    for name, percent in (("p10", 10), ("median", 50), ("p90", 90), ("p99", 99)):
        result[name] = _percentile(found, percent)
    result["longest"] = found.spans[-1][1] if found.spans else None
    return result


def within(histogram: Histogram, timeout: int, seconds: int) -> tuple[int, int]:
    """How many entries have been idle for at most ``seconds``: at least so many, and at most so many.

    The two differ only where a bin is more than a second wide. Entries with another timeout are not counted.
    """
    found = spans(histogram, timeout).spans
    return (
        sum(entries for _low, high, entries in found if high <= seconds),
        sum(entries for low, _high, entries in found if low <= seconds),
    )


def about_within(histogram: Histogram, timeout: int, seconds: int) -> float:
    """The same as one number: entries are taken to be spread evenly over a wide bin."""
    total = 0.0
    for low, high, entries in spans(histogram, timeout).spans:
        total += entries * min(max((seconds + 1 - low) / (high + 1 - low), 0.0), 1.0)
    return total


def _percentile(found: Idle, percent: int) -> int | None:
    rank = -(-found.entries * percent // 100)
    before = 0
    for low, high, entries in found.spans:
        if before + entries >= rank:
            return low + int((high + 1 - low) * (rank - before - 0.5) / entries)
        before += entries
    return None
