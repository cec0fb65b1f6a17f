# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own addresses, and who has a connection with it: from files as Linux 6.18 prints them."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts.surroundings import surroundings
from ansible_collections.netops.conntrack.plugins.module_utils.formats import local_addresses, tcp_sockets
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading, Snapshot

# Listening, open, closing; the last line is cut off.
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 126 1 0000000 100 0 0 10 0
   1: 0AF212C6:0016 01F212C6:9226 01 00000000:00000000 03:000011A2 00000000     0        0 0 3 000000006270e0cb
   2: 0AF212C6:0016 02F212C6:9226 06 00000000:00000000 03:000011A2 00000000     0        0 0 3 000000006270e0cb
   3: 0AF212C6:0016 03F2"""
TCP6 = """   0: 0000000000000000FFFF00000AF212C6:0016 0000000000000000FFFF000004F212C6:0050 01 00000000:00000000 00:0
   1: B80D0120000000000000000001000000:0016 B80D0120000000000000000009000000:0050 01 00000000:00000000 00:0
"""
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     +-- 192.0.2.0/30 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.2
           /32 host LOCAL
           /24 link UNICAST
     |-- 192.0.2.255
        /32 link BROADCAST
Local:
        |-- 192.0.2.2
           /32 host LOCAL
"""
INET6 = """20010db8000000000000000000000001 25c 40 00 80     eth0
fe80000000000000603452fffe196f71 25c 40 20 80     eth0
"""


def packed(*texts):
    return {ipaddress.ip_address(text).packed for text in texts}


def number(text):
    return int(ipaddress.ip_address(text))


def test_peers_are_those_of_open_connections():
    assert tcp_sockets.peers(TCP) == packed("198.18.242.1")
    assert tcp_sockets.peers(TCP6) == packed("::ffff:198.18.242.4", "2001:db8::9")


def test_peers_on_a_big_endian_machine():
    rows = "   0: C612F20A:0016 C612F201:9226 01 0\n   1: %s:0016 20010DB8%s9:0050 01 0\n" % ("0" * 32, "0" * 23)
    assert tcp_sockets.peers(rows, big_endian=True) == packed("198.18.242.1", "2001:db8::9")


@pytest.mark.parametrize("text", ["", "\n", "0: X:1 Y:2 01 ", TCP6[:60]])
def test_no_peers(text):
    assert tcp_sockets.peers(text) == set()


def test_own_addresses():
    assert local_addresses.ipv4(FIB_TRIE) == packed("192.0.2.2")
    assert local_addresses.ipv6(INET6) == packed("2001:db8::1", "fe80::6034:52ff:fe19:6f71")
    assert local_addresses.ipv4("           /32 host LOCAL\n") == local_addresses.ipv6("x y\n") == set()


def test_together():
    files = {"tcp": TCP, "tcp6": TCP6, "fib_trie": FIB_TRIE, "if_inet6": INET6}
    found = surroundings(Snapshot({"/proc/net/" + name: Reading(text=text) for name, text in files.items()}))
    assert found.is_own(number("192.0.2.2")) and found.is_own(ipaddress.ip_address("2001:db8::1").packed)
    assert found.is_own(number("127.3.2.1")) and found.is_own(ipaddress.ip_address("::1").packed)
    for peer in (number("198.18.242.1"), number("198.18.242.4"), ipaddress.ip_address("2001:db8::9").packed):
        assert found.is_spared(peer) and not found.is_own(peer)
    assert not found.is_spared(number("198.18.242.2")) and not found.is_spared(number("192.0.2.255"))


def test_where_nothing_could_be_read_only_loopback_is_known():
    found = surroundings(Snapshot({}))
    assert found.is_own(number("127.0.0.1")) and not found.is_spared(number("192.0.2.2"))
