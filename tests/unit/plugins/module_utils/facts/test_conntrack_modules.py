# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules go, in which order, and what stands in the way, from lists of loaded modules as kernels print them."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import conntrack_modules
from ansible_collections.netops.conntrack.plugins.module_utils.formats import modules

# Captured on Debian 12 (Linux 6.1).
NAT = """\
xt_MASQUERADE 20480 1 - Live 0x0000000000000000
iptable_nat 16384 1 - Live 0x0000000000000000
nf_nat 57344 2 xt_MASQUERADE,iptable_nat, Live 0x0000000000000000
nf_conntrack 188416 2 xt_MASQUERADE,nf_nat, Live 0x0000000000000000
nf_defrag_ipv6 24576 1 nf_conntrack, Live 0x0000000000000000
nf_defrag_ipv4 16384 1 nf_conntrack, Live 0x0000000000000000
ip_tables 36864 1 iptable_nat, Live 0x0000000000000000
x_tables 61440 2 xt_MASQUERADE,ip_tables, Live 0x0000000000000000
"""
LEFTOVERS = """\
nf_nat_ftp 16384 0 - Live 0x0000000000000000
nf_conntrack_ftp 24576 1 nf_nat_ftp, Live 0x0000000000000000
nf_nat 57344 1 nf_nat_ftp, Live 0x0000000000000000
xt_socket 16384 1 - Live 0x0000000000000000
nf_conntrack 188416 3 nf_nat_ftp,nf_conntrack_ftp,nf_nat, Live 0x0000000000000000
nf_defrag_ipv6 24576 2 xt_socket,nf_conntrack, Live 0x0000000000000000
nf_defrag_ipv4 16384 1 nf_conntrack, Live 0x0000000000000000
"""
OPENVSWITCH = """\
openvswitch 192512 0 - Live 0x0000000000000000
nf_conncount 24576 1 openvswitch, Live 0x0000000000000000
nf_nat 57344 1 openvswitch, Live 0x0000000000000000
nf_conntrack 188416 3 openvswitch,nf_conncount,nf_nat, Live 0x0000000000000000
"""
RHEL5 = """\
ip_conntrack_netbios_ns 6977 0 - Live 0xffffffff883c6000
ipt_REJECT 9537 1 - Live 0xffffffff883c2000
xt_state 6209 4 - Live 0xffffffff883bf000
ip_conntrack 91621 2 ip_conntrack_netbios_ns,xt_state, Live 0xffffffff883a7000
nfnetlink 10713 1 ip_conntrack, Live 0xffffffff883a3000
x_tables 29641 2 ipt_REJECT,xt_state, Live 0xffffffff8838b000
"""
OWN = """
nf_conntrack ip_conntrack nf_conntrack_ipv4 nf_nat ip_nat iptable_nat ip6table_nat nft_chain_nat
nft_chain_nat_ipv4 nft_ct nft_masq nft_redir_ipv6 nft_flow_offload nf_flow_table_inet nf_conncount xt_state
ipt_state xt_CT ipt_NOTRACK xt_connlimit ipt_MASQUERADE ip6t_MASQUERADE xt_nat nfnetlink_cttimeout act_ct
nf-conntrack-ftp nf_synproxy_core ipt_SYNPROXY ip_conntrack_proto_sctp nf_conntrack_netlink
"""
SHARED = """
bridge br_netfilter openvswitch ip_vs x_tables ip_tables nf_tables nfnetlink nf_defrag_ipv4 xt_socket
xt_TPROXY nft_compat nft_objref xt_tcpudp ipt_REJECT nf_reject_ipv4 iptable_filter nf_log_syslog ip_set
natsemi
"""


def removal(text, wanted=conntrack_modules.is_core):
    return conntrack_modules.removal(modules.parse(text), wanted)


def test_modules_go_before_those_that_they_use():
    assert removal(LEFTOVERS).order == (
        "nf_nat_ftp", "nf_conntrack_ftp", "nf_nat", "nf_conntrack", "nf_defrag_ipv4",
    )  # fmt: skip


def test_what_others_use_too_stays():
    assert "nf_defrag_ipv6" not in removal(LEFTOVERS).order
    assert not {"ip_tables", "x_tables", "nfnetlink"}.intersection(removal(NAT).order + removal(RHEL5).order)


def test_references_without_a_user_are_pins():
    assert removal(NAT).pins == (("xt_MASQUERADE", 1), ("iptable_nat", 1))
    assert removal(RHEL5).pins == (("xt_state", 4),)
    assert removal(LEFTOVERS).pins == ()


def test_a_user_that_is_not_for_conntrack_alone_is_named_with_what_it_uses():
    assert removal(OPENVSWITCH).foreign == (
        ("openvswitch", "nf_conncount"), ("openvswitch", "nf_conntrack"), ("openvswitch", "nf_nat"),
    )  # fmt: skip
    assert "openvswitch" not in removal(OPENVSWITCH).order


def test_helpers_alone_leave_the_core():
    assert removal(LEFTOVERS, conntrack_modules.is_helper).order == ("nf_nat_ftp", "nf_conntrack_ftp")
    assert removal(RHEL5, conntrack_modules.is_helper).order == ("ip_conntrack_netbios_ns",)


@pytest.mark.parametrize("row", ["nf_conntrack 1 - - Live 0x0", "nf_conntrack 1 0 [permanent], Live 0x0"])
def test_a_kernel_that_unloads_nothing_pins_everything(row):
    assert removal(row + "\n").pins == (("nf_conntrack", None),)


def test_nothing_to_do_where_it_is_not_loaded():
    assert removal("x_tables 61440 0 - Live 0x0\n").order == ()


def test_what_a_held_module_uses_is_held_too():
    assert removal(NAT).held == {
        "xt_MASQUERADE", "iptable_nat", "nf_nat", "nf_conntrack", "nf_defrag_ipv6", "nf_defrag_ipv4",
    }  # fmt: skip
    assert removal(LEFTOVERS).held == frozenset()


def test_a_list_that_was_cut_ends_all_the_same():
    text = "nf_conntrack 1 1 nf_nat, Live 0x0\nnf_nat 1 1 nf_conntrack, Live 0x0\n"
    assert sorted(removal(text).order) == ["nf_conntrack", "nf_nat"]


@pytest.mark.parametrize("name", OWN.split())
def test_modules_for_conntrack_alone(name):
    assert conntrack_modules.is_own(name)


@pytest.mark.parametrize("name", SHARED.split())
def test_modules_that_others_need_too(name):
    assert not conntrack_modules.is_own(name)


def test_helpers_of_both_generations_and_their_nat_parts():
    assert all(map(conntrack_modules.is_helper, ("ip_conntrack_ftp", "nf_nat_sip", "nf_conntrack_netbios-ns")))
    assert not any(map(conntrack_modules.is_helper, ("nf_conntrack", "nf_nat", "nf_conntrack_netlink", "ftp")))
