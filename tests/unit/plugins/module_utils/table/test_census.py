# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries counted by what they are, and which timeout runs for each kind."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    GRE,
    ICMP,
    IPV4,
    IPV6,
    OFFLOAD,
    SCTP,
    SEEN_REPLY,
    SRC_NAT,
    TCP,
    UDP,
    UDPLITE,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table import census as module
from ansible_collections.netops.conntrack.plugins.module_utils.table import idle, timers
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import Batch
from ansible_collections.netops.conntrack.plugins.module_utils.table.census import Census, Kind

TIMEOUTS = {"tcp_timeout_established": 432000, "tcp_timeout_unacknowledged": 300, "tcp_timeout_time_wait": 120}


def batch(protocol, family=IPV4, **columns):
    return Batch(family, protocol, len(columns["status"]), columns)


def kind(protocol, state=None, family=IPV4, **rest):
    every = dict.fromkeys(("replied", "assured", "source_nat", "destination_nat", "offloaded"), False)
    return Kind(family, protocol, state, **{**every, "unacknowledged": None, **rest})


def counted(*each):
    census = Census()
    for one in each:
        census.add(one)
    assert census.entries == sum(one.size for one in each)
    return {found: dict(left) for found, left in census.kinds().items()}


def test_each_bit_and_state_is_a_kind_of_its_own():
    tcp = batch(TCP, status=[SEEN_REPLY | ASSURED, 0], state=[3, 1], tcp_flags=[0x10, 0], left=[5, 7])
    assert counted(tcp) == {
        kind(TCP, "ESTABLISHED", replied=True, assured=True, unacknowledged=True): {5: 1},
        kind(TCP, "SYN_SENT", unacknowledged=False): {7: 1},
    }
    udp = batch(UDP, IPV6, status=[SRC_NAT | SEEN_REPLY, DST_NAT], left=[29, 30])
    assert counted(udp) == {
        kind(UDP, family=IPV6, replied=True, source_nat=True): {29: 1},
        kind(UDP, family=IPV6, destination_nat=True): {30: 1},
    }


def test_no_state_no_flags_no_timer():
    assert counted(batch(TCP, status=[OFFLOAD | SEEN_REPLY] * 2)) == {
        kind(TCP, replied=True, offloaded=True): {None: 2}
    }
    # /proc tells no flags.
    assert counted(batch(SCTP, status=[0], state=[4], left=[1])) == {kind(SCTP, "ESTABLISHED"): {1: 1}}


def test_bits_that_say_nothing_here_make_no_kind():
    confirmed = 1 << 3
    assert counted(batch(ICMP, status=[confirmed, 0, 1 << 31], left=[9, 9, 9])) == {kind(ICMP): {9: 3}}


def test_what_was_put_together_meanwhile_is_counted_once(monkeypatch):
    monkeypatch.setattr(module, "_FOLD", 3)
    batches = [batch(UDP, status=[0] * 5, left=list(range(start, start + 5))) for start in range(0, 50, 5)]
    assert counted(*batches, *batches) == {kind(UDP): dict.fromkeys(range(50), 2)}


def test_long_timers_share_bins():
    found = counted(batch(UDP, status=[0] * 3, left=[431999, 431000, 1 << 31]))
    assert found == {kind(UDP): {idle.bins([431999])[0]: 1, idle.bins([431000])[0]: 1, idle.bins([1 << 31])[0]: 1}}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (kind(TCP, "ESTABLISHED"), "tcp_timeout_established"),
        (kind(TCP, "ESTABLISHED", unacknowledged=True), "tcp_timeout_unacknowledged"),
        # The shorter one of the two runs.
        (kind(TCP, "TIME_WAIT", unacknowledged=True), "tcp_timeout_time_wait"),
        (kind(TCP, "ESTABLISHED", offloaded=True), None),
        (kind(UDP), "udp_timeout"),
        (kind(UDP, replied=True), "udp_timeout"),
        (kind(UDP, replied=True, assured=True), "udp_timeout_stream"),
        (kind(UDPLITE, assured=True), "udp_timeout_stream"),
        (kind(GRE, assured=True), "gre_timeout_stream"),
        (kind(GRE), "gre_timeout"),
        (kind(ICMP), "icmp_timeout"),
        (kind(SCTP, "COOKIE_WAIT"), "sctp_timeout_cookie_wait"),
        (kind(50), "generic_timeout"),
    ],
)
def test_the_timeout_that_runs(given, name):
    assert timers.setting(given, TIMEOUTS) == name


def test_udp_lite_of_a_kernel_that_has_timeouts_for_it():
    assert timers.setting(kind(UDPLITE), {"udplite_timeout": 30}) == "udplite_timeout"
