# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the kernel makes the table, and how large we would."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import sizing
from ansible_collections.netops.conntrack.plugins.module_utils.kernel import Kernel
from hypothesis import assume, given
from hypothesis import strategies as st

MIB = 1 << 20
GIB = 1 << 30
ORIGIN = Kernel("2.6.18-274.el5", "x86_64", 4096, 8, 1064960 * 1024, True)


def kernel(release, ram, pointer=8, ip_only=False, page=4096):
    return Kernel(release, "x86_64" if pointer == 8 else "i686", page, pointer, ram, ip_only)


# Release, bytes of a pointer, ip_conntrack only, memory; buckets and max that the kernel computes.
DEFAULTS = [
    ("2.4.21-63.EL", 4, True, 512 * MIB, 4096, 32768),
    ("2.4.21-63.EL", 4, True, 256 * MIB, 2048, 16384),
    ("2.6.9-89.29.1.EL", 8, True, 512 * MIB, 2048, 16384),
    ("2.6.9-89.29.1.EL", 8, True, 2 * GIB, 8192, 65536),
    ("2.6.18-274.el5", 8, True, 1024 * MIB, 4096, 32768),
    ("2.6.18-274.el5", 8, True, 1040 * MIB, 8192, 65536),
    ("2.6.18-274.el5", 8, True, 1 * MIB, 16, 128),
    ("2.6.22", 8, False, 512 * MIB, 2048, 16384),
    ("2.6.24", 8, False, 512 * MIB, 4096, 16384),
    ("2.6.24", 4, False, 512 * MIB, 8192, 32768),
    ("2.6.32-642.6.2.el6.x86_64", 8, False, 64 * GIB, 16384, 65536),
    ("2.6.32-642.6.2.el6.x86_64", 8, False, 512 * MIB, 4096, 16384),
    ("2.6.32-642.6.2.el6.x86_64", 8, False, 1 * MIB, 32, 128),
    ("3.10.0-1160.el7.x86_64", 8, False, 2 * GIB, 16384, 65536),
    ("3.10.0-1160.el7.x86_64", 8, False, 8 * GIB, 65536, 262144),
    ("3.10.108", 8, False, 8 * GIB, 16384, 65536),
    ("4.0", 8, False, 8 * GIB, 16384, 65536),
    ("4.1", 8, False, 8 * GIB, 65536, 262144),
    ("4.18.0-240.el8.x86_64", 8, False, 512 * MIB, 4096, 16384),
    ("4.18.0-240.el8.x86_64", 8, False, 16 * GIB, 65536, 262144),
    ("5.10.0-28-amd64", 8, False, 2 * GIB, 16384, 65536),
    ("5.14.0", 8, False, 8 * GIB, 65536, 262144),
    ("5.14.0-284.11.1.el9_2.x86_64", 8, False, 8 * GIB, 262144, 262144),
    ("5.15.0", 8, False, 512 * MIB, 4096, 4096),
    ("6.1.0-18-amd64", 8, False, 2 * GIB, 65536, 65536),
    ("6.1.0-18-amd64", 8, False, 64 * MIB, 1024, 1024),
    ("6.12.9-amd64", 8, False, 8 * GIB, 262144, 262144),
    ("6.12.9-686", 4, False, 8 * GIB, 65536, 65536),
    ("6.18.44", 8, False, 24 * GIB, 262144, 262144),
]


@pytest.mark.parametrize(("release", "pointer", "ip_only", "ram", "buckets", "maximum"), DEFAULTS)
def test_kernel_defaults(release, pointer, ip_only, ram, buckets, maximum):
    machine = kernel(release, ram, pointer, ip_only)
    assert sizing.default_buckets(machine) == buckets
    assert sizing.default_max(machine) == maximum


def test_without_known_memory_there_is_no_default():
    assert sizing.default_buckets(kernel("6.1", None)) is None
    assert sizing.default_max(kernel("6.1", None)) is None


@pytest.mark.parametrize(
    ("machine", "asked", "given_"),
    [
        (kernel("6.18.44", GIB), 262143, 262144),
        (kernel("6.18.44", GIB), 100000, 100352),
        (kernel("6.18.44", GIB), 512, 512),
        (kernel("6.18.44", GIB), 1, 512),
        (kernel("6.6.0", GIB, pointer=4), 1025, 2048),
        (kernel("6.6.0", GIB, page=65536), 8193, 16384),
        (ORIGIN, 1000, 1000),
    ],
)
def test_buckets_are_rounded_as_the_kernel_does(machine, asked, given_):
    assert sizing.round_buckets(asked, machine) == given_


def test_memory_of_the_table_itself():
    assert sizing.head_bytes(262144, kernel("6.18.44", GIB)) == 2 * MIB
    assert sizing.head_bytes(8192, ORIGIN) == 128 * 1024
    assert sizing.head_bytes(8192, kernel("2.6.22", GIB)) == 128 * 1024


