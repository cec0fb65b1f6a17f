# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody thinks of changing: what it may be, and what it comes to in tables of known make-up."""

from __future__ import annotations

import ipaddress
import types

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    SEEN_REPLY,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.proposal import Proposal
from ansible_collections.netops.conntrack.plugins.module_utils.table.report import Sample
from ansible_collections.netops.conntrack.plugins.module_utils.table.survey import Port, Survey

TIMEOUTS = types.MappingProxyType({"tcp_timeout_established": 432000, "udp_timeout": 30, "udp_timeout_stream": 120})
NEAR, FAR = (ipaddress.ip_address(text).packed for text in ("192.0.2.1", "198.51.100.1"))


def entry(protocol, state, status, left, port):
    return Entry(2, protocol, left, state, status, Tuple(NEAR, FAR, 1024, port), Tuple(FAR, NEAR, port, 1024))


def established(idle, port=443):
    return entry(TCP, "ESTABLISHED", SEEN_REPLY | ASSURED, 432000 - idle, port)


def question(idle=5, port=53):
    return entry(UDP, None, SEEN_REPLY, 30 - idle, port)


def outcome(entries, asked, count=None, now=TIMEOUTS, complete=True):
    proposal = Proposal.parse(asked)
    survey = Survey([], proposal.ports)
    for batch in batches(entries, COLUMNS):
        survey.add(batch)
    size = len(entries)
    return proposal.outcome(survey, Sample(size, size, count, complete, size), now)


def test_a_lower_timeout_keeps_what_was_idle_for_no_longer():
    found = outcome(
        [established(10)] * 30 + [established(300000)] * 70, {"timeouts": {"tcp_timeout_established": 86400}}
    )
    (change,) = found["changes"]
    assert (change["setting"], change["from"], change["to"]) == ("tcp_timeout_established", 432000, 86400)
    assert change["change"]["estimate"] == -70
    assert found["table"]["settled"]["estimate"] == 30 and found["table"]["now"] == 100


def test_of_a_sample_the_table_is_foretold():
    found = outcome(
        [established(10)] * 300 + [established(300000)] * 700,
        {"timeouts": {"tcp_timeout_established": 86400}}, 50000, complete=False,
    )  # fmt: skip
    change = found["changes"][0]["change"]
    assert change["estimate"] == -35000 and change["low"] < -35000 < change["high"] < -33000


def test_a_port_that_is_not_tracked_leaves_only_its_own_protocol():
    found = outcome(
        [question()] * 40 + [established(10, 53)] * 60, {"notrack": [{"protocol": "UDP", "port": 53}]}
    )  # fmt: skip
    (change,) = found["changes"]
    assert change["notrack"] == {"protocol": "udp", "port": 53}
    assert (change["setting"], change["change"]["estimate"]) == (None, -40)


def test_what_is_not_tracked_is_not_counted_twice():
    asked = {"notrack": [{"protocol": "udp", "port": 53}], "timeouts": {"udp_timeout": 1}}
    found = outcome([question()] * 40 + [question(port=123)] * 60, asked)
    assert [change["change"]["estimate"] for change in found["changes"]] == [-60, -40]
    assert found["table"]["settled"]["estimate"] == 0


def test_a_timeout_that_this_kernel_lacks_is_unknown():
    found = outcome([question()] * 10, {"timeouts": {"sctp_timeout_closed": 5, "udp_timeout": 10}})
    assert found["unknown"] == ["sctp_timeout_closed"]
    assert [change["setting"] for change in found["changes"]] == ["udp_timeout"]
    found = outcome([question()] * 10, {"timeouts": {"udp_timeout": 10}}, now={})
    assert (found["changes"], found["unknown"]) == ([], ["udp_timeout"])
    assert found["table"]["settled"]["estimate"] == 10


