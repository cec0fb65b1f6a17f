# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of ctnetlink: one of this machine's kernel, each attribute by hand, and any bytes."""

from __future__ import annotations

import contextlib
import ipaddress
import struct

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import ctnetlink, netlink
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DCCP,
    GRE,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    SCTP,
    SEEN_REPLY,
    STATES,
    TCP,
    UDP,
    Counters,
    Entry,
    Tuple,
)
from hypothesis import given
from hypothesis import strategies as st

attribute, nested = netlink.attribute, netlink.nested

# Of Linux 6.18, with acct and timestamp: a connection over the loopback that was closed.
RECORDED = bytes.fromhex(
    "020000003400018014000180080001007f000001080002007f0000011c000280050001000600000006000200ab8e000006000300b2a10000"
    "3400028014000180080001007f000001080002007f0000011c000280050001000600000006000200b2a1000006000300ab8e0000"
    "080003000000000e080008000000000008000c009363fd2908000b00000000010800070000000077"
    "300004802c0001800500010007000000050002000a000000050003000a00000006000400230000000600050027000000"
    "1c0009800c00010000000000000000030c00020000000000000000a4"
    "1c000a800c00010000000000000000030c00020000000000000000a4"
    "100014800c00010018eba18e2c7f1e35"
)


def packed(text):
    return ipaddress.ip_address(text).packed


NEAR, FAR, NEAR6, FAR6 = packed("10.0.0.1"), packed("10.0.0.2"), packed("fd99::1"), packed("fd99::2")


def number(kind, value, size):
    return attribute(kind, value.to_bytes(size, "big"))


def ports(source, destination):
    return number(2, source, 2) + number(3, destination, 2)


def addresses(source, destination):
    first = 1 if len(source) == 4 else 3
    return nested(1, attribute(first, source), attribute(first + 1, destination))


def tuples(protocol=UDP, there=None, back=None, source=NEAR, destination=FAR, zones=(b"", b"")):
    """TUPLE_ORIG and TUPLE_REPLY."""
    there = ports(1, 2) if there is None else there
    back = ports(2, 1) if back is None else back
    name = number(1, protocol, 1)
    of_reply = {"source": destination, "destination": source}
    return nested(1, addresses(source, destination), nested(2, name, there), zones[0]) + nested(
        2, addresses(**of_reply), nested(2, name, back), zones[1]
    )


def read(*attributes, family=IPV4, first=None, **rest):
    data = struct.pack("=BBH", family, 0, 0) + (tuples() if first is None else first) + b"".join(attributes)
    # What stands around a message in its datagram is none of its business.
    framed = b"\xff" * 8 + data + b"\xff" * 8
    found = ctnetlink.entry(framed, netlink.Message(ctnetlink.NEW, 2, 8, 8 + len(data)), **rest)
    assert ctnetlink.entry(memoryview(framed), netlink.Message(ctnetlink.NEW, 2, 8, 8 + len(data)), **rest) == found
    return found


def recorded(data=RECORDED, **rest):
    return ctnetlink.entry(data, netlink.Message(ctnetlink.NEW, 2, 0, len(data)), **rest)


LOOPBACK = packed("127.0.0.1")
PLAIN = Entry(IPV4, UDP, None, None, 0, Tuple(NEAR, FAR, 1, 2), Tuple(FAR, NEAR, 2, 1))


def test_a_recorded_message():
    start = int.from_bytes(RECORDED[-8:], "big")
    assert recorded(now_ns=start + 3999999999) == Entry(
        IPV4,
        TCP,
        119,
        "TIME_WAIT",
        SEEN_REPLY | ASSURED | 1 << 3,
        Tuple(LOOPBACK, LOOPBACK, 43918, 45729),
        Tuple(LOOPBACK, LOOPBACK, 45729, 43918),
        mark=0,
        original_counters=Counters(3, 164),
        reply_counters=Counters(3, 164),
        age=3,
        use=1,
        identity=0x9363FD29,
        tcp_flags=(0x23, 0x27),
        window_scales=(10, 10),
    )


def test_what_is_not_told_is_none():
    assert read() == PLAIN


