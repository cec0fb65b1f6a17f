# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's record, from facts of recorded hosts, from errors, and from facts that are none."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import given, rows, statuses
from ansible_collections.netops.conntrack.tests.unit import recorded, simulated_fleet
from hypothesis import given as for_all
from hypothesis import strategies as st


@pytest.mark.parametrize("name", recorded.names())
def test_a_recorded_host(name):
    facts = simulated_fleet.recorded_facts(name)
    row = rows.row(name, facts, {"transport": "python"})
    assert (row.host, row.status, row.summary) == (name, facts["verdict"]["status"], facts["verdict"]["summary"])
    assert (row.entries, row.max, row.usage) == tuple(facts["usage"][key] for key in ("count", "max", "ratio"))
    assert row.evidence == facts["verdict"]["evidence"]
    assert len(row.advice) == len(facts["verdict"]["advice"])
    assert [item["setting"] for item in row.drift] == [item["setting"] for item in facts["persistence"]["drift"]]
    assert (row.kernel, row.transport, row.error) == (facts["kernel"]["release"], "python", None)


def test_the_original_host_says_what_to_do_and_what_drifts():
    row = rows.row("origin", simulated_fleet.recorded_facts("rhel5-origin"))
    assert [(item["setting"], item["now"], item["value"]) for item in row.advice] == [
        ("max", 16640, 131072),
        ("tcp_timeout_established", 432000, 216000),
    ]
    assert [(item["setting"], item["live"], item["after_boot"], item["wanted"]) for item in row.drift] == [
        ("max", 16640, 65536, None)
    ]
    assert row.drift[0]["why"] == "after a boot by kernel default"
    assert row.drops is None


def test_rates_of_an_interval():
    row = rows.row("a", simulated_fleet.facts("kube-node", count=221000, growth=25, drops=7, rate=1.5))
    assert (row.interval, row.drops, row.drops_per_second, row.growth_per_second) == (10.0, 7, 1.5, 25.0)
    assert row.seconds_to_full == round((262144 - 221000) / 25)


def test_no_limit_is_not_full():
    row = rows.row("a", simulated_fleet.recorded_facts("unlimited"))
    assert (row.status, row.max, row.unlimited, row.usage) == ("ok", 0, True, None)


def test_top_talkers_and_findings():
    row = rows.row(
        "a", simulated_fleet.recorded_facts("debian12"), None, {"table": simulated_fleet.table(random.Random(1))}
    )
    assert [item["group"] for item in row.talkers] == ["source"] * 5 + ["destination_port"] * 3
    assert row.talkers[5]["who"] == "53 udp"
    assert row.talkers[0]["share_low"] < row.talkers[0]["share"] < row.talkers[0]["share_high"]
    assert [(item["finding"], item["settings"]) for item in row.findings] == [("dns", {"udp_timeout": 10})]


UNREACHABLE = {"unreachable": True, "changed": False, "msg": "Task failed: Failed to connect: Connection refused\n"}


