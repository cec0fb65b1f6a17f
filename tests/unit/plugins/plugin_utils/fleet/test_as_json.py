# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON is what its schema and its documentation say."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_json
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile

DOCS = os.path.join(os.path.abspath(__file__).rpartition(os.sep + "tests" + os.sep)[0], "docs")


def read(name):
    with open(os.path.join(DOCS, name), encoding="utf-8") as stream:
        return stream.read()


def written(rows, time="2026-11-26T16:30:00Z"):
    return "".join(as_json.parts(report(rows, "Gateways", time)))


def test_it_is_what_the_schema_says():
    # Part of what the other tools of .venv need; the venvs of ansible-test do without.
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(read("fleet-report.schema.json"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for rows in (simulated_fleet.fleet(300), hostile.rows(), []):
        validator.validate(json.loads(written(rows)))
    validator.validate(json.loads(written([], None)))
    broken = json.loads(written([Row("a", "ok", "")]))
    broken["hosts"][0]["entries"] = "5"
    assert not validator.is_valid(broken)


def test_schema_and_documentation_know_every_field():
    schema = json.loads(read("fleet-report.schema.json"))
    host = schema["properties"]["hosts"]["items"]
    assert list(host["properties"]) == host["required"] == list(Row._fields)
    assert schema["properties"]["schema"]["const"] == as_json.SCHEMA
    text = read("fleet-report.md")
    assert [name for name in Row._fields if "| `%s` |" % name not in text] == []


def test_what_is_in_it():
    found = json.loads(written(simulated_fleet.fleet(50)))
    assert (found["schema"], found["title"], found["time"]) == (1, "Gateways", "2026-11-26T16:30:00Z")
    assert found["totals"] == report(simulated_fleet.fleet(50), "").totals
    assert found["hosts"] == [
        json.loads(json.dumps(row._asdict())) for row in report(simulated_fleet.fleet(50), "").rows
    ]


def test_a_host_is_a_line():
    lines = written(hostile.rows()).splitlines()
    assert len(lines) == 2 + 2 * len(hostile.TEXTS)
    assert all(json.loads(line.rstrip(","))["host"] is not None for line in lines[1:-1])


def test_names_are_exact():
    hosts = {row["host"] for row in json.loads(written(hostile.rows()))["hosts"]}
    assert set(hostile.TEXTS.values()) <= hosts
