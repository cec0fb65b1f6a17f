# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a filter lets through, and what it says of a value that is none."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    ICMP,
    SEEN_REPLY,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table import filter as table_filter
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches


def packed(text):
    return ipaddress.ip_address(text).packed


def entry(source, destination, ports=(None, None), protocol=TCP, state=None, status=0, **rest):
    ends = packed(source), packed(destination)
    family = 2 if len(ends[0]) == 4 else 10
    both = Tuple(*ends, *ports), Tuple(*reversed(ends), *reversed(ports))
    return Entry(family, protocol, 30, state, status, *both, **rest)


BOTH = SEEN_REPLY | ASSURED
TABLE = {
    "web": entry("192.0.2.1", "198.51.100.1", (1024, 80), TCP, "ESTABLISHED", BOTH, mark=0x112, zone=7),
    "syn": entry("192.0.2.2", "198.51.100.1", (1025, 80), TCP, "SYN_SENT"),
    "dns": entry("192.0.2.1", "198.51.100.2", (53, 53), UDP, None, SEEN_REPLY),
    "ping": entry("192.0.2.1", "198.51.100.2", protocol=ICMP, status=SEEN_REPLY, mark=0x2),
    "web6": entry("2001:db8::1", "2001:db8::2", (1024, 80), TCP, "ESTABLISHED", BOTH),
    "esp": entry("192.0.2.9", "198.51.100.2", protocol=50),
}


def through(**asked):
    """Which of the table's entries."""
    wanted = table_filter.parse(asked)
    found = [wanted.of(batch) for batch in batches(TABLE.values(), COLUMNS)]
    sources = {(batch.protocol, value) for batch in found if batch for value in batch.columns["source"]}
    known = {
        name: (each.protocol, int.from_bytes(each.original.source, "big") if each.family == 2 else each.original.source)
        for name, each in TABLE.items()
    }
    assert len(sources) == sum(batch.size for batch in found if batch)
    return {name for name, key in known.items() if key in sources}


@pytest.mark.parametrize(
    "asked, names",
    [
        ({}, set(TABLE)),
        ({"family": None, "state": None}, set(TABLE)),
        ({"family": "ipv6"}, {"web6"}),
        ({"family": "ipv4"}, set(TABLE) - {"web6"}),
        ({"protocol": "TCP"}, {"web", "syn", "web6"}),
        ({"protocol": "1"}, {"ping"}),
        ({"protocol": "50"}, {"esp"}),
        ({"source": "192.0.2.1"}, {"web", "dns", "ping"}),
        ({"source": "2001:0db8:0::1"}, {"web6"}),
        # The same address of IPv4, as programs that listen on IPv6 write it.
        ({"source": "::ffff:192.0.2.1"}, {"web", "dns", "ping"}),
        ({"source": "::ffff:c000:0201", "destination": "198.51.100.1", "family": "ipv4"}, {"web"}),
        ({"destination": "198.51.100.1", "source": "192.0.2.2"}, {"syn"}),
        ({"source_port": 1024}, {"web", "web6"}),
        ({"destination_port": 80}, {"web", "syn", "web6"}),
        # What has no port goes to none, not to port 0.
        ({"destination_port": 0}, set()),
        ({"destination_port": 53, "protocol": "udp"}, {"dns"}),
        ({"source_port": 1024, "protocol": "6"}, {"web", "web6"}),
        ({"zone": 7}, {"web"}),
        ({"zone": 0}, set(TABLE) - {"web"}),
        ({"mark": "0x2"}, {"ping"}),
        ({"mark": "2/0xf"}, {"web", "ping"}),
        ({"mark": "0x112/0xfff"}, {"web"}),
        ({"mark": "0"}, {"syn", "dns", "web6", "esp"}),
        ({"mark": "7/0"}, set(TABLE)),
        ({"state": "established"}, {"web", "web6"}),
        ({"state": "SYN_SENT", "protocol": "tcp"}, {"syn"}),
        ({"unreplied": True}, {"syn", "esp"}),
        ({"unreplied": False}, {"web", "dns", "ping", "web6"}),
        ({"assured": True}, {"web", "web6"}),
        ({"assured": False}, {"syn", "dns", "ping", "esp"}),
        ({"unreplied": False, "assured": False}, {"dns", "ping"}),
        ({"family": "ipv4", "protocol": "tcp", "unreplied": False}, {"web"}),
    ],
)
def test_what_a_filter_lets_through(asked, names):
    assert through(**asked) == names


