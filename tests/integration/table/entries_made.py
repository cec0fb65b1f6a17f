# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of every kind that this kernel makes: each maker gives what has to be told of its own, by name.

Most flows are real traffic over the loopback of a network namespace; states that pass too quickly, or that need more
than a socket, are put into the table over ctnetlink.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import ipaddress
import os
import socket
import struct
import subprocess
import time
import typing as t
import uuid

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import ctnetlink, netlink
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    GRE,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    SCTP,
    SEEN_REPLY,
    SRC_NAT,
    STATES,
    TCP,
    UDP,
    UDPLITE,
    Counters,
    Entry,
    Tuple,
)  # fmt: skip
from ansible_collections.netops.conntrack.tests.integration.table.entries_read import asked

NEAR, FAR, THIRD = "10.99.0.1", "10.99.0.2", "10.99.0.3"
NEAR6, FAR6, THIRD6 = "fd99::1", "fd99::2", "fd99::3"
CLONE_NEWNET = 0x40000000
ACKNOWLEDGE, CREATE, CONFIRMED = 0x4, 0x600, 1 << 3
ESP, DCCP = 50, 33

RULES = """
table inet raw {
  chain out {
    type filter hook output priority raw;
    udp dport 7001 ct zone set 7
    udp dport 7002 ct original zone set 8
    udp dport 7003 ct reply zone set 9
    tcp dport 83 tcp flags & (syn | ack) == ack drop
  }
}
table inet filter {
  chain out {
    type filter hook output priority filter;
    ct state new counter
    udp dport 7004 ct mark set 0xfffffffe
    udp dport 7005 ct label set 5
    udp dport 7005 ct label set 127
  }
  chain in {
    type filter hook input priority filter;
    tcp dport 81 drop
  }
}
table inet nat {
  chain out {
    type nat hook output priority -100;
    ip daddr 10.99.0.2 udp dport 7010 dnat ip to 10.99.0.3:7011
    ip daddr 10.99.0.2 udp dport 7014 dnat ip to 10.99.0.3:7015
    ip6 daddr fd99::2 udp dport 7010 dnat ip6 to [fd99::3]:7011
  }
  chain post {
    type nat hook postrouting priority srcnat;
    udp dport 7012 snat ip to 10.99.0.3:4000
    udp dport 7015 snat ip to 10.99.0.1:4001
    ip6 daddr fd99::2 udp dport 7013 snat ip6 to [fd99::3]:4000
  }
}
"""
HELPERS = """
table inet helpers {
  ct helper of_ftp { type "ftp" protocol tcp; }
  chain out {
    type filter hook output priority filter;
    tcp dport 21 ct helper set "of_ftp"
  }
}
"""
SYSCTLS = ("nf_conntrack_acct", "nf_conntrack_timestamp")


def run(*argv, **keywords):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **keywords)
    assert done.returncode == 0, "%s: %s" % (" ".join(argv), done.stderr)
    return done.stdout


