# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of single entries, for questions that join several of their facts."""

from __future__ import annotations

import typing as t

from ..formats.conntrack_entry import ASSURED, DST_NAT, SEEN_REPLY, SRC_NAT
from . import timers
from .batch import Batch, state_name
from .census import UNACKNOWLEDGED, Kind


class Row(t.NamedTuple):
    """``idle`` are seconds, None where they are unknown; addresses are as in a batch."""

    family: int
    protocol: int
    state: str | None
    replied: bool
    assured: bool
    translated: bool
    source: t.Any
    destination: t.Any
    port: int | None
    idle: int | None


def rows(batches: t.Iterable[Batch], timeouts: t.Mapping[str, int]) -> list[Row]:
    return [row for batch in batches for row in _of(batch, timeouts)]


def _of(batch: Batch, timeouts: t.Mapping[str, int]) -> t.Iterator[Row]:
    nothing = [None] * batch.size
    names = ("status", "state", "tcp_flags", "left", "source", "destination", "destination_port")
    columns = (batch.columns.get(name, nothing) for name in names)
    # There are few different ones, and telling the timeout of one takes longer than all the rest.
    known: dict[t.Any, tuple[t.Any, ...]] = {}
    for status, state, flags, left, source, destination, port in zip(*columns):
        sight = status, state, flags, left is None
        if sight not in known:
            known[sight] = _facts(batch, timeouts, *sight)
        *facts, timeout = known[sight]
        idle = timeout - left if timeout is not None and left is not None and left <= timeout else None
        yield Row(batch.family, batch.protocol, *facts, source, destination, port, idle)


def _facts(
    batch: Batch, timeouts: t.Mapping[str, int], status: int, state: int | None, flags: int | None, offloaded: bool
) -> tuple[t.Any, ...]:
    """From the state to ``translated`` of a row, and the timeout that its timer was set to."""
    name = state_name(batch.protocol, state)
    replied, assured = bool(status & SEEN_REPLY), bool(status & ASSURED)
    unacknowledged = None if flags is None else bool(flags & UNACKNOWLEDGED)
    kind = Kind(batch.family, batch.protocol, name, replied, assured, False, False, offloaded, unacknowledged)
    translated = bool(status & (SRC_NAT | DST_NAT))
    return name, replied, assured, translated, timeouts.get(timers.setting(kind, timeouts) or "")
