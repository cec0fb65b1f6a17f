# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters by header, wraps told from resets, and columns that no longer count."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import statistics
from hypothesis import given
from hypothesis import strategies as st

OLD = (
    "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop "
    "icmp_error  expect_new expect_create expect_delete"
)
MIDDLE = OLD + " search_restart"
NEW = MIDDLE.replace("searched", "clashres")
NEWEST = NEW.replace("delete_list", "chainlength")


def text_of(header, *rows):
    """The file as the kernel prints it, each row given as a dict of the columns that are not nought."""
    lines = [header]
    for row in rows:
        words = ["%08x" % row.get(name, 0) for name in header.split()]
        lines.append(words[0] + "  " + " ".join(words[1:13]) + "  " + " ".join(words[13:]))
    return "\n".join(lines) + "\n"


def parsed(*rows, header=NEWEST):
    return statistics.parse(text_of(header, *rows))


@pytest.mark.parametrize("header", [OLD, MIDDLE, NEW, NEWEST])
def test_columns_are_read_by_name(header):
    stats = parsed({"entries": 0x4100, "drop": 0x12, "expect_new": 3}, {"entries": 0x4100, "drop": 1}, header=header)
    assert stats.columns == tuple(header.split())
    assert [row["drop"] for row in stats.cpus] == [0x12, 1]
    assert statistics.totals(stats)["expect_new"] == 3
    assert ("chainlength" in statistics.totals(stats)) == (header is NEWEST)


def test_entries_are_the_same_total_on_each_row_and_never_summed():
    stats = parsed({"entries": 0x4100}, {"entries": 0x4100}, {"entries": 0x4100})
    assert stats.entries == 16640
    assert "entries" not in statistics.totals(stats)


def test_absent_is_none():
    assert statistics.parse("") is None
    assert statistics.parse("00000001 00000002\n") is None
    assert statistics.parse(OLD + "\n") == statistics.Statistics(tuple(OLD.split()), (), None)


def test_a_row_that_is_no_row_is_skipped():
    stats = statistics.parse(OLD + "\r\n" + "00000007 0000000a zzzzzzzz\r\n" + "00000007 0000000b 0000\n")
    assert stats.cpus == ()
    assert statistics.parse(OLD + "\r\n00000007  0000000a\r\n").cpus == ({"searched": 10},)


def test_a_counter_that_wrapped_went_forward():
    before = parsed({"drop": 2**32 - 3, "invalid": 5}, {"drop": 10})
    after = parsed({"drop": 4, "invalid": 6}, {"drop": 11})
    moved = statistics.delta(before, after)
    assert moved["drop"] == 7 + 1
    assert moved["invalid"] == 1
    assert "entries" not in moved


def test_a_counter_that_began_anew_gives_no_difference():
    """A reload of the module clears all of them; most stay nought and prove nothing."""
    assert statistics.delta(parsed({"drop": 1000, "found": 7}), parsed({"drop": 5, "found": 7})) is None


def test_a_table_that_shrinks_is_not_a_reset():
    assert statistics.delta(parsed({"entries": 9}), parsed({"entries": 2}))["drop"] == 0


def test_another_header_is_another_kernel():
    assert statistics.delta(parsed({}, header=NEW), parsed({}, header=NEWEST)) is None


def test_a_row_that_only_one_reading_has_counts_for_nothing():
    one, two = parsed({"drop": 1}), parsed({"drop": 3}, {"drop": 5000})
    assert statistics.delta(one, two)["drop"] == 2
    assert statistics.delta(parsed({"drop": 1}, {"drop": 5000}), parsed({"drop": 3}))["drop"] == 2


@pytest.mark.parametrize(
    ("header", "release", "expected"),
    [
        (OLD, "2.6.18-274.el5", set()),
        (MIDDLE, "3.10.0-1160.el7.x86_64", set()),
        (MIDDLE, "4.18.0-240.el8.x86_64", {"searched", "new", "delete", "delete_list", "insert"}),
        (NEW, "5.10.0-28-amd64", {"new", "delete", "delete_list", "insert", "ignore"}),
        (NEWEST, "6.12.9-amd64", {"new", "delete", "insert", "ignore"}),
        (NEWEST, "", {"new", "delete", "insert", "ignore"}),
        (MIDDLE, "nonsense", set()),
    ],
)
def test_columns_that_no_longer_count(header, release, expected):
    assert statistics.dead(header.split(), release) == expected


@given(st.text() | st.text("entris drop\n0123abcdef").map(lambda text: OLD + "\n" + text))
def test_any_text_gives_a_record_or_none(text):
    stats = statistics.parse(text)
    if stats:
        statistics.totals(stats)
        assert set((statistics.delta(stats, stats) or {}).values()) <= {0}
        statistics.dead(stats.columns, text)


COUNTERS = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**31 - 1)), min_size=1, max_size=8)


@given(COUNTERS)
def test_delta_is_what_really_happened(cpus):
    """Whatever the counters started from, wrapped or not."""
    before = parsed(*({"drop": start} for start, _step in cpus))
    after = parsed(*({"drop": (start + step) % 2**32} for start, step in cpus))
    assert statistics.delta(before, after)["drop"] == sum(step for _start, step in cpus)


@given(st.integers(1, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_reset_is_never_taken_for_a_wrap(high, low):
    low = low % high
    assert statistics.delta(parsed({"drop": high}), parsed({"drop": low})) is None
