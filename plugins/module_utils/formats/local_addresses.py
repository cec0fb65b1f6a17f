# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/net/fib_trie and /proc/net/if_inet6: the addresses of a host itself.

Source: fib_trie_seq_show in net/ipv4/fib_trie.c, if6_seq_show in net/ipv6/addrconf.c.
"""

from __future__ import annotations

import re
import socket

# A leaf, and below it each of its prefixes.
_LEAF = re.compile(r"\s*\|-- (\d+\.\d+\.\d+\.\d+)\s*\Z", re.ASCII)
_OWN = re.compile(r"\s*/32 host LOCAL\b")
_INET6 = re.compile(r"([0-9a-f]{32}) ")


def ipv4(text: str) -> set[bytes]:
    """From fib_trie: 4 bytes each."""
    found, leaf = set(), None
    for line in text.split("\n"):
        match = _LEAF.match(line)
        if match:
            leaf = match.group(1)
        elif leaf and _OWN.match(line):
            found.add(socket.inet_aton(leaf))
    return found


def ipv6(text: str) -> set[bytes]:
    """From if_inet6: 16 bytes each."""
    return {bytes.fromhex(match.group(1)) for match in map(_INET6.match, text.split("\n")) if match}
