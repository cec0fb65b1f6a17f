# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From signs to the verdict: which status, which goes before which, and what it says."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import verdict
from ansible_collections.netops.conntrack.plugins.module_utils.facts.verdict import Signs
from hypothesis import given
from hypothesis import strategies as st

NOW = 1700000000.0
HEALTHY = Signs(
    state="loaded",
    namespace="host",
    count=100,
    count_source="sysctl",
    maximum=1000,
    ratio=0.1,
    log_readable=True,
    log_lines=0,
    log_suppressed=0,
    log_answered=0,
    log_elsewhere=0,
    log_last=None,
    now=NOW,
    drops=0,
    drop_rate=None,
    early_drop_rate=None,
    insert_failed_rate=0.0,
    chainlength_rate=0.0,
    seconds_to_full=None,
)


def seen(**signs):
    if "count" in signs and "ratio" not in signs:
        signs["ratio"] = None if signs["count"] is None else signs["count"] / 1000
    return HEALTHY._replace(**signs)


def logged(seconds_ago):
    return {"log_lines": 3, "log_last": NOW - seconds_ago}


CHILD = {"namespace": "child"}
RACE = {"insert_failed_rate": 0.5}
NO_MAX = {"maximum": None, "ratio": None}

TABLE = [
    ({}, "ok"),
    ({"count": 0}, "ok"),
    ({"state": "built_in"}, "ok"),
    ({"maximum": 0, "ratio": None}, "ok"),
    ({"log_readable": False}, "ok"),
    ({"drops": 5000}, "ok"),
    ({"log_elsewhere": 30}, "ok"),
    ({"seconds_to_full": 86400}, "ok"),
    ({"insert_failed_rate": 0.001}, "ok"),
    ({"insert_failed_rate": None, "chainlength_rate": None}, "ok"),
    ({"count": 799}, "ok"),
    ({"count": 800}, "pressure"),
    ({"early_drop_rate": 0.2}, "pressure"),
    ({"seconds_to_full": 3600, "ratio": 0.5}, "pressure"),
    ({"seconds_to_full": 60, "ratio": 0.1}, "ok"),
    ({"count": 989}, "pressure"),
    ({"count": 990}, "full"),
    ({"count": 2180}, "full"),
    ({"count": 500, **logged(600)}, "full"),
    ({"count": 800, "drop_rate": 1.0}, "full"),
    ({"count": 500, **logged(601)}, "was_full"),
    ({"count": 499, **logged(5)}, "was_full"),
    ({"log_lines": 1, "log_last": None}, "was_full"),
    ({"count": 500, "now": None, **logged(5)}, "was_full"),
    ({"count": 100, "drop_rate": 1.0}, "ok"),
    (RACE, "race"),
    ({"chainlength_rate": 0.5}, "race"),
    ({"state": "absent", "namespace": "unknown", "count": None, **NO_MAX}, "not_tracking"),
    ({"count": None}, "unknown"),
    (NO_MAX, "unknown"),
    (CHILD, "host_owned"),
    ({**CHILD, "count": None}, "host_owned"),
    ({**CHILD, **NO_MAX}, "host_owned"),
    ({"state": "hidden", "namespace": "child", "count": None, **NO_MAX}, "host_owned"),
]

# What is both is the first of the two.
PRIORITY = [
    ({"count": 1000, "seconds_to_full": 0, **logged(5), **RACE, **CHILD}, "full"),
    ({"count": 850, **logged(86400), **RACE}, "pressure"),
    ({"count": 850, **CHILD}, "pressure"),
    ({**logged(86400), **RACE}, "was_full"),
    ({**logged(86400), **CHILD}, "was_full"),
    ({"count": None, **logged(5)}, "was_full"),
    ({**RACE, **CHILD}, "race"),
    ({"count": None, **RACE}, "unknown"),
    ({"state": "absent", **logged(5)}, "not_tracking"),
]


@pytest.mark.parametrize(("signs", "status"), TABLE + PRIORITY)
def test_status(signs, status):
    assert verdict.judge(seen(**signs)).status == status


