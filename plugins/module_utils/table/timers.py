# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which timeout an entry's timer was set to when its last packet came, by the name that conntrack_settings takes.

Source: nf_conntrack_tcp_packet, nf_conntrack_udp_packet and their like in net/netfilter/nf_conntrack_proto_*.c.
"""

from __future__ import annotations

import typing as t

from ..formats.conntrack_entry import DCCP, GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE
from .census import Kind

_BY_STATE = {TCP: "tcp_timeout_", SCTP: "sctp_timeout_", DCCP: "dccp_timeout_"}
_FIXED = {ICMP: "icmp_timeout", ICMPV6: "icmpv6_timeout"}
# Longer once packets have gone both ways for a while, which is when an entry is assured.
_STREAMS = {UDP: "udp_timeout", UDPLITE: "udplite_timeout", GRE: "gre_timeout"}


def setting(kind: Kind, timeouts: t.Mapping[str, int]) -> str | None:
    """None for flows that a flow table keeps. ``timeouts`` are those that the host has, in seconds."""
    if kind.offloaded:
        return None
    if kind.protocol in _BY_STATE:
        name = _BY_STATE[kind.protocol] + (kind.state or "none").lower()
        cut = timeouts.get("tcp_timeout_unacknowledged")
        if kind.unacknowledged and cut is not None and timeouts.get(name, 0) > cut:
            return "tcp_timeout_unacknowledged"
        return name
    if kind.protocol in _FIXED:
        return _FIXED[kind.protocol]
    if kind.protocol not in _STREAMS:
        return "generic_timeout"
    name = _STREAMS[kind.protocol] + ("_stream" if kind.assured else "")
    # UDP-Lite has had the timeouts of UDP since 4.12.
    return name if name in timeouts or kind.protocol != UDPLITE else name.replace("udplite", "udp")