def test_the_original_case_is_given_131072():
    found = sizing.recommend(ORIGIN, 36271, 16640, 8192, full=True, object_size=384)
    assert found.max == 131072
    assert found.limited_by == "memory"
    assert 0.04 < found.share <= 0.05
    assert found.bytes == 131072 * 384 + found.buckets * 16
    told = " ".join(found.explanation)
    for figure in ("36271", "131072", "1040 MiB", "5 %"):
        assert figure in told


def test_the_cure_of_the_original_case_is_not_raised_again():
    assert sizing.recommend(ORIGIN, 36271, 131072, 16384, full=True, object_size=384).max == 131072


def test_room_for_bursts_and_more_where_the_demand_is_hidden():
    machine = kernel("6.1.0-18-amd64", 64 * GIB)
    assert sizing.recommend(machine, 200000, 262144, 262144).max == 524288
    assert sizing.recommend(machine, 262144, 262144, 262144, full=True).max == 1048576
    assert sizing.recommend(machine, 10, 65536, 65536, peak=200000).max == 524288


def test_a_table_that_must_grow_grows_to_the_kernel_s_default():
    assert sizing.recommend(kernel("6.1.0-18-amd64", 8 * GIB), 64, 64, 512, full=True).max == 262144
    assert sizing.recommend(kernel("6.1.0-18-amd64", 8 * GIB), 3, 64, 512).max == 64


def test_what_is_large_enough_stays():
    found = sizing.recommend(kernel("6.1.0-18-amd64", 8 * GIB), 300, 100000, 65536)
    assert (found.max, found.limited_by) == (100000, "current")


def test_use_counts_for_more_than_the_budget():
    found = sizing.recommend(kernel("6.1.0-18-amd64", 256 * MIB), 400000, 65536, 65536, full=True)
    assert found.max == 500000
    assert any("above the memory budget" in sentence for sentence in found.explanation)


@pytest.mark.parametrize(
    ("count", "maximum", "peak", "full", "said"),
    [
        (2, 4096, 300000, False, "A peak of 300000 entries: room for 2 times that, as a power of two, is 1048576."),
        (9, 4096, None, True, "The table was full, so its limit of 4096 counts as in use: room for 4 times that"),
        (9, 4096, 5000, True, "A peak of 5000 entries; the table was full, so more was wanted than is seen: room"),
        (300, 100, 200, False, "300 entries in use: room for 2 times that"),
        (2, 4096, 40000, False, "pays for 58867 entries; 50000 is taken, a quarter above what is in use or was at its"),
        (2, 40000, 40000, False, "pays for 58867 entries; 50000 is taken, a quarter above what"),
        (30000, 40000, None, False, "pays for 58867 entries; 40000 is taken, which is set now."),
    ],
)
def test_each_size_says_what_decided_it(count, maximum, peak, full, said):
    found = sizing.recommend(kernel("6.1.0-18-amd64", 512 * MIB), count, maximum, 4096, peak=peak, full=full)
    assert said in " ".join(found.explanation)


def test_unknown_memory_is_said():
    found = sizing.recommend(kernel("6.1.0-18-amd64", None), 100000, 65536)
    assert (found.max, found.share) == (262144, None)
    assert any("unknown" in sentence for sentence in found.explanation)


def test_nothing_known_at_all_is_no_reason_for_a_tiny_table():
    assert sizing.recommend(kernel("6.1.0-18-amd64", None), None, None).max >= 1024


RELEASES = ("2.4.21", "2.6.18-274.el5", "2.6.32-642.el6", "3.10.0-1160.el7", "4.18.0-240.el8", "6.12.9", "", "x")
counts = st.one_of(st.none(), st.integers(0, (1 << 31) - 1))
machines = st.builds(
    Kernel,
    st.sampled_from(RELEASES),
    st.just("x86_64"),
    st.sampled_from((4096, 16384, 65536)),
    st.sampled_from((4, 8)),
    st.one_of(st.none(), st.integers(0, 1 << 46)),
    st.booleans(),
)


@given(
    machines,
    counts,
    counts,
    counts,
    counts,
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 4096)),
    st.floats(0.01, 50),
)
def test_a_recommendation_never_takes_away(machine, count, maximum, buckets, peak, full, size, percent):
    found = sizing.recommend(machine, count, maximum, buckets, peak, full, size, percent)
    assert found.max >= max(count or 0, maximum or 0)
    assert found.buckets >= (buckets or 0)
    assert 0 < found.max <= (1 << 31) - 1
    assert found.bytes > 0
    assert all(sentence.endswith(".") for sentence in found.explanation)


@given(machines, st.integers(0, 1 << 28), st.integers(1, 4096), st.floats(0.01, 50))
def test_a_larger_table_is_within_the_budget_or_says_so(machine, count, size, percent):
    assume(machine.ram)
    found = sizing.recommend(machine, count, 1, None, object_size=size, memory_percent=percent)
    per_entry = sizing.entry_bytes(size, machine)
    if found.max * per_entry > machine.ram * percent / 100:
        assert found.limited_by == "current" or any("above the memory budget" in said for said in found.explanation)


@given(machines, st.integers(1, 1 << 27))
def test_rounding_is_done_once(machine, asked):
    once = sizing.round_buckets(asked, machine)
    assert once >= asked
    assert sizing.round_buckets(once, machine) == once
