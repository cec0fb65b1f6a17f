# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of several, each of them of a part of the fleet: JSON reports, whole, or artifacts, which are compact."""

from __future__ import annotations

import collections.abc
import json
import re
import typing as t

from . import as_json, given, records, statuses
from .report import Report, report
from .rows import Row
from .totals import totals

# As many hosts as an artifact lists.
LISTED = 1000
_SUMS = ("entries", "drops", "drops_per_second")
_COUNTS = ("hosts", "reached", "attention", "drifted")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")
_IN_NONE = "No report tells of it: the job that it belongs to left none."


class NotAReport(Exception):
    """What is given is no report of a fleet, with the reason."""


class Part(t.NamedTuple):
    """``left_off`` hosts are in the totals and not among the rows."""

    time: str | None
    rows: list[Row]
    totals: t.Mapping[t.Any, t.Any]
    left_off: int


class Merged(t.NamedTuple):
    """``missing`` are the hosts that should be in it and that no part tells of. Where parts left hosts off it cannot be
    told who that is: ``unnamed`` is how many then."""

    report: Report
    left_off: int
    missing: list[str]
    unnamed: int


def artifact(made: Report) -> dict[str, t.Any]:
    """The report as a small dict that merge() takes."""
    shown = made.rows[:LISTED]
    return {
        "schema": as_json.SCHEMA,
        "time": made.time,
        "totals": made.totals,
        "hosts": [records.compact(row) for row in shown],
        "left_off": made.totals["hosts"] - len(shown),
    }


def read(source: t.Any) -> Part:
    """A report that is given, or the path of one."""
    if not isinstance(source, str):
        return part(source)
    try:
        with open(source, encoding="utf-8") as stream:
            return part(json.load(stream))
    except OSError as error:
        raise NotAReport("it cannot be read: %s" % error.strerror) from None
    except ValueError as error:
        raise NotAReport("it is no JSON: %s" % error) from None


def part(given_report: t.Any) -> Part:
    found = given.mapping(given_report)
    hosts = found.get("hosts")
    if not isinstance(hosts, (list, tuple)) or not isinstance(found.get("totals"), collections.abc.Mapping):
        raise NotAReport("it has no hosts and totals")
    if found.get("schema") != as_json.SCHEMA:
        raise NotAReport("its schema is %r, and %d is the one that is known" % (found.get("schema"), as_json.SCHEMA))
    if not all(isinstance(host, collections.abc.Mapping) and "status" in host for host in hosts):
        raise NotAReport("its hosts have no status; only the reports of diagnose can be merged")
    rows = [records.row(host) for host in hosts]
    left_off = (given.whole(found["totals"].get("hosts")) or 0) - len(rows)
    return Part(given.text(found.get("time")), rows, found["totals"], max(0, left_off))


def merge(
    parts: t.Sequence[Part], title: str, time: str | None = None, masked: bool = False, hosts: t.Iterable[str] = ()
) -> Merged:
    """A host in several parts is as the last of them says. Without ``time`` it is as old as its oldest part."""
    rows = {row.host: row for each in parts for row in each.rows}
    left_off = sum(each.left_off for each in parts)
    absent = [host for host in dict.fromkeys(hosts) if host not in rows]
    missing = [] if left_off else absent
    rows.update((host, Row(host, statuses.FAILED, _IN_NONE, error=_IN_NONE)) for host in missing)
    if left_off:
        title = "%s (%d hosts are not listed)" % (title, left_off)
    made = report(rows.values(), title, time or _oldest(parts), masked)
    summed = made.totals
    for each in parts:
        if each.left_off:
            summed = _with_rest(summed, each, masked)
    unnamed = max(0, len(absent) - left_off) if left_off else 0
    return Merged(made._replace(totals=summed), left_off, missing, unnamed)


def _oldest(parts: t.Sequence[Part]) -> str | None:
    times = [each.time or "" for each in parts]
    return min(times) if all(_MOMENT.fullmatch(time) for time in times) else None


def _with_rest(summed: dict[str, t.Any], of: Part, masked: bool) -> dict[str, t.Any]:
    """With what the totals of a part say beyond its rows."""
    listed = totals(of.rows)
    by_status = given.mapping(of.totals.get("by_status"))
    return {
        **summed,
        **{name: summed[name] + _more(of.totals.get(name), listed[name]) for name in _COUNTS},
        **{name: _sum(summed[name], of.totals.get(name), listed[name]) for name in _SUMS},
        "by_status": {
            name: number + _more(by_status.get(name), listed["by_status"][name])
            for name, number in summed["by_status"].items()
        },
        # A name that is made up elsewhere in the report is not told here.
        **({} if masked else _extremes(summed, of.totals)),
    }


def _more(told: t.Any, listed: int) -> int:
    return max(0, (given.whole(told) or 0) - listed)


def _sum(known: t.Any, told: t.Any, listed: t.Any) -> t.Any:
    """None stays None only where nobody told."""
    told = given.whole(told) if isinstance(told, int) else given.number(told)
    if told is None:
        return known
    total = (known or 0) + max(0, told - (listed or 0))
    return round(total, 3) if isinstance(total, float) else total


def _extremes(summed: dict[str, t.Any], told: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    for name, field, number, worse in (
        ("fullest", "usage", given.number, max),
        ("soonest", "seconds_to_full", given.whole, min),
    ):
        candidate = given.mapping(told.get(name))
        host, value = given.text(candidate.get("host")), number(candidate.get(field))
        ours = summed[name]
        if host is not None and value is not None and (ours is None or worse(value, ours[field]) != ours[field]):
            found[name] = {"host": host, field: value}
    return found
