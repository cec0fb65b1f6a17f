# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of the kernel log: what one is, how a host's sources are joined, and what they say together."""

from __future__ import annotations

import bisect
import itertools
import typing as t

_NEAR = 60.0  # seconds between a suppression line and the line of ours that makes it count
_SLACK = 2.0  # seconds by which two sources may date one line apart; bursts are 5 s apart
_DRIFT = 5e-5  # the ring's clock is not corrected: seconds by which it may be off, for each second since boot


class Event(t.NamedTuple):
    """One line of ours, or several that syslog took together.

    ``kind`` is table_full, expectation_full or suppressed. ``when`` is in epoch seconds, or None. ``count``
    is how many lines this stands for; of a suppressed event, how many messages were held back. ``netns`` is
    the inode of the namespace where the kernel names it. ``generation`` is ip_conntrack or nf_conntrack.
    ``stamp`` is the kernel's own time in seconds since boot, where printed. ``since`` is set for repeats:
    they came between it and ``when``.
    """

    kind: str
    when: float | None
    count: int
    netns: int | None
    generation: str | None
    text: str
    stamp: float | None = None
    since: float | None = None


_Numbered = t.Tuple[int, Event]


class LogReading(t.NamedTuple):
    """``first`` and ``last`` date the lines looked at, ours or not; ``lines`` is how many those were."""

    events: tuple[Event, ...]
    first: float | None
    last: float | None
    lines: int


def merge(readings: t.Iterable[LogReading]) -> LogReading:
    """One reading of several sources of one host, where a line that more than one of them has counts once.

    The same text is the same line if the kernel's own stamps agree, or, where one of them has no stamp, if
    the times are within two seconds (more for the ring, whose clock drifts from boot on). Lines without any
    time, as from a ring without stamps, are new only as far as the dated ones of the other sources are fewer.
    What one source holds twice stays twice.
    """
    readings = list(readings)
    order = itertools.count()
    groups: dict[tuple[str, str], list[list[_Numbered]]] = {}
    for reading in readings:
        own: dict[tuple[str, str], list[_Numbered]] = {}
        for event in reading.events:
            own.setdefault((event.kind, event.text), []).append((next(order), event))
        for key, events in own.items():
            groups.setdefault(key, []).append(events)
    dated: list[Event] = []
    undated: list[_Numbered] = []
    for sources in groups.values():
        known: list[Event] = []
        for events in sources:
            known += _news(known, [event for _number, event in events if event.when is not None])
        dated += known
        rests = [_undated_news(events, _weigh(known)) for events in sources]
        undated += max(rests, key=lambda rest: _weigh(event for _number, event in rest))
    firsts = [reading.first for reading in readings if reading.first is not None]
    lasts = [reading.last for reading in readings if reading.last is not None]
    return LogReading(
        (*(event for _number, event in sorted(undated, key=lambda pair: pair[0])), *sorted(dated, key=_when)),
        min(firsts, default=None),
        max(lasts, default=None),
        sum(reading.lines for reading in readings),
    )


def summary(events: t.Iterable[Event]) -> dict[str, t.Any]:
    """What the events say in figures.

    ``first`` and ``last`` full table (epoch seconds or None), ``lines`` printed for it, messages
    ``suppressed``, ``expectation_full`` lines, ``netns`` inodes and ``generations``, sorted.

    All callers of the kernel's net_ratelimit share one budget, so a suppression line counts only within 60 s
    of a line of ours, or next to one where there are no times; even so others may have a part in it. Neither
    figure is the number of dropped packets: the kernel announces suppression late, and that of the last burst
    never.
    """
    events = list(events)
    full = [event for event in events if event.kind == "table_full"]
    ours = sorted(event.when for event in events if event.kind != "suppressed" and event.when is not None)
    times = [event.when for event in full if event.when is not None]
    suppressed = 0
    for index, event in enumerate(events):
        if event.kind != "suppressed":
            continue
        if event.when is None:
            near = any(other.kind != "suppressed" for other in events[max(0, index - 1) : index + 2])
        else:
            place = bisect.bisect_left(ours, event.when - _NEAR)
            near = place < len(ours) and ours[place] <= event.when + _NEAR
        suppressed += event.count if near else 0
    return {
        "first": min(times, default=None),
        "last": max(times, default=None),
        "lines": _weigh(full),
        "suppressed": suppressed,
        "expectation_full": _weigh([event for event in events if event.kind == "expectation_full"]),
        "netns": sorted({event.netns for event in full if event.netns is not None}),
        "generations": sorted({event.generation for event in events if event.generation}),
    }


class _Open:
    """An event to be paired: the time it may lie in, and how many lines of it have no partner yet."""

    def __init__(self, event: Event) -> None:
        slack = _SLACK + _DRIFT * (event.stamp or 0.0)
        self.event = event
        self.low = (_when(event) if event.since is None else event.since) - slack
        self.high = _when(event) + slack
        self.left = _weight(event)

    def pair(self, other: _Open) -> None:
        shared = min(self.left, other.left)
        self.left -= shared
        other.left -= shared


def _news(known: list[Event], fresh: list[Event]) -> list[Event]:
    """What the fresh events hold that the known ones do not; all are dated, of one kind and text."""
    ours, theirs = [_Open(event) for event in known], [_Open(event) for event in fresh]
    stamped: dict[float, list[_Open]] = {}
    for mine in ours:
        if mine.event.stamp is not None:
            stamped.setdefault(mine.event.stamp, []).append(mine)
    for other in theirs:
        if other.event.stamp is not None:
            for mine in stamped.get(other.event.stamp, ()):
                other.pair(mine)
    # Repeats may lie anywhere in their span: the lines with a time of their own choose first.
    for their_repeats, our_repeats in itertools.product((False, True), repeat=2):
        _pair_times(
            [mine for mine in ours if (mine.event.since is not None) == our_repeats],
            [other for other in theirs if (other.event.since is not None) == their_repeats],
        )
    return [
        other.event if other.left == _weight(other.event) else other.event._replace(count=other.left)
        for other in theirs
        if other.left
    ]


def _pair_times(ours: list[_Open], theirs: list[_Open]) -> None:
    ours = sorted(ours, key=lambda each: each.low)
    start = 0
    for other in sorted(theirs, key=lambda each: each.low):
        while start < len(ours) and (not ours[start].left or ours[start].high < other.low):
            start += 1
        for index in range(start, len(ours)):
            mine = ours[index]
            if not other.left or mine.low > other.high:
                break
            # Two stamps that differ are two lines.
            if mine.high >= other.low and None in (mine.event.stamp, other.event.stamp):
                other.pair(mine)


def _undated_news(events: list[_Numbered], known: int) -> list[_Numbered]:
    """The latest undated events of one source, as many as the dated lines of other sources leave."""
    undated = [(number, event) for number, event in events if event.when is None]
    elsewhere = known - _weigh(event for _number, event in events if event.when is not None)
    left = _weigh(event for _number, event in undated) - elsewhere
    news: list[_Numbered] = []
    for number, event in reversed(undated):
        if left > 0:
            news.append((number, event if left >= _weight(event) else event._replace(count=left)))
            left -= _weight(event)
    return news


def _when(event: Event) -> float:
    return event.when or 0.0


def _weight(event: Event) -> int:
    """How many lines it stands for; the count of a suppressed event is not one of lines."""
    return 1 if event.kind == "suppressed" else event.count


def _weigh(events: t.Iterable[Event]) -> int:
    return sum(_weight(event) for event in events)
