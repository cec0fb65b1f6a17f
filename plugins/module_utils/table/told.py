# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole result of a look at the table, and the same in a few lines for people."""

from __future__ import annotations

import typing as t

from ..snapshot import FORBIDDEN
from .advising import Numbers, advise
from .grouping import Names
from .proposal import Proposal
from .reading import ERROR, SAMPLE, TIME, Progress
from .report import Sample, Told, amount, breakdown, groups, idle_times, sample, words
from .survey import Survey

_ENDED = {SAMPLE: "the sample was full", TIME: "the time was over", ERROR: "the reading broke off"}
_SHOWN = 5
# A group with less of it tells nothing of what fills the table.
_WORTH = 0.01
# More expired entries than this part are worth a word.
_STALE = 0.02
# A table has room while less than this part of it is in use.
_ROOM = 0.5


def told(
    way: str | None,
    unread: t.Mapping[str, str],
    survey: Survey,
    progress: Progress | None,
    numbers: Numbers,
    proposal: Proposal,
    top: int,
    names: Names,
) -> dict[str, t.Any]:
    """``way`` and ``progress`` are None where the table could not be read; ``unread`` says why."""
    result: dict[str, t.Any] = {"interface": way, "unread": dict(unread), "count": numbers.count, "max": numbers.max}
    if progress is None:
        return {**result, "report": [_unreadable(unread)]}
    of = sample(progress, numbers.count if numbers.living is None else numbers.living)
    what_if = proposal.outcome(survey, of, numbers.timeouts)
    result.update(
        living=of.passed if of.complete else of.table,
        scanned=progress.scanned,
        sampled=progress.taken,
        complete=of.complete,
        ended_by=progress.ended_by,
        error=progress.error,
        seconds=round(progress.seconds, 3),
        kernel_filtered=progress.filtered,
        not_understood=progress.malformed,
        **breakdown(survey, of),
        groups=groups(survey, of, top, names),
        idle=idle_times(survey, of, numbers.timeouts),
        what_if=what_if,
        advice=[finding._asdict() for finding in advise(survey, of, numbers, names)],
    )
    # The kernel tells that it left entries out only beside one that it did not.
    return {**result, "report": _report(result, of, progress.is_of_some)}


def _unreadable(unread: t.Mapping[str, str]) -> str:
    if not unread:
        return "the table cannot be read: connection tracking is not there, or not loaded"
    hint = "; root may read it" if FORBIDDEN in unread.values() else ""
    return "the table cannot be read: %s%s" % (", ".join("%s %s" % each for each in unread.items()), hint)


def _report(result: t.Mapping[str, t.Any], of: Sample, filtered: bool) -> list[str]:
    lines = [_read(result, of, filtered), *_kept_back(result)]
    if of.taken:
        lines += _counted(result)
    if result["what_if"]:
        lines += _foreseen(result["what_if"], of.complete)
    if result["advice"]:
        lines += _room(result)
    for finding in result["advice"]:
        lines += ["%s: %s" % (finding["finding"], finding["why"]), *("  %s" % each for each in finding["evidence"])]
        lines += ["  set %s = %s" % each for each in finding["settings"].items()]
    return lines


def _room(result: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    count, most = result["count"], result["max"]
    if count is not None and most and count < _ROOM * most:
        yield (
            "nothing has to be done: less than half of the table is in use, and what follows only tells what it is"
            " made of"
        )


def _read(result: t.Mapping[str, t.Any], of: Sample, filtered: bool) -> str:
    read = "%s read" % amount(of.taken)
    if filtered:
        read += " that fit the filter"
        if of.scanned > of.taken:
            read += ", of %d looked at" % of.scanned
    read += ", all there are" if of.complete else ", as %s" % _ENDED[result["ended_by"]]
    count, most = result["count"], result["max"]
    if count is None:
        return read
    part = " of %d (%.1f %%)" % (most, 100 * count / most) if most else ""
    read = "%s; %d%s %s in use" % (read, count, part, "is" if count == 1 else "are")
    living = result["living"]
    if not of.complete and living is not None and count - living > _STALE * count:
        read += ", of which some %d have expired and wait to be cleared away" % (count - living)
    return read


def _kept_back(result: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """What a reader has to know of how far this goes."""
    if result["error"]:
        yield "the reading broke off: %s" % result["error"]
    if result["not_understood"]:
        yield "%s could not be understood" % amount(result["not_understood"])


def _counted(result: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for row in result["by_state"][:_SHOWN]:
        yield "%s: %s" % (" ".join(filter(None, (row["protocol"], row["state"]))), _share(row))
    for name in ("unreplied", "assured", "evictable"):
        yield "%s: %s" % (name, _share(result[name]))
    for group in result["groups"]:
        for row in [row for row in group["top"][:_SHOWN] if row["share"] >= _WORTH]:
            value = " ".join(_value(row[part]) for part in row if part not in _NUMBERS and row[part] is not None)
            yield "%s %s: %s" % (group["group_by"], value, _share(row))


def _value(value: t.Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _foreseen(what_if: Told, complete: bool) -> t.Iterator[str]:
    for change in what_if["changes"]:
        what = (
            "%s %d instead of %d" % (change["setting"], change["to"], change["from"])
            if change["setting"]
            else "no tracking of %(protocol)s port %(port)d" % change["notrack"]
        )
        estimate, low, high = (change["change"][name] for name in ("estimate", "low", "high"))
        yield "%s: %s%s%s" % (
            what,
            amount(estimate, form="%+d"),
            " (%+d to %+d)" % (low, high) if low != high else "",
            ", extrapolated" if change["extrapolated"] else "",
        )
    for name in what_if["unknown"]:
        yield "%s: not a setting of this kernel" % name
    settled = what_if["table"]["settled"]
    yield "the table then settles at %s (%d to %d: %s), instead of %d" % (
        amount(settled["estimate"]),
        settled["low"],
        settled["high"],
        "a table varies by itself, even with everything read"
        if complete
        else "a sample was read, and a table varies by itself",
        what_if["table"]["now"],
    )


_NUMBERS = ("seen", "seen_error", "share", "share_low", "share_high", "entries", "entries_low", "entries_high")


def _share(row: Told) -> str:
    return words(row["share"], row["share_low"], row["share_high"], row["entries"])
