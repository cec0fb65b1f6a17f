# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real entries of every kind that this kernel makes: /proc and ctnetlink tell the same of each, and what was made.

All of it happens in a network namespace of its own.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import subprocess
import typing as t

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import ctnetlink, netlink
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    HW_OFFLOAD,
    ICMPV6,
    IPV4,
    IPV6,
    OFFLOAD,
    SEEN_REPLY,
    SRC_NAT,
    TCP,
    UDP,
    Entry,
)  # fmt: skip
from ansible_collections.netops.conntrack.tests.integration.table.entries_made import (
    CONFIRMED,
    FAR,
    FAR6,
    HELPERS,
    MAKERS,
    NEAR,
    NEAR6,
    RULES,
    SYSCTLS,
    THIRD,
    THIRD6,
    Expected,
    bound,
    helped,
    inside,
    mirror,
    namespace,
    packed,
    run,
)  # fmt: skip
from ansible_collections.netops.conntrack.tests.integration.table.entries_read import asked, by_lines, by_netlink

EXPECTED = 1 << 0
# What a line of /proc tells of an entry's status.
TOLD = SEEN_REPLY | ASSURED | SRC_NAT | DST_NAT | OFFLOAD | HW_OFFLOAD


class Table(t.NamedTuple):
    """``made`` and why ``missing``, by name; what was read by flow."""

    made: dict[str, list[Expected]]
    missing: dict[str, str]
    lines: dict[t.Any, Entry]
    told: dict[t.Any, Entry]


def flow(entry):
    return entry.family, entry.protocol, entry.original, entry.zone


def by_flow(entries):
    found = {flow(entry): entry for entry in entries}
    assert len(found) == len(entries)
    return found


@pytest.fixture(scope="module")
def table(root):
    with namespace() as name, inside(name), contextlib.ExitStack() as stack:
        run("ip", "link", "set", "lo", "up")
        for address in (NEAR, FAR, THIRD):
            run("ip", "address", "add", address + "/32", "dev", "lo")
        for address in (NEAR6, FAR6, THIRD6):
            run("ip", "address", "add", address + "/128", "dev", "lo", "nodad")
        run("nft", "-f", "-", input=RULES)
        helpers = subprocess.run(["nft", "-f", "-"], input=HELPERS, capture_output=True, text=True, check=False)
        for key in SYSCTLS:
            with open("/proc/sys/net/netfilter/" + key, "w", encoding="ascii") as stream:
                stream.write("1")
        keep, made, missing = [], {}, {}
        stack.callback(lambda: [each.close() for each in keep])
        for maker in MAKERS:
            if maker is helped and helpers.returncode:
                missing[maker.__name__] = "this kernel has no helpers: " + helpers.stderr
                continue
            made[maker.__name__] = []
            try:
                for _kind, found in maker(keep):
                    made[maker.__name__].append(found)
            except OSError as error:
                if error.errno not in (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP):
                    raise
                missing[maker.__name__] = "this kernel does not know it: %s" % error
        yield Table(made, missing, *read_both())


def read_both():
    """By lines and by netlink, between two packets: some of the sockets still send theirs again."""
    for _turn in range(10):
        lines, told, again = by_flow(by_lines()), by_flow(by_netlink()), by_flow(by_lines())
        if [line._replace(left=0, age=0) for line in lines.values()] == [
            line._replace(left=0, age=0) for line in again.values()
        ]:
            return lines, told
    raise AssertionError("the table does not come to rest")


def told_by_lines(entry):
    """What a line of /proc can tell of an entry."""
    status = entry.status & TOLD
    if status & (OFFLOAD | HW_OFFLOAD):
        status &= ~ASSURED
    return entry._replace(
        status=status, use=entry.use + 1, identity=None, tcp_flags=None, window_scales=None, helper=None, master=None,
        labels=None,
    )  # fmt: skip


def about(number, other):
    return number == other or (number is not None and other is not None and abs(number - other) <= 2)


def assert_same(line, told):
    """But for the seconds between two readings, and the reader's own reference."""
    told = told_by_lines(told)
    assert about(line.left, told.left) and about(line.age, told.age), (line, told)
    assert line == told._replace(left=line.left, age=line.age)


