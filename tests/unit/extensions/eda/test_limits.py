# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When something is launched: the cool-down of a host, and how many hosts an hour may be tuned."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.limits import Limits
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.record import Record
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0
MINUTE = 60


@pytest.fixture
def decide():
    """decide(minutes, host, verdict): launch and tune, as letters. 30 minutes of cool-down, 2 tunes an hour."""
    limits = Limits(30 * MINUTE, 2, Record(""))

    def ask(minutes, host, verdict):
        decision = limits.decide(host, verdict, NOW + minutes * MINUTE)
        return ("L" if decision.launch else "-") + ("T" if decision.tune else "-")

    return ask


def test_a_full_table_is_diagnosed_and_tuned_once_in_the_cool_down(decide):
    assert decide(0, "gw1", "full") == "LT"
    assert [decide(minute, "gw1", "full") for minute in (0, 1, 15, 29.9)] == ["--"] * 4
    assert decide(30, "gw1", "full") == "LT"
    assert decide(31, "gw1", "full") == "--"


def test_what_is_held_back_does_not_prolong_the_cool_down(decide):
    assert decide(0, "gw1", "pressure") == "L-"
    assert decide(29, "gw1", "pressure") == "--"
    assert decide(30, "gw1", "pressure") == "L-"


def test_each_host_has_a_cool_down_of_its_own(decide):
    assert decide(0, "gw1", "pressure") == "L-"
    assert decide(1, "gw2", "pressure") == "L-"


def test_full_after_pressure_is_news_and_not_the_other_way_round(decide):
    assert decide(0, "gw1", "pressure") == "L-"
    assert decide(1, "gw1", "full") == "LT"
    assert decide(2, "gw1", "pressure") == "--"
    assert decide(31, "gw1", "pressure") == "L-"


def test_so_many_hosts_an_hour_are_tuned_and_the_others_diagnosed(decide):
    assert decide(0, "gw1", "full") == "LT"
    assert decide(1, "gw2", "full") == "LT"
    assert decide(2, "gw3", "full") == "L-"
    assert decide(3, "gw3", "full") == "--"
    assert decide(59.9, "gw4", "full") == "L-"
    # gw1's hour is over.
    assert decide(60, "gw4", "full") == "LT"
    assert decide(60.5, "gw5", "full") == "L-"


def test_a_host_that_had_to_wait_is_tuned_within_its_cool_down_once_it_can_be(decide):
    assert decide(0, "gw1", "full") == "LT"
    assert decide(1, "gw2", "full") == "LT"
    assert decide(40, "gw3", "full") == "L-"
    assert decide(59, "gw3", "full") == "--"
    assert decide(60, "gw3", "full") == "LT"
    assert decide(61, "gw3", "full") == "--"


def test_a_host_counts_once_in_the_hour(decide):
    assert decide(0, "gw1", "full") == "LT"
    assert decide(1, "gw2", "full") == "LT"
    assert decide(30, "gw1", "full") == "LT"
    assert decide(31, "gw3", "full") == "L-"


def test_no_tunes_at_all():
    limits = Limits(30 * MINUTE, 0, Record(""))
    decision = limits.decide("gw1", "full", NOW)
    assert (decision.launch, decision.tune) == (True, False)
    assert decision.why == "0 other hosts were tuned within the hour (tunes_per_hour: 0)"
    assert not limits.decide("gw1", "full", NOW + 1).launch


def test_a_clock_that_is_set_back_locks_nobody_out(decide):
    assert decide(0, "gw1", "full") == "LT"
    assert decide(-600, "gw1", "full") == "LT"


def test_two_sources_with_one_record_share_it():
    record = Record("")
    one, other = Limits(30 * MINUTE, 5, record), Limits(30 * MINUTE, 5, record)
    assert one.decide("gw1", "full", NOW).tune
    assert not other.decide("gw1", "full", NOW + 1).launch


def test_the_record_forgets_hosts_of_long_ago():
    record = Record("")
    limits = Limits(30 * MINUTE, 5, record)
    for number in range(1000):
        limits.decide("gw%d" % number, "full", NOW + number * 1000)
    assert len(record.launched) < 100
    assert len(record.tuned) < 100


@given(
    st.lists(
        st.tuples(
            st.floats(0, 40), st.sampled_from(["gw1", "gw2", "gw3", "gw4"]), st.sampled_from(["pressure", "full"])
        ),
        max_size=60,
    )
)
def test_no_order_of_events_breaks_a_limit(story):
    limits = Limits(30 * MINUTE, 2, Record(""))
    now, tuned, launched = NOW, [], []
    for minutes, host, verdict in story:
        now += minutes * MINUTE
        decision = limits.decide(host, verdict, now)
        if decision.launch:
            launched.append((now, host, verdict, decision.tune))
        if decision.tune:
            assert verdict == "full"
            tuned.append((now, host))
    for time, _host in tuned:
        assert len({host for when, host in tuned if 0 <= time - when < 3600}) <= 2
    for time, host, verdict, tune in launched:
        earlier = [each for each in launched if each[1] == host and 0 < time - each[0] < 30 * MINUTE]
        assert not any(each[3] for each in earlier if tune)
        assert not any(each[2] == verdict for each in earlier if not tune)
