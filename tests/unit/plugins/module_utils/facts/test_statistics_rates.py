# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of two readings: how fast they move, how fast the table grows, and when it will be full."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import clock, statistics
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import ABSENT, Reading, Snapshot

HEADER = "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop\n"
PATH = "/proc/net/stat/nf_conntrack"


def row(entries=0, drop=0, insert_failed=0):
    numbers = (entries, 0, 0, 0, 0, 0, 0, 0, 0, insert_failed, drop, 0)
    return "  ".join("%08x" % number for number in numbers) + "\n"


def reading(uptime, count, *rows, maximum=1000):
    texts = {
        "/proc/uptime": "%s 1.00\n" % uptime,
        "/proc/sys/net/netfilter/nf_conntrack_count": "%d\n" % count,
        "/proc/sys/net/netfilter/nf_conntrack_max": "%d\n" % maximum,
        PATH: HEADER + "".join(rows),
    }
    return Snapshot({path: Reading(text=text) for path, text in texts.items()})


def test_totals_are_over_processors_and_the_dead_counters_unknown():
    found = statistics.facts(reading(1, 7, row(7, drop=2), row(7, drop=3)), "6.1.0-18-amd64")
    assert found["cpus"] == 2
    assert found["total"]["drop"] == 5
    assert found["total"]["insert"] is None
    assert found["per_cpu"][1]["drop"] == 3
    assert "entries" not in found["total"]


def test_no_file_is_no_statistics():
    assert statistics.facts(Snapshot({PATH: Reading(reason=ABSENT)}), "2.4.21") is None


def test_rates_are_per_second_of_the_hosts_own_clock():
    found = statistics.rates(
        reading("100.50", 100, row(drop=10), row(drop=1)), reading("110.50", 200, row(drop=60), row(drop=1))
    )
    assert found["interval"] == 10.0
    assert found["per_second"]["drop"] == 5.0
    assert found["per_second"]["insert_failed"] == 0.0


def test_a_counter_that_wraps_goes_on():
    found = statistics.rates(reading(0.5, 0, row(drop=0xFFFFFFF0)), reading(4.5, 0, row(drop=0x10)))
    assert found["per_second"]["drop"] == 8.0


def test_a_module_loaded_anew_has_no_rates():
    found = statistics.rates(
        reading(1, 50, row(drop=500, insert_failed=9)), reading(2, 50, row(drop=0, insert_failed=0))
    )
    assert found["per_second"] is None
    assert found["interval"] == 1.0


@pytest.mark.parametrize(
    ("before", "now", "maximum", "growth", "left"),
    [
        (100, 200, 1000, 10.0, 80),
        (200, 100, 1000, -10.0, None),
        (200, 200, 1000, 0.0, None),
        (900, 1000, 1000, 10.0, 0),
        (1900, 2000, 1000, 10.0, 0),
        (100, 200, 0, 10.0, None),
    ],
)
def test_growth_and_time_to_full(before, now, maximum, growth, left):
    found = statistics.rates(reading(10, before, maximum=maximum), reading(20, now, maximum=maximum))
    assert (found["growth_per_second"], found["seconds_to_full"]) == (growth, left)


def test_counts_from_different_sources_are_not_compared():
    later = reading(20, 200, row(entries=300))
    later = later.with_readings({"/proc/sys/net/netfilter/nf_conntrack_count": Reading(reason=ABSENT)})
    found = statistics.rates(reading(10, 100, row(entries=100)), later)
    assert (found["growth_per_second"], found["seconds_to_full"]) == (None, None)


@pytest.mark.parametrize(
    ("first", "second"),
    [("10", "10"), ("10", "9"), ("x", "10"), ("10", "x"), ("nan", "10"), ("1", "nan"), ("1", "inf")],
)
def test_without_time_there_are_no_rates(first, second):
    assert statistics.rates(reading(first, 1, row()), reading(second, 2, row())) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5 3\n", 12.5), ("", None), ("x y", None), ("nan\n", None), ("inf\n", None), ("-1\n", None)],
)
def test_uptime(text, seconds):
    assert clock.uptime(Snapshot({"/proc/uptime": Reading(text=text)})) == seconds
