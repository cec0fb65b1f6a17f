# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/net/tcp and tcp6: who has an open connection with this host.

Addresses are words of 32 bits in the machine's byte order, in hexadecimal. Source: get_tcp4_sock in
net/ipv4/tcp_ipv4.c, get_tcp6_sock in net/ipv6/tcp_ipv6.c.
"""

from __future__ import annotations

import re
import struct

# TCP_ESTABLISHED in include/net/tcp_states.h.
_ROW = re.compile(
    r"\s*\d+: (?:[0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4} ([0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4} 01 ", re.ASCII
)


def peers(text: str, big_endian: bool = False) -> set[bytes]:
    """The addresses at the other ends of established connections, 4 or 16 bytes in network order."""
    found = {match.group(1) for match in map(_ROW.match, text.split("\n")) if match}
    return {_packed(words, big_endian) for words in found}


def _packed(words: str, big_endian: bool) -> bytes:
    data = bytes.fromhex(words)
    count = len(data) // 4
    return data if big_endian else struct.pack("<%dI" % count, *struct.unpack(">%dI" % count, data))