@pytest.mark.parametrize(
    "given, told",
    [
        (number(3, 0xC00E, 4), {"status": 0xC00E}),
        (number(7, 432000, 4), {"left": 432000}),
        (number(8, 0xFFFFFFFF, 4), {"mark": 0xFFFFFFFF}),
        (number(8, 0, 4), {"mark": 0}),
        (number(11, 2, 4), {"use": 2}),
        (number(12, 0x9363FD29, 4), {"identity": 0x9363FD29}),
        (number(18, 0xFFFE, 2), {"zone": 0xFFFE}),
        (nested(9, number(1, 1 << 40, 8), number(2, 1 << 50, 8)), {"original_counters": Counters(1 << 40, 1 << 50)}),
        (nested(10, number(1, 3, 8), number(2, 4, 8)), {"reply_counters": Counters(3, 4)}),
        (nested(9, number(3, 3, 4), number(4, 0xFFFFFFFF, 4)), {"original_counters": Counters(3, 0xFFFFFFFF)}),
        (nested(5, attribute(1, b"ftp\0")), {"helper": "ftp"}),
        (nested(5, attribute(1, b"ftp\0"), attribute(2, b"more")), {"helper": "ftp"}),
        (nested(5, attribute(1, b"ftp")), {"helper": "ftp"}),
        (nested(5, attribute(1, b"\xff\0")), {"helper": "\N{REPLACEMENT CHARACTER}"}),
        (nested(19, attribute(1, b"system_u:object_r:x_t:s0 a\0")), {"security": "system_u:object_r:x_t:s0 a"}),
        (number(17, 0, 4), {}),
        (number(17, 7, 4), {"security": "7"}),
        (attribute(22, bytes(15) + b"\x80"), {"labels": bytes(15) + b"\x80"}),
        (nested(14, addresses(FAR, NEAR), nested(2, number(1, 50, 1))), {"master": Tuple(FAR, NEAR)}),
        # What this collection has no use for, and what no kernel sends yet.
        (nested(24, number(1, 5, 4)), {}),
        (nested(15, number(1, 5, 4)), {}),
        (attribute(4000, b"?"), {}),
    ],
)  # fmt: skip
def test_each_attribute(given, told):
    assert read(given) == PLAIN._replace(**told)


@pytest.mark.parametrize("kind", [3, 4, 5, 7, 8, 9, 10, 11, 12, 17, 18, 19, 20])
@pytest.mark.parametrize("payload", [b"", b"\1", b"\1\1\1", bytes(9)])
def test_an_attribute_of_another_size_is_passed_over(kind, payload):
    try:
        assert read(attribute(kind, payload), now_ns=1) == PLAIN
    except netlink.Malformed:
        assert len(payload) == 9 and kind in (4, 5, 9, 10, 19, 20)


@pytest.mark.parametrize("info, protocol", [(1, TCP), (2, DCCP), (3, SCTP)])
def test_each_state(info, protocol):
    first = tuples(protocol)
    for value, word in enumerate(STATES[protocol]):
        assert read(nested(4, nested(info, number(1, value, 1))), first=first).state == word
    assert read(nested(4, nested(info, number(1, 200, 1))), first=first).state is None
    assert read(nested(4, nested(info)), first=first).state is None
    assert read(nested(4, nested(9, number(1, 1, 1))), first=first).state is None


def test_flags_and_window_scales_are_of_both_directions_or_none():
    inner = [number(2, 7, 1), number(3, 9, 1), attribute(4, b"\x23\0"), attribute(5, b"\x0b\0")]
    found = read(nested(4, nested(1, *inner)), first=tuples(TCP))
    assert (found.state, found.tcp_flags, found.window_scales) == (None, (0x23, 0x0B), (7, 9))
    for missing, at in enumerate(["window_scales", "window_scales", "tcp_flags", "tcp_flags"]):
        rest = inner[:missing] + inner[missing + 1 :]
        assert read(nested(4, nested(1, *rest)), first=tuples(TCP)) == found._replace(**{at: None})


def test_the_age_needs_to_know_what_time_it_is():
    start, end = number(1, 5_000_000_000, 8), number(2, 9_500_000_000, 8)
    assert read(nested(20, start)).age is None
    assert read(nested(20, start), now_ns=7_999_999_999).age == 2
    assert read(nested(20, start), now_ns=4_000_000_000).age == 0
    assert read(nested(20, start, end), now_ns=1).age == 4
    assert read(nested(20, number(1, 0, 8)), now_ns=7_000_000_000).age is None


@pytest.mark.parametrize("protocol", [TCP, UDP, DCCP, SCTP, 136])
@pytest.mark.parametrize("source, destination", [(NEAR, FAR), (NEAR6, FAR6)])
def test_tuples_with_ports(protocol, source, destination):
    first = tuples(protocol, ports(65535, 80), ports(80, 65535), source, destination)
    found = read(first=first, family=IPV4 if len(source) == 4 else IPV6)
    assert found.protocol == protocol
    assert found.original == Tuple(source, destination, 65535, 80)
    assert found.reply == Tuple(destination, source, 80, 65535)


