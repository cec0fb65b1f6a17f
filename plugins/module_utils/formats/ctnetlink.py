# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table as ctnetlink tells it: the request for all entries, or for some, and an entry from each message.

A payload is 4 bytes of struct nfgenmsg, of which the first is the family, and attributes, whose numbers are in network
order. Nothing here changes the table: GET_CTRZERO (3) sets counters back, and DELETE (2) with a filter that the kernel
does not know empties it. Sources: include/uapi/linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h,
net/netfilter/nf_conntrack_netlink.c.
"""

from __future__ import annotations

import struct
import typing as t

from . import netlink
from .conntrack_entry import DCCP, GRE, IPV4, IPV6, SCTP, STATES, TCP, Counters, Entry, Tuple

# Of nlmsghdr's type the upper byte is the subsystem.
SUBSYSTEM = 1
NEW, GET = SUBSYSTEM << 8 | 0, SUBSYSTEM << 8 | 1

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_HELP = 1, 2, 3, 4, 5
CTA_TIMEOUT, CTA_MARK, CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY, CTA_USE, CTA_ID = 7, 8, 9, 10, 11, 12
CTA_TUPLE_MASTER, CTA_SECMARK, CTA_ZONE, CTA_SECCTX, CTA_TIMESTAMP = 14, 17, 18, 19, 20
CTA_MARK_MASK, CTA_LABELS, CTA_FILTER, CTA_STATUS_MASK = 21, 22, 25, 26

CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_TUPLE_ZONE = 1, 2, 3
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = 1, 2, 3, 4
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE = 4, 5, 6
CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE = 7, 8, 9

CTA_PROTOINFO_TCP, CTA_PROTOINFO_DCCP, CTA_PROTOINFO_SCTP = 1, 2, 3
# Of all three.
CTA_PROTOINFO_STATE = 1
CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, CTA_PROTOINFO_TCP_WSCALE_REPLY = 2, 3
CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY = 4, 5

CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES, CTA_COUNTERS32_PACKETS, CTA_COUNTERS32_BYTES = 1, 2, 3, 4
CTA_HELP_NAME = CTA_SECCTX_NAME = 1
CTA_TIMESTAMP_START, CTA_TIMESTAMP_STOP = 1, 2
CTA_FILTER_ORIG_FLAGS, CTA_FILTER_REPLY_FLAGS = 1, 2

# Which parts of the tuple a filter compares, as CTA_FILTER_*_FLAGS has it.
_FILTER_SOURCE, _FILTER_DESTINATION, _FILTER_PROTOCOL = 1 << 0, 1 << 1, 1 << 3
_FILTER_SOURCE_PORT, _FILTER_DESTINATION_PORT = 1 << 4, 1 << 5

_GENERIC = 4
_SECOND = 1000000000
_PROTOCOLS = {CTA_PROTOINFO_TCP: TCP, CTA_PROTOINFO_DCCP: DCCP, CTA_PROTOINFO_SCTP: SCTP}

# By attribute, where in a Tuple it goes, and how many bytes it has.
_ADDRESSES = {CTA_IP_V4_SRC: (0, 4), CTA_IP_V4_DST: (1, 4), CTA_IP_V6_SRC: (0, 16), CTA_IP_V6_DST: (1, 16)}
_NUMBERS = {
    CTA_PROTO_SRC_PORT: (2, 2),
    CTA_PROTO_DST_PORT: (3, 2),
    CTA_PROTO_ICMP_TYPE: (4, 1),
    CTA_PROTO_ICMP_CODE: (5, 1),
    CTA_PROTO_ICMP_ID: (6, 2),
    CTA_PROTO_ICMPV6_TYPE: (4, 1),
    CTA_PROTO_ICMPV6_CODE: (5, 1),
    CTA_PROTO_ICMPV6_ID: (6, 2),
}
_ZONE = Tuple._fields.index("zone")
_PORTS, _KEYS = slice(2, 4), slice(7, 9)
_SIZES = {IPV4: 4, IPV6: 16}


def _layout(size: int, source: int, destination: int) -> tuple[struct.Struct, tuple[bytes, ...]]:
    """A tuple with ports as every kernel lays it out: its fields, and the headers between them."""
    header = netlink.ATTRIBUTE.pack
    within = netlink.ATTRIBUTE.size + size
    return struct.Struct(">8s%ds4s%ds8sB3x4sH2x4sH2x" % (size, size)), (
        header(4 + 2 * within, CTA_TUPLE_IP | netlink.NESTED) + header(within, source),
        header(within, destination),
        header(28, CTA_TUPLE_PROTO | netlink.NESTED) + header(5, CTA_PROTO_NUM),
        header(6, CTA_PROTO_SRC_PORT),
        header(6, CTA_PROTO_DST_PORT),
    )


# By family. Most tuples are of these two forms, and one look at the whole takes a tenth of the time of a walk.
_LAYOUTS = {IPV4: _layout(4, CTA_IP_V4_SRC, CTA_IP_V4_DST), IPV6: _layout(16, CTA_IP_V6_SRC, CTA_IP_V6_DST)}

_Found = t.Dict[int, netlink.Attribute]


def request(family: int = 0, sequence: int = 1, filters: bytes = b"") -> bytes:
    """A message that asks for all entries, of one family or of both (0), that pass the filters.

    Filters are what the functions below give, one after another. A kernel that does not know one ignores it and sends
    everything; one that knows some sets DUMP_FILTERED (5.8 and later) on what it sends.
    """
    payload = struct.pack("=BBH", family, 0, 0) + filters
    return netlink.message(GET, netlink.REQUEST | netlink.DUMP, sequence, payload)


def mark_filter(value: int) -> bytes:
    """Entries with this mark. From Linux 3.6 on."""
    return _number32(CTA_MARK, value) + _number32(CTA_MARK_MASK, 0xFFFFFFFF)


def status_filter(value: int, mask: int) -> bytes:
    """Entries whose status, where the mask has bits, is this one. From Linux 5.15 on; a mask of 0 is refused there."""
    return _number32(CTA_STATUS, value & mask) + _number32(CTA_STATUS_MASK, mask)


def tuple_filter(
    family: int,
    protocol: int | None = None,
    source: bytes | None = None,
    destination: bytes | None = None,
    source_port: int | None = None,
    destination_port: int | None = None,
) -> bytes:
    """Entries whose original direction has what is given, and others. From Linux 5.8 on.

    What comes back still has to be looked at: the kernel compares the ports of TCP and UDP only, and IPv6 addresses are
    not asked for, as it gives just the entries with any other address (to 6.18 at least, ctnetlink_filter_match_tuple).
    It takes ports only together with a protocol, and all of this only where the request is for the same family.
    """
    addresses, numbers, flags = [], [], 0
    if source is not None and family == IPV4:
        flags |= _FILTER_SOURCE
        addresses.append(netlink.attribute(CTA_IP_V4_SRC, source))
    if destination is not None and family == IPV4:
        flags |= _FILTER_DESTINATION
        addresses.append(netlink.attribute(CTA_IP_V4_DST, destination))
    if protocol is not None:
        flags |= _FILTER_PROTOCOL
        numbers.append(netlink.attribute(CTA_PROTO_NUM, struct.pack("=B", protocol)))
        if source_port is not None:
            flags |= _FILTER_SOURCE_PORT
            numbers.append(netlink.attribute(CTA_PROTO_SRC_PORT, struct.pack(">H", source_port)))
        if destination_port is not None:
            flags |= _FILTER_DESTINATION_PORT
            numbers.append(netlink.attribute(CTA_PROTO_DST_PORT, struct.pack(">H", destination_port)))
    within = [netlink.nested(CTA_TUPLE_IP, *addresses)] if addresses else []
    if numbers:
        within.append(netlink.nested(CTA_TUPLE_PROTO, *numbers))
    # Alone among all these numbers, the flags are in the byte order of the machine.
    compared = netlink.attribute(CTA_FILTER_ORIG_FLAGS, struct.pack("=I", flags))
    return netlink.nested(CTA_TUPLE_ORIG, *within) + netlink.nested(CTA_FILTER, compared)


def _number32(kind: int, value: int) -> bytes:
    return netlink.attribute(kind, struct.pack(">I", value))


def entry(data: t.Any, message: netlink.Message, now_ns: int | None = None) -> Entry:
    """The entry of a message of kind NEW. ``now_ns`` is the host's time since 1970, without which there is no age.

    Attributes that are unknown or have another size than the kernel gives them count as not there. Raises Malformed
    where they do not fit into the message, or where the addresses or the protocol are not among them.
    """
    if message.end - message.start < _GENERIC:
        raise netlink.Malformed("%d bytes are too few for an entry" % (message.end - message.start))
    family = data[message.start]
    found = _attributes(data, message.start + _GENERIC, message.end)
    protocol, original = _tuple(data, found.get(CTA_TUPLE_ORIG), family)
    _same, reply = _tuple(data, found.get(CTA_TUPLE_REPLY), family)
    state, flags, scales = None, None, None
    if CTA_PROTOINFO in found:
        state, flags, scales = _protocol_state(data, found[CTA_PROTOINFO])
    return Entry(
        family,
        protocol,
        _number(data, found.get(CTA_TIMEOUT), 4),
        state,
        _number(data, found.get(CTA_STATUS), 4) or 0,
        original,
        reply,
        _number(data, found.get(CTA_MARK), 4),
        _number(data, found.get(CTA_ZONE), 2) or 0,
        _counters(data, found.get(CTA_COUNTERS_ORIG)),
        _counters(data, found.get(CTA_COUNTERS_REPLY)),
        _security(data, found),
        _age(data, found.get(CTA_TIMESTAMP), now_ns),
        _number(data, found.get(CTA_USE), 4),
        _number(data, found.get(CTA_ID), 4),
        flags,
        scales,
        _text(data, found.get(CTA_HELP), CTA_HELP_NAME),
        _tuple(data, found[CTA_TUPLE_MASTER], family)[1] if CTA_TUPLE_MASTER in found else None,
        bytes(data[found[CTA_LABELS].start : found[CTA_LABELS].end]) if CTA_LABELS in found else None,
    )


def _attributes(data: t.Any, start: int, end: int) -> _Found:
    return {found.kind: found for found in netlink.attributes(data, start, end)}


def _within(data: t.Any, outer: netlink.Attribute) -> _Found:
    return _attributes(data, outer.start, outer.end)


def _number(data: t.Any, found: netlink.Attribute | None, size: int) -> int | None:
    if found is None or found.end - found.start != size:
        return None
    return int.from_bytes(data[found.start : found.end], "big")


def _text(data: t.Any, outer: netlink.Attribute | None, kind: int) -> str | None:
    """A text that ends with a zero, alone within an attribute."""
    found = _within(data, outer).get(kind) if outer else None
    return bytes(data[found.start : found.end]).split(b"\0")[0].decode("utf-8", "replace") if found else None


def _tuple(data: t.Any, outer: netlink.Attribute | None, family: int) -> tuple[int, Tuple]:
    """The protocol and the rest."""
    if outer is None:
        raise netlink.Malformed("an entry without a tuple")
    layout = _LAYOUTS.get(family)
    if layout and outer.end - outer.start == layout[0].size:
        one, source, two, destination, three, protocol, four, port, five, other_port = layout[0].unpack_from(
            data, outer.start
        )
        if (one, two, three, four, five) == layout[1] and protocol != GRE:
            return protocol, Tuple(source, destination, port, other_port)
    parts: list[t.Any] = [None] * len(Tuple._fields)
    number = None
    for part in netlink.attributes(data, outer.start, outer.end):
        if part.kind == CTA_TUPLE_IP:
            for found in netlink.attributes(data, part.start, part.end):
                place, size = _ADDRESSES.get(found.kind, (0, -1))
                if found.end - found.start == size:
                    parts[place] = bytes(data[found.start : found.end])
        elif part.kind == CTA_TUPLE_PROTO:
            for found in netlink.attributes(data, part.start, part.end):
                if found.kind == CTA_PROTO_NUM:
                    number = _number(data, found, 1)
                elif found.kind in _NUMBERS:
                    place, size = _NUMBERS[found.kind]
                    parts[place] = _number(data, found, size)
        elif part.kind == CTA_TUPLE_ZONE:
            parts[_ZONE] = _number(data, part, 2)
    size = _SIZES.get(family)
    if number is None or parts[0] is None or parts[1] is None or not len(parts[0]) == len(parts[1]) == size:
        raise netlink.Malformed("a tuple of family %d without its addresses and protocol" % family)
    if number == GRE:
        # Its keys go by the names of ports.
        parts[_KEYS], parts[_PORTS] = parts[_PORTS], parts[_KEYS]
    return number, Tuple._make(parts)


def _protocol_state(
    data: t.Any, outer: netlink.Attribute
) -> tuple[str | None, tuple[int, int] | None, tuple[int, int] | None]:
    """The state's word, TCP's flags and window scales. Of two bytes of flags the first tells what was seen."""
    for info in netlink.attributes(data, outer.start, outer.end):
        words = STATES.get(_PROTOCOLS.get(info.kind, 0))
        if words is None:
            continue
        found = _within(data, info)
        state = _number(data, found.get(CTA_PROTOINFO_STATE), 1)
        word = words[state] if state is not None and state < len(words) else None
        if info.kind != CTA_PROTOINFO_TCP:
            return word, None, None
        there = _number(data, found.get(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL), 2)
        back = _number(data, found.get(CTA_PROTOINFO_TCP_FLAGS_REPLY), 2)
        flags = None if there is None or back is None else (there >> 8, back >> 8)
        there = _number(data, found.get(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL), 1)
        back = _number(data, found.get(CTA_PROTOINFO_TCP_WSCALE_REPLY), 1)
        return word, flags, None if there is None or back is None else (there, back)
    return None, None, None


def _counters(data: t.Any, outer: netlink.Attribute | None) -> Counters | None:
    """Of 64 bits, or of 32 from kernels up to 2.6.26, where they wrapped."""
    if outer is None:
        return None
    found = _within(data, outer)
    packets = _number(data, found.get(CTA_COUNTERS_PACKETS), 8)
    size = _number(data, found.get(CTA_COUNTERS_BYTES), 8)
    if packets is None or size is None:
        packets = _number(data, found.get(CTA_COUNTERS32_PACKETS), 4)
        size = _number(data, found.get(CTA_COUNTERS32_BYTES), 4)
    return None if packets is None or size is None else Counters(packets, size)


def _security(data: t.Any, found: _Found) -> str | None:
    """The context, or the number that kernels up to 2.6.36 give for it, where it is one."""
    mark = _number(data, found.get(CTA_SECMARK), 4)
    return _text(data, found.get(CTA_SECCTX), CTA_SECCTX_NAME) or (str(mark) if mark else None)


def _age(data: t.Any, outer: netlink.Attribute | None, now_ns: int | None) -> int | None:
    if outer is None:
        return None
    found = _within(data, outer)
    start = _number(data, found.get(CTA_TIMESTAMP_START), 8)
    end = _number(data, found.get(CTA_TIMESTAMP_STOP), 8) or now_ns
    return max(0, end - start) // _SECOND if start and end else None
