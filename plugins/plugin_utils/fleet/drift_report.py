# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of drift in a terminal, and its short form for AWX."""

from __future__ import annotations

import typing as t

from . import artifacts, as_text, words
from .drifting import STATES, Found


def ordered(rows: t.Iterable[Found]) -> list[Found]:
    return sorted(rows, key=lambda row: STATES.index(row.state))


def totals(rows: t.Sequence[Found]) -> dict[str, t.Any]:
    return {"hosts": len(rows), "by_state": {state: sum(row.state == state for row in rows) for state in STATES}}


def lines(rows: t.Sequence[Found], shown: int = as_text.ROWS) -> list[str]:
    """Hosts that are as they should be are only counted. At most ``shown`` others, 0 is all of them."""
    off = [row for row in ordered(rows) if row.why or row.drift]
    told = off[:shown] if shown else off
    size = max((len(_said(row.state)) for row in told), default=0)
    said = []
    for row in told:
        said.append(words.clipped("%s  %s" % (_said(row.state).ljust(size), words.visible(row.host)), as_text.WIDTH))
        for note in [row.why] if row.why else map(_note, row.drift):
            said += as_text.indented(words.visible(note), size + 2)
    if len(off) > len(told):
        said.append("... and %d more hosts" % (len(off) - len(told)))
    counted = ["%d %s" % (number, _said(state)) for state, number in totals(rows)["by_state"].items() if number]
    hosts = "1 host" if len(rows) == 1 else "%d hosts" % len(rows)
    return [*said, "%s: %s" % (hosts, ", ".join(counted) or "none")]


def artifact(rows: t.Sequence[Found]) -> dict[str, t.Any]:
    """What is handed to AWX: the hosts that are not as they should be."""
    hosts = [
        {
            "host": row.host,
            "state": row.state,
            "settings": [item["setting"] for item in row.drift if item["setting"]],
            "why": row.why,
        }
        for row in ordered(rows)
        if row.why or row.drift
    ]
    return artifacts.artifact("drift", totals(rows), hosts)


def _said(state: str) -> str:
    return state.replace("_", " ")


def _note(item: t.Mapping[str, t.Any]) -> str:
    if item["setting"] is None:
        return item["why"]
    return "%s: %s wanted; %s" % (item["setting"], item["wanted"], item["why"])
