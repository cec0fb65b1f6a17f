# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report: its rows, the worst first, what they come to, and what it is called."""

from __future__ import annotations

import typing as t

from . import as_csv, as_html, as_json, as_prometheus, statuses
from .masking import Masked
from .rows import Row
from .totals import totals


class Report(t.NamedTuple):
    """``time`` is when the facts were gathered, as the caller says it, or None."""

    title: str
    time: str | None
    rows: list[Row]
    totals: dict[str, t.Any]

    @property
    def well(self) -> bool:
        """Whether all that was asked of the hosts could be read."""
        return not any(row.error for row in self.rows)


# Each is a function of a report that gives the file in parts, so that no file is in memory as a whole.
FORMATS: dict[str, t.Callable[[t.Any], t.Iterator[str]]] = {
    "html": as_html.parts,
    "json": as_json.parts,
    "csv": as_csv.parts,
    "prometheus": as_prometheus.parts,
}


def report(rows: t.Iterable[Row], title: str, time: str | None = None, masked: bool = False) -> Report:
    """Masked, names of hosts that are addresses are made up too; other names of hosts stay."""
    if masked:
        # In the order of the report, so that the names tell nothing of the inventory.
        by = Masked()
        rows = [by.row(row) for row in sorted(rows, key=statuses.key)]
        title = by.text(title)
    else:
        rows = sorted(rows, key=statuses.key)
    return Report(title, time, rows, totals(rows))
