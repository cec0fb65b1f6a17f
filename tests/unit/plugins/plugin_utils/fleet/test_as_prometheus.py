# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics, read back by the rules of the text format."""

from __future__ import annotations

import re

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_prometheus, statuses
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile

LABEL = r'[a-z]+="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(r"([a-z_]+)\{(%s(?:,%s)*)\} (-?[0-9.e+-]+)" % (LABEL, LABEL))


def read(rows):
    """Metric -> {labels: value}. Fails on a line that is none, and where a metric is not in one piece with its head."""
    text = "".join(as_prometheus.parts(report(rows, "")))
    assert text.endswith("\n")
    found, kinds, open_ = {}, {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            open_ = line.split(" ")[2]
            assert open_ not in found, "a metric comes once"
            found[open_] = {}
        elif line.startswith("# TYPE "):
            _hash, _type, name, kind = line.split(" ")
            assert name == open_
            kinds[name] = kind
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample[1] == open_
            assert kinds[open_] == ("counter" if open_.endswith("_total") else "gauge")
            labels = tuple(
                re.sub(r"\\(.)", lambda each: {"n": "\n"}.get(each[1], each[1]), value)
                for value in re.findall(r'="((?:[^"\\]|\\.)*)"', sample[2])
            )
            assert labels not in found[open_], "a sample comes once"
            found[open_][labels] = float(sample[3])
    return {name.removeprefix("netops_conntrack_"): samples for name, samples in found.items()}


def test_a_fleet_read_back():
    rows = report(simulated_fleet.fleet(300), "").rows
    found = read(rows)
    assert found["hosts"] == {(name,): sum(row.status == name for row in rows) for name in statuses.WORST_FIRST}
    assert found["status"] == {(row.host, row.status): 1 for row in rows}
    for name, field in (("entries", "entries"), ("usage_ratio", "usage"), ("drops_total", "drops")):
        assert found[name] == {(row.host,): getattr(row, field) for row in rows if getattr(row, field) is not None}
    assert {host for (host,), value in found["up"].items() if not value} == {
        row.host for row in rows if row.status in ("unreachable", "failed", "unknown")
    }


def test_unknown_is_left_out():
    found = read([Row("a", "unreachable", "")])
    assert set(found) == {"hosts", "status", "up"}


def test_hostile_names_stay_labels():
    rows = list(hostile.rows())
    found = read(rows)
    names = {label[0] for label in found["up"]}
    assert hostile.TEXTS["quotes"] in names
    assert hostile.TEXTS["backslash"] in names
    assert len(names) == len(rows)
