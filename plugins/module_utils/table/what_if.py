# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many entries the table would have with another timeout, or without tracking some of the traffic.

With a timeout T, an entry is there exactly if its last packet came within T: a flow whose entry expired gets a new one
with its next packet. So of the same traffic, a table with a lower timeout holds those entries that have been idle for
no longer than that, and they can be counted now. What a higher timeout would hold has not been kept: it is extrapolated
from how many entries reach the end of the timeout, which can only become fewer the longer the timeout is.

Two limits: after a lower timeout a flow may come back in another state, under another setting (UDP as a first packet,
TCP not at all where picking up is off); and entries come in more than random bunches on some hosts, where counts vary
more than the intervals here say.
"""

from __future__ import annotations

import math
import typing as t

from .idle import Histogram, about_within, spans, within
from .shares import Z, interval

# The last part of the timeout that tells how many entries expire, and the least of it: one second holds too few.
_TAIL_PART = 10
_TAIL_LEAST = 5


def timeout(
    setting: str,
    old: int,
    new: int,
    histogram: Histogram,
    sampled: int,
    population: int,
    complete: bool = False,
) -> dict[str, t.Any]:
    """What becomes of the entries of one setting when it goes from ``old`` to ``new`` seconds.

    ``histogram`` are the seconds left of the sampled entries of that setting (``idle.bins``), ``sampled`` all entries
    in the sample and ``population`` all in the table; with ``complete`` they are the same. Entries with more left than
    ``old`` have their timeout from elsewhere: they stay, but the lower ends do without them.

    Result: ``setting``, ``from``, ``to``; ``now`` (how many entries there are), ``settled`` (how many a count will find
    later) and ``change`` (what the new value alone does, and not the table by itself), each {estimate, low, high} in
    entries with a 95 % interval; ``settles_after`` in seconds, as entries keep their timers until their next packet;
    ``extrapolated``.
    """
    table = _Table(sampled, population, complete)
    longer = spans(histogram, old).longer
    hits = sum(histogram.values())
    now = table.about(hits, hits, hits)
    if new < old:
        least, most = within(histogram, old, new)
        settled = table.about(about_within(histogram, old, new) + longer, least, most + longer)
        gone = table.about(hits - settled.hits, hits - longer - most, hits - least)
        change = _rounded(-gone.estimate, -gone.high, -gone.low)
        later = _later(settled)
    else:
        # Of a raised one: what there is now at least, and as much more as if entries went on expiring at this rate.
        seconds = max(min(max(old // _TAIL_PART, _TAIL_LEAST), old), 1)
        least, most = within(histogram, old, old - seconds)
        about = about_within(histogram, old, old - seconds)
        tail = table.about(hits - longer - about, hits - longer - most, hits - longer - least)
        times = (new - old) / seconds
        more = times * tail.estimate
        unsure = times * math.hypot(tail.high - tail.estimate, _above(tail.high)) if times else 0.0
        change = _rounded(more, 0, more + unsure)
        base = _later(now)
        # The entries to come vary as those now there do.
        high = math.hypot(base["high"] - now.estimate, unsure, _above(times * tail.high) if times else 0.0)
        later = _rounded(now.estimate + more, base["low"], now.estimate + more + high)
    return {
        "setting": setting,
        "from": old,
        "to": new,
        "now": _rounded(now.estimate, now.low, now.high),
        "settled": later,
        "change": change,
        "settles_after": max(old, new) if new != old else 0,
        "extrapolated": new > old,
    }


def without(hits: int, sampled: int, population: int, complete: bool = False) -> dict[str, t.Any]:
    """What becomes of entries that are tracked no longer, say those of a port: all of them go.

    ``hits`` of the ``sampled`` entries are such. The result is that of ``timeout``, without a setting; how long that
    takes is not known.
    """
    now = _Table(sampled, population, complete).about(hits, hits, hits)
    return {
        "setting": None,
        "from": None,
        "to": None,
        "now": _rounded(now.estimate, now.low, now.high),
        "settled": _rounded(0, 0, 0),
        "change": _rounded(-now.estimate, -now.high, -now.low),
        "settles_after": None,
        "extrapolated": False,
    }


def together(changes: t.Iterable[dict[str, t.Any]], population: int) -> dict[str, t.Any]:
    """What becomes of the whole table, now of ``population`` entries, with several changes at once.

    No entry may be in two of them: what is tracked no longer has to be left out of the histograms. Result: ``now`` (a
    number), ``settled`` and ``change`` as {estimate, low, high}, ``settles_after`` (None where one is unknown) and
    ``extrapolated``.
    """
    changes = list(changes)
    alone = [change["change"] for change in changes]
    total = sum(part["estimate"] for part in alone)
    # Two groups of one sample vary against each other, if anything, so this is rather too wide.
    low = math.hypot(*(part["estimate"] - part["low"] for part in alone))
    high = math.hypot(*(part["high"] - part["estimate"] for part in alone))
    settled = max(population + total, 0)
    times = [change["settles_after"] for change in changes]
    return {
        "now": population,
        "settled": _rounded(
            settled,
            max(settled - math.hypot(low, _below(settled, 2)), 0),
            settled + math.hypot(high, _above(settled + high, 2)),
        ),
        "change": _rounded(total, max(total - low, -population), total + high),
        "settles_after": None if None in times else max(times, default=0),
        "extrapolated": any(change["extrapolated"] for change in changes),
    }


class _Count(t.NamedTuple):
    """``hits`` in the sample, and in entries of the table what they stand for, with the interval of the sampling."""

    hits: float
    estimate: float
    low: float
    high: float


class _Table:
    def __init__(self, sampled: int, population: int, complete: bool) -> None:
        self.sampled = sampled
        self.population = sampled if complete else max(population, sampled)

    def about(self, hits: float, least: int, most: int) -> _Count:
        """``hits`` in the sample, which may be as few as ``least`` and as many as ``most``."""
        if not self.sampled:
            return _Count(0, 0, 0, self.population)
        estimate = hits * self.population / self.sampled
        low = interval(least, self.sampled, self.population)[0]
        high = interval(most, self.sampled, self.population)[1]
        return _Count(hits, estimate, min(low, estimate), max(high, estimate))


def _later(count: _Count) -> dict[str, int]:
    """What a later count will find. It varies twice around what is usual: now, and then."""
    return _rounded(
        count.estimate,
        max(count.estimate - math.hypot(count.estimate - count.low, _below(count.estimate, 2)), 0),
        count.estimate + math.hypot(count.high - count.estimate, _above(count.high, 2)),
    )


# Entries come at random, so their number varies as a Poisson one: by its own root. These are the ends of the score
# interval for what is usual (times 1), or for what another count will find (times 2), where ``number`` was counted.
def _above(number: float, times: int = 1) -> float:
    return Z * math.sqrt(times * number + Z * Z / 4) + Z * Z / 2


def _below(number: float, times: int = 1) -> float:
    return Z * math.sqrt(times * number + Z * Z / 4) - Z * Z / 2


def _rounded(estimate: float, low: float, high: float) -> dict[str, int]:
    """The ends are rounded outward."""
    return {"estimate": round(estimate), "low": math.floor(low), "high": math.ceil(high)}
