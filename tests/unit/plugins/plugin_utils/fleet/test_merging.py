# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of several: it has what one report of all hosts would have, whole from JSON, in short from artifacts."""

from __future__ import annotations

import functools
import json

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_csv, as_html, as_json, merging, records
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile

NIGHT = "2026-11-26T02:15:00Z"


@functools.lru_cache(maxsize=None)
def fleet(size):
    return list(simulated_fleet.fleet(size))


def handed_on(made):
    """As a variable comes back from wherever it was: through JSON."""
    return merging.part(json.loads(json.dumps(merging.artifact(made), allow_nan=False)))


def written(made):
    return merging.part(json.loads("".join(as_json.parts(made))))


def slices(rows, number, time=NIGHT):
    return [report(rows[each::number], "", time) for each in range(number)]


def plain(row):
    return json.loads(json.dumps(row._asdict()))


def test_json_reports_come_to_the_whole_report():
    rows = fleet(200)
    whole = report(rows, "Fleet", NIGHT)
    merged = merging.merge([written(each) for each in slices(rows, 3)], "Fleet")
    assert list(map(plain, merged.report.rows)) == list(map(plain, whole.rows))
    assert merged.report.totals == whole.totals
    assert "".join(as_json.parts(merged.report)) == "".join(as_json.parts(whole))
    assert (merged.left_off, merged.missing, merged.unnamed) == (0, [], 0)


def test_artifacts_come_to_the_same_totals_order_and_spreadsheet():
    rows = [row._replace(talkers=(), kernel=None, transport=None) for row in fleet(200)]
    whole = report(rows, "Fleet", NIGHT)
    merged = merging.merge([handed_on(each) for each in slices(rows, 4)], "Fleet")
    assert merged.report.totals == whole.totals
    assert [row.host for row in merged.report.rows] == [row.host for row in whole.rows]
    ours, theirs = ("".join(as_csv.parts(each)).splitlines() for each in (merged.report, whole))
    # Only long texts and long lists are told in short.
    assert sum(one == other for one, other in zip(ours, theirs)) > 190
    assert "".join(as_html.parts(merged.report)).count('<tr class="host">') == 200


def test_what_artifacts_left_off_is_in_the_totals_all_the_same():
    rows = fleet(2600)
    whole = report(rows, "", NIGHT)
    parts = [handed_on(each) for each in slices(rows, 2)]
    merged = merging.merge(parts, "Fleet")
    assert merged.left_off == 600
    assert len(merged.report.rows) == 2000
    assert merged.report.title == "Fleet (600 hosts are not listed)"
    assert merged.report.totals == whole.totals
    assert merging.artifact(merged.report)["left_off"] == 1600


def test_the_fullest_may_be_among_those_that_were_left_off():
    part = merging.part(
        {
            "schema": 1,
            "hosts": [{"host": "a", "status": "full", "usage": 0.5}],
            "totals": {
                "hosts": 3, "fullest": {"host": "c", "usage": 0.75}, "soonest": {"host": "b", "seconds_to_full": 60},
            },
        }
    )  # fmt: skip
    totals = merging.merge([part], "").report.totals
    assert totals["fullest"] == {"host": "c", "usage": 0.75}
    assert totals["soonest"] == {"host": "b", "seconds_to_full": 60}
    # A name that may be an address is not given away.
    assert merging.merge([part], "", masked=True).report.totals["fullest"] == {"host": "a", "usage": 0.5}


def test_an_artifact_is_small():
    made = report(fleet(1000), "", NIGHT)
    assert len(json.dumps(merging.artifact(made))) < 400_000
    worst = [row._replace(host="%d %s" % (number, row.host)) for number in range(50) for row in hostile.rows()][:1000]
    assert len(json.dumps(merging.artifact(report(worst, "", None)), ensure_ascii=False)) < 8_000_000


def test_hosts_that_no_report_tells_of_are_named():
    merged = merging.merge([handed_on(report([Row("a", "ok", "")], "", None))], "", hosts=["b", "a", "c", "b"])
    assert merged.missing == ["b", "c"]
    assert [(row.host, row.status) for row in merged.report.rows] == [("b", "failed"), ("c", "failed"), ("a", "ok")]
    assert "left none" in merged.report.rows[0].summary
    assert (merged.report.totals["hosts"], merged.report.totals["reached"]) == (3, 1)


def test_where_hosts_were_left_off_it_is_known_how_many_are_missing_and_not_which():
    names = ["host%d" % number for number in range(1005)]
    made = report([Row(name, "ok", "") for name in names[:1002]], "", None)
    merged = merging.merge([handed_on(made)], "", hosts=names)
    assert (merged.left_off, merged.missing, merged.unnamed) == (2, [], 3)


def test_the_last_report_counts_and_the_oldest_gives_the_time():
    old = report([Row("a", "full", ""), Row("b", "ok", "")], "", "2026-11-25T02:15:00Z")
    new = report([Row("a", "ok", "")], "", NIGHT)
    merged = merging.merge([written(old), written(new)], "").report
    assert {row.host: row.status for row in merged.rows} == {"a": "ok", "b": "ok"}
    assert merged.time == old.time
    assert merging.merge([written(old), written(report([], "", None))], "").report.time is None
    assert merging.merge([written(old)], "", "now").report.time == "now"


def test_masked_names_are_the_same_at_each_place():
    row = Row("192.0.2.7", "full", "of 192.0.2.7", usage=1.0)
    told = "".join(as_json.parts(merging.merge([handed_on(report([row], "", None))], "", masked=True).report))
    assert "192.0.2" not in told
    assert told.count("address-1") == 3


@pytest.mark.parametrize("kind", [written, handed_on])
def test_whatever_a_report_says_another_can_be_made_of_it(kind):
    rows = [*hostile.rows(), *fleet(20)]
    merged = merging.merge([kind(report(rows, "", None))], "").report
    for parts in (as_json.parts, as_csv.parts, as_html.parts):
        "".join(parts(merged)).encode()
    short = {row.host: plain(row) for row in rows if len(row.summary) < 2000}
    if kind is written:
        assert {row.host: plain(row) for row in merged.rows if row.host in short} == short


@pytest.mark.parametrize("value", [None, True, -1, 1e300, float("nan"), "x", [], {}, [None, {"setting": []}]])
def test_a_record_with_anything_in_it_is_told_as_unknown(value):
    names = set(Row._fields) - {"host"}
    found = records.row({"host": "a", **dict.fromkeys(names, value)})
    made = report([found, Row("b", "ok", "")], "", None)
    for parts in (as_json.parts, as_csv.parts, as_html.parts):
        "".join(parts(made)).encode()
    assert found.status == "unknown"
    assert (found.entries, found.usage) == (None, None)


@pytest.mark.parametrize(
    "given, said",
    [
        ("text", "it has no hosts and totals"),
        ({"hosts": []}, "it has no hosts and totals"),
        ({"hosts": [], "totals": {}}, "its schema is None, and 1 is the one that is known"),
        ({"hosts": [], "totals": {}, "schema": 2}, "its schema is 2, and 1 is the one that is known"),
        ({"hosts": [{"host": "a", "outcome": "tuned"}], "totals": {}, "schema": 1}, "its hosts have no status"),
        ({"hosts": ["a"], "totals": {}, "schema": 1}, "its hosts have no status"),
    ],
)
def test_what_is_no_report_is_refused(given, said):
    with pytest.raises(merging.NotAReport, match=said):
        merging.part(given)
