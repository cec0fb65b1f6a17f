# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings: one transaction over any number of settings, or its undoing, and the result it reports."""

from __future__ import annotations

import typing as t

from .. import catalogue
from ..catalogue import BY_NAME, Setting
from ..facts import boot
from ..facts import settings as live_settings
from ..facts.identity import identify
from ..formats import record_file
from ..plan import FILE, MODULE, SYSCTL, Outcome, Step, describe, diff
from ..probe import COUNTERS, DATE, LAST_CHANGE, LOGS, PERSISTENCE, RECORD, SLABINFO, SYSCTLS, File, Item, items
from ..snapshot import NOT_READ, Snapshot
from . import health, last_change, persistence, reasons, record, restore, rollback, sequence
from . import settings as planner
from .rollback import Confirm
from .settings import Options, Row, SettingsPlan
from .wanted import Wanted

ITEMS: tuple[Item, ...] = tuple(
    dict.fromkeys((*items(()), *COUNTERS, *SLABINFO, *PERSISTENCE, RECORD, LAST_CHANGE, DATE, *rollback.ITEMS))
)

_REASON_OF = {
    "EINVAL": reasons.OUT_OF_RANGE,
    "ERANGE": reasons.OUT_OF_RANGE,
    "ENOMEM": reasons.OUT_OF_RANGE,
    "ENOENT": reasons.UNSUPPORTED,
    "ENODEV": reasons.NOT_LOADED,
    # What hashsize answers in a network namespace that is not the first.
    "EOPNOTSUPP": reasons.HOST_OWNED,
    "ENOTSUP": reasons.HOST_OWNED,
}


class Unapplied(t.NamedTuple):
    """What was asked for and is not so: a setting's name or a path, one of the planner's reasons, a sentence."""

    what: str
    reason: str
    detail: str


class Result(t.NamedTuple):
    """``settings`` is keyed by canonical name; ``steps`` and ``diff`` are plain data for the module's result.

    ``trial``: what was done waits for its confirmation. ``live``: live values were changed; ``verdict`` is what the
    host was like before that, where it is to be watched.
    """

    changed: bool
    settings: dict[str, dict[str, t.Any]]
    steps: list[dict[str, t.Any]]
    diff: list[dict[str, str]]
    warnings: list[str]
    unapplied: list[Unapplied]
    sizing: list[str]
    trial: bool = False
    live: bool = False
    verdict: str | None = None


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
    items_ = (*ITEMS, *LOGS) if planner.wants_auto(wanted) else ITEMS
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
    done = _carry_out(host, before, found.live, files, check, guard, wanted=standing, change=change)
    was = rollback.as_before(before, guard.earlier) if guard else before
    rows = {row.setting.name: _row(row, was, done, options) for row in found.rows}
    warnings = [*news, *found.warnings, *done.warnings, *_overruled(rows), *_uncertain(found, done.after, options)]
    unapplied = [
        Unapplied(name, row["reason"], row["detail"]) for name, row in rows.items() if row["reason"] is not None
    ]
    changed = any(step.kind == FILE for step in done.steps) or any(row["changed"] for row in rows.values())
    explanation = list(found.explanation)
    on_trial = not check and bool(guard and guard.trial)
    live = any(step.kind in (SYSCTL, MODULE) for step in done.steps)
    told = (describe(done.steps), diff(done.steps), warnings, unapplied, explanation)
    return Result(changed, rows, *told, on_trial, live, verdict)


def undo(
    host: sequence.Host, allow_lower: bool, check: bool, confirm: Confirm | None = None, change: str | None = None
) -> Result:
    """Brings back what was there before the first change, or before the last one where it has the name ``change``.

    Nothing on a host that has no record of that. Raises as apply does.
    """
    before = host.read(ITEMS)
    unread = [File(path) for path in _recorded(before, change) if before.reason(path) == NOT_READ]
    before = before.with_readings(dict(host.read(unread).items())) if unread else before
    before, trial, news = rollback.begin(host, before, confirm, check)
    found = restore.plan(before, _recorded(before, change), allow_lower)
    guard = rollback.guard(before, confirm, trial, found.live, {})
    later = (*found.files, *found.loads)
    closing = [*(() if found.refusals else found.closing), *_forgotten(before, found.settled, change)]
    done = _carry_out(host, before, found.live, lambda failed: later, check, guard, recorded=False, closing=closing)
    on_trial = not check and bool(guard and guard.trial)
    unapplied = [Unapplied(*refusal) for refusal in found.refusals]
    unapplied += [Unapplied(outcome.step.path, _reason(outcome), outcome.detail or "") for outcome in _causes(done)]
    settled = [path for path in found.settled if path not in {outcome.step.path for outcome in done.failures}]
    missing = last_change.missing(before, change) if change else None
    warnings = [*news, *done.warnings, *_staying(before, done.after), *([missing] if missing else ())]
    if settled and not check and not on_trial:
        # What could not be put back stays on record.
        forgotten = host.carry_out(_forgotten(before, settled, change)) if done.closed is None else done.closed
        warnings += ["the record stays: %s" % outcome.detail for outcome in forgotten if outcome.error]
    earlier = guard.earlier if guard else ()
    was = rollback.as_before(before, earlier)
    rows = {}
    for step in (*earlier, *found.live, *found.loads):
        setting = restore.setting_of(step.path)
        if setting:
            live = live_settings.live(before, setting)
            rows[setting.name] = {
                "key": live.key if live else setting.keys[0],
                **_values(was, done.after, setting, _number(step.after)),
                "overruled_by": None,
                "reason": None,
                "detail": None,
            }
    return Result(bool(done.steps), rows, describe(done.steps), diff(done.steps), warnings, unapplied, [], on_trial)


