# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as metrics, for the textfile collector of a node exporter on the controller."""

from __future__ import annotations

import re
import typing as t

from . import statuses
from .rows import Row

_PREFIX = "netops_conntrack_"
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_TO_ESCAPE = re.compile(r'[\\"\n]')


class Metric(t.NamedTuple):
    """``value`` is None for a host that has none of it: an unknown number is left out, not 0."""

    name: str
    kind: str
    help: str
    value: t.Callable[[Row], float | None]


_METRICS = (
    Metric("up", "gauge", "Whether the state of the host could be read.", lambda row: int(_is_up(row))),
    Metric("entries", "gauge", "Entries in the table.", lambda row: row.entries),
    Metric("entries_limit", "gauge", "Entries that the table may hold; 0 is no limit.", lambda row: row.max),
    Metric("usage_ratio", "gauge", "Entries in the table by entries that it may hold.", lambda row: row.usage),
    Metric("drops_total", "counter", "Packets dropped since the host's counters began.", lambda row: row.drops),
    Metric("drops_per_second", "gauge", "Packets dropped in the interval.", lambda row: row.drops_per_second),
    Metric("growth_per_second", "gauge", "Entries by which the table grew.", lambda row: row.growth_per_second),
    Metric("seconds_to_full", "gauge", "Until the table is full, if it grows on.", lambda row: row.seconds_to_full),
    Metric(
        "drifted_settings",
        "gauge",
        "Settings that differ now, after a boot and as asked for.",
        lambda row: len(row.drift) if _is_up(row) else None,
    ),
)


def parts(report: t.Any) -> t.Iterator[str]:
    yield from _head("hosts", "gauge", "Hosts by verdict.")
    for status, number in report.totals["by_status"].items():
        yield '%shosts{status="%s"} %d\n' % (_PREFIX, status, number)
    yield from _head("status", "gauge", "The verdict on each host, as its label.")
    for row in report.rows:
        yield '%sstatus{host="%s",status="%s"} 1\n' % (_PREFIX, escaped(row.host), row.status)
    for metric in _METRICS:
        told = False
        for row in report.rows:
            value = metric.value(row)
            if value is None:
                continue
            if not told:
                yield from _head(metric.name, metric.kind, metric.help)
                told = True
            yield '%s%s{host="%s"} %s\n' % (_PREFIX, metric.name, escaped(row.host), repr(value))


def _head(name: str, kind: str, text: str) -> t.Iterator[str]:
    yield "# HELP %s%s %s\n# TYPE %s%s %s\n" % (_PREFIX, name, text, _PREFIX, name, kind)


def _is_up(row: Row) -> bool:
    return row.status not in (statuses.UNREACHABLE, statuses.FAILED, statuses.UNKNOWN)


def escaped(label: str) -> str:
    """Of a label only these three mean something; a carriage return would end a line for some readers."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPED[found[0]], label).replace("\r", "\\n").replace("\0", "\ufffd")
