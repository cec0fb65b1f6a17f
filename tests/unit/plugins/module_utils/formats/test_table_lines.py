# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of the table, with and without translated addresses."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.table_lines import translated

PLAIN = (
    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=22 "
    "src=10.0.0.2 dst=10.0.0.1 sport=22 dport=40000 [ASSURED] mark=0 zone=0 use=2"
)


@pytest.mark.parametrize(
    "line",
    [
        PLAIN,
        "udp      17 29 src=10.0.0.1 dst=10.0.0.255 sport=137 dport=137 [UNREPLIED] src=10.0.0.255 dst=10.0.0.1 "
        "sport=137 dport=137 use=1",
        "ipv4 2 icmp 1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=1",
        "ipv6 10 unknown 253 599 src=fd00::1 dst=fd00::2 src=fd00::2 dst=fd00::1 mark=0 use=2",
        "",
        "no line of the table: src=1",
    ],
)
def test_not_translated(line):
    assert not translated(line)


@pytest.mark.parametrize(
    "change",
    [
        ("dst=10.0.0.1 sport=22", "dst=192.0.2.1 sport=22"),
        ("src=10.0.0.2 dst=10.0.0.1", "src=172.16.0.9 dst=10.0.0.1"),
        ("sport=22 dport=40000", "sport=22 dport=61000"),
        ("sport=22 dport=40000", "sport=2222 dport=40000"),
    ],
    ids=["SNAT", "DNAT", "source port", "destination port"],
)
def test_translated(change):
    assert translated(PLAIN.replace(*change))