def _recorded(snapshot: Snapshot, change: str | None) -> dict[str, record.Original]:
    return last_change.read(snapshot, change) if change else record.read(snapshot)


def _forgotten(snapshot: Snapshot, settled: t.Collection[str], change: str | None) -> list[Step]:
    """What is as it was is taken off the record. With the first state the way back to a later one is gone too."""
    if not settled:
        return []
    if change:
        gone = [last_change.forget(snapshot, {*settled, record.PATH})]
    else:
        gone = [record.forget(snapshot, settled), last_change.forget(snapshot)]
    return [step for step in gone if step]


def _carry_out(
    host: sequence.Host,
    before: Snapshot,
    live: t.Sequence[Step],
    files: t.Callable[[t.Sequence[Outcome]], t.Sequence[Step]],
    check: bool,
    guard: sequence.Guard | None,
    recorded: bool = True,
    wanted: t.Mapping[str, int] | None = None,
    closing: t.Sequence[Step] = (),
    change: str | None = None,
) -> sequence.Done:
    try:
        done = sequence.carry_out(
            host, SYSCTLS, before, live, files, check, recorded, guard, wanted, closing=closing, change=change
        )
    except sequence.Unguarded as error:
        raise rollback.unguarded(error.args[0]) from error
    return _as_shown(done) if check else done


def _as_shown(done: sequence.Done) -> sequence.Done:
    """Where buckets are set through the module's parameter, the kernel shows them under the sysctl too."""
    after = done.after
    for step in done.steps:
        shown = live_settings.live(after, BY_NAME["buckets"])
        if shown and step.kind == SYSCTL and step.setting == "buckets":
            after = after.with_text(shown.path, step.after or "")
    return done._replace(after=after)


def _row(row: Row, before: Snapshot, done: sequence.Done, options: Options) -> dict[str, t.Any]:
    values = _values(before, done.after, row.setting, row.wanted)
    values["overruled_by"] = _overruler(row, values, options)
    reason, detail = row.reason, row.detail
    for outcome in done.failures:
        if outcome.step.kind == MODULE:
            return {"key": row.key, **values, "reason": reasons.NOT_LOADED, "detail": outcome.detail}
        if outcome.step.setting == row.setting.name and outcome.step.kind != FILE:
            reason, detail = _reason(outcome), outcome.detail
        elif outcome.step.setting in (None, row.setting.name) and row.to_persist and reason is None:
            reason, detail = reasons.NOT_PERSISTENT, outcome.detail
    if reason is None and options.persist:
        detail = persistence.obstacle(before, identify(before), row.setting)
        detail = detail or persistence.lost(done.after, identify(done.after), row.setting)
        reason = reasons.NOT_PERSISTENT if detail else None
    return {"key": row.key, **values, "reason": reason, "detail": detail}


def _values(before: Snapshot, after: Snapshot, setting: Setting, wanted: int | None) -> dict[str, t.Any]:
    identity = identify(after)
    then = boot.after_boot(after, setting, identity)
    now = _live(after, setting)
    was = _live(before, setting)
    stood = boot.after_boot(before, setting, identity)
    return {
        "before": was,
        "wanted": wanted,
        "after": now,
        "after_boot": then.value,
        "after_boot_source": then.source,
        "changed": was != now or (stood.value, stood.source) != (then.value, then.source),
    }


def _live(snapshot: Snapshot, setting: Setting) -> int | None:
    if setting.name == "buckets":
        return live_settings.buckets(snapshot)
    found = live_settings.live(snapshot, setting)
    return found.value if found else None


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


def _staying(before: Snapshot, after: Snapshot) -> t.Iterator[str]:
    """Live values that there is nothing to put back for: the module was not loaded at first."""
    rows = record.read(before)
    for name in record_file.wanted(before.text(record.PATH) or ""):
        setting = BY_NAME.get(name)
        now = _live(after, setting) if setting else None
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


def _reason(outcome: Outcome) -> str:
    return _REASON_OF.get(outcome.error or "", reasons.READ_ONLY)


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
