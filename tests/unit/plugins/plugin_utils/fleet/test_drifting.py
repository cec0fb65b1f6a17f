# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts left the wanted state, in what, who is to blame, and how that is told."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.record_file import PATH as RECORD
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_text, drift_report, words
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.drifting import find

MINE = "/etc/sysctl.d/99-zzz-mine.conf"
DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
# As conntrack_facts has it; only udp_timeout was asked for, by an earlier run.
SETTINGS = {
    "max": {"live": 65536, "after_boot": 65536, "source": None, "wanted": None},
    "udp_timeout": {"live": 33, "after_boot": 35, "source": MINE, "wanted": 40},
}
DRIFT = [
    {"setting": "max", "live": 65536, "after_boot": None, "wanted": None},
    {"setting": "udp_timeout", "live": 33, "after_boot": 35, "wanted": 40},
]
# As facts/writers has them: what one sets by its nature, and what TuneD's profile says.
WRITER = {"name": "kube-proxy", "knob": "conntrack.udpTimeout", "writes": ["udp_timeout"], "settings": {}}
TUNED = {
    "name": "TuneD",
    "knob": "its profile",
    "writes": [],
    "settings": {"net.netfilter.nf_conntrack_udp_timeout": "33"},
}
GATHERED = {"changed": False}


def facts(drift=(), writers=(), settings=None):
    settings = SETTINGS if settings is None else settings
    return {"persistence": {"settings": settings, "drift": list(drift)}, "writers": list(writers)}


def told(found):
    return [(item["setting"], item["why"]) for item in found.drift]


def test_against_what_was_asked_for_last():
    found = find("gw1", facts(DRIFT), GATHERED, None)
    assert found.state == "drifted"
    # Of max nothing was wanted.
    assert told(found) == [("udp_timeout", "it is 33 now; after a boot it is 35, by %s" % MINE)]
    assert (found.drift[0]["live"], found.drift[0]["after_boot"], found.drift[0]["wanted"]) == (33, 35, 40)


def test_who_sets_a_value_is_named_where_the_value_is_off():
    found = find("gw1", facts(DRIFT, [WRITER, {**WRITER, "writes": ["max"], "name": "other"}]), GATHERED, None)
    assert told(found)[0][1].startswith("it is 33 now; kube-proxy sets it (conntrack.udpTimeout); after a boot")
    said = told(find("gw1", facts(DRIFT, [TUNED]), GATHERED, None))[0][1]
    assert said.startswith("it is 33 now; TuneD sets it (its profile); after a boot")
    only_boot = [{**DRIFT[1], "live": 40}]
    assert "kube-proxy" not in told(find("gw1", facts(only_boot, [WRITER]), GATHERED, None))[0][1]


@pytest.mark.parametrize(
    "planned, state, said",
    [
        ({"settings": {"max": {"changed": False}}, "steps": []}, "as_wanted", []),
        (
            {"settings": {"max": {"changed": True, "before": 65536, "wanted": 131072}}, "steps": [{"path": DROP_IN}]},
            "drifted",
            [("max", "it is 65536 now; after a boot it is 65536")],
        ),
        # Live and boot values are right, a file is not.
        (
            {"settings": {"max": {"changed": False}}, "steps": [{"path": DROP_IN}, {"path": MINE}, {"path": DROP_IN}]},
            "drifted",
            [(None, "not as this collection leaves it: %s, %s" % (DROP_IN, MINE))],
        ),
        # Ours would be as wanted, but another file has the last word.
        (
            {
                "settings": {"udp_timeout": {"changed": False, "before": 40, "wanted": 40, "overruled_by": MINE}},
                "steps": [],
            },
            "drifted",
            [("udp_timeout", "after a boot it is 35, by %s" % MINE)],
        ),
        # Nothing was asked for now: the record counts.
        ({"skipped": True}, "drifted", [("udp_timeout", "it is 33 now; after a boot it is 35, by %s" % MINE)]),
    ],
)
def test_against_what_is_asked_for_now(planned, state, said):
    found = find("gw1", facts(DRIFT), GATHERED, planned)
    assert (found.state, told(found)) == (state, said)


def test_a_value_that_nobody_can_tell_is_unknown():
    (item,) = find("gw1", facts([{**DRIFT[1], "live": 40, "after_boot": None}], settings={}), GATHERED, None).drift
    assert item["why"] == "after a boot it is unknown"
    (item,) = find("gw1", facts([{**DRIFT[1], "live": None}]), GATHERED, None).drift
    assert item["why"] == "after a boot it is 35, by %s" % MINE


def test_a_boot_of_which_nothing_can_be_told_is_not_as_wanted():
    row = {"live": 40, "after_boot": None, "source": "kernel default", "wanted": 40, "detail": "/etc/x cannot be read"}
    hidden = facts(settings={"udp_timeout": row})
    planned = {"settings": {"udp_timeout": {"changed": False, "before": 40, "wanted": 40}}, "steps": []}
    for asked in (None, planned):
        found = find("gw1", hidden, GATHERED, asked)
        assert found.state == "failed"
        assert found.why == "udp_timeout: what it is after a boot cannot be told: /etc/x cannot be read"
    # Of what is not asked for now nothing is said, nor of what was never to stand.
    other = {"settings": {"max": {"changed": False}}, "steps": []}
    assert find("gw1", hidden, GATHERED, other).state == "as_wanted"
    never = facts(settings={"udp_timeout": {**row, "wanted": None}})
    assert find("gw1", never, GATHERED, planned).state == "as_wanted"


