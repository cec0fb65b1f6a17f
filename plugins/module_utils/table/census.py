# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts entries by what they are: protocol, state, whether answered, assured, translated, and how long they have left.

Memory is bounded whatever the table holds: there are some dozen kinds of entries, and for each a histogram of the
seconds left with at most idle.MOST_BINS bins.
"""

from __future__ import annotations

import collections
import itertools
import typing as t

from ..formats.conntrack_entry import ASSURED, DST_NAT, HW_OFFLOAD, OFFLOAD, SEEN_REPLY, SRC_NAT
from . import idle
from .batch import Batch, state_name

# IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED: then the timeout of unacknowledged data holds, where that is the shorter one.
UNACKNOWLEDGED = 0x10
# Bits of a sight; the value that is none has a bit more than a byte.
_STATUS, _FLAGS, _STATE = 32, 9, 9
_NOTHING = 1 << 8
# So many different sights are kept before they are put together by kind.
_FOLD = 20000


class Kind(t.NamedTuple):
    """What entries are counted as. ``unacknowledged`` is None where nothing tells (/proc does not)."""

    family: int
    protocol: int
    state: str | None
    replied: bool
    assured: bool
    source_nat: bool
    destination_nat: bool
    offloaded: bool
    unacknowledged: bool | None


class Census:
    """``kinds`` has for each kind how many entries have how long left, by bins of ``idle``; None is no timer at all."""

    def __init__(self) -> None:
        self.entries = 0
        self._kinds: dict[Kind, collections.Counter[int | None]] = {}
        self._sights: dict[tuple[int, int], collections.Counter[int]] = {}

    def add(self, batch: Batch) -> None:
        self.entries += batch.size
        sights = self._sights.setdefault((batch.family, batch.protocol), collections.Counter())
        sights.update(_sights(batch))
        if len(sights) > _FOLD:
            self._fold()

    def kinds(self) -> dict[Kind, collections.Counter[int | None]]:
        self._fold()
        return self._kinds

    def _fold(self) -> None:
        for (family, protocol), sights in self._sights.items():
            for sight, entries in sights.items():
                rest, status = divmod(sight, 1 << _STATUS)
                rest, flags = divmod(rest, 1 << _FLAGS)
                left, state = divmod(rest, 1 << _STATE)
                kind = Kind(
                    family,
                    protocol,
                    state_name(protocol, state if state < _NOTHING else None),
                    bool(status & SEEN_REPLY),
                    bool(status & ASSURED),
                    bool(status & SRC_NAT),
                    bool(status & DST_NAT),
                    bool(status & (OFFLOAD | HW_OFFLOAD)),
                    bool(flags & UNACKNOWLEDGED) if flags < _NOTHING else None,
                )
                self._kinds.setdefault(kind, collections.Counter())[left if left >= 0 else None] += entries
        self._sights.clear()


def _sights(batch: Batch) -> t.Iterable[int]:
    """Status, flags, state and bin of each entry in one number: that is counted in half the time of a tuple."""
    status, state, flags = batch.columns["status"], batch.columns.get("state"), batch.columns.get("tcp_flags")
    left = idle.bins(batch.columns["left"]) if "left" in batch.columns else itertools.repeat(-1)
    if flags and state:
        return [((a << _STATE | b) << _FLAGS | c) << _STATUS | d for a, b, c, d in zip(left, state, flags, status)]
    nothing = _NOTHING << _STATUS
    return [
        (a << _STATE | b) << _FLAGS + _STATUS | nothing | d
        for a, b, d in zip(left, state or itertools.repeat(_NOTHING), status)
    ]
