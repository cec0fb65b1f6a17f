# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings: any number of settings in one transaction, and what it comes to."""

from __future__ import annotations

import typing as t

from ..facts import boot
from ..facts.identity import identify
from ..plan import FILE, MODULE, SYSCTL, Outcome, Step, describe, diff
from ..probe import LOGS
from ..snapshot import Snapshot
from . import health, persistence, reasons, rollback, sequence, transaction
from . import settings as planner
from .rollback import Confirm
from .settings import Options, Row, SettingsPlan
from .transaction import Result, Unapplied
from .wanted import Wanted


def apply(
    host: sequence.Host,
    wanted: t.Sequence[Wanted],
    options: Options,
    check: bool,
    confirm: Confirm | None = None,
    change: str | None = None,
    watched: bool = False,
) -> Result:
    """Sets what is wanted; ``watched`` asks for the verdict before.

    Raises record.Unusable where the host's record of its first state is damaged, and rollback.Refused where a change on
    trial stands in the way, or was to be confirmed and is over.
    """
    items_ = (*transaction.ITEMS, *LOGS) if planner.wants_auto(wanted) else transaction.ITEMS
    before, trial, news = rollback.begin(host, host.read(items_), confirm, check)
    found = planner.plan(before, rollback.pinned(wanted, trial) if trial else wanted, options)

    def files(failed: t.Sequence[Outcome]) -> t.Sequence[Step]:
        if not failed or not options.persist:
            return found.files
        refused = {outcome.step.setting for outcome in failed}
        rows = [row for row in found.rows if row.setting.name not in refused]
        return planner.persist(
            before, rows, options.load and not any(outcome.step.kind == MODULE for outcome in failed)
        )

    numbers = {row.setting.name: row.wanted for row in found.rows}
    verdict = trial.verdict if trial else None
    if watched and found.live and not trial and not check:
        verdict = health.verdict(before.with_readings(dict(host.read(health.MORE).items())))
    guard = rollback.guard(before, confirm, trial, found.live, numbers, verdict=verdict)
    standing = {row.setting.name: row.wanted for row in found.rows if row.to_persist} if options.persist else {}
    done = transaction.carry_out(host, before, found.live, files, check, guard, wanted=standing, change=change)
    was = rollback.as_before(before, guard.earlier) if guard else before
    rows = {row.setting.name: _row(row, was, done, options) for row in found.rows}
    warnings = [*news, *found.warnings, *done.warnings, *_overruled(rows), *_uncertain(found, done.after, options)]
    unapplied = [
        Unapplied(name, row["reason"], row["detail"]) for name, row in rows.items() if row["reason"] is not None
    ]
    changed = any(step.kind in (FILE, MODULE) for step in done.steps) or any(row["changed"] for row in rows.values())
    explanation = list(found.explanation)
    on_trial = not check and bool(guard and guard.trial)
    live = any(step.kind in (SYSCTL, MODULE) for step in done.steps)
    told = (describe(done.steps), diff(done.steps), warnings, unapplied, explanation)
    return Result(changed, rows, *told, on_trial, live, verdict)


def _row(row: Row, before: Snapshot, done: sequence.Done, options: Options) -> dict[str, t.Any]:
    values = transaction.values(before, done.after, row.setting, row.wanted)
    values["overruled_by"] = _overruler(row, values, options)
    reason, detail = row.reason, row.detail
    for outcome in done.failures:
        if outcome.step.kind == MODULE:
            return {"key": row.key, **values, "reason": reasons.NOT_LOADED, "detail": outcome.detail}
        if outcome.step.setting == row.setting.name and outcome.step.kind != FILE:
            reason, detail = transaction.reason(outcome), outcome.detail
        elif outcome.step.setting in (None, row.setting.name) and row.to_persist and reason is None:
            reason, detail = reasons.NOT_PERSISTENT, outcome.detail
    if reason is None and options.persist:
        detail = persistence.obstacle(before, identify(before), row.setting)
        detail = detail or persistence.lost(done.after, identify(done.after), row.setting)
        reason = reasons.NOT_PERSISTENT if detail else None
    return {"key": row.key, **values, "reason": reason, "detail": detail}


def _overruler(row: Row, values: t.Mapping[str, t.Any], options: Options) -> str | None:
    """The file that beats ours at the next boot."""
    then, source = values["after_boot"], values["after_boot_source"]
    if not options.persist or not row.to_persist or then in (None, row.wanted, row.predicted):
        return None
    return source if source and source.startswith("/") else None


def _overruled(rows: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    for name, row in rows.items():
        if row["overruled_by"]:
            told = (name, row["overruled_by"], row["after_boot"], row["wanted"])
            yield "%s: after a boot %s sets it to %s, which overrules %d" % told


def _uncertain(found: SettingsPlan, after: Snapshot, options: Options) -> t.Iterator[str]:
    """What may beat our files at the next boot."""
    for row in found.rows if options.persist else ():
        then = boot.after_boot(after, row.setting, identify(after))
        if row.to_persist and then.value is None and then.detail:
            yield "%s: after a boot it may not be %d: %s" % (row.setting.name, row.wanted, then.detail)