def test_a_value_that_only_another_file_sets_says_which():
    row = {"live": 40, "after_boot": 40, "source": MINE, "wanted": 40}
    planned = {"settings": {"udp_timeout": {"changed": True, "before": 40, "wanted": 40}}, "steps": []}
    found = find("gw1", facts(settings={"udp_timeout": row}), GATHERED, planned)
    assert told(found) == [("udp_timeout", "after a boot it is set by %s, no longer by this collection" % MINE)]


def test_a_host_of_which_nothing_was_wanted_is_neither_right_nor_wrong():
    unwanted = {"max": SETTINGS["max"]}
    assert find("gw1", facts(DRIFT[:1], settings=unwanted), GATHERED, None).state == "nothing_wanted"
    assert find("gw1", facts(), GATHERED, None).state == "as_wanted"


@pytest.mark.parametrize(
    "gathered, planned, state, why",
    [
        ({"unreachable": True, "msg": "no route"}, None, "unreachable", "no route"),
        ({"failed": True, "msg": "no right"}, None, "failed", "no right"),
        (GATHERED, {"failed": True, "msg": "settings: 'maximum' is no setting"}, "failed", "settings: 'maximum' is no"),
        (GATHERED, {"unreachable": True, "msg": "gone"}, "unreachable", "gone"),
    ],
)
def test_what_could_not_be_read_is_no_drift(gathered, planned, state, why):
    found = find("gw1", facts(DRIFT), gathered, planned)
    assert (found.state, found.drift) == (state, ())
    assert found.why.startswith(why)


def test_a_record_that_cannot_be_read_is_no_host_of_which_nothing_was_wanted():
    hidden = {**facts(settings={"max": SETTINGS["max"]}), "unread": {RECORD: "forbidden"}}
    found = find("gw1", hidden, GATHERED, None)
    assert found.state == "failed"
    assert found.why == "what was asked for last cannot be read: %s: forbidden; use become" % RECORD
    damaged = {**hidden, "unread": {RECORD: "damaged"}}
    assert find("gw1", damaged, GATHERED, None).why == "what was asked for last cannot be read: %s: damaged" % RECORD
    # Root would not read it either.
    assert not find("gw1", {**hidden, "unread": {RECORD: "too large"}}, GATHERED, None).why.endswith("use become")
    # What is asked for now needs no record.
    assert find("gw1", hidden, GATHERED, {"settings": {"max": {"changed": False}}, "steps": []}).state == "as_wanted"


def test_facts_without_an_audit_are_a_failure_not_a_host_as_wanted():
    for nothing in (None, {}, {"persistence": None}, "x"):
        assert find("gw1", nothing, GATHERED, None).state == "failed"


def test_the_report_has_those_first_that_left_and_only_counts_the_others():
    rows = [
        find("gw1", facts(), GATHERED, None),
        find("gw2", None, {"unreachable": True, "msg": "no route"}, None),
        find("gw3", facts(DRIFT), GATHERED, None),
        find("gw4", facts(DRIFT), GATHERED, {"settings": {}, "steps": [{"path": MINE}]}),
        find("gw5", facts(settings={}), GATHERED, None),
    ]
    assert drift_report.lines(rows) == [
        "drifted      gw3",
        "             udp_timeout: 40 wanted; it is 33 now; after a boot it is 35, by",
        "             " + MINE,
        "drifted      gw4",
        "             not as this collection leaves it: %s" % MINE,
        "unreachable  gw2",
        "             no route",
        "5 hosts: 2 drifted, 1 unreachable, 1 nothing wanted, 1 as wanted",
    ]
    assert drift_report.lines(rows, 1)[-2:] == ["... and 2 more hosts", drift_report.lines(rows)[-1]]
    assert drift_report.lines(rows, 0) == drift_report.lines(rows)
    assert drift_report.lines([]) == ["0 hosts: none"]
    artifact = drift_report.artifact(rows)
    named = [(row["host"], row["settings"]) for row in artifact["hosts"]]
    assert named == [("gw3", ["udp_timeout"]), ("gw4", []), ("gw2", [])]
    assert artifact["totals"]["by_state"]["drifted"] == 2


# None of these is what conntrack_facts would tell.
WRONG = (
    None,
    True,
    -1,
    1.5,
    float("nan"),
    10**30,
    "x" * 5000,
    "\x1b[31m\n\u202e",
    [],
    [[]],
    {},
    {"x": {"x": []}},
    ["\ud800"],
)


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:12])
def test_whatever_a_host_says_there_is_a_report_of_it(value):
    row = {"changed": True, "before": value, "wanted": value}
    item = {"setting": value, "live": value, "after_boot": value, "wanted": value}
    seen = [value, facts([item, DRIFT[1]]), {"persistence": {"settings": value, "drift": value}, "writers": value}]
    seen.append(facts(DRIFT, [value, {**WRITER, "name": value}], {"udp_timeout": {**item, "source": value}}))
    planned = [None, value, {"settings": value, "steps": value}, {"settings": {"x": row}, "steps": [value]}]
    planned.append({"settings": {}, "steps": [{"path": value}]})
    for one in seen:
        for other in planned:
            found = find("gw1", one, value, other)
            lines = drift_report.lines([found])
            assert all(len(line) <= as_text.WIDTH and line == words.visible(line) for line in lines)
            json.dumps(drift_report.artifact([found]), allow_nan=False).encode()