@pytest.mark.parametrize(
    ("gathered", "status", "error"),
    [
        (UNREACHABLE, "unreachable", "Failed to connect: Connection refused"),
        ({"failed": True, "msg": "no shell"}, "failed", "no shell"),
        ({"failed": True}, "failed", "it did not say why"),
        (
            {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback\nMemoryError\n"},
            "failed",
            "MODULE FAILURE (MemoryError)",
        ),
    ],
)
def test_old_facts_of_a_host_that_did_not_answer_are_not_told(gathered, status, error):
    row = rows.row("a", simulated_fleet.recorded_facts("rhel5-origin"), gathered)
    assert (row.status, row.error, row.entries, row.drift) == (status, error, None, ())
    assert error in row.summary


def test_without_facts_nothing_is_known():
    assert rows.row("a", None) == rows.Row("a", "unknown", "No facts of this host were gathered.")


def test_without_a_verdict_it_is_unknown_and_the_numbers_are_told():
    row = rows.row("a", {"usage": {"count": 5, "max": 10}})
    assert (row.status, row.usage) == ("unknown", 0.5)
    assert "gather the subsets" in row.summary


def test_a_table_that_could_not_be_read():
    facts = simulated_fleet.recorded_facts("debian12")
    unread = {"table": {"interface": None, "unread": {}, "report": ["the table cannot be read: x forbidden"]}}
    assert rows.row("a", facts, None, unread).unread[-1] == "the table cannot be read: x forbidden"
    row = rows.row("a", facts, None, UNREACHABLE)
    assert (row.status, row.talkers) == ("ok", [])
    assert row.error == "Who fills the table is not known: Failed to connect: Connection refused"
    assert rows.row("a", facts, None, {"skipped": True}).error is None


def test_what_a_host_says_is_bounded():
    facts = {
        "verdict": {"status": "full", "summary": "x" * 10**6, "evidence": ["y"] * 10**5, "advice": [{}] * 10**5},
        "unread": {"/%d" % number: "z" * 10**4 for number in range(1000)},
    }
    row = rows.row("a", facts)
    assert len(row.summary) == given.TEXT + 1
    assert len(row.evidence) == len(row.advice) == len(row.unread) == given.ITEMS


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("verdict", "usage", "statistics", "persistence", "writers", "unread", "kernel", "limits", "timeouts")
INNER = (
    "status", "summary", "evidence", "advice", "count", "max", "total", "rates", "drift", "setting", "release", "drop",
    "interval", "per_second", "growth_per_second", "seconds_to_full",
)  # fmt: skip
HOSTILE = st.dictionaries(
    st.sampled_from(KEYS), ANYTHING | st.dictionaries(st.sampled_from(INNER), ANYTHING | st.lists(st.dictionaries(
        st.sampled_from(INNER), ANYTHING))))  # fmt: skip
TABLE = st.dictionaries(
    st.sampled_from(("groups", "advice", "interface", "report")),
    ANYTHING | st.lists(st.dictionaries(st.sampled_from(("top", "group_by", "settings", "evidence")), ANYTHING)),
)


@for_all(facts=HOSTILE | ANYTHING, gathered=ANYTHING, table=TABLE | ANYTHING)
def test_facts_of_any_kind_make_a_row_of_plain_values(facts, gathered, table):
    row = rows.row("a", facts, gathered, {"table": table})
    assert row.status in statuses.WORST_FIRST
    json.dumps(row._asdict(), allow_nan=False).encode("utf-8")
    for value in (row.entries, row.max, row.drops, row.seconds_to_full):
        assert value is None or (value.__class__ is int and value >= 0)


@pytest.mark.parametrize(
    ("value", "whole", "number"),
    [
        (5, 5, 5.0), (5.0, 5, 5.0), (-1, None, -1.0), (True, None, None), ("5", None, None), (None, None, None),
        (float("nan"), None, None), (float("inf"), None, None), (10**400, None, None), (2.5, None, 2.5),
    ],
)  # fmt: skip
def test_numbers(value, whole, number):
    assert (given.whole(value), given.number(value)) == (whole, number)


def test_texts_become_plain_ones_that_can_be_written():
    class Tagged(str):
        __slots__ = ()

    assert given.text(Tagged("a")).__class__ is str
    assert given.text("a\udcff") == "a\ufffd"
    assert given.text(b"a") is None
    assert given.text(10**5000) == "a very large number"


@pytest.mark.parametrize(
    "said, told",
    [
        ("Task failed: no route", "no route"),
        # As ansible-core 2.21 has it for a module that goes over the input of its command.
        (
            'Task failed: Data could not be sent to remote host "gw1". Make sure this host can be reached over ssh: '
            "mux_client_request_session: read from master failed: Broken pipe\r\n"
            "ssh: connect to host gw1 port 22: Connection refused\r\n",
            "Failed to connect to the host via ssh: ssh: connect to host gw1 port 22: Connection refused",
        ),
        ("", "it did not say why"),
    ],
)
def test_why_a_host_did_not_answer_is_told_in_few_words(said, told):
    assert rows.complaint({"msg": said}) == told
