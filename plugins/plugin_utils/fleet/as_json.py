# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for programs: docs/fleet-report.md says what it holds, docs/fleet-report.schema.json the same exactly.

One host a line, so that a large report can be read line by line, and compared.
"""

from __future__ import annotations

import json
import typing as t

# Goes up when a field goes away or means something else; new fields do not count.
SCHEMA = 1


def parts(report: t.Any) -> t.Iterator[str]:
    head = {"schema": SCHEMA, "title": report.title, "time": report.time, "totals": report.totals}
    yield _dumped(head)[:-1] + ', "hosts": ['
    for number, row in enumerate(report.rows):
        yield (",\n" if number else "\n") + _dumped(row._asdict())
    yield "\n]}\n"


def _dumped(value: t.Any) -> str:
    return json.dumps(value, allow_nan=False)
