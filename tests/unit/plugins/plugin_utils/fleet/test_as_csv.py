# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CSV, read back by Python's reader, and by none of its cells a formula."""

from __future__ import annotations

import csv
import io
import re

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_csv
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile


def written(rows):
    return "".join(as_csv.parts(report(rows, "")))


def read(rows):
    return list(csv.DictReader(io.StringIO(written(rows), newline=""), strict=True))


def test_a_fleet_read_back():
    rows = report(simulated_fleet.fleet(200), "").rows
    for row, cells in zip(rows, read(rows), strict=True):
        assert (cells["host"], cells["status"]) == (row.host, row.status)
        for name in ("entries", "max", "usage", "drops", "drops_per_second", "growth_per_second", "seconds_to_full"):
            value = getattr(row, name)
            assert cells[name] == ("" if value is None else repr(value))
        assert cells["advice"].count(" = ") == sum(item["setting"] is not None for item in row.advice)


def test_lines_end_as_rfc_4180_wants_it():
    text = written(simulated_fleet.fleet(20))
    assert text.count("\r\n") == 21
    assert text.replace("\r\n", "").count("\n") == text.replace("\r\n", "").count("\r") == 0


def test_no_cell_is_a_formula_and_no_line_breaks():
    found = read(hostile.rows())
    assert len(found) == 2 * len(hostile.TEXTS)
    for cells in found:
        assert None not in cells
        for name, cell in cells.items():
            if not re.fullmatch(r"-?[0-9.]+", cell):
                assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "＝"), (name, cell)
            assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", cell)


def test_a_negative_number_stays_one():
    assert read([Row("a", "ok", "", growth_per_second=-2.5)])[0]["growth_per_second"] == "-2.5"


def test_formulas_are_quoted():
    cells = read([Row("-gw1", "ok", "=1+1", error="@x")])[0]
    assert (cells["host"], cells["summary"], cells["error"]) == ("'-gw1", "'=1+1", "'@x")
