# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is counted while the table goes by once: the census, the groups, and a sample of rows to ask more of later.

The dump's order is that of a randomly keyed hash, so the first rows are a fair sample of all.
"""

from __future__ import annotations

import typing as t

from .batch import ALWAYS, Batch
from .census import Census
from .grouping import Grouping
from .heavy_hitters import HeavyHitters

# Distinct keys of a grouping that are kept: then no count is off by more than one in so many of the entries.
CAPACITY = 4096
_ROWS = 20000
# What the rows are asked for.
_OF_ROWS = (*ALWAYS, "source", "destination", "destination_port")


class Port(t.NamedTuple):
    """A service: the port that connections go to, of one protocol."""

    protocol: int
    number: int


class Survey:
    """``groups`` are by grouping, ``rows`` some batches of the first entries, ``to_ports`` the entries to each port.

    ``tracked`` is the census of those that go to none of the ports.
    """

    def __init__(self, groupings: t.Iterable[Grouping], ports: t.Iterable[Port] = ()) -> None:
        self.census = Census()
        self.groups = {grouping: HeavyHitters(CAPACITY) for grouping in groupings}
        self.to_ports = dict.fromkeys(ports, 0)
        self.tracked = Census() if self.to_ports else self.census
        self.rows: list[Batch] = []
        self._missing = _ROWS

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that it needs."""
        grouped = {column for grouping in self.groups for column in grouping.columns}
        return tuple(sorted(grouped | set(_OF_ROWS)))

    def add(self, batch: Batch) -> None:
        self.census.add(batch)
        for grouping, hitters in self.groups.items():
            hitters.add(grouping.keys(batch))
        if self.to_ports:
            self._leave_out(batch)
        if self._missing > 0:
            self._missing -= batch.size
            self.rows.append(batch)

    def _leave_out(self, batch: Batch) -> None:
        numbers = {port.number for port in self.to_ports if port.protocol == batch.protocol}
        ports = batch.columns.get("destination_port", ())
        for number in numbers:
            self.to_ports[Port(batch.protocol, number)] += ports.count(number)
        rest = batch.only([port not in numbers for port in ports]) if numbers and ports else batch
        if rest.size:
            self.tracked.add(rest)
