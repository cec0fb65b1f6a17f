# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_table: its options, and what it does with them on any host."""

from __future__ import annotations

import typing as t

from .. import probe
from ..catalogue import BY_NAME
from ..facts import settings, table_ways, usage
from ..facts.identity import identify
from ..facts.surroundings import surroundings
from ..snapshot import Snapshot
from ..table import filter as table_filter
from ..table import grouping, reading
from ..table.advising import Numbers
from ..table.batch import Batch
from ..table.proposal import Proposal
from ..table.survey import Survey
from ..table.told import told
from .returned import Returned, refused, returned

CHANGES = False
_CHOICES = ("auto", reading.CTNETLINK, reading.PROCFS)
_FILTER: dict[str, t.Any] = {
    "family": {"type": "str", "choices": sorted(table_filter.FAMILIES)},
    "protocol": {"type": "str"},
    "source": {"type": "str"},
    "destination": {"type": "str"},
    "source_port": {"type": "int"},
    "destination_port": {"type": "int"},
    "zone": {"type": "int"},
    "mark": {"type": "str"},
    "state": {"type": "str"},
    "unreplied": {"type": "bool"},
    "assured": {"type": "bool"},
}
_NOTRACK: dict[str, t.Any] = {
    "protocol": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
}
_WHAT_IF: dict[str, t.Any] = {
    "timeouts": {"type": "dict"},
    "notrack": {"type": "list", "elements": "dict", "options": _NOTRACK},
}
ARGUMENTS: dict[str, t.Any] = {
    "sample": {"type": "int", "default": 20000},
    "time_limit": {"type": "float", "default": 10.0},
    "interface": {"type": "str", "default": "auto", "choices": list(_CHOICES)},
    "filter": {"type": "dict", "options": _FILTER},
    "group_by": {"type": "list", "elements": "str", "default": ["source", "destination_port"]},
    "top": {"type": "int", "default": 10},
    "ipv4_prefix": {"type": "int", "default": 24},
    "ipv6_prefix": {"type": "int", "default": 64},
    "what_if": {"type": "dict", "options": _WHAT_IF},
    "mask_addresses": {"type": "bool", "default": False},
}
CONSTRAINTS: dict[str, t.Any] = {}

_NUMBERS = {"sample": 100_000_000, "time_limit": 3600, "top": 1000, "ipv4_prefix": 32, "ipv6_prefix": 128}


class TableHost(t.Protocol):
    """A host that can read its table: hosts.local_table and hosts.remote_table."""

    def read(self, items: t.Iterable[probe.Item]) -> Snapshot:
        """As every host does."""

    def table(self, way: str, wanted: reading.Wanted, progress: reading.Progress) -> t.Iterator[Batch]:
        """The entries, some at a time."""


def call(host: t.Callable[[], TableHost], params: t.Mapping[str, t.Any], check: bool) -> Returned:
    """``check`` makes no difference, as nothing is changed."""
    try:
        for name, most in _NUMBERS.items():
            if not 0 <= params[name] <= most:
                raise ValueError("%s: %s is not a number from 0 to %d" % (name, params[name], most))
        wanted = table_filter.parse(params["filter"] or {})
        prefixes = grouping.Prefixes(params["ipv4_prefix"], params["ipv6_prefix"])
        groupings = [grouping.parse(text, prefixes) for text in dict.fromkeys(params["group_by"])]
        proposal = Proposal.parse(params["what_if"] or {})
        if proposal and wanted != table_filter.NO_FILTER:
            raise ValueError("what_if: it is told of the whole table only; leave out filter")
    except ValueError as error:
        return refused(error)
    there = host()
    snapshot = there.read(probe.TABLE_WAYS)
    survey = Survey(groupings, proposal.ports)
    way, unread, progress = None, {}, None
    if identify(snapshot).generation != "none" or identify(snapshot).state == "hidden":
        columns = tuple(sorted({*survey.columns, *wanted.columns}))
        request = reading.Wanted(columns, wanted, params["sample"], params["time_limit"])
        ways = table_ways.ways(snapshot) if params["interface"] == "auto" else [params["interface"]]
        way, progress, unread = _read(there, ways, request, survey)
    result = told(
        way,
        unread,
        survey,
        progress,
        _numbers(snapshot, there.read(probe.COUNT) if progress else snapshot, progress),
        proposal,
        params["top"],
        grouping.Names(params["mask_addresses"]),
    )
    return returned({"changed": False, "table": result})


def _read(
    there: TableHost, ways: t.Iterable[str], request: reading.Wanted, survey: Survey
) -> tuple[str | None, reading.Progress | None, dict[str, str]]:
    """By the first way that there is; why the others before it are none."""
    unread = {}
    for way in ways:
        progress = reading.Progress(request)
        try:
            for batch in there.table(way, request, progress):
                survey.add(batch)
        except reading.Unreadable as error:
            unread[way] = error.reason
            continue
        return way, progress, unread
    return None, None, unread


def _numbers(snapshot: Snapshot, later: Snapshot, progress: reading.Progress | None) -> Numbers:
    """``later`` has the count once the table was read."""
    count = usage.count(snapshot)
    # An estimate from above would make shares of the table too small.
    before = count.entries if count and count.source != "slab" else None
    after = settings.value(later, "count")
    values = {name: settings.value(snapshot, name) for name, each in BY_NAME.items() if each.unit == "seconds"}
    return Numbers(
        before if after is None else after,
        settings.value(snapshot, "max"),
        {name: value for name, value in values.items() if value is not None},
        # Of a part that the kernel chose nobody knows which part of the table it is.
        None if progress is None or progress.filtered else reading.living(progress.walked, before, after),
        surroundings(snapshot),
    )
