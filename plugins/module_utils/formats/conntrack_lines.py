# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of /proc/net/nf_conntrack or /proc/net/ip_conntrack, of every kernel from 2.4 on.

A table has up to millions of lines: one expression takes each apart, and every part of it is of bounded length, so
that no line takes longer than its length deserves. Source: ct_seq_show in net/netfilter/nf_conntrack_standalone.c, its
ip_conntrack ancestors in net/ipv4/netfilter/ip_conntrack_standalone.c, and the protocols' print_tuple.
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_pton

from .conntrack_entry import (
    ASSURED,
    DST_NAT,
    HW_OFFLOAD,
    IPV4,
    IPV6,
    OFFLOAD,
    SEEN_REPLY,
    SRC_NAT,
    Counters,
    Entry,
    Tuple,
)

# The second number's name follows from the first one's.
_TUPLE = (
    r" src=([0-9a-f.:]{2,45}) dst=([0-9a-f.:]{2,45})"
    r"(?: (sport|type|srckey)=([0-9a-fx]{1,10}) (?:dport|code|dstkey)=([0-9a-fx]{1,10})(?: id=([0-9]{1,5}))?)?"
    r"(?: zone-(?:orig|reply)=([0-9]{1,5}))?"
    r"(?: packets=([0-9]{1,20}) bytes=([0-9]{1,20}))?"
)
# Seconds, state, and the timeouts that only GRE prints are all missing where a flow is offloaded. A security context
# may be any text, so that it ends where the rest of the line fits.
_LINE = re.compile(
    r"(?:ipv[46] {1,8}([0-9]{1,3}) )?[a-z][a-z0-9-]{0,15} {1,16}([0-9]{1,3})(?: (-?[0-9]{1,20}))?"
    r"(?: ([A-Z][A-Z0-9_]{1,30}))?(?: timeout=[0-9]{1,10}, stream_timeout=[0-9]{1,10})?"
    + _TUPLE
    + r"( \[UNREPLIED\])?"
    + _TUPLE
    + r"(?: \[(ASSURED|OFFLOAD|HW_OFFLOAD)\])?"
    r"(?: mark=([0-9]{1,10}))?(?: secmark=([0-9]{1,10}))?(?: secctx=(.*?))?"
    r"(?: zone=([0-9]{1,5}))?(?: delta-time=([0-9]{1,20}))? use=([0-9]{1,10}) ?\n?\Z",
    re.DOTALL,
)
_FAMILIES = {"2": IPV4, "10": IPV6, None: IPV4}
_FLAGS = {None: 0, "ASSURED": ASSURED, "OFFLOAD": OFFLOAD, "HW_OFFLOAD": HW_OFFLOAD}

# A named tuple's own constructor takes twice as long, and a line makes five.
_new = tuple.__new__
_NO_MORE = (None,) * (Tuple._fields.index("zone") - Tuple._fields.index("icmp_type"))
_ONLY_NETLINK = (None,) * (len(Entry._fields) - Entry._fields.index("identity"))

# Where (expires - jiffies) / HZ came out unsigned: a little less than one of these, for each HZ that was in use then,
# says that the entry is overdue. Nobody has a timeout of more than _LONGEST seconds.
_WRAPS = tuple((1 << 32) // hz for hz in (100, 128, 250, 300, 512, 1000, 1024))
_LONGEST, _OVERDUE = 1 << 32, 3600


def entry(line: str) -> Entry | None:
    """None for what is no entry: an expectation of Linux 2.4 ("EXPECTING: ..."), a line that is cut off.

    Of ``status`` the line tells whether there was a reply, and ASSURED only where the flow is not offloaded; whether
    addresses are translated follows from the two tuples. ``security`` is the context, or the number that older kernels
    print for it.
    """
    match = _LINE.match(line)
    if match is None:
        return None
    (
        level3, protocol, left, state,
        source, destination, ports, first, second, icmp_id, zone_there, packets, size,
        unreplied,
        back_source, back_destination, back_ports, back_first, back_second, back_id, zone_back, back_packets, back_size,
        flag, mark, secmark, security, zone, age, use,
    ) = match.groups()  # fmt: skip
    family = _FAMILIES.get(level3)
    if family is None or ports != back_ports:
        return None
    # Mostly the reply is the mirror of the original. The kernel writes an address in one way only, so texts compare.
    pack = AF_INET if family == IPV4 else AF_INET6
    status = _FLAGS[flag] if unreplied else _FLAGS[flag] | SEEN_REPLY
    try:
        here, there = back_there, back_here = inet_pton(pack, source), inet_pton(pack, destination)
        if source != back_destination:
            status |= SRC_NAT
            back_there = inet_pton(pack, back_destination)
        if destination != back_source:
            status |= DST_NAT
            back_here = inet_pton(pack, back_source)
        if ports == "sport":
            one, two = back_two, back_one = int(first), int(second)
            if first != back_second:
                status |= SRC_NAT
                back_two = int(back_second)
            if second != back_first:
                status |= DST_NAT
                back_one = int(back_first)
            numbers, back_numbers = (one, two) + _NO_MORE, (back_one, back_two) + _NO_MORE
        else:
            numbers = _numbers(ports, first, second, icmp_id)
            back_numbers = _numbers(ports, back_first, back_second, back_id)
            if (icmp_id != back_id) if ports == "type" else (first != back_second):
                status |= SRC_NAT
            if ports == "srckey" and second != back_first:
                status |= DST_NAT
    except (OSError, ValueError):
        return None
    return _new(
        Entry,
        (
            family,
            int(protocol),
            _seconds(left, level3) if left else None,
            state,
            status,
            _new(Tuple, (here, there) + numbers + (int(zone_there) if zone_there else None,)),
            _new(Tuple, (back_here, back_there) + back_numbers + (int(zone_back) if zone_back else None,)),
            int(mark) if mark else None,
            int(zone) if zone else 0,
            _new(Counters, (int(packets), int(size))) if packets else None,
            _new(Counters, (int(back_packets), int(back_size))) if back_packets else None,
            security or (secmark if secmark != "0" else None),
            int(age) if age else None,
            int(use),
        )
        + _ONLY_NETLINK,
    )


def _numbers(ports: str | None, first: str, second: str, icmp_id: str | None) -> tuple[int | None, ...]:
    """Of a Tuple what is between the addresses and the zone, where it has no ports."""
    if ports == "type":
        return None, None, int(first), int(second), int(icmp_id) if icmp_id else None, None, None
    if ports == "srckey":
        return None, None, None, None, None, int(first, 16), int(second, 16)
    return None, None, None, None, None, None, None


def _seconds(text: str, level3: str | None) -> int:
    """What is left of a timeout, 0 where it is over. Only ip_conntrack, without the columns of level 3, wrapped."""
    number = int(text)
    if not 0 <= number < _LONGEST:
        return 0
    if level3 is None and number > _OVERDUE and any(0 <= wrap - number < _OVERDUE for wrap in _WRAPS):
        return 0
    return number
