# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large this host's table should be, from what is in use, what the log tells of the past, and the memory."""

from __future__ import annotations

from .. import sizing
from ..snapshot import Snapshot
from . import memory, settings, usage
from .identity import Identity


def is_full(log_lines: int, ratio: float | None) -> bool:
    """Whether more was wanted than is seen: by lines of the log since max was set, or as it is full now."""
    return log_lines > 0 or (ratio or 0) >= usage.FULL_RATIO


def recommend(
    snapshot: Snapshot,
    identity: Identity,
    log_lines: int,
    memory_percent: float = sizing.MEMORY_PERCENT,
    peak: int | None = None,
) -> sizing.Recommendation:
    """``log_lines`` is how many lines of the kernel log say that the table was full; ``peak`` is entries that were in
    use at some time, as somebody else has seen."""
    entries = usage.count(snapshot)
    current = settings.value(snapshot, "max")
    used = entries.entries if entries else None
    return sizing.recommend(
        identity.kernel,
        used,
        current,
        settings.buckets(snapshot),
        peak=peak,
        full=is_full(log_lines, usage.ratio(used, current)),
        object_size=memory.object_size(snapshot),
        memory_percent=memory_percent,
    )
