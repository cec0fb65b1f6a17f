# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""5000 hosts, in every format. What it takes is measured by tests/benchmarks/fleet_report.py."""

from __future__ import annotations

import json

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_text
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import FORMATS, report
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet

SIZE = 5000


def test_five_thousand_hosts():
    made = report(simulated_fleet.fleet(SIZE), "All of them")
    assert made.totals["hosts"] == len(made.rows) == sum(made.totals["by_status"].values()) == SIZE
    sizes = {}
    for name, parts in FORMATS.items():
        lines = sizes[name] = 0
        for part in parts(made):
            assert len(part) < 100000, "a file is made in parts"
            sizes[name] += len(part)
            lines += part.count("\n")
            if name == "json" and part.startswith((",\n", "\n{")):
                json.loads(part.lstrip(",\n"))
        assert lines > SIZE
    assert max(sizes.values()) < 40 << 20
    assert len(as_text.lines(made)) < 500
