# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet_report.py [HOSTS]: what the report of a large fleet costs, in one process: its time, and its memory at most.

The facts are simulated, one host at a time, and that is not counted in the time. Memory is of the whole process.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(CHECKOUT, ".cache", "collections"))

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_text, rows, writing
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import FORMATS, report
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet

AIM_SECONDS, AIM_MIB = 10, 300


class Clock:
    def __init__(self):
        self.total = 0.0

    def timed(self, function, *arguments):
        began = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            self.total += time.perf_counter() - began


def main(size):
    told = []
    records = Clock()
    before = mib()
    made = [records.timed(rows.row, *result) for result in simulated_fleet.results(size)]
    told.append(("records from facts", records.total, ""))
    order = Clock()
    made = order.timed(report, made, "All hosts", "2026-11-26T16:30:00Z")
    told.append(("order and totals", order.total, ""))
    with tempfile.TemporaryDirectory() as folder:
        for name, parts in FORMATS.items():
            clock, path = Clock(), os.path.join(folder, name)
            clock.timed(writing.write, path, parts(made), 0o600)
            told.append((name, clock.total, "%.1f MiB" % (os.path.getsize(path) / (1 << 20))))
    text = Clock()
    text.timed(as_text.lines, made, 0)
    told.append(("text of all hosts", text.total, ""))
    print("%d hosts" % size)
    for what, seconds, more in told:
        print(f"{what:24}{seconds:8.2f} s  {more}")
    print(f"{'together':24}{sum(row[1] for row in told):8.2f} s  aim {AIM_SECONDS} or less for 5000 hosts")
    print(f"{'memory at most':24}{mib():8.1f} MiB, {before:.1f} before the first host; aim {AIM_MIB} or less")


def mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["5000"])[0]))
