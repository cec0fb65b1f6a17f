# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many entries as columns: what a census counts is counted a column at a time, not an entry at a time.

A name of a column is a field of formats.conntrack_entry: status, left, state, tcp_flags, mark, zone, and of the
original direction source, destination, source_port, destination_port.
"""

from __future__ import annotations

import typing as t

from ..formats.conntrack_entry import IPV4, STATES, TCP, Entry

# What every census needs; beside these it asks for what it groups by.
ALWAYS = ("status", "left", "state", "tcp_flags")
COLUMNS = (*ALWAYS, "mark", "zone", "source", "destination", "source_port", "destination_port")


class Batch(t.NamedTuple):
    """Entries of one family and protocol that have the same facts.

    Each column has ``size`` values; one that is missing is a fact that these entries do not have. An address is a
    number in IPv4 and 16 bytes in IPv6. A state is its number in STATES, tcp_flags are those of both directions, ored.
    """

    family: int
    protocol: int
    size: int
    columns: dict[str, t.Sequence[t.Any]]

    def only(self, chosen: t.Sequence[bool]) -> Batch:
        """Those entries for which it is true."""
        columns = {
            name: [value for value, keep in zip(column, chosen) if keep] for name, column in self.columns.items()
        }
        return self._replace(size=sum(chosen), columns=columns)


def state_name(protocol: int, state: int | None) -> str | None:
    """The kernel's word for a state."""
    names = STATES.get(protocol, ())
    return None if state is None else names[state] if state < len(names) else "UNKNOWN"


def batches(entries: t.Iterable[Entry], columns: t.Collection[str]) -> list[Batch]:
    """The same as columns."""
    rows: dict[tuple[t.Any, ...], list[list[t.Any]]] = {}
    names = [name for name in COLUMNS if name in columns]
    for entry in entries:
        values = [_VALUES[name](entry) for name in names]
        there = tuple(name for name, value in zip(names, values) if value is not None)
        rows.setdefault((entry.family, entry.protocol, there), []).append([each for each in values if each is not None])
    return [
        Batch(family, protocol, len(found), dict(zip(there, map(list, zip(*found)))))
        for (family, protocol, there), found in rows.items()
    ]


def address(family: int, packed: bytes) -> t.Any:
    return int.from_bytes(packed, "big") if family == IPV4 else packed


def _state(entry: Entry) -> int | None:
    names = STATES.get(entry.protocol, ())
    return None if entry.state is None else names.index(entry.state) if entry.state in names else len(names)


def _flags(entry: Entry) -> int | None:
    if entry.protocol != TCP or entry.tcp_flags is None:
        return None
    return entry.tcp_flags[0] | entry.tcp_flags[1]


_VALUES: dict[str, t.Callable[[Entry], t.Any]] = {
    "status": lambda entry: entry.status,
    "left": lambda entry: entry.left,
    "state": _state,
    "tcp_flags": _flags,
    "mark": lambda entry: entry.mark,
    "zone": lambda entry: entry.zone or None,
    "source": lambda entry: address(entry.family, entry.original.source),
    "destination": lambda entry: address(entry.family, entry.original.destination),
    "source_port": lambda entry: entry.original.source_port,
    "destination_port": lambda entry: entry.original.destination_port,
}