def test_only_a_filter_that_asks_for_nothing_is_none():
    assert table_filter.parse({"source": None}) == table_filter.NO_FILTER
    assert table_filter.parse({"unreplied": False}) != table_filter.NO_FILTER
    assert table_filter.parse({"zone": 0}) != table_filter.NO_FILTER


def test_it_needs_the_columns_that_it_compares():
    wanted = table_filter.parse({"source": "192.0.2.1", "mark": "1", "assured": True, "protocol": "udp"})
    assert wanted.columns == {"source", "mark", "status"}


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"protocol": "tpc"}, "filter: protocol: 'tpc' is none of .*, tcp, .*, nor a number from 0 to 255"),
        ({"protocol": "256"}, "filter: protocol: '256' is none"),
        ({"protocol": "-1"}, "filter: protocol: '-1' is none"),
        ({"protocol": "²"}, "filter: protocol: '²' is none"),
        ({"source": "192.0.2"}, "filter: source: '192.0.2' is no IPv4 or IPv6 address; networks are not taken"),
        ({"source": "192.0.2.0/24"}, "filter: source: '192.0.2.0/24' is no IPv4 or IPv6 address; networks"),
        ({"destination": "host.example"}, "filter: destination: 'host.example' is no"),
        (
            {"source": "192.0.2.1", "destination": "::1"},
            "filter: destination: '::1' is of another family .*; one family",
        ),
        ({"family": "ipv6", "source": "192.0.2.1"}, "filter: source: '192.0.2.1' is of another family"),
        ({"family": "ipv6", "source": "::ffff:192.0.2.1"}, "filter: source: '::ffff:192.0.2.1' is of another family"),
        (
            {"protocol": "icmp", "destination_port": 53},
            "filter: destination_port: '53' goes with no protocol but tcp, udp, udplite, sctp, dccp$",
        ),
        ({"protocol": "gre", "source_port": 0}, "filter: source_port: '0' goes with no protocol but tcp, "),
        ({"protocol": "50", "source_port": 1}, "filter: source_port: '1' goes with no protocol but tcp, "),
        ({"source_port": 65536}, "filter: source_port: '65536' is no number from 0 to 65535"),
        ({"destination_port": -1}, "filter: destination_port: '-1' is no number from 0 to 65535"),
        ({"zone": 65536}, "filter: zone: '65536' is no number from 0 to 65535"),
        ({"mark": "red"}, "filter: mark: 'red' is no number from 0 to 4294967295"),
        ({"mark": "1/"}, "filter: mark: '' is no number"),
        ({"mark": "0x100000000"}, "filter: mark: '0x100000000' is no number"),
        ({"state": "ESTABLISHD"}, "filter: state: 'ESTABLISHD' is not one of .*, ESTABLISHED, "),
        ({"state": "HEARTBEAT_SENT", "protocol": "tcp"}, "filter: state: 'HEARTBEAT_SENT' is not one of CLOSE, "),
        (
            {"state": "ESTABLISHED", "protocol": "udp"},
            "filter: state: 'ESTABLISHED' goes with no protocol but tcp, dccp, ",
        ),
    ],
)
def test_a_value_that_is_none_is_named_with_what_is_allowed(asked, message):
    with pytest.raises(ValueError, match="^" + message):
        table_filter.parse(asked)
