# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a rollout in a terminal, those first that somebody has to look at, and its short form for AWX."""

from __future__ import annotations

import typing as t

from ..fleet import artifacts, as_text, words
from .tried import CHANGED, FAILED, NOT_TRIED, OUTCOMES, TAKEN_BACK, UNREACHABLE, Tried

# Where there are few hosts, each may take more room.
_FEW, _LINES_OF_FEW = 3, 12


def ordered(rows: t.Iterable[Tried]) -> list[Tried]:
    """Those first that are not as they should be; in the order of the inventory otherwise."""
    return sorted(rows, key=lambda row: (row.left is None, OUTCOMES.index(row.outcome)))


def totals(rows: t.Sequence[Tried]) -> dict[str, t.Any]:
    """``left`` counts the hosts whose change should have been taken back and was not."""
    by_outcome = {outcome: sum(row.outcome == outcome for row in rows) for outcome in OUTCOMES}
    return {"hosts": len(rows), "by_outcome": by_outcome, "left": sum(row.left is not None for row in rows)}


def lines(rows: t.Sequence[Tried], stopped: str | None, check: bool, shown: int = as_text.ROWS) -> list[str]:
    """At most ``shown`` hosts, 0 is all of them."""
    rows = ordered(rows)
    told = rows[:shown] if shown else rows
    size = max((len(_said(row.outcome, check)) for row in told), default=0)
    room = _LINES_OF_FEW if len(rows) <= _FEW else as_text.NOTE_LINES
    said = []
    for row in told:
        line = "%s  %s" % (_said(row.outcome, check).ljust(size), words.visible(row.host))
        said.append(words.clipped(line, as_text.WIDTH))
        for note in _notes(row, check):
            said += as_text.indented(words.visible(note), size + 2, room)
    if len(rows) > len(told):
        said.append("... and %d more hosts" % (len(rows) - len(told)))
    return [*said, *as_text.indented(_summary(rows, stopped, check), 0)]


def artifact(playbook: str, rows: t.Sequence[Tried], stopped: str | None, check: bool) -> dict[str, t.Any]:
    """What is handed to AWX."""
    hosts = [{"host": row.host, "outcome": row.outcome, "why": row.why, "left": row.left} for row in ordered(rows)]
    return artifacts.artifact(playbook, totals(rows), hosts, check=check, stopped=stopped)


def _said(outcome: str, check: bool) -> str:
    return "would change" if check and outcome == CHANGED else outcome.replace("_", " ")


def _notes(row: Tried, check: bool) -> t.Iterator[str]:
    if row.why:
        yield row.why
    if row.changes and row.outcome == CHANGED:
        yield "; ".join(row.changes)
    if row.returns:
        yield "loaded again at the next boot, by %s" % ", ".join(dict.fromkeys(row.returns))
    if row.failed and row.taken_back:
        yield "what was changed was taken back"
    elif row.changes and row.outcome == FAILED and not row.left and not check:
        yield "changed all the same: %s" % "; ".join(row.changes)
    if row.left and row.outcome == UNREACHABLE:
        yield "if something was changed there, it could not be put back"
    elif row.left:
        yield "NOT taken back: %s" % row.left


def _summary(rows: t.Sequence[Tried], stopped: str | None, check: bool) -> str:
    counted = totals(rows)["by_outcome"]
    told = ["%d %s" % (number, _said(outcome, check)) for outcome, number in counted.items() if number]
    hosts = "1 host" if len(rows) == 1 else "%d hosts" % len(rows)
    text = "%s: %s" % (hosts, ", ".join(told) or "none")
    if stopped:
        text += ". Stopped: %s" % stopped
    if stopped and any(row.outcome in (NOT_TRIED, TAKEN_BACK) for row in rows):
        text += ". Another run goes on from here: hosts that are done are left as they are"
    return text
