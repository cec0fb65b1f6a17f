# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of every generation, every field of them, and any text in bounded time."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import conntrack_lines
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    HW_OFFLOAD,
    IPV4,
    IPV6,
    OFFLOAD,
    PROTOCOLS,
    SEEN_REPLY,
    SRC_NAT,
    STATES,
    TCP,
    Counters,
    Entry,
    Tuple,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def packed(text):
    return ipaddress.ip_address(text).packed


def both(one, other, **original):
    """The two tuples of a flow without translation; keywords are the original's."""
    back = dict(original)
    for there, here in (("source_port", "destination_port"), ("source_key", "destination_key")):
        if there in original:
            back[there], back[here] = original[here], original[there]
    return Tuple(packed(one), packed(other), **original), Tuple(packed(other), packed(one), **back)


def ports(source, destination):
    return {"source_port": source, "destination_port": destination}


def flow(protocol, left, state, status, tuples, *, family=IPV4, counters=None, **rest):
    there, back = counters or (None, None)
    return Entry(
        family, protocol, left, state, status, *tuples,
        original_counters=there and Counters(*there), reply_counters=back and Counters(*back), **rest,
    )  # fmt: skip


NEAR, FAR = "10.99.0.1", "10.99.0.2"
FULL = "fd99:0000:0000:0000:0000:0000:0000:000"
# The newest kernels' fields behind the second tuple.
NEW = {"mark": 0, "age": 0, "use": 2}

