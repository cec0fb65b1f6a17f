# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posts of Alertmanager: one that it made, what is chosen from it, and bodies that are none."""

from __future__ import annotations

import copy
import json
import pathlib

import pytest
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import alerts
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.finding import Finding, event

# Posted by Alertmanager 0.25.0.
POSTED = json.loads((pathlib.Path(__file__).parent / "posted.json").read_text(encoding="utf-8"))


def read(body, verdicts=None, host_label="instance"):
    return alerts.read(body, verdicts or alerts.USUAL, host_label)


def post(**changes):
    """The post, with changes to its alert: the name of a key, or of one of the labels or annotations behind two _."""
    body = copy.deepcopy(POSTED)
    for name, value in changes.items():
        *groups, key = name.split("__")
        (body["alerts"][0][groups[0]] if groups else body["alerts"][0])[key] = value
    return body


def test_a_post_of_the_real_alertmanager():
    findings, refused = read(POSTED)
    assert findings == [
        Finding(
            host="gw1",
            verdict="full",
            usage=1.0,
            source="alertmanager",
            message="The connection-tracking table of gw1 is full",
            time="2026-11-26T18:22:55.19676719Z",
        )
    ]
    assert refused == []


def test_the_event_limits_runs_to_the_host():
    found = read(POSTED)[0][0]
    assert event(found, tune=True) == {
        "conntrack": {
            "host": "gw1",
            "verdict": "full",
            "usage": 1.0,
            "source": "alertmanager",
            "message": "The connection-tracking table of gw1 is full",
            "time": "2026-11-26T18:22:55.19676719Z",
            "tune": True,
        },
        "meta": {"hosts": ["gw1[0]", "&gw1[-1]"]},
    }


def test_each_firing_alert_is_a_finding_of_its_own():
    body = post()
    body["alerts"] += post(labels__instance="gw2")["alerts"] + post(status="resolved")["alerts"]
    assert [found.host for found in read(body)[0]] == ["gw1", "gw2"]


def test_alerts_of_other_names_are_left_alone():
    assert read(post(labels__alertname="DiskFull", labels__instance="*")) == ([], [])


def test_names_can_be_chosen():
    body = post(labels__alertname="Voll")
    assert read(body, {"Voll": "pressure"})[0][0].verdict == "pressure"
    assert read(post(), {"Voll": "pressure"}) == ([], [])


@pytest.mark.parametrize("name", ["ConntrackTablePressure", "NodeHighNumberConntrackEntriesUsed", "HostConntrackLimit"])
def test_alerts_that_many_sites_have_are_pressure(name):
    assert read(post(labels__alertname=name))[0][0].verdict == "pressure"


def test_another_label_has_the_host():
    assert read(post(labels__nodename="web1"), host_label="nodename")[0][0].host == "web1"


def test_a_missing_label_is_told():
    assert read(post(), host_label="nodename") == (
        [],
        ["an alert ConntrackTableFull was refused: it has no label nodename (host_label)"],
    )


def test_one_refused_alert_leaves_the_others():
    body = post(labels__instance="all")
    body["alerts"] += post()["alerts"]
    findings, refused = read(body)
    assert [found.host for found in findings] == ["gw1"]
    assert refused[0].startswith("an alert ConntrackTableFull was refused: 'all' is no name of a host")


@pytest.mark.parametrize(
    ("note", "usage"), [("0.97", 0.97), ("97%", None), ("nan", None), ("1e999", None), ("-1", None), (10**400, None)]
)
def test_usage_is_a_share_or_unknown(note, usage):
    assert read(post(annotations__usage=note))[0][0].usage == usage


def test_no_annotations_at_all():
    found = read(post(annotations=None))[0][0]
    assert (found.message, found.usage) == ("ConntrackTableFull", None)


def test_texts_of_strangers_are_no_templates_and_no_flood():
    hostile = "{{ lookup('pipe', 'id') }} {% x %}\n\x1b[31m" + "x" * 1000
    found = read(post(annotations__summary=hostile, startsAt="{{ now() }}"))[0][0]
    assert found.message.startswith("(( lookup('pipe', 'id') )) (% x %) \\x1b[31mxxx")
    assert len(found.message) < 300
    assert found.time is None


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (None, "the body is no JSON object"),
        ([], "the body is no JSON object"),
        ("x", "the body is no JSON object"),
        ({}, "version: None, and only version 4 is known"),
        ({"version": "1", "alerts": []}, "version: '1', and only version 4 is known"),
        ({"version": "4"}, "alerts is no list of objects"),
        ({"version": "4", "alerts": {}}, "alerts is no list of objects"),
        ({"version": "4", "alerts": [1]}, "alerts is no list of objects"),
        ({"version": "4", "alerts": [{}]}, "labels of an alert is no object"),
        (post(labels="x"), "labels of an alert is no object"),
        (post(annotations="x"), "annotations of an alert is no object"),
    ],
)
def test_what_is_no_post_of_alertmanager(body, complaint):
    with pytest.raises(alerts.NotAlerts) as caught:
        read(body)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("name", [None, 1, [], {}])
def test_a_name_that_is_no_text_is_no_alert_of_ours(name):
    assert read(post(labels__alertname=name)) == ([], [])
