# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How full the table is: entries now, the limit, buckets, expectations."""

from __future__ import annotations

import typing as t

from .. import catalogue
from ..formats import slabinfo, statistics
from ..probe import TABLE
from ..snapshot import Snapshot, command_key
from . import settings

STATISTICS = ("/proc/net/stat/nf_conntrack", "/proc/net/stat/ip_conntrack")
EXPECTATIONS = "/proc/net/nf_conntrack_expect"

# From here on a table counts as full: the kernel frees a few entries at any moment.
FULL_RATIO = 0.99


class Count(t.NamedTuple):
    """Entries, and where the number is from: ``sysctl``, ``statistics``, ``slab`` or ``table``.

    The slab counts the objects of every network namespace and those still being freed: an estimate from above.
    """

    entries: int
    source: str
    path: str


def count(snapshot: Snapshot) -> Count | None:
    """None where nothing that was read has the number; the table itself may then still be counted."""
    found = settings.live(snapshot, catalogue.BY_NAME["count"])
    if found and found.value is not None:
        return Count(found.value, "sysctl", found.path)
    for path in STATISTICS:
        parsed = statistics.parse(snapshot.text(path) or "")
        if parsed and parsed.entries is not None:
            return Count(parsed.entries, "statistics", path)
    slab = slabinfo.entries(slabinfo.parse(snapshot.text("/proc/slabinfo") or ""))
    if slab:
        return Count(slab.active, "slab", "/proc/slabinfo")
    for command in TABLE:
        lines = snapshot.integer(command_key(command.argv))
        if lines is not None:
            return Count(lines, "table", command.argv[-1])
    return None


def ratio(entries: int | None, maximum: int | None) -> float | None:
    """Entries per entry allowed. None where one of them is unknown or there is no limit (max 0)."""
    if entries is None or not maximum:
        return None
    return round(entries / maximum, 4)


def limits(snapshot: Snapshot) -> dict[str, t.Any]:
    maximum = settings.live(snapshot, catalogue.BY_NAME["max"])
    size = settings.buckets(snapshot)
    entries = count(snapshot)
    return {
        "max": maximum.value if maximum else None,
        "max_key": maximum.key if maximum else None,
        "unlimited": bool(maximum and maximum.value == 0),
        "buckets": size,
        "load_factor": round(entries.entries / size, 4) if entries and size else None,
        "expect_max": settings.value(snapshot, "expect_max"),
    }


def usage(snapshot: Snapshot) -> dict[str, t.Any]:
    entries = count(snapshot)
    maximum = settings.value(snapshot, "max")
    return {
        "count": entries.entries if entries else None,
        "count_source": entries.source if entries else None,
        "count_path": entries.path if entries else None,
        "max": maximum,
        "ratio": ratio(entries.entries if entries else None, maximum),
        "expectations": _expectations(snapshot),
    }


def _expectations(snapshot: Snapshot) -> int | None:
    text = snapshot.text(EXPECTATIONS)
    if text is not None:
        return len(text.splitlines())
    slab = slabinfo.expectations(slabinfo.parse(snapshot.text("/proc/slabinfo") or ""))
    return slab.active if slab else None
