# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses against which no rule is offered: it would lock somebody out, or do nothing."""

from __future__ import annotations

import typing as t

from ..formats.conntrack_entry import IPV4, IPV6
from .batch import address

_LOOPBACK = 127
# An IPv4 address as a socket of IPv6 has it.
_MAPPED = bytes(10) + b"\xff\xff"


class Surroundings(t.NamedTuple):
    """``own`` are the host's addresses, ``peers`` those that have an open TCP connection with it; as columns have them.

    The person who asks is one of the peers, whichever way they came.
    """

    own: frozenset[t.Any] = frozenset()
    peers: frozenset[t.Any] = frozenset()

    def is_own(self, of: t.Any) -> bool:
        loopback = of >> 24 == _LOOPBACK if isinstance(of, int) else int.from_bytes(of, "big") == 1
        return loopback or of in self.own

    def is_spared(self, of: t.Any) -> bool:
        return self.is_own(of) or of in self.peers


def key(packed: bytes) -> t.Any:
    """An address of 4 or 16 bytes as columns have it; an IPv4 address within an IPv6 one is that."""
    if len(packed) == 16 and packed.startswith(_MAPPED):
        packed = packed[len(_MAPPED) :]
    return address(IPV4 if len(packed) == 4 else IPV6, packed)