def test_a_tuple_in_another_order_is_the_same():
    protocol = nested(2, ports(1, 2), number(1, UDP, 1))
    there = nested(1, attribute(2, FAR), attribute(1, NEAR))
    back = nested(1, attribute(2, NEAR), attribute(1, FAR))
    assert read(first=nested(1, protocol, there) + nested(2, nested(2, ports(2, 1), number(1, UDP, 1)), back)) == PLAIN
    # Older kernels do not say that an attribute is made of attributes.
    plain = bytearray(tuples())
    for place, byte in enumerate(plain):
        if byte == 0x80:
            plain[place] = 0
    assert read(first=bytes(plain)) == PLAIN


def test_tuples_of_icmp():
    there = number(4, 4660, 2) + number(5, 8, 1) + number(6, 0, 1)
    back = number(4, 4660, 2) + number(5, 0, 1) + number(6, 0, 1)
    found = read(first=tuples(ICMP, there, back))
    assert found.original == Tuple(NEAR, FAR, icmp_type=8, icmp_code=0, icmp_id=4660)
    assert found.reply == Tuple(FAR, NEAR, icmp_type=0, icmp_code=0, icmp_id=4660)
    there = number(7, 5, 2) + number(8, 128, 1) + number(9, 1, 1)
    back = number(7, 5, 2) + number(8, 129, 1) + number(9, 1, 1)
    found = read(first=tuples(ICMPV6, there, back, NEAR6, FAR6), family=IPV6)
    assert found.original == Tuple(NEAR6, FAR6, icmp_type=128, icmp_code=1, icmp_id=5)
    assert found.reply == Tuple(FAR6, NEAR6, icmp_type=129, icmp_code=1, icmp_id=5)


def test_tuples_of_gre_have_keys_and_of_others_nothing():
    found = read(first=tuples(GRE, ports(0, 31), ports(31, 0)))
    assert found.original == Tuple(NEAR, FAR, source_key=0, destination_key=31)
    assert found.reply == Tuple(FAR, NEAR, source_key=31, destination_key=0)
    assert read(first=tuples(50, b"", b"")).original == Tuple(NEAR, FAR)


@pytest.mark.parametrize("payload", [b"", b"\1", bytes(4), bytes(16)])
def test_what_is_unknown_within_a_tuple_is_passed_over(payload):
    more = attribute(77, payload)
    there = nested(1, attribute(1, NEAR), attribute(2, FAR), more)
    back = nested(1, attribute(1, FAR), attribute(2, NEAR), more)
    name = number(1, UDP, 1)
    first = nested(1, there, nested(2, name, ports(1, 2), more), more) + nested(2, back, nested(2, name, ports(2, 1)))
    assert read(first=first) == PLAIN
    # A port of another size is none.
    first = nested(1, there, nested(2, name, attribute(2, payload))) + nested(2, back, nested(2, name, ports(2, 1)))
    assert read(first=first) == PLAIN._replace(original=Tuple(NEAR, FAR))
    # An address of another size, or a second one of another family, neither.
    odd = nested(1, attribute(1, NEAR), attribute(1, payload + b"?"), attribute(2, FAR))
    assert (
        read(first=nested(1, odd, nested(2, name, ports(1, 2))) + nested(2, back, nested(2, name, ports(2, 1))))
        == PLAIN
    )


def test_zones_of_one_direction():
    zone = number(3, 8, 2)
    assert read(first=tuples(zones=(zone, b""))) == PLAIN._replace(original=PLAIN.original._replace(zone=8))
    assert read(first=tuples(zones=(b"", zone))) == PLAIN._replace(reply=PLAIN.reply._replace(zone=8))


@pytest.mark.parametrize(
    "first, family",
    [
        (b"", IPV4),
        (nested(1, addresses(NEAR, FAR), nested(2, number(1, UDP, 1))), IPV4),
        (nested(1) + nested(2), IPV4),
        (nested(1, addresses(NEAR, FAR)) + nested(2, addresses(FAR, NEAR)), IPV4),
        (tuples(50, b"", b"", NEAR, FAR6), IPV4),
        (tuples(50, b"", b"", NEAR6, FAR6), IPV4),
        (tuples(source=NEAR, destination=FAR), IPV6),
        (tuples(), 7),
        (tuples() + nested(14), IPV4),
    ],
)
def test_a_message_without_its_tuples_is_malformed(first, family):
    with pytest.raises(netlink.Malformed):
        read(first=first, family=family)


