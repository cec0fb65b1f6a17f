# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of one host of a rollout, from the results of its tasks."""

from __future__ import annotations

import typing as t

from ..fleet import given
from ..fleet.rows import complaint

UNREACHABLE, FAILED, TAKEN_BACK, NOT_TRIED, CHANGED, UNCHANGED = (
    "unreachable", "failed", "taken_back", "not_tried", "changed", "unchanged",
)  # fmt: skip
# So many settings that come with a module are told by their names.
_COME = 8
# What somebody has to look at comes first.
OUTCOMES = (FAILED, UNREACHABLE, TAKEN_BACK, NOT_TRIED, CHANGED, UNCHANGED)


class Tried(t.NamedTuple):
    """``changes`` are what was changed, or would be, as short texts. ``why`` is None where there is nothing to say.

    ``left`` says why the change was not taken back though it should have been; None where that did not come up, or
    where the host is as it was before. ``refused`` says that nothing was done to it. ``returns`` are what will load
    again at the next boot what was unloaded.
    """

    host: str
    outcome: str
    changes: tuple[str, ...] = ()
    why: str | None = None
    left: str | None = None
    taken_back: bool = False
    refused: bool = False
    returns: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.outcome in (FAILED, UNREACHABLE)


def tried(host: str, results: t.Sequence[t.Any], back: t.Any = None) -> Tried:
    """``results`` are those of the change, in any order; ``back`` is that of taking it back."""
    known = [result for result in map(given.mapping, results) if result]
    back = given.mapping(back)
    if not known:
        return Tried(host, NOT_TRIED)
    changed = any(result.get("changed") is True for result in known)
    changes = tuple(dict.fromkeys(change for result in known for change in _changes(result))) if changed else ()
    outcome, why = CHANGED if changed else UNCHANGED, None
    for status in (UNREACHABLE, FAILED):
        wrong = [result for result in known if result.get(status)]
        if wrong:
            outcome, why = status, complaint(wrong[0])
            break
    if outcome == UNCHANGED:
        # Why there was nothing to undo.
        why = given.text(known[-1].get("msg"))
    if not back or back.get("skipped"):
        refused = outcome == FAILED and all(map(_refused, known))
        returns = () if outcome in (UNREACHABLE, FAILED) else tuple(_returns(known[-1]))
        return Tried(host, outcome, changes, why, refused=refused, returns=returns)
    if back.get(UNREACHABLE) and any(result.get("confirmed") is False for result in known):
        # Out of reach for us, and it undoes the change by itself; the reason why it failed says so.
        return Tried(host, outcome, changes, why)
    if back.get(UNREACHABLE) or back.get(FAILED):
        return Tried(host, outcome, changes, why, left=complaint(back))
    if outcome in (CHANGED, UNCHANGED) and back.get("changed"):
        outcome = TAKEN_BACK
    return Tried(host, outcome, changes, why, taken_back=bool(back.get("changed")))


def _refused(result: t.Mapping[t.Any, t.Any]) -> bool:
    """Whether nothing was done; what a run says that is to confirm a change is no word on the change itself."""
    if result.get(FAILED):
        return result.get("refused") is True and result.get("confirmed") is not False
    return result.get("changed") is not True


def _changes(result: t.Mapping[t.Any, t.Any]) -> t.Iterator[str]:
    """Modules, settings with their values before and after, files; in the end the settings that come with a module."""
    steps = [(step.get("kind"), given.text(step.get("path")) or "") for step in given.mappings(result.get("steps"))]
    for kind, path in steps:
        if kind in ("module", "unload"):
            yield "%s %s" % ("unload" if kind == "unload" else "load", path.rpartition("/")[2])
    settings = given.mapping(result.get("settings"))
    come = []
    for name, row in list(settings.items())[: given.ITEMS]:
        row = given.mapping(row)
        before, after = given.whole(row.get("before")), given.whole(row.get("after"))
        if not row.get("changed"):
            continue
        if before == after:
            if after is not None and given.whole(row.get("after_boot")) == after:
                yield "%s %d made to stay" % (given.text(name), after)
        elif before is None:
            come.append("%s none -> %s" % (given.text(name), after))
        else:
            yield "%s %s -> %s" % (given.text(name), before, after)
    yield from (path for kind, path in steps if kind in ("file", "chain"))
    many = len(come) > _COME and any(kind == "module" for kind, _path in steps)
    yield from ["%d values that come with the modules" % len(come)] if many else come


def _returns(result: t.Mapping[t.Any, t.Any]) -> t.Iterator[str]:
    for each in given.mappings(result.get("returns_at_boot")):
        yield given.text(each.get("source")) or "something"
