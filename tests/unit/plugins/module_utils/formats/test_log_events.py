# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several sources of one host: a line that two of them have counts once."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.module_utils.formats import kernel_log
from hypothesis import given
from hypothesis import strategies as st

NOW = 1352404800.0
TEXT = "nf_conntrack: table full, dropping packet"
CLOCK = kernel_log.Clock(NOW, 0, 100000.0)


def full(when, count=1, **more):
    return kernel_log.Event("table_full", when, count, None, "nf_conntrack", TEXT, **more)


def suppressed(when, count):
    return kernel_log.Event("suppressed", when, count, None, None, "net_ratelimit: %d callbacks suppressed" % count)


def source(*events):
    return kernel_log.LogReading(events, None, None, len(events))


def lines(*sources):
    return kernel_log.summary(kernel_log.merge(sources).events)["lines"]


def test_ring_journal_and_file_hold_the_same_lines():
    ring = "[50000.100000] %s\n[50000.200000] %s\n[50005.300000] net_ratelimit: 8 callbacks suppressed\n" % (
        TEXT,
        TEXT,
    )
    journal = "".join(
        "2012-11-08T06:06:%02d+0000 host kernel: %s\n" % (second, text)
        for second, text in [(40, TEXT), (40, TEXT), (45, "net_ratelimit: 8 callbacks suppressed")]
    )
    syslog = "".join(
        "Nov  8 06:06:%02d host kernel: [%s] %s\n" % (second, stamp, text)
        for second, stamp, text in [
            (39, "50000.100000", TEXT),
            (39, "50000.200000", TEXT),
            (45, "50005.300000", "net_ratelimit: 8 callbacks suppressed"),
        ]
    )
    readings = [kernel_log.read(text, CLOCK) for text in (ring, journal, syslog)]
    for order in (readings, readings[::-1], readings[1:], readings[:1]):
        merged = kernel_log.merge(order)
        summary = kernel_log.summary(merged.events)
        assert (summary["lines"], summary["suppressed"]) == (2, 8)
    assert kernel_log.merge(readings).lines == 9
    assert kernel_log.merge(readings).first == min(reading.first for reading in readings)


def test_what_one_source_holds_twice_stays_twice():
    assert lines(source(full(NOW), full(NOW), full(NOW))) == 3
    assert lines(source(full(NOW), full(NOW)), source(full(NOW + 0.4), full(NOW), full(NOW))) == 3


def test_what_only_one_source_still_has_is_kept():
    assert lines(source(full(NOW)), source(full(NOW), full(NOW + 5), full(NOW - 5))) == 3


def test_other_stamps_are_other_lines():
    assert lines(source(full(NOW, stamp=7.25)), source(full(NOW, stamp=7.5))) == 2
    assert lines(source(full(NOW, stamp=7.25)), source(full(NOW + 900, stamp=7.25))) == 1


def test_the_ring_drifts():
    """A month after boot its clock may be off by a minute."""
    ring = source(*(full(NOW + 60 + 5 * n, stamp=2600000.0 + 5 * n) for n in range(30)))
    journal = source(*(full(NOW + 5 * n) for n in range(30)))
    assert lines(ring, journal) == 30


def test_a_ring_without_times_adds_only_what_the_others_lost():
    dated = source(*(full(NOW + n) for n in range(5)))
    assert lines(source(*[full(None)] * 4), dated) == 5
    assert lines(source(*[full(None)] * 7), dated) == 7
    assert lines(source(*[full(None)] * 7), source(*[full(None)] * 6)) == 7
    assert lines(source(full(NOW), full(None), full(None))) == 3


def test_repeats_stand_for_lines_that_another_source_prints_singly():
    file = source(full(NOW), full(NOW + 30, 9, since=NOW))
    journal = source(*(full(NOW + 3 * n) for n in range(10)))
    assert lines(file, journal) == lines(journal, file) == 10


def test_suppression_counts_only_near_a_line_of_ours():
    """The budget is shared: another message's suppression is no dropped connection."""
    near = kernel_log.summary([full(NOW), suppressed(NOW + 60, 7), suppressed(NOW - 60, 5)])
    far = kernel_log.summary([full(NOW), suppressed(NOW + 61, 7), suppressed(NOW - 61, 5)])
    assert (near["suppressed"], far["suppressed"]) == (12, 0)
    assert kernel_log.summary([suppressed(NOW, 7)])["suppressed"] == 0


def test_without_times_the_neighbour_decides():
    ring = "printk: 49 messages suppressed.\nip_conntrack: table full, dropping packet.\n" * 3
    alone = kernel_log.read("printk: 9 messages suppressed.\n" * 2 + ring, CLOCK)
    for readings in ([alone], [alone, source()], [source(full(NOW)), alone]):
        assert kernel_log.summary(kernel_log.merge(readings).events)["suppressed"] == 3 * 49


def test_nothing_gives_nothing():
    assert kernel_log.merge([]) == kernel_log.LogReading((), None, None, 0)
    assert kernel_log.summary([]) == {
        "first": None,
        "last": None,
        "lines": 0,
        "suppressed": 0,
        "expectation_full": 0,
        "netns": [],
        "generations": [],
    }


TIMES = st.lists(st.integers(0, 60).map(lambda second: full(NOW + second)) | st.just(full(None)), max_size=20)


@given(TIMES)
def test_a_source_merged_with_itself_is_itself(events):
    alone = source(*events)
    assert lines(alone, alone) == lines(alone) == len(events)


@given(TIMES, TIMES)
def test_a_merge_holds_at_least_the_longer_and_at_most_both(one, two):
    assert max(len(one), len(two)) <= lines(source(*one), source(*two)) <= len(one) + len(two)
