# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single entries with the facts that questions join: how long they have been idle, by the timeout that runs."""

from __future__ import annotations

import ipaddress
import types

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    ICMP,
    OFFLOAD,
    SEEN_REPLY,
    SRC_NAT,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.rows import Row, rows

TIMEOUTS = types.MappingProxyType(
    {
        "tcp_timeout_established": 432000,
        "tcp_timeout_unacknowledged": 300,
        "udp_timeout": 30,
        "udp_timeout_stream": 120,
        "icmp_timeout": 30,
    }
)
NEAR, FAR = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("198.51.100.1")


def entry(protocol=TCP, state="ESTABLISHED", status=SEEN_REPLY | ASSURED, left=431000, ends=(NEAR, FAR), **rest):
    ports = (None, None) if protocol == ICMP else (1024, 80)
    there = [end.packed for end in ends]
    both = Tuple(*there, *ports), Tuple(*reversed(there), *reversed(ports))
    family = 2 if len(there[0]) == 4 else 10
    return Entry(family, protocol, left, state, status, *both, **rest)


def row(each, timeouts=TIMEOUTS):
    (found,) = rows(batches([each], COLUMNS), timeouts)
    return found


def test_a_row_has_what_the_entry_has():
    assert row(entry(status=SEEN_REPLY | DST_NAT)) == Row(
        2, TCP, "ESTABLISHED", True, False, True, int(NEAR), int(FAR), 80, 1000
    )  # fmt: skip
    six = tuple(map(ipaddress.ip_address, ("2001:db8::1", "2001:db8::2")))
    assert row(entry(UDP, None, 0, 10, six)) == Row(
        10, UDP, None, False, False, False, six[0].packed, six[1].packed, 80, 20
    )
    assert row(entry(ICMP, None, SRC_NAT, 30)) == Row(2, ICMP, None, False, False, True, int(NEAR), int(FAR), None, 0)


@pytest.mark.parametrize(
    "each, idle",
    [
        (entry(left=432000), 0),
        (entry(left=0), 432000),
        # Its timer was set to another timeout.
        (entry(left=432001), None),
        (entry(UDP, None, SEEN_REPLY, 10), 20),
        (entry(UDP, None, SEEN_REPLY | ASSURED, 10), 110),
        # A peer that does not acknowledge has the shorter time.
        (entry(left=100, tcp_flags=(0x10, 0)), 200),
        (entry(left=431000, tcp_flags=(0, 0)), 1000),
        # In a flow table there is no timer.
        (entry(left=None, status=SEEN_REPLY | ASSURED | OFFLOAD), None),
        # This host has no such timeout.
        (entry(state="TIME_WAIT", left=10), None),
    ],
)
def test_how_long_an_entry_was_idle(each, idle):
    assert row(each).idle == idle


def test_nobody_knows_how_long_without_timeouts():
    assert row(entry(), {}).idle is None


def test_alike_entries_with_other_timers_stay_apart():
    found = rows(batches([entry(left=100), entry(left=200), entry(UDP, None, 0, 20)], COLUMNS), TIMEOUTS)
    assert [each.idle for each in found] == [431900, 431800, 10]


def test_no_batches_no_rows():
    assert rows([], TIMEOUTS) == []
