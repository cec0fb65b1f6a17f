# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to events, with what is logged."""

from __future__ import annotations

import logging

import pytest
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.desk import Desk
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.finding import Finding
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.limits import Limits
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.record import Record


def found(host, verdict="full"):
    return Finding(host, verdict, None, "journal", "table full", None)


def desk(path="", tunes_per_hour=1):
    return Desk(Limits(1800, tunes_per_hour, Record(path)), lambda: 1_800_000_000.0)


def told(events):
    return [(event["conntrack"]["host"], event["conntrack"]["tune"], event["meta"]["hosts"]) for event in events]


def test_a_storm_of_one_host_is_one_event():
    made = desk()
    assert told(made.events([found("gw1")] * 50)) == [("gw1", True, ["gw1[0]", "&gw1[-1]"])]
    assert made.events([found("gw1"), found("gw1", "pressure")]) == []


def test_a_full_host_that_is_not_tuned_is_logged_with_the_reason(caplog):
    assert [tune for _host, tune, _limit in told(desk().events([found("gw1"), found("gw2")]))] == [True, False]
    assert caplog.messages == [
        "gw2: its table is full, and it is not tuned: 1 other hosts were tuned within the hour (tunes_per_hour: 1)"
    ]


def test_the_record_is_kept_before_anything_is_launched(tmp_path):
    path = tmp_path / "limits.json"
    desk(str(path)).events([found("gw1")])
    assert '"gw1"' in path.read_text()


def test_a_record_that_cannot_be_written_is_logged_and_the_event_comes(caplog):
    made = desk("/proc/none/limits.json")
    assert len(made.events([found("gw1")])) == 1
    assert caplog.messages[0].startswith("state_file cannot be written, and the limits hold until a restart only: ")
    assert made.events([found("gw1")]) == []


@pytest.mark.parametrize("verdict", ["pressure"])
def test_pressure_is_not_a_warning(caplog, verdict):
    with caplog.at_level(logging.WARNING):
        assert len(desk().events([found("gw1", verdict)])) == 1
    assert caplog.messages == []