def test_every_status_has_a_row():
    assert {status for _signs, status in TABLE} == set(verdict.STATUSES)


def test_the_summary_has_the_figures():
    found = verdict.judge(seen(count=2180))
    assert "2180 of 1000" in found.summary
    assert "218 %" in found.summary
    assert "no limit" in verdict.judge(seen(maximum=0, ratio=None)).summary
    assert "unknown" in verdict.judge(seen(count=None)).summary


def test_evidence_names_what_it_rests_on():
    told = " ".join(
        verdict.judge(
            seen(
                count=1000,
                count_source="slab",
                log_lines=13,
                log_suppressed=588,
                log_elsewhere=31,
                log_last=NOW - 7200,
                drops=42,
                drop_rate=1.5,
                early_drop_rate=2.5,
                seconds_to_full=90,
                insert_failed_rate=0.75,
                chainlength_rate=0.25,
            )
        ).evidence
    )
    for figure in ("slab", "13", "588", "31", "2 h ago", "42", "1.5", "2.5", "1 min 30 s", "0.75", "0.25"):
        assert figure in told


def test_an_unreadable_log_is_not_a_clean_one():
    silent, unread = (" ".join(verdict.judge(seen(log_readable=each)).evidence) for each in (True, False))
    assert "no" in silent
    assert "could not be read" in unread
    assert silent != unread


@pytest.mark.parametrize(("drops", "lines", "elsewhere"), [(0, 0, 7), (3, 5, 2), (None, 5, 2)])
def test_lines_of_a_namespace_that_never_dropped_are_another_s(drops, lines, elsewhere):
    log = {"lines": 5, "suppressed": 9, "last": NOW, "elsewhere": 2, "since_max_set": None, "readable": True}
    facts = {"state": "loaded", "namespace": "child", "log": log, "statistics": {"total": {"drop": drops}}}
    found = verdict.signs(facts, NOW, None)
    assert (found.log_lines, found.log_elsewhere, found.log_answered) == (lines, elsewhere, 0)


def test_rates_of_the_interval_go_before_averages_since_boot():
    facts = {"state": "loaded", "namespace": "host", "usage": {}, "log": {}}
    facts["statistics"] = {"total": {"insert_failed": 3600}, "rates": None}
    assert verdict.signs(facts, NOW, 7200.0).insert_failed_rate == 0.5
    assert verdict.signs(facts, NOW, None).insert_failed_rate is None
    facts["statistics"]["rates"] = {"per_second": {"insert_failed": 0.0, "drop": 2.0}, "seconds_to_full": 60}
    found = verdict.signs(facts, NOW, 7200.0)
    assert (found.insert_failed_rate, found.drop_rate, found.seconds_to_full) == (0.0, 2.0, 60)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (12000, "3 h 20 min"),
        (216000, "2 days 12 h"),
    ],
)
def test_durations(seconds, words):
    assert verdict.duration(seconds) == words


known = st.one_of(st.none(), st.floats(0, 1e10))
numbers = st.one_of(st.none(), st.integers(0, 1 << 32))


@given(
    st.builds(
        Signs,
        state=st.sampled_from(("loaded", "built_in", "hidden", "absent")),
        namespace=st.sampled_from(("host", "child", "unknown")),
        count=numbers,
        count_source=st.sampled_from((None, "sysctl", "slab", "table", "statistics")),
        maximum=numbers,
        ratio=known,
        log_readable=st.one_of(st.none(), st.booleans()),
        log_lines=st.integers(0, 1 << 32),
        log_suppressed=st.integers(0, 1 << 32),
        log_answered=st.integers(0, 1 << 32),
        log_elsewhere=st.integers(0, 1 << 32),
        log_last=known,
        now=known,
        drops=numbers,
        drop_rate=known,
        early_drop_rate=known,
        insert_failed_rate=known,
        chainlength_rate=known,
        seconds_to_full=numbers,
    )
)
def test_any_signs_have_a_verdict_in_sentences(signs):
    found = verdict.judge(signs)
    assert found.status in verdict.STATUSES
    assert all(not sentence[0].islower() and sentence.endswith(".") for sentence in (found.summary, *found.evidence))
