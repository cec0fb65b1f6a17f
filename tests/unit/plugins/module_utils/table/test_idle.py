# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long entries have been idle, from what they have left."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.table.idle import (
    MOST_BINS,
    about_within,
    bins,
    bounds,
    idle,
    spans,
    within,
)
from hypothesis import given
from hypothesis import strategies as st

LEFT = st.integers(0, 2000) | st.integers(0, 432000) | st.integers(0, (1 << 32) - 1)


def histogram(*lefts):
    return Counter(bins(lefts))


@pytest.mark.parametrize(
    ("left", "number", "low", "high"),
    [
        (0, 0, 0, 0),
        (-5, 0, 0, 0),
        (1, 1, 1, 1),
        (1023, 1023, 1023, 1023),
        (1024, 1024, 1024, 2047),
        (2047, 1024, 1024, 2047),
        (2048, 1025, 2048, 3071),
        (432000, 1444, 431104, 432127),
        (4194303, 5118, 4193280, 4194303),
        (4194304, 5119, 4194304, 4294967295),
        (4294967295, 5119, 4194304, 4294967295),
    ],
)
def test_edges_of_the_bins(left, number, low, high):
    assert bins([left]) == [number]
    assert bounds(number) == (low, high)


def test_bins_follow_each_other_without_a_gap():
    edges = [bounds(number) for number in range(MOST_BINS)]
    assert [low for low, _high in edges] == [0, *(high + 1 for _low, high in edges[:-1])]


@given(st.lists(LEFT))
def test_what_is_left_is_within_its_bin(lefts):
    for left, number in zip(lefts, bins(lefts)):
        assert 0 <= number < MOST_BINS
        assert bounds(number)[0] <= left <= bounds(number)[1]


@given(st.lists(st.integers(0, 450000)), st.sampled_from([0, 1, 30, 1023, 1024, 86400, 432000]), st.integers(0, 450000))
def test_idle_within_holds_the_truth(lefts, timeout, seconds):
    low, high = within(histogram(*lefts), timeout, seconds)
    # A bin that has the timeout in it counts as idle, with what is above the timeout.
    edge = max(timeout, bounds(bins([timeout])[0])[1])
    assert low <= sum(timeout - left <= seconds for left in lefts if left <= edge) <= high
    assert low <= about_within(histogram(*lefts), timeout, seconds) + 1e-9
    assert about_within(histogram(*lefts), timeout, seconds) - 1e-9 <= high
    if timeout < 1024:
        assert low == high


def test_one_second_bins_are_exact():
    found = histogram(120, 119, 90, 90, 0)
    assert [within(found, 120, seconds) for seconds in (-1, 0, 1, 29, 30, 119, 120, 999)] == [
        (0, 0), (1, 1), (2, 2), (2, 2), (4, 4), (4, 4), (5, 5), (5, 5),
    ]  # fmt: skip


def test_wide_bins_tell_from_how_many_to_how_many():
    # Left 431104 to 432127 of 432000, and 430080 to 431103.
    found = histogram(432000, 431104, 431103, 430080)
    assert spans(found, 432000).spans == [(0, 896, 2), (897, 1920, 2)]
    assert within(found, 432000, 0) == (0, 2)
    assert within(found, 432000, 896) == (2, 2)
    assert within(found, 432000, 897) == (2, 4)
    assert about_within(found, 432000, 896 + 512) == 3


def test_percentiles_and_the_longest():
    found = idle(histogram(*range(21, 121)), 120)
    assert found == {
        "entries": 100, "longer_timeout": 0, "p10": 9, "median": 49, "p90": 89, "p99": 98, "longest": 99,
    }  # fmt: skip


def test_percentiles_of_one_entry_are_that_one():
    found = idle(histogram(100), 120)
    assert {found[name] for name in ("p10", "median", "p90", "p99", "longest")} == {20}


def test_in_a_wide_bin_percentiles_are_spread():
    found = idle({1024 + 9: 100}, 432000)
    low, high = 432000 - bounds(1033)[1], 432000 - bounds(1033)[0]
    assert low < found["p10"] < found["median"] < found["p90"] < found["p99"] < found["longest"] == high
    assert abs(found["median"] - (low + high) / 2) < 10


def test_more_left_than_the_timeout_is_another_timeout():
    found = idle(histogram(300, 121, 120, 20), 120)
    assert (found["entries"], found["longer_timeout"]) == (2, 2)
    assert (found["p10"], found["longest"]) == (0, 100)
    assert within(histogram(300, 121, 120, 20), 120, 1000) == (2, 2)


@pytest.mark.parametrize("found", [Counter(), Counter({5: 0}), histogram(500)])
def test_nothing_to_tell_from(found):
    told = idle(found, 120)
    assert told["entries"] == 0
    assert {told[name] for name in ("p10", "median", "p90", "p99", "longest")} == {None}


def test_a_timeout_of_less_than_a_second():
    assert idle(histogram(0, 0), 0)["longest"] == 0
