# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts come to together."""

from __future__ import annotations

import typing as t

from . import statuses
from .rows import Row


def totals(rows: t.Iterable[Row]) -> dict[str, t.Any]:
    """Sums are of the hosts that told; None where nobody did."""
    rows = list(rows)
    by_status = dict.fromkeys(statuses.WORST_FIRST, 0)
    for row in rows:
        by_status[row.status] += 1
    fullest = max((row for row in rows if row.usage is not None), key=lambda row: row.usage or 0, default=None)
    soonest = min(
        (row for row in rows if row.seconds_to_full is not None), key=lambda row: row.seconds_to_full or 0, default=None
    )
    return {
        "hosts": len(rows),
        "reached": len(rows) - by_status[statuses.UNREACHABLE] - by_status[statuses.FAILED],
        "attention": sum(row.needs_attention for row in rows),
        "by_status": by_status,
        "entries": _sum(row.entries for row in rows),
        "drops": _sum(row.drops for row in rows),
        "drops_per_second": _sum(row.drops_per_second for row in rows),
        "drifted": sum(bool(row.drift) for row in rows),
        "fullest": {"host": fullest.host, "usage": fullest.usage} if fullest else None,
        "soonest": {"host": soonest.host, "seconds_to_full": soonest.seconds_to_full} if soonest else None,
    }


def _sum(values: t.Iterable[t.Any]) -> t.Any:
    known = [value for value in values if value is not None]
    total = sum(known)
    return (round(total, 3) if isinstance(total, float) else total) if known else None
