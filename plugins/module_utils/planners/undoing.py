# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings: what was there before comes back, and what it comes to."""

from __future__ import annotations

import typing as t

from .. import catalogue
from ..catalogue import BY_NAME
from ..facts import boot
from ..facts import settings as live_settings
from ..facts.identity import identify
from ..formats import record_file
from ..plan import MODULE, SYSCTL, Outcome, Step, describe, diff
from ..probe import File
from ..snapshot import NOT_READ, Snapshot
from . import keep_off, last_change, lowering, record, restore, rollback, sequence, transaction
from .rollback import Confirm
from .transaction import Result, Unapplied


def undo(
    host: sequence.Host, allow_lower: bool, check: bool, confirm: Confirm | None = None, change: str | None = None
) -> Result:
    """Brings back what was there before the first change, or before the last one where it has the name ``change``.

    Nothing on a host that has no record of that. Raises as apply does.
    """
    before = host.read(transaction.ITEMS)
    unread = [File(path) for path in _recorded(before, change) if before.reason(path) == NOT_READ]
    before = before.with_readings(dict(host.read(unread).items())) if unread else before
    before, trial, news = rollback.begin(host, before, confirm, check)
    found = restore.plan(before, _recorded(before, change), allow_lower)
    guard = rollback.guard(before, confirm, trial, found.live, {})
    later = (*found.files, *found.loads)
    closing = _closing(before, found, found.settled, change, well=not found.refusals)
    done = transaction.carry_out(
        host, before, found.live, lambda failed: later, check, guard, recorded=False, closing=closing
    )
    on_trial = not check and bool(guard and guard.trial)
    unapplied = [Unapplied(*refusal) for refusal in found.refusals]
    unapplied += [
        Unapplied(outcome.step.path, transaction.reason(outcome), outcome.detail or "") for outcome in _causes(done)
    ]
    settled = [path for path in found.settled if path not in {outcome.step.path for outcome in done.failures}]
    missing = last_change.missing(before, change) if change else None
    warnings = [*news, *done.warnings, *_lowered(before, found.live), *_staying(before, done.after)]
    warnings += _off_until_boot(done.after, found.files)
    warnings += [missing] if missing else []
    if not check and not on_trial:
        closed = done.closed
        if closed is None:
            # There was nothing else to do, or not all of it could be done; what was not stays on record.
            well = not found.refusals and not done.failures
            steps = _closing(before, found, settled, change, well)
            closed = tuple(host.carry_out(steps)) if steps else ()
        warnings += ["the record stays: %s" % outcome.detail for outcome in closed if outcome.error]
    earlier = guard.earlier if guard else ()
    was = rollback.as_before(before, earlier)
    rows = {}
    for step in (*earlier, *found.live, *found.loads):
        setting = restore.setting_of(step.path)
        if setting:
            live = live_settings.live(before, setting)
            rows[setting.name] = {
                "key": live.key if live else setting.keys[0],
                **transaction.values(was, done.after, setting, _number(step.after)),
                "overruled_by": None,
                "reason": None,
                "detail": None,
            }
    result = Result(bool(done.steps), rows, describe(done.steps), diff(done.steps), warnings, unapplied, [], on_trial)
    return result._replace(missing=missing)


def _recorded(snapshot: Snapshot, change: str | None) -> dict[str, record.Original]:
    return last_change.read(snapshot, change) if change else record.read(snapshot)


def _closing(
    snapshot: Snapshot, found: restore.RestorePlan, settled: t.Collection[str], change: str | None, well: bool
) -> list[Step]:
    """What is as it was is taken off the record. With the first state the way back to a later one is gone too.

    The record of the first state itself is as it was before a change only where all of that is undone (``well``).
    """
    closing = found.closing if well else ()
    paths = {*settled, *(step.path for step in closing)}
    if not paths:
        return []
    if change:
        gone = [last_change.forget(snapshot, paths)]
    else:
        gone = [record.forget(snapshot, paths), last_change.forget(snapshot)]
    return [*closing, *(step for step in gone if step)]


def _lowered(before: Snapshot, steps: t.Iterable[Step]) -> t.Iterator[str]:
    for step in steps:
        was, then = _number(step.before), _number(step.after)
        if step.setting == "max" and was and then is not None:
            yield from filter(None, [lowering.warning(before, was, then)])


def _staying(before: Snapshot, after: Snapshot) -> t.Iterator[str]:
    """Live values that there is nothing to put back for: the module was not loaded at first."""
    rows = record.read(before)
    for name in record_file.wanted(before.text(record.PATH) or ""):
        setting = BY_NAME.get(name)
        now = transaction.live_value(after, setting) if setting else None
        if setting is None or now is None:
            continue
        paths = [*map(catalogue.path, setting.keys), *(live_settings.HASHSIZE if name == "buckets" else ())]
        known = [rows[path] for path in paths if path in rows]
        then = boot.after_boot(after, setting, identify(after)).value
        if then not in (None, now) and not any(row.text is not None for row in known):
            yield "%s stays %d until conntrack is loaded anew or the host is booted: it was not loaded at first" % (
                name,
                now,
            )


def _off_until_boot(after: Snapshot, files: t.Iterable[Step]) -> t.Iterator[str]:
    """A boot took the modules, and so no step brings them back."""
    listing = [step.path for step in files if keep_off.lists_modules(step.path) and step.after is not None]
    if listing and identify(after).state == "absent":
        yield "connection tracking is not loaded now; %s counts from the next boot on" % ", ".join(listing)


def _causes(done: sequence.Done) -> list[Outcome]:
    """Without the values that are not there because their module could not be loaded."""
    unloaded = any(outcome.step.kind == MODULE for outcome in done.failures)
    return [
        outcome
        for outcome in done.failures
        if not (unloaded and outcome.step.kind == SYSCTL and outcome.step.before is None)
    ]


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().lstrip("-").isdigit() else None
