# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries can be grouped by: for each grouping the key of an entry, and what a key is called in a report."""

from __future__ import annotations

import collections
import itertools
import socket
import typing as t

from ..formats.conntrack_entry import ASSURED, DST_NAT, IPV4, IPV6, PROTOCOLS, SEEN_REPLY, SRC_NAT
from .batch import Batch, state_name

_BITS = {IPV4: 32, IPV6: 128}
_NAT = {0: "none", SRC_NAT: "source", DST_NAT: "destination", SRC_NAT | DST_NAT: "both"}

Keys = t.Iterable[t.Any]


class Prefixes(t.NamedTuple):
    """The lengths, in bits, of what counts as one network."""

    ipv4: int = 24
    ipv6: int = 64

    def of(self, family: int) -> int:
        return self.ipv4 if family == IPV4 else self.ipv6


class Names:
    """What addresses are called: themselves, or, masked, the same made-up name at each place of one report."""

    def __init__(self, masked: bool = False) -> None:
        self._masked = masked
        self._known: dict[str, str] = {}
        self._numbers: collections.Counter[str] = collections.Counter()

    def address(self, text: str) -> str:
        return self._name("address", text)

    def network(self, text: str) -> str:
        return self._name("network", text)

    def _name(self, kind: str, text: str) -> str:
        if not self._masked:
            return text
        if text not in self._known:
            self._numbers[kind] += 1
            self._known[text] = "%s-%d" % (kind, self._numbers[kind])
        return self._known[text]


class Grouping(t.NamedTuple):
    """``parts`` are the names of GROUPS that are taken together; ``columns`` what they need."""

    parts: tuple[str, ...]
    prefixes: Prefixes = Prefixes()

    @property
    def name(self) -> str:
        return "+".join(self.parts)

    @property
    def columns(self) -> set[str]:
        return {_COLUMNS[part] for part in self.parts if part in _COLUMNS}

    def keys(self, batch: Batch) -> Keys:
        """One for each entry of a batch, hashable, and of different families never the same."""
        keys = [self._keys(part, batch) for part in self.parts]
        return itertools.islice(keys[0] if len(keys) == 1 else zip(*keys), batch.size)

    def _keys(self, part: str, batch: Batch) -> Keys:
        return _KEYS[part](batch, self.prefixes)

    def told(self, key: t.Any, names: Names) -> dict[str, t.Any]:
        """What a key stands for: a field for each part, and the protocol of a port or a state."""
        told: dict[str, t.Any] = {}
        for part, each in zip(self.parts, key if len(self.parts) > 1 else (key,)):
            told.update(_told(part, each, names, self.prefixes))
        return told


def parse(text: str, prefixes: Prefixes) -> Grouping:
    """Raises ValueError for a word that is none of GROUPS; several are joined by a plus."""
    parts = tuple(part.strip() for part in text.split("+"))
    for part in parts:
        if part not in GROUPS:
            raise ValueError(
                "group_by: '%s' is not one of %s, nor several of them joined by +" % (text, ", ".join(GROUPS))
            )
    if len(set(parts)) != len(parts):
        raise ValueError("group_by: '%s' names a part twice; each of its parts may stand there once" % text)
    return Grouping(parts, prefixes)


def address(key: t.Any) -> str:
    """The text of an address as a column holds it."""
    if isinstance(key, int):
        return socket.inet_ntop(socket.AF_INET, key.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, key)


def protocol_name(number: int) -> str:
    """The kernel's name, or the number where it has none."""
    return PROTOCOLS.get(number, str(number))


def _networks(addresses: t.Sequence[t.Any], family: int, prefixes: Prefixes) -> Keys:
    drop = _BITS[family] - prefixes.of(family)
    if family == IPV4:
        return [each >> drop << drop for each in addresses]
    return [(int.from_bytes(each, "big") >> drop << drop).to_bytes(16, "big") for each in addresses]


def _ports(batch: Batch, column: str) -> Keys:
    ports = batch.columns.get(column)
    high = batch.protocol << 16
    # Below nought: a protocol without ports.
    return itertools.repeat(-batch.protocol - 1) if ports is None else [high | port for port in ports]


def _status(batch: Batch) -> t.Sequence[int]:
    return batch.columns["status"]


def _told(part: str, key: t.Any, names: Names, prefixes: Prefixes) -> dict[str, t.Any]:
    if part in ("source", "destination"):
        return {part: names.address(address(key))}
    if part in ("source_network", "destination_network"):
        family = IPV4 if isinstance(key, int) else IPV6
        return {part: names.network("%s/%d" % (address(key), prefixes.of(family)))}
    if part in ("source_port", "destination_port"):
        if key < 0:
            return {part: None, "protocol": protocol_name(-key - 1)}
        return {part: key & 0xFFFF, "protocol": protocol_name(key >> 16)}
    if part == "protocol":
        return {part: protocol_name(key)}
    if part == "state":
        return {"protocol": protocol_name(key[0]), part: state_name(*key)}
    return {part: _NAT[key] if part == "nat" else key}


_COLUMNS = {
    "source": "source",
    "destination": "destination",
    "source_network": "source",
    "destination_network": "destination",
    "source_port": "source_port",
    "destination_port": "destination_port",
    "zone": "zone",
    "mark": "mark",
}
_KEYS: dict[str, t.Callable[[Batch, Prefixes], Keys]] = {
    "source": lambda batch, _prefixes: batch.columns["source"],
    "destination": lambda batch, _prefixes: batch.columns["destination"],
    "source_network": lambda batch, prefixes: _networks(batch.columns["source"], batch.family, prefixes),
    "destination_network": lambda batch, prefixes: _networks(batch.columns["destination"], batch.family, prefixes),
    "source_port": lambda batch, _prefixes: _ports(batch, "source_port"),
    "destination_port": lambda batch, _prefixes: _ports(batch, "destination_port"),
    "protocol": lambda batch, _prefixes: itertools.repeat(batch.protocol),
    "state": lambda batch, _prefixes: zip(
        itertools.repeat(batch.protocol), batch.columns.get("state") or itertools.repeat(None)
    ),
    # Neither is told where it is nought.
    "zone": lambda batch, _prefixes: batch.columns.get("zone") or itertools.repeat(0),
    "mark": lambda batch, _prefixes: batch.columns.get("mark") or itertools.repeat(0),
    "unreplied": lambda batch, _prefixes: [not status & SEEN_REPLY for status in _status(batch)],
    "assured": lambda batch, _prefixes: [bool(status & ASSURED) for status in _status(batch)],
    "nat": lambda batch, _prefixes: [status & (SRC_NAT | DST_NAT) for status in _status(batch)],
}
GROUPS = tuple(_KEYS)
