# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was counted, as plain data: shares with their confidence interval, and the entries that they stand for."""

from __future__ import annotations

import collections
import typing as t

from ..formats.conntrack_entry import DCCP, IPV4, SCTP, TCP
from . import idle, timers
from .census import Census, Kind
from .grouping import Names, protocol_name
from .reading import END, Progress
from .shares import Share, share
from .survey import Survey

Told = t.Dict[str, t.Any]

# Since 4.12 the kernel also evicts these from a full table, though they are assured: gc_worker_can_early_drop.
_CLOSING = {
    TCP: ("FIN_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "CLOSE_WAIT"),
    SCTP: ("SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT"),
    DCCP: ("CLOSEREQ", "CLOSING", "TIMEWAIT"),
}


class Sample(t.NamedTuple):
    """Of which entries the survey tells: ``taken`` of ``population``, None where nobody knows how many there are.

    ``scanned`` were looked at to find the taken ones, out of ``table``. ``passed`` also counts those that the kernel
    left out; it is None where only the kernel knows. ``filtered`` says whether any was left out.
    """

    taken: int
    scanned: int
    table: int | None
    complete: bool
    passed: int | None
    filtered: bool = False

    def share(self, hits: int) -> Share:
        """The share in what was asked for, and how many entries of the table that is."""
        if self.complete or self.scanned == self.taken:
            return share(hits, self.taken, self.table, self.complete)
        among = share(hits, self.taken, None)
        of_all = share(hits, self.scanned, self.table)
        return among._replace(entries=of_all.entries, entries_low=of_all.entries_low, entries_high=of_all.entries_high)

    def row(self, hits: int, error: int = 0) -> Told:
        """``error`` more may have been seen than ``hits``."""
        found = self.share(hits)
        most = self.share(min(hits + error, self.taken)) if error else found
        row = {
            "seen": hits,
            "share": _rounded(found.share),
            "share_low": _rounded(found.low),
            "share_high": _rounded(most.high),
            "entries": found.entries,
            "entries_low": found.entries_low,
            "entries_high": most.entries_high,
        }
        return {**row, "seen_error": error} if error else row


def sample(progress: Progress, count: int | None) -> Sample:
    """``count`` is how many entries the kernel says that there are."""
    complete = progress.ended_by == END
    passed: int | None = progress.scanned
    if progress.filtered:
        # How many entries it left out only the kernel knows; at the end of the table they are all the others.
        passed = max(count, progress.scanned) if complete and count is not None else None
        count = count if complete else None
    filtered = progress.filtered or progress.scanned - progress.taken > progress.malformed
    return Sample(progress.taken, progress.scanned, count, complete, passed, filtered)


def breakdown(survey: Survey, of: Sample) -> dict[str, t.Any]:
    kinds = {kind: sum(left.values()) for kind, left in survey.census.kinds().items()}

    def counted(fits: t.Callable[[Kind], bool]) -> Told:
        return of.row(sum(entries for kind, entries in kinds.items() if fits(kind)))

    return {
        "by_state": _by_state(kinds, of),
        "ipv4": counted(lambda kind: kind.family == IPV4),
        "ipv6": counted(lambda kind: kind.family != IPV4),
        "unreplied": counted(lambda kind: not kind.replied),
        "assured": counted(lambda kind: kind.assured),
        "source_nat": counted(lambda kind: kind.source_nat),
        "destination_nat": counted(lambda kind: kind.destination_nat),
        "offloaded": counted(lambda kind: kind.offloaded),
        "evictable": counted(lambda kind: not (kind.assured or kind.offloaded)),
        "closing": counted(lambda kind: kind.assured and kind.state in _CLOSING.get(kind.protocol, ())),
    }


def groups(survey: Survey, of: Sample, top: int, names: Names) -> list[Told]:
    """One for each grouping, the largest of its groups first."""
    return [
        {
            "group_by": grouping.name,
            "distinct": hitters.distinct_at_least,
            "error": hitters.error,
            "top": [{**grouping.told(key, names), **of.row(seen, error)} for key, seen, error in hitters.top(top)],
        }
        for grouping, hitters in survey.groups.items()
    ]


class Timed(t.NamedTuple):
    """Entries whose time runs alike: ``timeout`` is the name of the setting that their timer was set from."""

    protocol: int
    state: str | None
    timeout: str


def by_timer(census: Census, timeouts: t.Mapping[str, int]) -> dict[Timed, collections.Counter[int]]:
    """The histograms of the seconds left."""
    found: dict[Timed, collections.Counter[int]] = {}
    for kind, left in census.kinds().items():
        name = timers.setting(kind, timeouts)
        if name is not None:
            histogram = found.setdefault(Timed(kind.protocol, kind.state, name), collections.Counter())
            histogram.update({number: entries for number, entries in left.items() if number is not None})
    return found


def idle_times(survey: Survey, of: Sample, timeouts: t.Mapping[str, int]) -> list[Told]:
    """How long entries have had no packet, the most numerous first."""
    rows = [
        {
            "protocol": protocol_name(timed.protocol),
            "state": timed.state,
            "timeout": timed.timeout,
            "seconds": timeouts.get(timed.timeout),
            # Where the timeout is unknown there is nothing to tell them from.
            **idle.idle(left if timed.timeout in timeouts else {}, timeouts.get(timed.timeout, 0)),
            **of.row(sum(left.values())),
        }
        for timed, left in by_timer(survey.census, timeouts).items()
    ]
    return sorted(rows, key=lambda row: (-row["seen"], row["protocol"], row["timeout"]))


def amount(number: int, one: str = "entry", many: str = "entries", form: str = "%d") -> str:
    """A number of things, as people say it."""
    return "%s %s" % (form % number, one if abs(number) == 1 else many)


def words(value: float | None, low: float, high: float, entries: int | None, of: str = "") -> str:
    """A share as people read it; ``of`` says of what."""
    if value is None:
        return "unknown"
    said = "%.1f %%%s" % (100 * value, of)
    if low != high:
        said += " (%.1f to %.1f %%)" % (100 * low, 100 * high)
    return said if entries is None else "%s, %s" % (said, amount(entries))


def _by_state(kinds: t.Mapping[Kind, int], of: Sample) -> list[Told]:
    seen: collections.Counter[tuple[int, str | None]] = collections.Counter()
    for kind, entries in kinds.items():
        seen[kind.protocol, kind.state] += entries
    ordered = sorted(seen.items(), key=lambda each: (-each[1], each[0][0], each[0][1] or ""))
    return [
        {"protocol": protocol_name(protocol), "state": state, **of.row(entries)}
        for (protocol, state), entries in ordered
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
