# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of hosts, what they come to, and addresses that are made up."""

from __future__ import annotations

import random

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import report as reports
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import statuses
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.masking import Masked
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet


def test_the_worst_first():
    rows = [Row(status, status, "") for status in statuses.WORST_FIRST]
    mixed = random.Random(1).sample(rows, len(rows))
    assert reports.report(mixed, "").rows == rows
    assert statuses.WORST_FIRST[0] == "full"
    assert statuses.WORST_FIRST[-1] == "ok"
    assert [row.needs_attention for row in rows] == [True] * 7 + [False] * 3


def test_with_the_same_verdict_by_drops_then_usage_then_name():
    rows = [
        Row("dropping now", "full", "", usage=0.9, drops=5, drops_per_second=2.0),
        Row("dropped more", "full", "", usage=0.9, drops=9),
        Row("dropped less", "full", "", usage=1.0, drops=8),
        Row("fuller", "full", "", usage=1.0),
        Row("gw9", "full", "", usage=0.5),
        Row("gw10", "full", "", usage=0.5),
        Row("unknown", "full", ""),
    ]
    mixed = random.Random(2).sample(rows, len(rows))
    assert [row.host for row in reports.report(mixed, "").rows] == [row.host for row in rows]


def test_names_with_any_signs_can_be_ordered():
    names = ["", "1", "a1", "a²", "a", "٣", "1a", "9" * 300, "\ufffd"]
    rows = [Row(name, "ok", "") for name in names]
    assert sorted(row.host for row in reports.report(rows, "").rows) == sorted(names)


def test_what_all_come_to():
    rows = [
        Row("a", "full", "", entries=36271, usage=2.18, drops=5, drops_per_second=1.25, drift=[{}]),
        Row("b", "pressure", "", entries=10, usage=0.9, seconds_to_full=90, drift=[{}, {}]),
        Row("c", "pressure", "", entries=10, usage=0.8, seconds_to_full=60, drops=2),
        Row("d", "unreachable", ""),
        Row("e", "failed", ""),
        Row("f", "unknown", ""),
        Row("g", "ok", "", entries=0, usage=0.0, drops=0),
    ]
    totals = reports.report(rows, "").totals
    assert totals == {
        "hosts": 7, "reached": 5, "attention": 6,
        "by_status": {**dict.fromkeys(statuses.WORST_FIRST, 0), "full": 1, "pressure": 2, "unreachable": 1,
                      "failed": 1, "unknown": 1, "ok": 1},
        "entries": 36291, "drops": 7, "drops_per_second": 1.25, "drifted": 2,
        "fullest": {"host": "a", "usage": 2.18}, "soonest": {"host": "c", "seconds_to_full": 60},
    }  # fmt: skip
    assert list(totals["by_status"]) == list(statuses.WORST_FIRST)


def test_no_host_at_all():
    totals = reports.report([], "").totals
    assert (totals["hosts"], totals["entries"], totals["fullest"], totals["soonest"]) == (0, None, None, None)
    for parts in reports.FORMATS.values():
        assert "".join(parts(reports.report([], "None", None)))


def test_unknown_is_not_summed_as_nothing():
    totals = reports.report([Row("a", "unknown", ""), Row("b", "ok", "")], "").totals
    assert (totals["drops"], totals["drops_per_second"], totals["entries"]) == (None, None, None)


def test_all_is_well_unless_something_could_not_be_read():
    row = Row("a", "full", "")
    assert reports.report([row, row], "").well
    assert not reports.report([row, row._replace(error="Who fills the table is not known")], "").well


def masked(text):
    return Masked().text(text)


def test_addresses_are_made_up():
    by = Masked()
    assert by.text("from 192.0.2.7 to 2001:db8::5.") == "from address-1 to address-2."
    assert by.text("192.0.2.7, 2001:DB8:0::5: x") == "address-1, address-2: x"
    assert by.text("in 198.51.100.0/24 and 2001:db8::/32") == "in network-1 and network-2"
    assert by.text("connect to host fe80::1%eth0 port 22") == "connect to host address-3 port 22"
    assert by.text("[2001:db8::5]:22") == "address-2:22"


def test_what_is_no_address_stays():
    for text in (
        "kernel 6.1.0-18-amd64", "at 12:30:45", "1.2.3", "300.1.2.3", "a::b::c", "5 %", "/proc/net", "fe", "::", "mac:",
        "6.18.44.5-fc", "x: y",
    ):  # fmt: skip
        if text != "::":
            assert masked(text) == text


def test_a_masked_report_has_no_address_and_the_same_names_everywhere():
    plain = reports.report(simulated_fleet.fleet(120), "Gateways at 192.0.2.1")
    made = reports.report(simulated_fleet.fleet(120), "Gateways at 192.0.2.1", masked=True)
    for name, parts in reports.FORMATS.items():
        assert name == "prometheus" or "203.0.113." in "".join(parts(plain))
        assert "203.0.113." not in "".join(parts(made))
        assert "192.0.2." not in "".join(parts(made))
    assert [row.host for row in made.rows] == [row.host for row in plain.rows]
    names = {}
    for before, after in zip(plain.rows, made.rows):
        for one, other in zip(before.talkers, after.talkers):
            assert names.setdefault(one["who"], other["who"]) == other["who"]


def test_a_name_of_a_host_that_is_an_address_is_made_up_too():
    made = reports.report([Row("192.0.2.1", "ok", ""), Row("gw1", "ok", "")], "", masked=True)
    assert {row.host for row in made.rows} == {"address-1", "gw1"}
    assert made.totals["fullest"] is None