def test_nothing_is_foretold_where_nothing_was_asked_or_the_count_is_unknown():
    assert outcome([question()], {}) is None
    assert outcome([question()], {"timeouts": {}, "notrack": []}) is None
    assert outcome([question()], {"timeouts": {"udp_timeout": 5}}, None, complete=False) is None


def test_an_empty_table_stays_empty():
    asked = {"notrack": [{"protocol": "udp", "port": 53}], "timeouts": {"udp_timeout": 5}}
    found = outcome([], asked)
    assert found["table"]["now"] == 0
    assert {change["change"]["estimate"] for change in found["changes"]} == {0}


def test_a_setting_by_any_of_its_names():
    for name in ("tcp_timeout_established", "nf_conntrack_tcp_timeout_established"):
        assert Proposal.parse({"timeouts": {name: "600"}}).timeouts == {"tcp_timeout_established": 600}
    both = {"tcp_timeout_established": 600, "nf_conntrack_tcp_timeout_established": 600}
    assert Proposal.parse({"timeouts": both}).timeouts == {"tcp_timeout_established": 600}


def test_a_port_twice_is_once():
    asked = [{"protocol": "udp", "port": 53}, {"protocol": "udp", "port": 53}, {"protocol": "tcp", "port": 53}]
    assert Proposal.parse({"notrack": asked}).ports == (Port(UDP, 53), Port(TCP, 53))


def test_nothing_asked_is_nothing():
    assert not Proposal.parse({}) and not Proposal.parse({"timeouts": None, "notrack": None})
    assert Proposal.parse({"timeouts": {"udp_timeout": 1}})


@pytest.mark.parametrize(
    "asked, message",
    [
        (
            {"timeouts": {"max": 5}},
            "what_if: timeouts: 'max' is no timeout of entries; these are: .*udp_timeout_stream",
        ),
        ({"timeouts": {"tcp_timeout": 5}}, "what_if: timeouts: 'tcp_timeout' is no timeout of entries"),
        # Nothing in the table tells of these.
        ({"timeouts": {"frag6_timeout": 5}}, "what_if: timeouts: 'frag6_timeout' is no timeout"),
        ({"timeouts": {"events_retry_timeout": 5}}, "what_if: timeouts: 'events_retry_timeout' is no timeout"),
        ({"timeouts": {"tcp_timeout_max_retrans": 5}}, "what_if: timeouts: 'tcp_timeout_max_retrans' is no timeout"),
        (
            {"timeouts": {"udp_timeout": 0}},
            "what_if: timeouts: udp_timeout: '0' is not a number of seconds from 1 to 2147483",
        ),
        ({"timeouts": {"udp_timeout": 2147484}}, "what_if: timeouts: udp_timeout: '2147484' is not"),
        ({"timeouts": {"udp_timeout": "5d"}}, "what_if: timeouts: udp_timeout: '5d' is not"),
        ({"timeouts": {"udp_timeout": 1.5}}, "what_if: timeouts: udp_timeout: '1.5' is not"),
        ({"timeouts": {"udp_timeout": True}}, "what_if: timeouts: udp_timeout: 'True' is not"),
        ({"timeouts": {"udp_timeout": "²"}}, "what_if: timeouts: udp_timeout: '²' is not"),
        (
            {"timeouts": {"udp_timeout": 5, "nf_conntrack_udp_timeout": 6}},
            "what_if: timeouts: nf_conntrack_udp_timeout: '6' is another value of udp_timeout; give one",
        ),
        ({"notrack": [{"protocol": "icmp", "port": 1}]}, "what_if: notrack: protocol: 'icmp' is not one of tcp, udp, "),
        ({"notrack": [{"protocol": "udp", "port": 0}]}, "what_if: notrack: port: '0' is no port from 1 to 65535"),
        ({"notrack": [{"protocol": "udp", "port": 65536}]}, "what_if: notrack: port: '65536' is no port"),
    ],
)
def test_a_value_that_is_none_is_named_with_what_is_allowed(asked, message):
    with pytest.raises(ValueError, match="^" + message):
        Proposal.parse(asked)