SAMPLES = {
    "tcp of 2.4": (
        "tcp      6 431990 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1025 dport=80 "
        "src=10.0.0.2 dst=10.0.0.1 sport=80 dport=1025 [ASSURED] use=1 \n",
        flow(TCP, 431990, "ESTABLISHED", SEEN_REPLY | ASSURED, both("10.0.0.1", "10.0.0.2", **ports(1025, 80)), use=1),
    ),
    "udp of 2.6.9": (
        "udp      17 25 src=10.0.0.1 dst=10.0.0.2 sport=1026 dport=53 packets=1 bytes=60 [UNREPLIED] "
        "src=10.0.0.2 dst=10.0.0.1 sport=53 dport=1026 packets=0 bytes=0 use=1\n",
        flow(17, 25, None, 0, both("10.0.0.1", "10.0.0.2", **ports(1026, 53)), counters=((1, 60), (0, 0)), use=1),
    ),
    "tcp of 2.6.18": (
        "tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1025 dport=22 packets=10 bytes=900 "
        "src=10.0.0.2 dst=10.0.0.1 sport=22 dport=1025 packets=9 bytes=1200 [ASSURED] mark=0 secmark=0 use=1\n",
        flow(
            TCP, 431999, "ESTABLISHED", SEEN_REPLY | ASSURED, both("10.0.0.1", "10.0.0.2", **ports(1025, 22)),
            counters=((10, 900), (9, 1200)), mark=0, use=1,
        ),
    ),
    "tcp of 2.6.32": (
        "ipv4     2 tcp      6 363090 ESTABLISHED src=192.0.2.1 dst=192.0.2.9 sport=80 dport=63423 [UNREPLIED] "
        "src=192.0.2.9 dst=192.0.2.1 sport=63423 dport=80 mark=0 secmark=0 use=2\n",
        flow(TCP, 363090, "ESTABLISHED", 0, both("192.0.2.1", "192.0.2.9", **ports(80, 63423)), mark=0, use=2),
    ),
    "tcp": (
        "ipv4     2 tcp      6 76 ESTABLISHED src=10.99.0.1 dst=10.99.0.2 sport=50280 dport=8080 packets=4 bytes=221 "
        "src=10.99.0.2 dst=10.99.0.1 sport=8080 dport=50280 packets=3 bytes=1164 [ASSURED] mark=0 zone=0 "
        "delta-time=0 use=2\n",
        flow(
            TCP, 76, "ESTABLISHED", SEEN_REPLY | ASSURED, both(NEAR, FAR, **ports(50280, 8080)),
            counters=((4, 221), (3, 1164)), **NEW,
        ),
    ),
    "tcp that begins": (
        "ipv4     2 tcp      6 119 SYN_SENT src=10.99.0.1 dst=10.99.0.77 sport=36448 dport=81 packets=1 bytes=60 "
        "[UNREPLIED] src=10.99.0.77 dst=10.99.0.1 sport=81 dport=36448 packets=0 bytes=0 mark=0 zone=0 delta-time=0 "
        "use=3\n",
        flow(
            TCP, 119, "SYN_SENT", 0, both(NEAR, "10.99.0.77", **ports(36448, 81)), counters=((1, 60), (0, 0)),
            mark=0, age=0, use=3,
        ),
    ),
    "udp without acct": (
        "ipv4     2 udp      17 29 src=127.0.0.1 dst=127.0.0.1 sport=36701 dport=5001 [UNREPLIED] "
        "src=127.0.0.1 dst=127.0.0.1 sport=5001 dport=36701 mark=0 zone=0 use=2\n",
        flow(17, 29, None, 0, both("127.0.0.1", "127.0.0.1", **ports(36701, 5001)), mark=0, use=2),
    ),
    "udp with a reply": (
        "ipv4     2 udp      17 28 src=10.99.0.1 dst=10.99.0.2 sport=53833 dport=5353 packets=1 bytes=29 "
        "src=10.99.0.2 dst=10.99.0.1 sport=5353 dport=53833 packets=1 bytes=29 mark=0 zone=0 delta-time=0 use=2\n",
        flow(17, 28, None, SEEN_REPLY, both(NEAR, FAR, **ports(53833, 5353)), counters=((1, 29), (1, 29)), **NEW),
    ),
    "mark and zone": (
        "ipv4     2 udp      17 29 src=10.99.0.1 dst=10.99.0.2 sport=33870 dport=7001 packets=1 bytes=29 [UNREPLIED] "
        "src=10.99.0.2 dst=10.99.0.1 sport=7001 dport=33870 packets=0 bytes=0 mark=42 zone=7 delta-time=0 use=2\n",
        flow(
            17, 29, None, 0, both(NEAR, FAR, **ports(33870, 7001)), counters=((1, 29), (0, 0)),
            mark=42, zone=7, age=0, use=2,
        ),
    ),
    "zone of the original direction": (
        "ipv4     2 udp      17 29 src=10.99.0.1 dst=10.99.0.2 sport=51478 dport=7002 zone-orig=8 packets=1 bytes=29 "
        "[UNREPLIED] src=10.99.0.2 dst=10.99.0.1 sport=7002 dport=51478 packets=0 bytes=0 mark=0 delta-time=0 use=2\n",
        flow(
            17, 29, None, 0,
            (Tuple(packed(NEAR), packed(FAR), 51478, 7002, zone=8), Tuple(packed(FAR), packed(NEAR), 7002, 51478)),
            counters=((1, 29), (0, 0)), **NEW,
        ),
    ),
    "zone of the reply direction": (
        "ipv4     2 udp      17 29 src=10.99.0.1 dst=10.99.0.2 sport=37151 dport=7003 packets=1 bytes=29 [UNREPLIED] "
        "src=10.99.0.2 dst=10.99.0.1 sport=7003 dport=37151 zone-reply=9 packets=0 bytes=0 mark=0 delta-time=0 use=2\n",
        flow(
            17, 29, None, 0,
            (Tuple(packed(NEAR), packed(FAR), 37151, 7003), Tuple(packed(FAR), packed(NEAR), 7003, 37151, zone=9)),
            counters=((1, 29), (0, 0)), **NEW,
        ),
    ),
    "icmp": (
        "ipv4     2 icmp     1 29 src=10.99.0.1 dst=10.99.0.2 type=8 code=0 id=4660 packets=1 bytes=28 "
        "src=10.99.0.2 dst=10.99.0.1 type=0 code=0 id=4660 packets=1 bytes=28 mark=0 zone=0 delta-time=0 use=2\n",
        flow(
            1, 29, None, SEEN_REPLY,
            (
                Tuple(packed(NEAR), packed(FAR), icmp_type=8, icmp_code=0, icmp_id=4660),
                Tuple(packed(FAR), packed(NEAR), icmp_type=0, icmp_code=0, icmp_id=4660),
            ),
            counters=((1, 28), (1, 28)), **NEW,
        ),
    ),
    "icmpv6": (
        "ipv6     10 icmpv6   58 29 src=%s1 dst=%s2 type=128 code=0 id=4661 packets=1 bytes=48 "
        "src=%s2 dst=%s1 type=129 code=0 id=4661 packets=1 bytes=48 mark=0 zone=0 delta-time=0 use=2\n"
        % (FULL, FULL, FULL, FULL),
        flow(
            58, 29, None, SEEN_REPLY,
            (
                Tuple(packed("fd99::1"), packed("fd99::2"), icmp_type=128, icmp_code=0, icmp_id=4661),
                Tuple(packed("fd99::2"), packed("fd99::1"), icmp_type=129, icmp_code=0, icmp_id=4661),
            ),
            family=IPV6, counters=((1, 48), (1, 48)), **NEW,
        ),
    ),
    "gre": (
        "ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=10.99.0.1 dst=10.99.0.2 srckey=0x0 dstkey=0x1f "
        "packets=1 bytes=44 [UNREPLIED] src=10.99.0.2 dst=10.99.0.1 srckey=0x1f dstkey=0x0 packets=0 bytes=0 mark=0 "
        "zone=0 delta-time=0 use=2\n",
        flow(
            47, 29, None, 0, both(NEAR, FAR, source_key=0, destination_key=31), counters=((1, 44), (0, 0)), **NEW,
        ),
    ),
    "sctp": (
        "ipv4     2 sctp     132 9 CLOSED src=10.99.0.1 dst=10.99.0.2 sport=4000 dport=7 packets=1 bytes=52 "
        "[UNREPLIED] src=10.99.0.2 dst=10.99.0.1 sport=7 dport=4000 packets=0 bytes=0 mark=0 zone=0 delta-time=0 "
        "use=2\n",
        flow(132, 9, "CLOSED", 0, both(NEAR, FAR, **ports(4000, 7)), counters=((1, 52), (0, 0)), **NEW),
    ),
    "udplite": (
        "ipv4     2 udplite  136 29 src=10.99.0.1 dst=10.99.0.2 sport=5000 dport=5001 packets=1 bytes=28 [UNREPLIED] "
        "src=10.99.0.2 dst=10.99.0.1 sport=5001 dport=5000 packets=0 bytes=0 mark=0 zone=0 delta-time=0 use=2\n",
        flow(136, 29, None, 0, both(NEAR, FAR, **ports(5000, 5001)), counters=((1, 28), (0, 0)), **NEW),
    ),
    "esp": (
        "ipv4     2 unknown  50 599 src=10.99.0.1 dst=10.99.0.2 packets=1 bytes=44 [UNREPLIED] "
        "src=10.99.0.2 dst=10.99.0.1 packets=0 bytes=0 mark=0 zone=0 delta-time=0 use=2\n",
        flow(50, 599, None, 0, both(NEAR, FAR), counters=((1, 44), (0, 0)), **NEW),
    ),
    "dccp without a tracker": (
        "ipv4     2 unknown  33 599 src=10.99.0.1 dst=10.99.0.2 packets=1 bytes=44 [UNREPLIED] "
        "src=10.99.0.2 dst=10.99.0.1 packets=0 bytes=0 mark=0 zone=0 delta-time=0 use=2\n",
        flow(33, 599, None, 0, both(NEAR, FAR), counters=((1, 44), (0, 0)), **NEW),
    ),
    "dccp": (
        "ipv4     2 dccp     33 43199 OPEN src=10.99.0.1 dst=10.99.0.2 sport=5 dport=6 "
        "src=10.99.0.2 dst=10.99.0.1 sport=6 dport=5 [ASSURED] mark=0 zone=0 use=2\n",
        flow(33, 43199, "OPEN", SEEN_REPLY | ASSURED, both(NEAR, FAR, **ports(5, 6)), mark=0, use=2),
    ),
    "offload": (
        "ipv4     2 tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 "
        "[OFFLOAD] mark=0 zone=0 use=3\n",
        flow(TCP, None, None, SEEN_REPLY | OFFLOAD, both("10.0.0.1", "10.0.0.2", **ports(1, 2)), mark=0, use=3),
    ),
    "offload of hardware": (
        "ipv6     10 udp      17 src=%s1 dst=%s2 sport=1 dport=2 packets=5 bytes=6 src=%s2 dst=%s1 sport=2 dport=1 "
        "packets=7 bytes=8 [HW_OFFLOAD] mark=0 zone=0 use=3\n" % (FULL, FULL, FULL, FULL),
        flow(
            17, None, None, SEEN_REPLY | HW_OFFLOAD, both("fd99::1", "fd99::2", **ports(1, 2)),
            family=IPV6, counters=((5, 6), (7, 8)), mark=0, use=3,
        ),
    ),
    "unknown of 2.4": (
        "unknown  50 599 src=10.0.0.1 dst=10.0.0.2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 use=1 \n",
        flow(50, 599, None, 0, both("10.0.0.1", "10.0.0.2"), use=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_line_of_each_kind(name):
    line, expected = SAMPLES[name]
    assert conntrack_lines.entry(line) == expected
    assert conntrack_lines.entry(line.rstrip("\n")) == expected


def udp(middle="", left="29", head="ipv4     2 udp      17", back="src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1"):
    return conntrack_lines.entry(
        "%s %s src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 %s %smark=5 use=2" % (head, left, back, middle)
    )


@pytest.mark.parametrize("number", range(256))
def test_the_number_says_which_protocol_it_is(number):
    for name in (PROTOCOLS.get(number, "unknown"), "unknown", "tcp", "other-name"):
        assert udp(head="ipv4     2 %-8s %d" % (name, number)).protocol == number
        assert udp(head="%-8s %d" % (name, number)).protocol == number


@pytest.mark.parametrize("protocol, word", [(number, word) for number, words in STATES.items() for word in words])
def test_each_state(protocol, word):
    head = "%-8s %d" % (PROTOCOLS[protocol], protocol)
    assert udp(head=head, left="29 " + word).state == word


@pytest.mark.parametrize(
    "back, nat",
    [
        ("src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1", 0),
        ("src=10.0.0.2 dst=10.0.0.9 sport=2 dport=1", SRC_NAT),
        ("src=10.0.0.2 dst=10.0.0.1 sport=2 dport=9", SRC_NAT),
        ("src=10.0.0.9 dst=10.0.0.1 sport=2 dport=1", DST_NAT),
        ("src=10.0.0.2 dst=10.0.0.1 sport=9 dport=1", DST_NAT),
        ("src=10.0.0.9 dst=10.0.0.8 sport=7 dport=6", SRC_NAT | DST_NAT),
    ],
)
def test_translation_is_where_the_reply_is_no_mirror(back, nat):
    found = udp(back=back)
    assert found.status == SEEN_REPLY | nat
    words = dict(word.split("=") for word in back.split())
    assert found.reply == Tuple(packed(words["src"]), packed(words["dst"]), int(words["sport"]), int(words["dport"]))


@pytest.mark.parametrize(
    "there, back, nat",
    [
        ("type=8 code=0 id=1", "type=0 code=0 id=1", 0),
        ("type=8 code=0 id=1", "type=0 code=0 id=2", SRC_NAT),
        ("srckey=0x1 dstkey=0x2", "srckey=0x2 dstkey=0x1", 0),
        ("srckey=0x1 dstkey=0x2", "srckey=0x2 dstkey=0x3", SRC_NAT),
        ("srckey=0x1 dstkey=0x2", "srckey=0x3 dstkey=0x1", DST_NAT),
    ],
)
def test_translation_of_what_has_no_ports(there, back, nat):
    line = "other    1 9 src=10.0.0.1 dst=10.0.0.2 %s src=10.0.0.2 dst=10.0.0.1 %s use=1" % (there, back)
    assert conntrack_lines.entry(line).status == SEEN_REPLY | nat


@pytest.mark.parametrize(
    "text, old, new",
    [
        ("0", 0, 0),
        ("-1", 0, 0),
        ("-4294", 0, 0),
        ("432000", 432000, 432000),
        # (2**32 - 1) / HZ of a machine of 32 bits, and a little before; a year is no such thing.
        ("42949672", 0, 42949672),
        ("42949670", 0, 42949670),
        ("4294967", 0, 4294967),
        ("8388607", 0, 8388607),
        ("4194303", 0, 4194303),
        ("4294968", 4294968, 4294968),
        ("31536000", 31536000, 31536000),
        # (2**64 - 1) / HZ.
        ("18446744073709551", 0, 0),
        ("184467440737095516", 0, 0),
        ("18446744073709551615", 0, 0),
    ],
)
def test_an_overdue_entry_has_nothing_left(text, old, new):
    assert udp(head="udp      17", left=text).left == old
    assert udp(left=text).left == new


CONTEXT = "system_u:object_r:unlabeled_t:s0-s0:c0.c1023"


@pytest.mark.parametrize(
    "fields, security, zone, age",
    [
        ("", None, 0, None),
        ("secmark=0 ", None, 0, None),
        ("secmark=7 ", "7", 0, None),
        ("secctx=%s " % CONTEXT, CONTEXT, 0, None),
        ("secctx=%s zone=3 delta-time=4 " % CONTEXT, CONTEXT, 3, 4),
        (
            "secctx=a b=c (enforce) use=7 \N{SNOWMAN}\t zone=1 delta-time=4 ",
            "a b=c (enforce) use=7 \N{SNOWMAN}\t",
            1,
            4,
        ),
        ("secctx=zone=5 use=6 zone=1 ", "zone=5 use=6", 1, None),
        ("secctx= zone=1 ", None, 1, None),
        ("secctx=a\nb ", "a\nb", 0, None),
        ("delta-time=86401 ", None, 0, 86401),
    ],
)
def test_what_stands_behind_the_mark(fields, security, zone, age):
    line = (
        "udp      17 9 src=1.0.0.1 dst=1.0.0.2 sport=1 dport=2 src=1.0.0.2 dst=1.0.0.1 sport=2 dport=1 mark=5 %suse=2"
    )
    found = conntrack_lines.entry(line % fields)
    assert (found.mark, found.security, found.zone, found.age, found.use) == (5, security, zone, age, 2)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "EXPECTING: proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=20 use=1 \n",
        "EXPECTING: - proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=20 \n",
        "300 l3proto = 2 proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=20 ftp\n",
        # Another family than 2 and 10 prints no addresses; one that does not fit its addresses is none either.
        "unknown  7 unknown  50 599 mark=0 use=2\n",
        "ipv4     7 unknown  50 599 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1 mark=0 use=2\n",
        "ipv6     10 unknown  50 599 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1 mark=0 use=2\n",
        "ipv4     2 unknown  50 599 src=::1 dst=::1 src=::1 dst=::1 mark=0 use=2\n",
        "ipv4     2 unknown  50 599 src=10.0.0.1 dst=10.0.0.256 src=10.0.0.256 dst=10.0.0.1 mark=0 use=2\n",
        "udp      17 9 src=1.0.0.1 dst=1.0.0.2 sport=1 dport=2 src=1.0.0.2 dst=1.0.0.1 type=2 code=1 id=5 use=2\n",
        "udp      17 9 src=1.0.0.1 dst=1.0.0.2 sport=x dport=2 src=1.0.0.2 dst=1.0.0.1 sport=2 dport=x use=2\n",
        "udp      17 9 src=1.0.0.1 dst=1.0.0.2 sport=\u0661 dport=2 src=1.0.0.2 dst=1.0.0.1 sport=2 dport=1 use=2\n",
    ],
)
def test_what_is_no_entry(line):
    assert conntrack_lines.entry(line) is None


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_line_that_is_cut_off_is_no_entry(name):
    line, expected = SAMPLES[name]
    whole = len(line.rstrip())
    for length in range(len(line)):
        # Nobody can see that digits are missing at the end.
        wanted = None if length < whole - len(str(expected.use)) + 1 else expected.use
        found = conntrack_lines.entry(line[:length])
        assert (found and found.use) == wanted


LINES = st.sampled_from([line for line, _expected in SAMPLES.values()])
PIECES = st.sampled_from(
    [
        " ", "src=", "10.0.0.1", "1" * 30, "[UNREPLIED]", "[ASSURED]", " secctx=", " use=2", " zone=", "-", "\n", "=",
        "fd99:", "::", "sport=1 dport=2 ", "ESTABLISHED", "timeout=30, ", "\x00", "\ud800", "\N{SNOWMAN}",
    ]
)  # fmt: skip


@given(LINES, st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9), PIECES | st.text(max_size=5)), max_size=4))
def test_any_line_gives_an_entry_or_none(line, changes):
    for place, length, piece in changes:
        line = line[:place] + piece + line[place + length :]
    found = conntrack_lines.entry(line)
    assert found is None or (
        isinstance(found, Entry)
        and all(len(part) == {IPV4: 4, IPV6: 16}[found.family] for side in found[5:7] for part in side[:2])
        and (found.left is None or found.left >= 0)
    )


@given(st.text())
def test_any_text_gives_none(text):
    assert conntrack_lines.entry(text) is None


@settings(deadline=None)
@given(LINES, st.integers(0, 300), PIECES)
def test_a_very_long_line_comes_to_an_end(line, place, piece):
    # With an expression that goes back over what it has seen a million letters would take days.
    conntrack_lines.entry(line[:place] + piece * (1000000 // len(piece)) + line[place:])


def test_any_security_context_is_read():
    head = SAMPLES["udp without acct"][0].split(" zone=", maxsplit=1)[0]
    for text in (
        " use=1 zone=1 delta-time=1" * 40000,
        " zone=" + "1" * 1000000,
        " use=1" + " " * 1000000,
        "\n" * 1000000,
    ):
        assert conntrack_lines.entry("%s secctx=%s use=2\n" % (head, text)).use == 2
