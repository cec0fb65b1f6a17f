# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry of the table, whichever way it was read, and the kernel's numbers for what is in it.

Sources: enum ip_conntrack_status in include/uapi/linux/netfilter/nf_conntrack_common.h, enum tcp_conntrack in
nf_conntrack_tcp.h, enum sctp_conntrack in nf_conntrack_sctp.h, and in kernels up to 6.14 enum ct_dccp_states in
include/linux/netfilter/nf_conntrack_dccp.h.
"""

from __future__ import annotations

import typing as t

IPV4, IPV6 = 2, 10
ICMP, TCP, UDP, DCCP, GRE, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 33, 47, 58, 132, 136

PROTOCOLS = {
    ICMP: "icmp", TCP: "tcp", UDP: "udp", DCCP: "dccp", GRE: "gre", ICMPV6: "icmpv6", SCTP: "sctp", UDPLITE: "udplite",
}  # fmt: skip

# Bits of an entry's status.
SEEN_REPLY, ASSURED = 1 << 1, 1 << 2
SRC_NAT, DST_NAT = 1 << 4, 1 << 5
OFFLOAD, HW_OFFLOAD = 1 << 14, 1 << 15

# By their numbers. LISTEN was the ninth up to 2.6.32 and has its own here; only lines of /proc still tell of it.
STATES: dict[int, tuple[str, ...]] = {
    TCP: (
        "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
        "SYN_SENT2", "LISTEN",
    ),
    SCTP: (
        "NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
        "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "HEARTBEAT_ACKED",
    ),
    DCCP: (
        "NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID",
    ),
}  # fmt: skip


class Tuple(t.NamedTuple):
    """One direction. Addresses are 4 or 16 bytes, in network order; None is what the protocol does not have.

    ``key`` is the GRE key of each side, ``zone`` that of this direction alone.
    """

    source: bytes
    destination: bytes
    source_port: int | None = None
    destination_port: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_id: int | None = None
    source_key: int | None = None
    destination_key: int | None = None
    zone: int | None = None


class Counters(t.NamedTuple):
    packets: int
    bytes: int


class Entry(t.NamedTuple):
    """``left`` are the seconds until it expires; None for a flow that was handed to a flow table (``OFFLOAD``).

    ``status`` holds the kernel's bits above, of which a line of /proc tells only some. ``state`` is a word of STATES or
    None. From ``tcp_flags`` on only ctnetlink tells: flags and window scales of both directions, the helper's name, the
    connection that it is expected by, labels.
    """

    family: int
    protocol: int
    left: int | None
    state: str | None
    status: int
    original: Tuple
    reply: Tuple
    mark: int | None = None
    zone: int = 0
    original_counters: Counters | None = None
    reply_counters: Counters | None = None
    security: str | None = None
    age: int | None = None
    use: int | None = None
    identity: int | None = None
    tcp_flags: tuple[int, int] | None = None
    window_scales: tuple[int, int] | None = None
    helper: str | None = None
    master: Tuple | None = None
    labels: bytes | None = None
