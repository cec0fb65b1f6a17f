# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table would hold with another timeout: beside a simulated table that gets it."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.table import what_if
from ansible_collections.netops.conntrack.plugins.module_utils.table.idle import bins
from hypothesis import given
from hypothesis import strategies as st

TRIES = 100
# Seconds before the change: long enough that flows of all ages are there. Flows a second, packets a flow, seconds
# between packets; most gaps are short, some long enough for an entry to expire and come back.
BEFORE, RATE, PACKETS, SHORT, LONG, LONG_PART = 700, 2.5, 5, 4, 60, 0.35
OTHERS = 600


def chance_of(misses, tries, rate):
    """Of so many misses or more, where each try misses at this rate."""
    return sum(math.comb(tries, n) * rate**n * (1 - rate) ** (tries - n) for n in range(misses, tries + 1))


def poisson(chosen, mean):
    number, passed = 0, chosen.expovariate(1)
    while passed < mean:
        number += 1
        passed += chosen.expovariate(1)
    return number


class Simulated:
    """Flows that come at random, each with its packets; the timeout changes at 0, seconds are counted from there."""

    def __init__(self, seed, old, new, part):
        self.chosen = random.Random(seed)
        self.old, self.new = old, new
        self.end = max(old, new)
        now, later = [], []
        start = -BEFORE
        while start < self.end:
            start += self.chosen.expovariate(RATE)
            self._flow(start, now, later)
        left = [int(end) for end in now if end >= 0]
        self.settled = sum(end > self.end for end in later)
        self.others = poisson(self.chosen, OTHERS), poisson(self.chosen, OTHERS)
        table = left + [None] * self.others[0]
        self.population = len(table)
        self.now = len(left)
        self.sampled = round(self.population * part)
        self.sample = Counter(bins([left for left in self.chosen.sample(table, self.sampled) if left is not None]))

    def _flow(self, packet, now, later):
        """When the flow's entry expires: as it looks at 0, and by what is known at the end."""
        chosen = self.chosen.random
        last = before = None
        while packet <= self.end:
            last = packet
            if packet <= 0:
                before = packet
            if chosen() < 1 / PACKETS:
                break
            packet += self.chosen.expovariate(1 / (LONG if chosen() < LONG_PART else SHORT))
        if before is not None:
            now.append(before + self.old)
        if last is not None:
            # An entry keeps its timer until its next packet.
            later.append(last + (self.old if last <= 0 else self.new))

    def predicted(self):
        return what_if.timeout("udp_timeout", self.old, self.new, self.sample, self.sampled, self.population)


def misses(held):
    return sum(not inside for inside in held)


def inside(interval, truth):
    return interval["low"] <= truth <= interval["high"]


@pytest.mark.parametrize(("old", "new", "part"), [(120, 30, 0.4), (60, 50, 0.1)])
def test_a_lowered_timeout_settles_where_it_says(old, new, part):
    tables = [Simulated(seed, old, new, part) for seed in range(TRIES)]
    told = [table.predicted() for table in tables]
    settled = [inside(each["settled"], table.settled) for each, table in zip(told, tables)]
    assert chance_of(misses(settled), TRIES, 0.05) > 0.001
    assert chance_of(misses(inside(each["now"], table.now) for each, table in zip(told, tables)), TRIES, 0.05) > 0.001
    whole = [
        inside(what_if.together([each], table.population)["settled"], table.settled + table.others[1])
        for each, table in zip(told, tables)
    ]
    assert chance_of(misses(whole), TRIES, 0.05) > 0.001
    # It is right on average, and as narrow as can be.
    mean = sum(table.settled for table in tables) / TRIES
    assert sum(each["settled"]["estimate"] for each in told) / TRIES == pytest.approx(mean, rel=0.05)
    ideal = 2 * 1.96 * math.sqrt(mean * (1 + 1 / part))
    widths = [each["settled"]["high"] - each["settled"]["low"] for each in told]
    assert 0.8 * ideal < sum(widths) / TRIES < 1.3 * ideal


@pytest.mark.parametrize(("old", "new", "part"), [(30, 60, 0.5), (60, 120, 1)])
def test_a_raised_timeout_settles_between_now_and_the_rate_it_expires_at(old, new, part):
    tables = [Simulated(seed, old, new, part) for seed in range(TRIES)]
    told = [table.predicted() for table in tables]
    assert (
        chance_of(misses(inside(each["settled"], table.settled) for each, table in zip(told, tables)), TRIES, 0.05)
        > 0.001
    )
    mean = sum(table.settled for table in tables) / TRIES
    # Entries that expire become fewer with time, so what is extrapolated is too many rather than too few.
    assert sum(each["settled"]["estimate"] for each in told) / TRIES > 0.97 * mean
    assert sum(each["settled"]["low"] for each in told) / TRIES < sum(table.now for table in tables) / TRIES


def lefts(timeout, *idles):
    return Counter(bins([timeout - idle for idle in idles]))


def test_a_lowered_timeout_of_a_table_read_whole():
    found = what_if.timeout("tcp_timeout_time_wait", 120, 30, lefts(120, *range(120)), 200, 999, complete=True)
    assert found.pop("settled") == {"estimate": 31, "low": 17, "high": 49}
    assert found == {
        "setting": "tcp_timeout_time_wait",
        "from": 120,
        "to": 30,
        "now": {"estimate": 120, "low": 120, "high": 120},
        "change": {"estimate": -89, "low": -89, "high": -89},
        "settles_after": 120,
        "extrapolated": False,
    }


