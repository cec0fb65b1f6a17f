# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What entries are grouped by: keys that never mix families or protocols, names for people, masked names."""

from __future__ import annotations

import collections
import ipaddress

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    ICMP,
    SEEN_REPLY,
    SRC_NAT,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table import grouping
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.grouping import Names, Prefixes, parse


def packed(text):
    return ipaddress.ip_address(text).packed


def entry(source, destination, port=None, protocol=TCP, state=None, status=0, **rest):
    ends = packed(source), packed(destination)
    ports = (None, None) if port is None else (1024, port)
    family = 2 if len(ends[0]) == 4 else 10
    both = Tuple(*ends, *ports), Tuple(*reversed(ends), *reversed(ports))
    return Entry(family, protocol, 30, state, status, *both, **rest)


TABLE = (
    entry("192.0.2.1", "198.51.100.1", 80, TCP, "ESTABLISHED", SEEN_REPLY | ASSURED, mark=0x10, zone=7),
    entry("192.0.2.2", "198.51.100.1", 53, UDP, None, SRC_NAT),
    entry("192.0.2.1", "198.51.100.1", 53, TCP, "SYN_SENT", SRC_NAT | DST_NAT),
    entry("192.0.2.200", "198.51.100.1", None, ICMP, None, SEEN_REPLY),
    entry("2001:db8::1", "2001:db8:1::1", 53, UDP, None, DST_NAT),
    entry("2001:db8::1", "2001:db8:1::1", None, 58, None, 0),
)


def told(text, prefixes=Prefixes(), masked=False):  # noqa: B008
    """How many entries of the table there are of each group."""
    group = parse(text, prefixes)
    names = Names(masked)
    counted = collections.Counter(key for batch in batches(TABLE, COLUMNS) for key in group.keys(batch))
    return [(group.told(key, names), seen) for key, seen in counted.items()]


def values(text, **rest):
    return {tuple(found.values()): seen for found, seen in told(text, **rest)}


def test_addresses_of_both_families_stand_side_by_side():
    assert values("source") == {("192.0.2.1",): 2, ("192.0.2.2",): 1, ("192.0.2.200",): 1, ("2001:db8::1",): 2}
    assert values("destination") == {("198.51.100.1",): 4, ("2001:db8:1::1",): 2}


def test_the_same_port_of_two_protocols_is_two_groups():
    assert values("destination_port") == {
        (80, "tcp"): 1, (53, "udp"): 2, (53, "tcp"): 1, (None, "icmp"): 1, (None, "icmpv6"): 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "prefixes, networks",
    [
        (Prefixes(), {("192.0.2.0/24",): 4, ("2001:db8::/64",): 2}),
        (Prefixes(25, 32), {("192.0.2.0/25",): 3, ("192.0.2.128/25",): 1, ("2001:db8::/32",): 2}),
        (Prefixes(0, 0), {("0.0.0.0/0",): 4, ("::/0",): 2}),
        (
            Prefixes(32, 128),
            {("192.0.2.1/32",): 2, ("192.0.2.2/32",): 1, ("192.0.2.200/32",): 1, ("2001:db8::1/128",): 2},
        ),
    ],
)
def test_networks_are_as_long_as_asked_for(prefixes, networks):
    assert values("source_network", prefixes=prefixes) == networks


def test_each_other_fact_is_a_group():
    assert values("protocol") == {("tcp",): 2, ("udp",): 2, ("icmp",): 1, ("icmpv6",): 1}
    assert values("state") == {
        ("tcp", "ESTABLISHED"): 1, ("tcp", "SYN_SENT"): 1, ("udp", None): 2, ("icmp", None): 1, ("icmpv6", None): 1,
    }  # fmt: skip
    assert values("zone") == {(7,): 1, (0,): 5}
    assert values("mark") == {(0x10,): 1, (0,): 5}
    assert values("unreplied") == {(True,): 4, (False,): 2}
    assert values("assured") == {(True,): 1, (False,): 5}
    assert values("nat") == {("none",): 3, ("source",): 1, ("both",): 1, ("destination",): 1}


def test_a_protocol_without_a_name_is_a_number():
    group = parse("protocol", Prefixes())
    assert group.told(50, Names()) == {"protocol": "50"}


def test_parts_joined_are_one_group():
    found = told("source + destination_port")
    assert ({"source": "192.0.2.1", "destination_port": 53, "protocol": "tcp"}, 1) in found
    assert ({"source": "2001:db8::1", "destination_port": None, "protocol": "icmpv6"}, 1) in found
    assert sum(seen for _group, seen in found) == len(TABLE)
    assert parse("source + destination_port", Prefixes()).name == "source+destination_port"


def test_every_word_groups_every_entry():
    for word in grouping.GROUPS:
        assert sum(seen for _group, seen in told(word)) == len(TABLE), word
        assert sum(seen for _group, seen in told("%s+source" % word if word != "source" else word)) == len(TABLE)


def test_a_masked_name_is_the_same_at_each_place():
    names = Names(masked=True)
    assert [names.address(text) for text in ("192.0.2.1", "2001:db8::1", "192.0.2.1")] == [
        "address-1", "address-2", "address-1",
    ]  # fmt: skip
    assert names.network("192.0.2.0/24") == "network-1"
    assert Names().address("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize("word", grouping.GROUPS)
def test_masked_groups_have_no_address(word):
    for found, _seen in told(word, masked=True):
        assert not {".", ":"} & set("".join(map(str, found.values()))), found


@pytest.mark.parametrize("text", ["sources", "", "source+", "+source", "source+ports", "source,destination", "Source"])
def test_a_word_that_is_none_is_named_with_those_that_are(text):
    with pytest.raises(
        ValueError, match="^group_by: '.*' is not one of source, destination, .*, nat, nor several"
    ) as error:
        parse(text, Prefixes())
    assert "'%s'" % text in str(error.value)


def test_a_part_twice_is_an_error():
    with pytest.raises(ValueError, match=r"group_by: 'source\+source' names a part twice"):
        parse("source+source", Prefixes())
