# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's per-CPU counters say (/proc/net/stat/nf_conntrack), and how fast they move."""

from __future__ import annotations

import typing as t

from ..formats import statistics as format_
from ..snapshot import Snapshot
from . import clock, settings, usage


def facts(snapshot: Snapshot, release: str) -> dict[str, t.Any] | None:
    """Totals and one row per CPU. A counter that this kernel no longer counts is None, not 0."""
    for path in usage.STATISTICS:
        parsed = format_.parse(snapshot.text(path) or "")
        if parsed:
            break
    else:
        return None
    dead = format_.dead(parsed.columns, release)
    total = {name: None if name in dead else number for name, number in format_.totals(parsed).items()}
    rows = [{name: None if name in dead else number for name, number in row.items()} for row in parsed.cpus]
    return {"source": path, "cpus": len(parsed.cpus), "total": total, "per_cpu": rows}


def rates(before: Snapshot, after: Snapshot) -> dict[str, t.Any] | None:
    """What happened between two readings of the same host, per second.

    ``interval`` is in seconds by the host's own uptime. ``seconds_to_full`` is None where the table does not grow.
    ``per_second`` is None where the counters were reset in between (the module was loaded anew).
    """
    start, end = clock.uptime(before), clock.uptime(after)
    if start is None or end is None or end <= start:
        return None
    interval = end - start
    result: dict[str, t.Any] = {"interval": round(interval, 2), "per_second": None}
    for path in usage.STATISTICS:
        first = format_.parse(before.text(path) or "")
        second = format_.parse(after.text(path) or "")
        if first and second:
            moved = format_.delta(first, second)
            if moved is not None:
                result["per_second"] = {name: round(number / interval, 3) for name, number in moved.items()}
            break
    result.update(_growth(before, after, interval))
    return result


def _growth(before: Snapshot, after: Snapshot, interval: float) -> dict[str, float | None]:
    first, second = usage.count(before), usage.count(after)
    if first is None or second is None or first.source != second.source:
        return {"growth_per_second": None, "seconds_to_full": None}
    growth = (second.entries - first.entries) / interval
    maximum = settings.value(after, "max") or settings.value(before, "max")
    left = None
    if maximum and growth > 0:
        left = round(max(0, maximum - second.entries) / growth)
    return {"growth_per_second": round(growth, 3), "seconds_to_full": left}
