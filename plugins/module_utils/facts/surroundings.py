# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose addresses these are: the host's own, and those that have a connection with it."""

from __future__ import annotations

from ..formats import local_addresses, tcp_sockets
from ..snapshot import Snapshot
from ..table.surroundings import Surroundings, key
from .identity import identify

_BIG_ENDIAN = ("s390", "s390x", "ppc", "ppc64", "mips", "mips64", "sparc", "sparc64", "parisc", "m68k")


def surroundings(snapshot: Snapshot) -> Surroundings:
    """Where something could not be read, less is known."""
    big_endian = identify(snapshot).kernel.machine in _BIG_ENDIAN
    peers = {
        peer
        for path in ("/proc/net/tcp", "/proc/net/tcp6")
        for peer in tcp_sockets.peers(snapshot.text(path) or "", big_endian)
    }
    own = local_addresses.ipv4(snapshot.text("/proc/net/fib_trie") or "")
    own |= local_addresses.ipv6(snapshot.text("/proc/net/if_inet6") or "")
    return Surroundings(frozenset(map(key, own)), frozenset(map(key, peers)))
