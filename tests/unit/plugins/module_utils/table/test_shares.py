# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares of a sample: the interval holds the truth as often as it says, and is hardly wider than it has to be."""

from __future__ import annotations

import math
import random

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.table.shares import Z, interval, share
from hypothesis import given
from hypothesis import strategies as st


def chance_of(misses, tries, rate):
    """Of so many misses or more, where each try misses at this rate."""
    return sum(math.comb(tries, n) * rate**n * (1 - rate) ** (tries - n) for n in range(misses, tries + 1))


def deviation(hits, sampled, population):
    """The standard deviation of an estimate in entries, for a population that has so many hits."""
    spread = hits * (population - hits) * (population - sampled) / max(population - 1, 1)
    return math.sqrt(spread / sampled)


def random_tables():
    chosen = random.Random(2026)
    for number in range(200):
        population = round(math.exp(chosen.uniform(math.log(300), math.log(200000))))
        sampled = round(math.exp(chosen.uniform(math.log(200), math.log(min(20000, population)))))
        # From 0.01 % to 99.9 %, as many rare ones as frequent ones.
        odds = math.exp(chosen.uniform(math.log(0.0001), math.log(999)))
        yield sampled, round(population * odds / (1 + odds)), population, random.Random(number)


def test_the_interval_holds_the_truth_of_random_tables():
    missed = {"low": 0, "high": 0}
    widths = []
    for sampled, hits, population, draw in random_tables():
        seen = sum(entry < hits for entry in draw.sample(range(population), sampled))
        found = share(seen, sampled, population)
        missed["low"] += found.entries_high < hits
        missed["high"] += hits < found.entries_low
        ideal = 2 * Z * deviation(hits, sampled, population)
        # Where hardly any hit is seen, no interval is symmetric, and each is wide.
        if ideal > 20 and min(hits, population - hits) * sampled / population > 4:
            widths.append((found.entries_high - found.entries_low) / ideal)
    assert chance_of(sum(missed.values()), 200, 0.05) > 0.001, missed
    assert chance_of(missed["low"], 200, 0.04) > 0.001, missed
    assert chance_of(missed["high"], 200, 0.04) > 0.001, missed
    assert len(widths) > 80
    assert 0.9 < sum(widths) / len(widths) < 1.15
    assert max(widths) < 2


def chance_to_see(seen, sampled, hits, population):
    def log_ways(all_, some):
        return math.lgamma(all_ + 1) - math.lgamma(some + 1) - math.lgamma(all_ - some + 1)

    return math.exp(log_ways(hits, seen) + log_ways(population - hits, sampled - seen) - log_ways(population, sampled))


def coverage(sampled, hits, population):
    """How often the interval holds the truth: over all that a sample can show, and not by trying."""
    covered = total = 0.0
    usual, spread = sampled * hits / population, 6 * deviation(hits, sampled, population) * sampled / population + 3
    least, most = max(0, sampled - (population - hits)), min(sampled, hits)
    for seen in range(max(least, int(usual - spread)), min(most, int(usual + spread)) + 1):
        low, high = interval(seen, sampled, population)
        chance = chance_to_see(seen, sampled, hits, population)
        total += chance
        covered += chance * (low <= hits <= high)
    assert total == pytest.approx(1, abs=1e-6)
    return covered / total


@pytest.mark.parametrize("population", [1.005, 1.1, 1.5, 3, 20, 1000])
@pytest.mark.parametrize("sampled", [150, 1000, 20000])
def test_it_covers_95_percent_where_few_are_hits_or_all_but_few(sampled, population):
    population = round(sampled * population)
    rare = {*range(12), *(round(population * seen / sampled / 4) for seen in range(60))}
    for hits in {*rare, *(population - few for few in rare)}:
        assert coverage(sampled, hits, population) > 0.9499, hits


@pytest.mark.parametrize("population", [1.02, 2, 100])
def test_it_covers_95_percent_of_any_share(population):
    population = round(400 * population)
    for part in range(101):
        assert coverage(400, population * part // 100, population) > 0.9499, part


@st.composite
def samples(draw):
    population = draw(st.integers(1, 10**7))
    sampled = draw(st.integers(1, population))
    return draw(st.integers(0, sampled) | st.integers(0, min(3, sampled))), sampled, population


@given(samples())
def test_estimates_are_possible_and_in_their_interval(sample):
    hits, sampled, population = sample
    found = share(hits, sampled, population)
    assert hits <= found.entries_low <= found.entries <= found.entries_high <= population - (sampled - hits)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low <= found.entries_low / population
    assert found.high >= found.entries_high / population


@given(samples())
def test_misses_are_what_hits_leave(sample):
    hits, sampled, population = sample
    low, high = interval(hits, sampled, population)
    assert interval(sampled - hits, sampled, population) == (population - high, population - low)


@given(samples())
def test_an_unknown_population_is_a_very_large_one(sample):
    hits, sampled, _population = sample
    found = share(hits, sampled, None)
    large = share(hits, sampled, 10**12)
    assert found[3:] == (None, None, None)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low == pytest.approx(large.low, abs=1e-5)
    assert found.high == pytest.approx(large.high, abs=1e-5)


def test_what_is_read_whole_needs_no_interval():
    assert share(3, 8, 10, complete=True) == (0.375, 0.375, 0.375, 3, 3, 3)
    assert share(0, 0, 0, complete=True) == (0.0, 0.0, 0.0, 0, 0, 0)


def test_a_sample_of_all_is_all():
    assert share(3, 8, 8) == share(3, 8, 8, complete=True)


def test_more_sampled_than_counted_is_that_many():
    assert share(3, 8, 7) == share(3, 8, 8)


def test_nothing_sampled_says_nothing():
    assert share(0, 0, 50) == (None, 0.0, 1.0, None, 0, 50)
    assert share(0, 0, None) == (None, 0.0, 1.0, None, None, None)


def test_none_seen_is_not_none_there():
    found = share(0, 1000, 100000)
    assert found.entries == found.entries_low == 0
    assert 250 < found.entries_high < 500


@pytest.mark.parametrize("hits", [-1, 9])
def test_hits_are_part_of_the_sample(hits):
    with pytest.raises(ValueError, match="of 8"):
        share(hits, 8, 10)