@contextlib.contextmanager
def inside(name):
    """This process, within a network namespace: sockets that are made there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(fd):
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    before, there = os.open("/proc/self/ns/net", os.O_RDONLY), os.open("/run/netns/" + name, os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(before)
        os.close(before)
        os.close(there)


@contextlib.contextmanager
def namespace():
    name = "conntrack-test-%s" % uuid.uuid4().hex[:8]
    run("ip", "netns", "add", name)
    try:
        yield name
    finally:
        run("ip", "netns", "delete", name)


class Expected(t.NamedTuple):
    """``left`` is the most that can be left; fields that are not here are not looked at."""

    entry: Entry
    fields: tuple[str, ...]


def packed(text):
    return ipaddress.ip_address(text).packed


def expected(protocol, original, reply, left, state=None, status=0, **rest):
    """All that both ways tell is looked at, but for what is None here."""
    rest = {"mark": 0, "zone": 0, **rest}
    family = IPV4 if len(original.source) == 4 else IPV6
    found = Entry(family, protocol, left, state, status, original, reply, **rest)
    return Expected(found, ("left", "state", "status", "reply", *rest))


def mirror(one, other, port, other_port):
    return Tuple(packed(one), packed(other), port, other_port), Tuple(packed(other), packed(one), other_port, port)


def address_family(text):
    return socket.AF_INET6 if ":" in text else socket.AF_INET


def bound(kind, address, port, protocol=0):
    made = socket.socket(address_family(address), kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.settimeout(5)
    made.bind((address, port))
    return made


def numbers(packets, size):
    return Counters(packets, packets * size)


def udp_flows(keep):
    """One packet, one each way, and a stream; the last is one where packets went both ways for two seconds."""
    for near, far, header in ((NEAR, FAR, 28), (NEAR6, FAR6, 48)):
        size = header + 1
        sender, receiver = bound(socket.SOCK_DGRAM, near, 5000), bound(socket.SOCK_DGRAM, far, 6000)
        keep += [sender, receiver]
        sender.sendto(b"x", (far, 6001))
        yield (
            "udp without a reply",
            expected(
                UDP, *mirror(near, far, 5000, 6001), 30,
                original_counters=numbers(1, size), reply_counters=numbers(0, size),
            ),
        )  # fmt: skip
        # An error comes back, as nobody listens there.
        with contextlib.suppress(ConnectionRefusedError):
            sender.sendto(b"x", (far, 6000))
        receiver.recv(9)
        receiver.sendto(b"x", (near, 5000))
        yield (
            "udp with a reply",
            expected(
                UDP, *mirror(near, far, 5000, 6000), 30, None, SEEN_REPLY,
                original_counters=numbers(1, size), reply_counters=numbers(1, size),
            ),
        )  # fmt: skip


def udp_streams(keep):
    """The kernel waits for two seconds before it takes a flow for a stream."""
    pairs = [
        (near, bound(socket.SOCK_DGRAM, near, 5001), far, bound(socket.SOCK_DGRAM, far, 6002))
        for near, far in ((NEAR, FAR), (NEAR6, FAR6))
    ]
    for turn in range(3):
        time.sleep(1.2 if turn else 0)
        for near, sender, far, receiver in pairs:
            sender.sendto(b"x", (far, 6002))
            receiver.recv(9)
            receiver.sendto(b"x", (near, 5001))
    for near, sender, far, receiver in pairs:
        keep += [sender, receiver]
        yield (
            "udp stream",
            expected(UDP, *mirror(near, far, 5001, 6002), 120, None, SEEN_REPLY | ASSURED),
        )


def echoes(keep):
    for near, far, protocol, kind, header in ((NEAR, FAR, ICMP, 8, 20), (NEAR6, FAR6, ICMPV6, 128, 40)):
        raw = bound(socket.SOCK_RAW, near, 0, protocol)
        keep.append(raw)
        packet = struct.pack(">BBHHH", kind, 0, 0, 4660, 1)
        if protocol == ICMP:
            packet = packet[:2] + struct.pack(">H", 0xFFFF - sum(struct.unpack(">4H", packet))) + packet[4:]
        raw.sendto(packet, (far, 0))
        time.sleep(0.05)
        back = 0 if protocol == ICMP else 129
        yield (
            "echo",
            expected(
                protocol,
                Tuple(packed(near), packed(far), icmp_type=kind, icmp_code=0, icmp_id=4660),
                Tuple(packed(far), packed(near), icmp_type=back, icmp_code=0, icmp_id=4660),
                30, None, SEEN_REPLY,
                original_counters=numbers(1, header + 8), reply_counters=numbers(1, header + 8),
            ),
        )  # fmt: skip


def raw_packets(keep):
    """One packet of each other protocol, answered by nobody."""
    init = struct.pack(">HHIIBBHIIHHI", 4000, 7, 0, 0, 1, 0, 20, 1, 65535, 1, 1, 1)
    for near, far in ((NEAR, FAR), (NEAR6, FAR6)):
        ends = packed(near), packed(far)
        unknown = Tuple(*ends), Tuple(*reversed(ends))
        keys = (
            Tuple(*ends, source_key=0, destination_key=0),
            Tuple(*reversed(ends), source_key=0, destination_key=0),
        )
        for name, protocol, packet, tuples, left, state in (
            ("gre", GRE, b"\0\0\x08\0" + bytes(20), keys, 30, None),
            ("sctp", SCTP, init, mirror(near, far, 4000, 7), 10, "CLOSED"),
            ("udplite", UDPLITE, struct.pack(">HHHH", 5000, 5001, 8, 1), mirror(near, far, 5000, 5001), 30, None),
            ("esp", ESP, bytes(24), unknown, 600, None),
            ("dccp", DCCP, struct.pack(">HHBBHBBHII", 5, 6, 7, 0, 0, 1, 0, 0, 1, 1), None, 600, "REQUEST"),
        ):
            raw = bound(socket.SOCK_RAW, near, 0, protocol)
            keep.append(raw)
            raw.sendto(packet, (far, 0))
            if tuples is None:
                # Gone since Linux 6.15; it is a protocol like any other then.
                with open("/proc/net/nf_conntrack", encoding="utf-8") as stream:
                    tracked = " dccp " in stream.read()
                tuples, state = (mirror(near, far, 5, 6), state) if tracked else (unknown, None)
                left = 240 if tracked else 600
            yield name, expected(protocol, *tuples, left, state)


def tcp_connections(keep):
    for near, far in ((NEAR, FAR), (NEAR6, FAR6)):

        def connect(near_port, far_port, near=near, far=far, keep=keep):
            """Both ends of a connection."""
            listener = bound(socket.SOCK_STREAM, far, far_port)
            listener.listen()
            client = bound(socket.SOCK_STREAM, near, near_port)
            client.connect((far, far_port))
            keep.extend((listener, client))
            return client, listener.accept()[0]

        both = SEEN_REPLY | ASSURED
        client, server = connect(5100, 80)
        client.sendall(b"x")
        server.recv(1)
        keep.append(server)
        yield "tcp", expected(TCP, *mirror(near, far, 5100, 80), 432000, "ESTABLISHED", both)

        # Port 81 drops what comes in, and the third packet to 83 is dropped on its way out.
        client = bound(socket.SOCK_STREAM, near, 5101)
        client.settimeout(0.2)
        keep.append(client)
        with pytest.raises(OSError):
            client.connect((far, 81))
        yield "tcp SYN_SENT", expected(TCP, *mirror(near, far, 5101, 81), 120, "SYN_SENT")

        listener, client = bound(socket.SOCK_STREAM, far, 83), bound(socket.SOCK_STREAM, near, 5105)
        keep += [listener, client]
        listener.listen()
        client.connect((far, 83))
        yield "tcp SYN_RECV", expected(TCP, *mirror(near, far, 5105, 83), 60, "SYN_RECV", SEEN_REPLY)

        client, server = connect(5103, 84)
        keep.append(server)
        client.shutdown(socket.SHUT_WR)
        yield "tcp half closed", expected(TCP, *mirror(near, far, 5103, 84), 60, "CLOSE_WAIT", both)

        client, server = connect(5102, 82)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        client.close()
        keep.append(server)
        yield "tcp reset", expected(TCP, *mirror(near, far, 5102, 82), 10, "CLOSE", both)

        client, server = connect(5104, 85)
        client.close()
        server.close()
        yield "tcp closed", expected(TCP, *mirror(near, far, 5104, 85), 120, "TIME_WAIT", both)


def created(protocol, original, reply, left, status=0, state=None, *more):
    """Puts an entry into the table."""

    def one(kind, side):
        first = 1 if len(side.source) == 4 else 3
        ports = (side.source_port, side.destination_port)
        if protocol == GRE:
            ports = (side.source_key, side.destination_key)
        proto = [netlink.attribute(1, bytes([protocol]))]
        if None not in ports:
            proto += [netlink.attribute(2 + place, struct.pack(">H", port)) for place, port in enumerate(ports)]
        addresses = netlink.attribute(first, side.source), netlink.attribute(first + 1, side.destination)
        return netlink.nested(kind, netlink.nested(1, *addresses), netlink.nested(2, *proto))

    attributes = [
        one(1, original),
        one(2, reply),
        netlink.attribute(3, struct.pack(">I", status | CONFIRMED)),
        netlink.attribute(7, struct.pack(">I", left)),
        *more,
    ]
    if state is not None:
        info = {TCP: 1, SCTP: 3}[protocol]
        tags = [netlink.attribute(kind, bytes(4)) for kind in (2, 3)] if protocol == SCTP else []
        attributes.append(netlink.nested(4, netlink.nested(info, netlink.attribute(1, bytes([state])), *tags)))
    family = IPV4 if len(original.source) == 4 else IPV6
    payload = struct.pack("=BBH", family, 0, 0) + b"".join(attributes)
    assert not list(asked(netlink.message(ctnetlink.NEW, netlink.REQUEST | ACKNOWLEDGE | CREATE, 1, payload)))


def states(keep):
    """Every state of TCP and SCTP."""
    for near, far in ((NEAR, FAR), (NEAR6, FAR6)):
        for protocol, port in ((TCP, 1000), (SCTP, 1100)):
            for state, word in enumerate(STATES[protocol]):
                if word == "LISTEN":
                    continue
                tuples = mirror(near, far, port + state, 9)
                try:
                    created(protocol, *tuples, 1000 + state, SEEN_REPLY | ASSURED, state)
                except OSError as error:
                    # The last one of SCTP went with Linux 6.2.
                    assert (error.errno, word) == (errno.ERANGE, "HEARTBEAT_ACKED")
                    continue
                yield (
                    "state %s of %d" % (word, protocol),
                    expected(protocol, *tuples, 1000 + state, word, SEEN_REPLY | ASSURED),
                )


def put_in(keep):
    """What needs a program that this machine may lack."""
    ends = packed(NEAR), packed(FAR)
    tuples = (
        Tuple(*ends, source_key=5, destination_key=0xFFFF),
        Tuple(*reversed(ends), source_key=0xFFFF, destination_key=5),
    )
    created(GRE, *tuples, 180, SEEN_REPLY | ASSURED)
    yield "gre with keys", expected(GRE, *tuples, 180, None, SEEN_REPLY | ASSURED)
    tuples = mirror(NEAR, FAR, 1, 65535)
    created(UDP, *tuples, 0x7FFFFFFF // 1000, 0, None, netlink.attribute(8, b"\xff\xff\xff\xff"))
    yield "the longest timeout", expected(UDP, *tuples, 0x7FFFFFFF // 1000, mark=0xFFFFFFFF)
    tuples = mirror(NEAR, FAR, 2, 65535)
    created(UDP, *tuples, 900, 0, None, netlink.attribute(18, b"\xff\xff"))
    yield "the highest zone", expected(UDP, *tuples, 900, zone=0xFFFF)
    tuples = mirror(NEAR6, FAR6, 3, 65535)
    created(UDP, *tuples, 900, 0, None, netlink.nested(5, netlink.attribute(1, b"tftp\0")))
    yield "a helper by name", expected(UDP, *tuples, 900, helper="tftp")


def zones_marks_and_labels(keep):
    for near, far in ((NEAR, FAR), (NEAR6, FAR6)):
        sender = bound(socket.SOCK_DGRAM, near, 5200)
        keep.append(sender)
        for port in (7001, 7002, 7003, 7004, 7005):
            sender.sendto(b"x", (far, port))
        there, back = mirror(near, far, 5200, 7001)
        yield "zone", expected(UDP, there, back, 30, zone=7)
        there, back = mirror(near, far, 5200, 7002)
        yield "zone of the original", expected(UDP, there._replace(zone=8), back, 30)
        there, back = mirror(near, far, 5200, 7003)
        yield "zone of the reply", expected(UDP, there, back._replace(zone=9), 30)
        there, back = mirror(near, far, 5200, 7004)
        yield "mark", expected(UDP, there, back, 30, mark=0xFFFFFFFE)
        there, back = mirror(near, far, 5200, 7005)
        # The kernel's words of the machine's size and order, 128 bits in all.
        labels = struct.pack("=QQ", 1 << 5, 1 << 63)
        yield "labels", expected(UDP, there, back, 30, labels=labels)


def translated(keep):
    near, far, third = packed(NEAR), packed(FAR), packed(THIRD)
    sender = bound(socket.SOCK_DGRAM, NEAR, 5300)
    keep.append(sender)
    for port in (7010, 7012, 7014):
        sender.sendto(b"x", (FAR, port))
    yield (
        "destination",
        expected(UDP, Tuple(near, far, 5300, 7010), Tuple(third, near, 7011, 5300), 30, None, DST_NAT),
    )
    yield "source", expected(UDP, Tuple(near, far, 5300, 7012), Tuple(far, third, 7012, 4000), 30, None, SRC_NAT)
    # The address stays, the port alone is another.
    yield (
        "both, and a port alone",
        expected(UDP, Tuple(near, far, 5300, 7014), Tuple(third, near, 7015, 4001), 30, None, SRC_NAT | DST_NAT),
    )
    near, far, third = packed(NEAR6), packed(FAR6), packed(THIRD6)
    sender = bound(socket.SOCK_DGRAM, NEAR6, 5300)
    keep.append(sender)
    for port in (7010, 7013):
        sender.sendto(b"x", (FAR6, port))
    yield (
        "destination",
        expected(UDP, Tuple(near, far, 5300, 7010), Tuple(third, near, 7011, 5300), 30, None, DST_NAT),
    )
    yield "source", expected(UDP, Tuple(near, far, 5300, 7013), Tuple(far, third, 7013, 4000), 30, None, SRC_NAT)


def helped(keep):
    """FTP: the client says on which port it waits, and the server's connection to that has the first one as master."""
    listener = bound(socket.SOCK_STREAM, FAR, 21)
    listener.listen()
    client = bound(socket.SOCK_STREAM, NEAR, 5400)
    client.connect((FAR, 21))
    server = listener.accept()[0]
    waiting = bound(socket.SOCK_STREAM, NEAR, 5401)
    waiting.listen()
    # The kernel looks at what follows a line that it has seen the end of.
    client.sendall(b"USER test\r\n")
    server.recv(100)
    client.sendall(b"PORT 10,99,0,1,%d,%d\r\n" % divmod(5401, 256))
    server.recv(100)
    data = bound(socket.SOCK_STREAM, FAR, 20)
    data.connect((NEAR, 5401))
    keep.extend((listener, client, server, waiting, waiting.accept()[0], data))
    both = SEEN_REPLY | ASSURED
    master, back = mirror(NEAR, FAR, 5400, 21)
    yield "helper", expected(TCP, master, back, 432000, "ESTABLISHED", both, helper="ftp")
    tuples = mirror(FAR, NEAR, 20, 5401)
    yield "expected", expected(TCP, *tuples, 432000, "ESTABLISHED", both, master=master)


MAKERS = (
    udp_streams, udp_flows, echoes, raw_packets, tcp_connections, states, put_in, zones_marks_and_labels, translated,
    helped,
)  # fmt: skip