def test_both_ways_tell_the_same_of_every_entry(table):
    assert table.lines.keys() == table.told.keys()
    for key, line in table.lines.items():
        assert_same(line, table.told[key])


def test_both_ways_have_one_order(table):
    assert list(table.lines) == list(table.told)


@pytest.mark.parametrize("maker", [maker.__name__ for maker in MAKERS])
def test_what_was_made_is_what_is_seen(table, maker):
    if maker in table.missing:
        pytest.skip("not run: " + table.missing[maker])
    assert table.made[maker]
    for wanted, fields in table.made[maker]:
        for seen, only_netlink in ((table.lines, False), (table.told, True)):
            assert flow(wanted) in seen, "%s is not among %s" % (wanted, "\n".join(map(str, seen)))
            found = seen[flow(wanted)]
            assert found.age in range(60), found
            for field in fields:
                there, told = getattr(wanted, field), getattr(found, field)
                if field == "left":
                    assert 0 <= there - told < 15, found
                elif field == "status":
                    assert told & TOLD == there, found
                elif field not in ("helper", "master", "labels") or only_netlink:
                    assert told == there, (field, found)


def test_nothing_else_is_in_the_table(table):
    if table.missing:
        pytest.skip("not run: " + "; ".join(table.missing.values()))
    assert set(table.lines) == {flow(wanted) for made in table.made.values() for wanted, _fields in made}


def test_what_only_netlink_tells(table):
    """Of real connections: flags and window scales of both directions, a number of its own, the kernel's own bits."""
    told = table.told.values()
    assert len({entry.identity for entry in told}) == len(table.told)
    assert all(entry.status & CONFIRMED for entry in told)
    real = [entry for entry in told if entry.protocol == TCP and entry.original.destination_port == 85]
    # 0x01 is window scaling, 0x02 selective acknowledgement, 0x04 that this side has closed first.
    assert [[flags & 7 for flags in entry.tcp_flags] for entry in real] == [[7, 3]] * 2
    assert all(scale in range(1, 15) for entry in real for scale in entry.window_scales)
    expecting = [entry for entry in told if entry.master]
    assert all(entry.status & EXPECTED for entry in expecting)
    assert {entry.master for entry in expecting} <= {entry.original for entry in told if entry.helper == "ftp"}


def test_each_message_cut_off_anywhere(table):
    for data, message in asked(ctnetlink.request()):
        for end in range(message.start, message.end):
            with contextlib.suppress(netlink.Malformed):
                ctnetlink.entry(data, message._replace(end=end), 1)


V4 = packed(NEAR), packed(FAR)
V6 = packed(NEAR6), packed(FAR6)


def assert_filtered(family, filters, passes):
    """What passes, and no more, at a time when an entry may end."""
    before = by_netlink()
    found = set(map(flow, by_netlink(family, filters, filtered=True)))
    after = by_netlink()
    assert 0 < len(found) < len(before)
    assert {flow(entry) for entry in after if passes(entry)} <= found
    assert found <= {flow(entry) for entry in before if passes(entry)}