def test_a_sample_stands_for_the_table():
    found = what_if.timeout("x", 120, 29, lefts(120, *range(120)), 1200, 12000)
    assert found["now"]["estimate"] == 1200
    assert found["settled"]["estimate"] == 300
    assert found["change"]["estimate"] == -900
    assert found["now"]["low"] < 1200 < found["now"]["high"]
    assert found["change"]["low"] < -900 < found["change"]["high"] < 0


def test_a_raised_timeout_goes_on_at_the_rate_of_the_last_tenth():
    found = what_if.timeout("x", 100, 160, lefts(100, *range(101)), 101, 101, complete=True)
    assert found["extrapolated"]
    assert found["settles_after"] == 160
    assert found["change"]["estimate"] == 60
    assert found["change"]["low"] == 0
    assert found["settled"]["estimate"] == 161
    assert found["settled"]["low"] <= 101
    assert found["settled"]["high"] > 161 + 2 * math.sqrt(161)


def test_the_same_timeout_changes_nothing():
    found = what_if.timeout("x", 100, 100, lefts(100, *range(50)), 100, 1000)
    assert found["change"] == {"estimate": 0, "low": 0, "high": 0}
    assert (found["settles_after"], found["extrapolated"]) == (0, False)
    assert found["settled"]["estimate"] == found["now"]["estimate"] == 500


def test_entries_with_another_timeout_stay_but_nobody_counts_on_it():
    mixed = lefts(100, 5, 5, 90, -300, -300, -300)
    found = what_if.timeout("x", 100, 10, mixed, 6, 6, complete=True)
    assert found["now"]["estimate"] == 6
    assert found["settled"]["estimate"] == 5
    assert found["change"] == {"estimate": -1, "low": -4, "high": -1}
    alone = what_if.timeout("x", 100, 10, mixed - lefts(100, -300, -300, -300), 100, 1000)["change"]
    assert what_if.timeout("x", 100, 10, mixed, 100, 1000)["change"]["high"] == alone["high"]


def test_wide_bins_make_it_less_sure():
    fine = what_if.timeout("x", 1000, 900, lefts(1000, *range(1000)), 1000, 1000, complete=True)
    wide = what_if.timeout("x", 432000, 1000, lefts(432000, *range(1900)), 1900, 1900, complete=True)
    assert fine["change"]["low"] == fine["change"]["high"] == -99
    assert wide["change"]["low"] < wide["change"]["estimate"] < wide["change"]["high"]
    assert wide["settled"]["estimate"] == pytest.approx(1001, abs=20)


def test_without_some_of_the_traffic_all_of_its_entries_go():
    found = what_if.without(100, 1000, 10000)
    assert found["now"]["estimate"] == 1000
    assert found["settled"] == {"estimate": 0, "low": 0, "high": 0}
    assert found["change"] == {
        "estimate": -1000, "low": -found["now"]["high"], "high": -found["now"]["low"],
    }  # fmt: skip
    assert found["settles_after"] is None
    assert what_if.without(100, 1000, 9999, complete=True)["change"] == {"estimate": -100, "low": -100, "high": -100}


def test_changes_add_up():
    lowered = what_if.timeout("x", 120, 29, lefts(120, *range(120)), 1200, 12000)
    gone = what_if.without(100, 1200, 12000)
    both = what_if.together([lowered, gone], 12000)
    assert both["now"] == 12000
    assert both["change"]["estimate"] == -900 - 1000
    assert both["settled"]["estimate"] == 12000 - 1900
    assert both["settles_after"] is None
    assert both["extrapolated"] is False
    alone = [each["change"]["high"] - each["change"]["low"] for each in (lowered, gone)]
    assert max(alone) < both["change"]["high"] - both["change"]["low"] < sum(alone)
    for end in ("low", "high"):
        sides = [abs(each["change"][end] - each["change"]["estimate"]) for each in (lowered, gone, both)]
        assert sides[2] == pytest.approx(math.hypot(*sides[:2]), abs=2)
    assert both["settled"]["low"] < 12000 - 1900 - 100


def test_no_change_leaves_the_table_to_itself():
    found = what_if.together([], 10000)
    assert found["change"] == {"estimate": 0, "low": 0, "high": 0}
    # Two counts of a table differ by the root of twice its size.
    assert found["settled"]["high"] - 10000 == pytest.approx(1.96 * math.sqrt(20000), abs=4)
    assert found["settles_after"] == 0


@given(
    st.lists(st.integers(0, 700), max_size=50),
    st.sampled_from([0, 1, 3, 30, 600]),
    st.sampled_from([0, 1, 5, 60, 100000]),
    st.integers(0, 100),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_whatever_is_asked_the_answer_is_in_order(left, old, new, others, unseen, complete):
    sampled = len(left) + others
    found = what_if.timeout("x", old, new, Counter(bins(left)), sampled, sampled + unseen, complete)
    whole = what_if.together([found], sampled + unseen)
    for interval in (found["now"], found["settled"], found["change"], whole["settled"], whole["change"]):
        assert interval["low"] <= interval["estimate"] <= interval["high"]
        assert all(isinstance(number, int) for number in interval.values())
    assert found["now"]["low"] >= len(left)
    assert 0 <= found["settled"]["low"] <= whole["settled"]["high"]
    assert found["change"]["high"] <= 0 if new < old else found["change"]["low"] == 0
    assert found["change"]["low"] >= -found["now"]["high"]
