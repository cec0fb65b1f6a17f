# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table costs in memory that cannot be swapped out (/proc/slabinfo, bucket heads)."""

from __future__ import annotations

import functools
import typing as t

from .. import sizing
from ..formats import slabinfo
from ..probe import SLAB_SIZES
from ..snapshot import Snapshot
from . import settings, usage
from .identity import Identity


def facts(snapshot: Snapshot, identity: Identity) -> dict[str, t.Any]:
    """Bytes now and with a full table. A lower bound: extensions (accounting, NAT, helpers) come on top."""
    slab = entry_slab(snapshot)
    size = object_size(snapshot)
    heads = sizing.head_bytes(settings.buckets(snapshot) or 0, identity.kernel)
    maximum = settings.value(snapshot, "max")
    entries = usage.count(snapshot)
    ram = identity.kernel.ram
    now = max(slab.total, slab.active) * size + heads if slab and size else None
    full = maximum * size + heads if maximum and size else None
    return {
        "object_size": size,
        "slab": slab.name if slab else None,
        "slab_reason": None if slab else snapshot.reason("/proc/slabinfo") or "no slab of its own",
        "entries": entries.entries if entries else None,
        "table_head_bytes": heads,
        "now_bytes": now,
        "at_max_bytes": full,
        "ram_bytes": ram,
        "share_now": _share(now, ram),
        "share_at_max": _share(full, ram),
    }


@functools.lru_cache(maxsize=4)
def entry_slab(snapshot: Snapshot) -> slabinfo.Slab | None:
    # The first line names the version; of the hundreds of others one or two are ours.
    lines = (snapshot.text("/proc/slabinfo") or "").split("\n")
    ours = [line for number, line in enumerate(lines) if number == 0 or "conntrack" in line]
    return slabinfo.entries(slabinfo.parse("\n".join(ours)))


def object_size(snapshot: Snapshot) -> int | None:
    """Bytes that the slab sets aside for an entry."""
    slab = entry_slab(snapshot)
    if slab:
        return slab.object_size
    return next(filter(None, (snapshot.integer(item.path) for item in SLAB_SIZES)), None)


def _share(part: int | None, whole: int | None) -> float | None:
    return round(part / whole, 4) if part is not None and whole else None
