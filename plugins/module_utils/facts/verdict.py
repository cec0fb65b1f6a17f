# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a host's table: one word, the evidence it rests on, and what to do. A pure function of facts.

"Full" needs the count against the limit, or a fresh line in the kernel log: the drop counter alone also counts
packets dropped for other reasons (net/netfilter/nf_conntrack_core.c).
"""

from __future__ import annotations

import typing as t

from . import log as log_facts
from .usage import FULL_RATIO

PRESSURE_RATIO = 0.80
CROWDED_RATIO = 0.5
# A crowded table that fills within the hour is in trouble; an empty one may just see a burst.
SOON_SECONDS = 3600
# A log line no older than this, with the table still crowded, tells of now and not of the past.
FRESH_SECONDS = 600
# Lost races and overlong chains happen everywhere; from one a minute on, someone notices.
RACE_PER_SECOND = 1 / 60

STATUSES = ("ok", "pressure", "full", "was_full", "not_tracking", "race", "host_owned", "unknown")


class Verdict(t.NamedTuple):
    """``status`` is one of STATUSES, ``summary`` and each of ``evidence`` one sentence."""

    status: str
    summary: str
    evidence: tuple[str, ...]


class Signs(t.NamedTuple):
    """What the verdict looks at; None is unknown. Times are epoch seconds, rates are per second."""

    state: str
    namespace: str
    count: int | None
    count_source: str | None
    maximum: int | None
    ratio: float | None
    log_readable: bool | None
    log_lines: int
    log_suppressed: int
    log_answered: int
    log_elsewhere: int
    log_last: float | None
    now: float | None
    drops: int | None
    drop_rate: float | None
    early_drop_rate: float | None
    insert_failed_rate: float | None
    chainlength_rate: float | None
    seconds_to_full: int | None


def signs(facts: t.Mapping[str, t.Any], now: float | None, uptime: float | None) -> Signs:
    """From gathered facts. Rates are those of the interval, or the averages since boot where none was taken."""
    usage = facts.get("usage") or {}
    log = facts.get("log") or {}
    unanswered = log_facts.unanswered(log) if log else {}
    statistics = facts.get("statistics") or {}
    total = statistics.get("total") or {}
    rates = statistics.get("rates") or {}
    per_second = rates.get("per_second")

    if facts["namespace"] == "child" and total.get("drop") == 0 and unanswered.get("lines"):
        # A full table drops, and the counter is the namespace's own: these lines are of another one, whose number this
        # one has got since.
        log = {**log, "elsewhere": (log.get("elsewhere") or 0) + log["lines"], "lines": 0}
        unanswered = {}

    def rate(name: str) -> float | None:
        if per_second is not None:
            return per_second.get(name)
        number = total.get(name)
        return number / uptime if number is not None and uptime else None

    return Signs(
        state=facts["state"],
        namespace=facts["namespace"],
        count=usage.get("count"),
        count_source=usage.get("count_source"),
        maximum=usage.get("max"),
        ratio=usage.get("ratio"),
        log_readable=log.get("readable"),
        log_lines=unanswered.get("lines") or 0,
        log_suppressed=unanswered.get("suppressed") or 0,
        log_answered=(log.get("lines") or 0) - (unanswered.get("lines") or 0),
        log_elsewhere=log.get("elsewhere") or 0,
        log_last=unanswered.get("last"),
        now=now,
        drops=total.get("drop"),
        drop_rate=(per_second or {}).get("drop"),
        early_drop_rate=(per_second or {}).get("early_drop"),
        insert_failed_rate=rate("insert_failed"),
        chainlength_rate=rate("chainlength"),
        seconds_to_full=rates.get("seconds_to_full"),
    )


def judge(seen: Signs) -> Verdict:
    status = _status(seen)
    return Verdict(status, _summary(status, seen), tuple(_evidence(seen)))


def _status(seen: Signs) -> str:
    if seen.state == "absent":
        return "not_tracking"
    if _is_full(seen):
        return "full"
    if _is_pressed(seen):
        return "pressure"
    if seen.log_lines:
        return "was_full"
    if seen.count is None or seen.maximum is None:
        return "host_owned" if seen.namespace == "child" else "unknown"
    if max(seen.insert_failed_rate or 0, seen.chainlength_rate or 0) >= RACE_PER_SECOND:
        return "race"
    return "host_owned" if seen.namespace == "child" else "ok"


def _is_full(seen: Signs) -> bool:
    if seen.ratio is None:
        return False
    if seen.ratio >= FULL_RATIO:
        return True
    fresh = seen.log_last is not None and seen.now is not None and seen.now - seen.log_last <= FRESH_SECONDS
    return (fresh and seen.ratio >= CROWDED_RATIO) or (bool(seen.drop_rate) and seen.ratio >= PRESSURE_RATIO)


def _is_pressed(seen: Signs) -> bool:
    crowded = (seen.ratio or 0) >= CROWDED_RATIO
    soon = crowded and seen.seconds_to_full is not None and seen.seconds_to_full <= SOON_SECONDS
    return soon or bool(seen.early_drop_rate) or (seen.ratio is not None and seen.ratio >= PRESSURE_RATIO)


def _summary(status: str, seen: Signs) -> str:
    table = _table(seen)
    return {
        "ok": "The table has room: %s." % table,
        "pressure": "The table is close to full: %s." % table,
        "full": "The table is full and new connections are dropped: %s." % table,
        "was_full": "The table was full and has room now: %s." % table,
        "not_tracking": "This host does not track connections.",
        "race": "The table has room (%s), but new connections are lost for another reason." % table,
        "host_owned": "The limit belongs to the host of this container: %s here. Diagnose the host too." % table,
        "unknown": "It cannot be told how full the table is: %s." % table,
    }[status]


def _table(seen: Signs) -> str:
    count = "an unknown number" if seen.count is None else str(seen.count)
    if seen.maximum is None:
        return "%s of an unknown limit of entries" % count
    if seen.maximum == 0:
        return "%s entries, no limit" % count
    share = "" if seen.ratio is None else " (%s)" % _percent(seen.ratio)
    return "%s of %d entries%s" % (count, seen.maximum, share)


def _evidence(seen: Signs) -> t.Iterator[str]:
    if seen.count_source == "slab":
        yield "The count is of objects in the slab, which may exceed the entries in the table."
    if seen.count == 0 and seen.state != "absent":
        yield "No entry at all: no rule asks for tracking here, or there is no traffic."
    if seen.log_lines:
        more = " and %d more were suppressed" % seen.log_suppressed if seen.log_suppressed else ""
        when = "" if seen.log_last is None else ", last %s" % _ago(seen.log_last, seen.now)
        yield 'The kernel log says "table full" %d times%s%s.' % (seen.log_lines, more, when)
    elif seen.log_readable is False:
        yield "The kernel log could not be read, so it is unknown whether the table was full before."
    elif seen.log_answered:
        yield 'The kernel log says "table full" %d times, all before max was set here.' % seen.log_answered
    elif seen.log_readable:
        yield 'The kernel log has no "table full" line in the time it covers.'
    if seen.log_elsewhere:
        yield (
            "For other network namespaces of this kernel it says so %d times: diagnose those too." % seen.log_elsewhere
        )
    if seen.drops:
        yield (
            "%d packets were dropped since the counters began for want of an entry or for a related failure."
            % seen.drops
        )
    if seen.drop_rate:
        yield "%.1f packets a second are being dropped." % seen.drop_rate
    if seen.early_drop_rate:
        yield "%.1f entries a second are evicted early to make room." % seen.early_drop_rate
    if seen.seconds_to_full is not None:
        yield "At the growth just seen the table is full in %s." % duration(seen.seconds_to_full)
    if (seen.insert_failed_rate or 0) >= RACE_PER_SECOND:
        yield "%.2f connections a second lose a race for the same tuple (insert_failed)." % (
            seen.insert_failed_rate or 0
        )
    if (seen.chainlength_rate or 0) >= RACE_PER_SECOND:
        yield "%.2f connections a second are refused because a hash chain is too long." % (seen.chainlength_rate or 0)


def _ago(then: float, now: float | None) -> str:
    if not now or now < then:
        return "at an unknown time"
    return "%s ago" % duration(int(now - then))


def duration(seconds: int) -> str:
    """``5 days``, ``3 h 20 min``: two units at most."""
    for size, unit, below, below_unit in (
        (86400, "days", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            number, rest = seconds // size, seconds % size // below
            head = "%d %s" % (number, "day" if (number, unit) == (1, "days") else unit)
            return "%s %d %s" % (head, rest, below_unit) if rest else head
    return "%d s" % seconds


def _percent(ratio: float) -> str:
    return "%.0f %%" % (ratio * 100) if ratio >= 0.1 else "%.1f %%" % (ratio * 100)