@pytest.mark.parametrize(
    "family, filters, passes",
    [
        (0, ctnetlink.mark_filter(0xFFFFFFFE), lambda entry: entry.mark == 0xFFFFFFFE),
        (0, ctnetlink.status_filter(0, SEEN_REPLY), lambda entry: not entry.status & SEEN_REPLY),
        (0, ctnetlink.status_filter(ASSURED, ASSURED), lambda entry: entry.status & ASSURED),
        (0, ctnetlink.status_filter(SRC_NAT, SRC_NAT | DST_NAT), lambda entry: entry.status & 0x30 == SRC_NAT),
        (IPV6, b"", lambda entry: entry.family == IPV6),
        (IPV4, ctnetlink.tuple_filter(IPV4, TCP), lambda entry: entry.protocol == TCP),
        (IPV6, ctnetlink.tuple_filter(IPV6, ICMPV6), lambda entry: entry.protocol == ICMPV6),
        (IPV4, ctnetlink.tuple_filter(IPV4, source=V4[1]), lambda entry: entry.original.source == V4[1]),
        (IPV4, ctnetlink.tuple_filter(IPV4, destination=V4[0]), lambda entry: entry.original.destination == V4[0]),
        (
            IPV4,
            ctnetlink.tuple_filter(IPV4, UDP, source_port=5200),
            lambda entry: entry.protocol == UDP and entry.original.source_port == 5200,
        ),
        (
            IPV4,
            ctnetlink.tuple_filter(IPV4, UDP, destination_port=7004),
            lambda entry: entry.protocol == UDP and entry.original.destination_port == 7004,
        ),
        (
            IPV4,
            ctnetlink.tuple_filter(IPV4, UDP, V4[0], V4[1], 5200, 7004),
            lambda entry: entry.protocol == UDP and entry.original[2:4] == (5200, 7004),
        ),
        (
            IPV6,
            ctnetlink.tuple_filter(IPV6, UDP, V6[0], V6[1], 5200, 7004) + ctnetlink.mark_filter(0xFFFFFFFE),
            lambda entry: entry.protocol == UDP and entry.original[2:4] == (5200, 7004),
        ),
    ],
    ids=[
        "mark", "no reply", "assured", "source translated", "family", "tcp", "icmpv6", "source",
        "destination", "source port", "destination port", "all of the tuple", "tuple and mark of IPv6",
    ],
)  # fmt: skip
def test_the_kernel_filters_as_it_is_asked(table, family, filters, passes):
    assert_filtered(family, filters, lambda entry: passes(entry) and family in (0, entry.family))


def test_a_filter_by_ipv6_address_lets_every_address_through(table):
    """As the kernel would give all the others, and none of these."""
    assert_filtered(IPV6, ctnetlink.tuple_filter(IPV6, source=V6[0]), lambda entry: entry.family == IPV6)


FLOW_TABLE = """
table inet fast {
  flowtable flows { hook ingress priority 0; devices = { near, far }; }
  chain through { type filter hook forward priority 0; meta l4proto udp flow add @flows; }
}
"""


def test_an_offloaded_flow(root):
    """Forwarded from one namespace to another, by a flow table: neither a timeout nor ASSURED is told."""
    with contextlib.ExitStack() as stack:
        router, near, far = (stack.enter_context(namespace()) for _each in range(3))
        for name, side, net in ((near, "near", "10.98.0"), (far, "far", "10.98.1")):
            run("ip", "-n", router, "link", "add", side, "type", "veth", "peer", "name", "up", "netns", name)
            for where, link, address in ((router, side, net + ".1/24"), (name, "up", net + ".2/24")):
                run("ip", "-n", where, "address", "add", address, "dev", link)
                run("ip", "-n", where, "link", "set", "dev", link, "up")
            run("ip", "-n", name, "route", "add", "default", "via", net + ".1")
        with inside(router):
            with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as stream:
                stream.write("1")
            made = subprocess.run(["nft", "-f", "-"], input=FLOW_TABLE, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip("not run: this kernel has no flow tables: %s" % made.stderr.split("\n")[0])
        with inside(near):
            sender = stack.enter_context(bound(socket.SOCK_DGRAM, "10.98.0.2", 5500))
        with inside(far):
            receiver = stack.enter_context(bound(socket.SOCK_DGRAM, "10.98.1.2", 7500))
        for _turn in range(4):
            sender.sendto(b"x", ("10.98.1.2", 7500))
            receiver.recv(9)
            receiver.sendto(b"x", ("10.98.0.2", 5500))
            sender.recv(9)
        with inside(router):
            lines, told = by_flow(by_lines()), by_flow(by_netlink())
        assert lines.keys() == told.keys()
        (found,) = told.values()
        assert (found.original, found.reply) == mirror("10.98.0.2", "10.98.1.2", 5500, 7500)
        assert (found.left, found.status & (OFFLOAD | SEEN_REPLY)) == (None, OFFLOAD | SEEN_REPLY)
        for key, line in lines.items():
            assert_same(line, told[key])