def test_a_message_that_is_cut_off_is_malformed_or_tells_less():
    whole = recorded(now_ns=1 << 61)
    for length in range(len(RECORDED)):
        try:
            less = recorded(RECORDED[:length], now_ns=1 << 61)
        except netlink.Malformed:
            continue
        # Between two attributes nothing shows that more would follow.
        assert all(told in (there, None, 0) for told, there in zip(less, whole))


def test_every_message_of_a_datagram():
    datagram = netlink.message(ctnetlink.NEW, 2, 1, RECORDED) * 3
    found = [ctnetlink.entry(datagram, message) for message in netlink.messages(datagram)]
    assert found == [recorded()] * 3


@given(st.lists(st.tuples(st.integers(0, len(RECORDED)), st.integers(0, 4), st.binary(max_size=6)), max_size=5))
def test_any_message_gives_an_entry_or_is_malformed(changes):
    data = RECORDED
    for place, length, piece in changes:
        data = data[:place] + piece + data[place + length :]
    try:
        found = recorded(data, now_ns=1)
    except netlink.Malformed:
        return
    assert isinstance(found, Entry)
    assert all(len(part) == {IPV4: 4, IPV6: 16}[found.family] for side in found[5:7] for part in side[:2])


@given(st.recursive(st.binary(max_size=20), lambda inner: st.lists(st.tuples(st.integers(0, 30), inner), max_size=6)))
def test_any_attributes_give_an_entry_or_are_malformed(tree):
    def build(node):
        if isinstance(node, bytes):
            return node
        return b"".join(attribute(kind, build(inner)) for kind, inner in node)

    data = build(tree)[:60000]
    for payload in (data, bytes(4) + data, b"\2\0\0\0" + tuples() + data):
        with contextlib.suppress(netlink.Malformed):
            assert isinstance(recorded(payload), Entry)


def test_the_request_only_reads():
    assert ctnetlink.request() == struct.pack("=IHHII4x", 20, 0x101, 0x301, 1, 0)
    assert ctnetlink.request(IPV6, 7, b"filters!") == struct.pack(
        "=IHHIIB3x8s", 28, 0x101, 0x301, 7, 0, IPV6, b"filters!"
    )


def parsed(data):
    """Attributes as a dict, those within others as dicts."""
    found = {}
    for kind, start, end in netlink.attributes(data, 0, len(data)):
        inner = data[start:end]
        is_nested = struct.unpack_from("=H", data, start - 2)[0] & netlink.NESTED
        found[kind] = parsed(inner) if is_nested else inner
    return found


def test_filters_by_number():
    assert parsed(ctnetlink.mark_filter(0x2A)) == {8: b"\0\0\0\x2a", 21: b"\xff\xff\xff\xff"}
    assert parsed(ctnetlink.status_filter(0, ASSURED)) == {3: bytes(4), 26: b"\0\0\0\4"}
    # What lies outside the mask would let nothing through.
    assert parsed(ctnetlink.status_filter(7, ASSURED)) == {3: b"\0\0\0\4", 26: b"\0\0\0\4"}


def test_a_filter_by_tuple():
    def flags(bits):
        return {1: struct.pack("=I", bits)}

    assert parsed(ctnetlink.tuple_filter(IPV4)) == {1: {}, 25: flags(0)}
    assert parsed(ctnetlink.tuple_filter(IPV4, source=NEAR)) == {1: {1: {1: NEAR}}, 25: flags(1)}
    assert parsed(ctnetlink.tuple_filter(IPV4, destination=FAR)) == {1: {1: {2: FAR}}, 25: flags(2)}
    assert parsed(ctnetlink.tuple_filter(IPV4, TCP)) == {1: {2: {1: b"\6"}}, 25: flags(8)}
    there, back = {1: b"\6", 2: b"\1\2"}, {1: b"\6", 3: b"\1\2"}
    assert parsed(ctnetlink.tuple_filter(IPV4, TCP, source_port=258)) == {1: {2: there}, 25: flags(24)}
    assert parsed(ctnetlink.tuple_filter(IPV4, TCP, destination_port=258)) == {1: {2: back}, 25: flags(40)}
    assert parsed(ctnetlink.tuple_filter(IPV4, UDP, NEAR, FAR, 258, 53)) == {
        1: {1: {1: NEAR, 2: FAR}, 2: {1: b"\x11", 2: b"\1\2", 3: b"\0\x35"}},
        25: flags(0b111011),
    }


def test_the_kernel_is_not_asked_what_it_refuses_or_answers_wrongly():
    assert ctnetlink.tuple_filter(IPV4, source_port=5) == ctnetlink.tuple_filter(IPV4)
    assert ctnetlink.tuple_filter(IPV6, TCP, NEAR6, FAR6, 5) == ctnetlink.tuple_filter(IPV6, TCP, source_port=5)
