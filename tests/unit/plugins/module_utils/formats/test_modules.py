# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules and their holders, from Linux 2.4 to today."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import modules
from hypothesis import given
from hypothesis import strategies as st

RHEL3 = """ipt_REJECT              4632   1 (autoclean)
iptable_filter          2412   1 (autoclean)
ip_conntrack           29992   3 (autoclean) [ipt_state iptable_nat]
ip_tables              16544   3 [ipt_REJECT iptable_filter]
mii                     3976   0 [8139too]
usb-uhci               26412   0 (unused)
autofs                 13268  -1 (autoclean) (unused)
"""

RHEL5 = """ip_conntrack_netbios_ns 6977 0 - Live 0xffffffff8838f000
ip_conntrack 91621 3 ip_conntrack_netbios_ns,xt_state, Live 0xffffffff88377000
nfnetlink 40457 1 ip_conntrack, Live 0xffffffff8836c000
ipv6 435489 32 [permanent], Live 0xffffffff88300000
"""

DEBIAN = """xt_conntrack 16384 5 - Live 0x0000000000000000
nf_conntrack 204800 4 xt_conntrack,nf_nat,nft_ct, Live 0x0000000000000000
nf_nat 65536 1 [permanent],nft_chain_nat, Live 0x0000000000000000
loading_now 4096 1 - Loading 0x0000000000000000 (OE+)
"""


def one(text, name):
    (module,) = [each for each in modules.parse(text) if each.name == name]
    return module


def test_recent_kernels():
    core = one(DEBIAN, "nf_conntrack")
    assert core == modules.Module("nf_conntrack", 204800, 4, ("xt_conntrack", "nf_nat", "nft_ct"), "Live", False)
    assert one(DEBIAN, "loading_now").state == "Loading"
    assert one(DEBIAN, "xt_conntrack").users == ()


def test_what_no_module_accounts_for_is_held_by_rules_or_others():
    assert modules.unnamed_references(one(RHEL5, "ip_conntrack")) == 1
    assert modules.unnamed_references(one(DEBIAN, "xt_conntrack")) == 5
    assert modules.unnamed_references(one(RHEL5, "ip_conntrack_netbios_ns")) == 0


def test_flags_are_not_users():
    assert one(RHEL5, "ipv6").permanent
    assert one(RHEL5, "ipv6").users == ()
    assert one(DEBIAN, "nf_nat").permanent
    assert one(DEBIAN, "nf_nat").users == ("nft_chain_nat",)


def test_linux_2_4():
    core = one(RHEL3, "ip_conntrack")
    assert core == modules.Module("ip_conntrack", 29992, 3, ("ipt_state", "iptable_nat"), "autoclean", False)
    assert modules.unnamed_references(core) == 1
    assert modules.unnamed_references(one(RHEL3, "mii")) == 0
    assert one(RHEL3, "ip_tables").state == ""
    assert one(RHEL3, "autofs").state == "autoclean,unused"


@pytest.mark.parametrize("row", ["x 4096 - - Live 0x0", "autofs 13268 -1 (autoclean)"])
def test_a_kernel_that_does_not_count_is_none_and_not_zero(row):
    (module,) = modules.parse(row)
    assert module.refcount is None
    assert modules.unnamed_references(module) is None


def test_garbage_does_not_hide_a_row():
    text = "\x00\udcff\r\nhalf a\r\nname size 3\r\n" + RHEL5.replace("\n", "\r\n")
    assert modules.parse(text) == modules.parse(RHEL5)


PIECES = ["a", " ", "\n", "12", "-", "-1", ",", "[", "]", "(", ")", "Live", "[permanent],", "\u00b2"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_gives_records_and_no_traceback(text):
    for module in modules.parse(text):
        modules.unnamed_references(module)


@given(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), max_size=6), st.integers(0, 9))
def test_named_users_and_the_rest_add_up(users, others):
    listed = "".join(user + "," for user in users) or "-"
    (module,) = modules.parse("core 4096 %d %s Live 0x0" % (len(users) + others, listed))
    assert list(module.users) == users
    assert modules.unnamed_references(module) == others
