# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slabs as each kernel generation prints them, and any text at all."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.module_utils.formats import slabinfo
from hypothesis import given
from hypothesis import strategies as st

ORIGIN = """slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit>
ip_conntrack_expect      0      0    192   20    1 : tunables  120   60    8 : slabdata      0      0      0
ip_conntrack       36271  36216    384   10    1 : tunables   54   27    8 : slabdata   1612   1612    108
ip_fib_alias          16     59     64   59    1 : tunables  120   60    8 : slabdata      1      1      0
"""

RHEL3 = """slabinfo - version: 1.1 (SMP)
kmem_cache            96     96    244    6    6    1 :  252  126
ip_conntrack       10000  10010    384 1000 1001    1 :  124   62
size-131072(DMA)       0      0 131072    0    0   32 :    0    0
"""

RHEL4 = """slabinfo - version: 2.0
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <batchcount>
ip_conntrack_expect      0      0    192   20    1 : tunables  120   60    8 : slabdata      0      0      0
ip_conntrack          12     20    384   10    1 : tunables   54   27    8 : slabdata      2      2      0
"""


def test_the_original_case_is_kept_as_printed():
    """Active above total: the kernel printed it so."""
    slab = slabinfo.entries(slabinfo.parse(ORIGIN))
    assert slab == slabinfo.Slab("ip_conntrack", 36271, 36216, 384)
    assert slabinfo.expectations(slabinfo.parse(ORIGIN)).object_size == 192


def test_version_1_has_other_columns():
    slab = slabinfo.entries(slabinfo.parse(RHEL3))
    assert slab == slabinfo.Slab("ip_conntrack", 10000, 10010, 384)
    assert [each.name for each in slabinfo.parse(RHEL3)] == ["kmem_cache", "ip_conntrack", "size-131072(DMA)"]


def test_version_1_without_statistics_or_smp_has_no_colon():
    text = "slabinfo - version: 1.1\nip_conntrack 3 22 352 1 2 1\n"
    assert slabinfo.parse(text) == [slabinfo.Slab("ip_conntrack", 3, 22, 352)]


def test_version_2_0():
    assert slabinfo.entries(slabinfo.parse(RHEL4)) == slabinfo.Slab("ip_conntrack", 12, 20, 384)


def test_one_cache_for_each_namespace_is_summed():
    """2.6.32 names them after a pointer, 4.4 after a number; expectations are none of them."""
    text = """slabinfo - version: 2.1
nf_conntrack_expect      7      9    240   17    1 : tunables    0    0    0 : slabdata      1      1      0
nf_conntrack_ffffffff81b18540 100 120    304   13    1 : tunables    0    0    0 : slabdata 9 9 0
nf_conntrack_12        20     26    320   12    1 : tunables    0    0    0 : slabdata      2      2      0
nf_conntrack_helper    50     50     64   64    1 : tunables    0    0    0 : slabdata      1      1      0
"""
    slabs = slabinfo.parse(text)
    assert slabinfo.entries(slabs) == slabinfo.Slab("nf_conntrack", 120, 146, 320)
    assert slabinfo.expectations(slabs).active == 7


def test_merged_or_not_loaded_is_none_and_not_zero():
    text = "slabinfo - version: 2.1\n:0000232 10 16 232 16 1 : tunables 0 0 0 : slabdata 1 1 0\n"
    assert slabinfo.entries(slabinfo.parse(text)) is None
    assert slabinfo.expectations(slabinfo.parse(text)) is None
    assert slabinfo.entries([]) is None


def test_a_name_may_hold_blanks_and_colons():
    text = "slabinfo - version: 2.1\nodd:a cache 1 2 3 4 5 : tunables 0 0 0 : slabdata 1 1 0\n"
    assert slabinfo.parse(text) == [slabinfo.Slab("odd:a cache", 1, 2, 3)]


def test_garbage_and_carriage_returns_do_not_hide_a_row():
    text = ORIGIN.replace("\n", "\r\n").replace("ip_fib_alias", "ip_fib_alias x")
    broken = "garbage\r\nip_conntrack 1 2\r\n\udcff\x00 a b c d e : \r\n" + text
    assert slabinfo.parse(broken)[:2] == slabinfo.parse(ORIGIN)[:2]


@given(st.text() | st.lists(st.sampled_from(["ip_conntrack", " ", "\n", ":", "7", "\u00b2", "- ", "1.1"])).map("".join))
def test_any_text_gives_records_and_no_traceback(text):
    for version in ("", "slabinfo - version: 1.1\n", "slabinfo - version: 2.1\n"):
        slabs = slabinfo.parse(version + text)
        slabinfo.entries(slabs)
        slabinfo.expectations(slabs)


@given(
    st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 5)),
    st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 5)),
)
def test_only_rows_of_entries_are_summed(entries, others):
    rows = ["nf_conntrack_%x %d %d %d %d %d : tunables 0 0 0" % (n, *row) for n, row in enumerate(entries)]
    rows += ["nf_conntrack_expect %d %d %d %d %d : tunables 0 0 0" % row for row in others]
    total = slabinfo.entries(slabinfo.parse("slabinfo - version: 2.1\n" + "\n".join(rows)))
    if not entries:
        assert total is None
    else:
        assert total.active == sum(row[0] for row in entries)
        assert total.object_size == max(row[2] for row in entries)
