# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts as plain data: shares of what was asked for, entries of the table, groups, and idle times."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    DST_NAT,
    ICMP,
    OFFLOAD,
    SEEN_REPLY,
    SRC_NAT,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table import survey as surveying
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.filter import Filter
from ansible_collections.netops.conntrack.plugins.module_utils.table.grouping import Names, Prefixes, parse
from ansible_collections.netops.conntrack.plugins.module_utils.table.reading import END, SAMPLE, Progress, Wanted
from ansible_collections.netops.conntrack.plugins.module_utils.table.report import (
    Sample,
    breakdown,
    groups,
    idle_times,
    sample,
    words,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table.survey import Survey

TIMEOUTS = {"tcp_timeout_established": 432000, "tcp_timeout_time_wait": 120, "udp_timeout": 30, "icmp_timeout": 30}
BOTH = SEEN_REPLY | ASSURED


def entry(source="192.0.2.1", protocol=TCP, state=None, status=BOTH, left=100, port=80):
    there = ipaddress.ip_address(source)
    back = ipaddress.ip_address("198.51.100.1" if there.version == 4 else "2001:db8:1::1")
    ports = (None, None) if protocol == ICMP else (1024, port)
    both = Tuple(there.packed, back.packed, *ports), Tuple(back.packed, there.packed, *reversed(ports))
    return Entry(2 if there.version == 4 else 10, protocol, left, state, status, *both)


def surveyed(entries, *words_):
    survey = Survey([parse(word, Prefixes()) for word in words_])
    for batch in batches(entries, COLUMNS):
        survey.add(batch)
    return survey


def whole(size):
    return Sample(size, size, size, True, size)


TABLE = [
    *[entry(state="ESTABLISHED", left=431000)] * 4,
    entry(state="TIME_WAIT", left=60),
    entry("2001:db8::1", UDP, status=0, left=20),
    entry("192.0.2.2", UDP, status=SEEN_REPLY | SRC_NAT, left=30),
    entry("192.0.2.2", ICMP, status=SEEN_REPLY, left=0),
    entry("192.0.2.3", state="ESTABLISHED", status=BOTH | SRC_NAT | DST_NAT | OFFLOAD, left=None),
    entry("192.0.2.3", UDP, status=SEEN_REPLY | OFFLOAD, left=None),
]


def test_a_table_is_broken_down_by_each_fact():
    found = breakdown(surveyed(TABLE), whole(10))
    assert {name: row["seen"] for name, row in found.items() if name != "by_state"} == {
        "ipv4": 9, "ipv6": 1, "unreplied": 1, "assured": 6, "source_nat": 2, "destination_nat": 1, "offloaded": 2,
        "evictable": 3, "closing": 1,
    }  # fmt: skip
    assert [(row["protocol"], row["state"], row["seen"]) for row in found["by_state"]] == [
        ("tcp", "ESTABLISHED", 5), ("udp", None, 3), ("icmp", None, 1), ("tcp", "TIME_WAIT", 1),
    ]  # fmt: skip
    assert found["ipv6"] == {
        "seen": 1, "share": 0.1, "share_low": 0.1, "share_high": 0.1, "entries": 1, "entries_low": 1, "entries_high": 1,
    }  # fmt: skip


def test_an_empty_table_has_no_shares():
    found = breakdown(surveyed([]), whole(0))
    assert found.pop("by_state") == []
    assert {(row["seen"], row["share"], row["entries"]) for row in found.values()} == {(0, 0.0, 0)}


def test_of_a_sample_shares_have_an_interval_and_entries():
    row = Sample(1000, 1000, 50000, False, 1000).row(100)
    assert row["share"] == 0.1 and row["entries"] == 5000
    assert 0.08 < row["share_low"] < 0.085 and 0.118 < row["share_high"] < 0.123
    assert row["entries_low"] == pytest.approx(50000 * row["share_low"], abs=1)


def test_without_a_count_there_are_shares_and_no_entries():
    row = Sample(1000, 1000, None, False, 1000).row(100)
    assert row["share"] == 0.1
    assert row["entries"] is row["entries_low"] is row["entries_high"] is None


def test_of_a_filter_shares_are_of_what_fits_and_entries_of_the_table():
    row = Sample(100, 1000, 50000, False, 1000, True).row(50)
    assert (row["share"], row["entries"]) == (0.5, 2500)


def test_an_empty_sample_says_nothing():
    row = Sample(0, 0, 50000, False, 0).row(0)
    assert (row["share"], row["share_low"], row["share_high"]) == (None, 0.0, 1.0)
    assert (row["entries"], row["entries_low"], row["entries_high"]) == (None, 0, 50000)


def test_what_a_group_may_have_lost_is_in_the_upper_ends():
    row = whole(1000).row(100, 50)
    assert (row["seen_error"], row["share"], row["share_low"], row["share_high"]) == (50, 0.1, 0.1, 0.15)
    assert (row["entries"], row["entries_low"], row["entries_high"]) == (100, 100, 150)
    assert whole(1000).row(990, 50)["share_high"] == 1.0


def progress(scanned, taken, ended_by=END, filtered=False, malformed=0):
    made = Progress(Wanted((), Filter()))
    made.scanned, made.taken, made.ended_by, made.filtered, made.malformed = (
        scanned,
        taken,
        ended_by,
        filtered,
        malformed,
    )
    return made


@pytest.mark.parametrize(
    "read, count, expected",
    [
        (progress(10, 10), 12, Sample(10, 10, 12, True, 10, False)),
        (progress(10, 10, SAMPLE), 50, Sample(10, 10, 50, False, 10, False)),
        (progress(10, 10, SAMPLE), None, Sample(10, 10, None, False, 10, False)),
        (progress(10, 4, SAMPLE), 50, Sample(4, 10, 50, False, 10, True)),
        # One that was not understood is no filter's doing.
        (progress(10, 9, SAMPLE, malformed=1), 50, Sample(9, 10, 50, False, 10, False)),
        # Of what the kernel left out it tells nothing but at the end, where all the rest is that.
        (progress(10, 10, SAMPLE, True), 50, Sample(10, 10, None, False, None, True)),
        (progress(10, 10, END, True), 50, Sample(10, 10, 50, True, 50, True)),
        (progress(10, 10, END, True), None, Sample(10, 10, None, True, None, True)),
        (progress(10, 10, END, True), 8, Sample(10, 10, 8, True, 10, True)),
    ],
)
def test_what_was_read_of_how_many(read, count, expected):
    assert sample(read, count) == expected


def test_the_largest_groups_come_first():
    found = groups(surveyed(TABLE, "source", "source+destination_port"), whole(10), 2, Names())
    assert [(group["group_by"], group["distinct"], group["error"]) for group in found] == [
        ("source", 4, 0), ("source+destination_port", 6, 0),
    ]  # fmt: skip
    assert [(row["source"], row["seen"]) for row in found[0]["top"]] == [("192.0.2.1", 5), ("192.0.2.2", 2)]
    assert found[1]["top"][0] == {
        "source": "192.0.2.1", "destination_port": 80, "protocol": "tcp", **whole(10).row(5),
    }  # fmt: skip


def test_too_many_groups_are_told_as_at_least_so_many(monkeypatch):
    monkeypatch.setattr(surveying, "CAPACITY", 4)
    entries = [entry("192.0.2.1")] * 20 + [entry("192.0.2.%d" % n) for n in range(2, 42)]
    (found,) = groups(surveyed(entries, "source"), whole(60), 3, Names())
    assert found["distinct"] >= 4 and found["error"] > 0
    top = found["top"][0]
    assert top["source"] == "192.0.2.1" and top["seen"] <= 20 <= top["seen"] + top["seen_error"]


def test_no_groups_of_an_empty_table():
    assert groups(surveyed([], "source"), whole(0), 3, Names()) == [
        {"group_by": "source", "distinct": 0, "error": 0, "top": []}
    ]


def test_idle_times_are_by_the_timeout_that_runs():
    found = idle_times(surveyed(TABLE), whole(10), TIMEOUTS)
    told = [(row["protocol"], row["state"], row["timeout"], row["seconds"], row["seen"]) for row in found]
    assert told == [
        ("tcp", "ESTABLISHED", "tcp_timeout_established", 432000, 4),
        ("udp", None, "udp_timeout", 30, 2),
        ("icmp", None, "icmp_timeout", 30, 1),
        ("tcp", "TIME_WAIT", "tcp_timeout_time_wait", 120, 1),
    ]
    assert (found[1]["median"], found[1]["longest"], found[1]["longer_timeout"]) == (0, 10, 0)
    assert found[2]["median"] == 30


def test_idle_times_without_timeouts_are_unknown():
    found = idle_times(surveyed(TABLE), whole(10), {})
    assert {row["seconds"] for row in found} == {None}
    assert {row["median"] for row in found} == {None}
    assert sum(row["seen"] for row in found) == 8


@pytest.mark.parametrize(
    "share, said",
    [
        ((None, 0.0, 1.0, None), "unknown"),
        ((0.25, 0.25, 0.25, 5), "25.0 %, 5 entries"),
        ((0.25, 0.2, 0.3, 5), "25.0 % (20.0 to 30.0 %), 5 entries"),
        ((0.25, 0.2, 0.3, 1), "25.0 % (20.0 to 30.0 %), 1 entry"),
        ((0.25, 0.2, 0.3, None), "25.0 % (20.0 to 30.0 %)"),
    ],
)
def test_a_share_in_words(share, said):
    assert words(*share) == said
    assert words(0.25, 0.2, 0.3, None, " of it") == "25.0 % of it (20.0 to 30.0 %)"
