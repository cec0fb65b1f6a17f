# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings: one transaction over any number of settings, or its undoing, and the result it reports."""

from __future__ import annotations

import typing as t

from ..catalogue import BY_NAME, Setting
from ..facts import boot
from ..facts import settings as live_settings
from ..facts.identity import identify
from ..plan import FILE, SYSCTL, Outcome, Step, describe, diff
from ..probe import COUNTERS, DATE, LOGS, PERSISTENCE, RECORD, SLABINFO, SYSCTLS, File, Item, items
from ..snapshot import NOT_READ, Snapshot
from . import persistence, reasons, record, restore, sequence
from . import settings as planner
from .settings import Options, Row, SettingsPlan
from .wanted import Wanted

ITEMS: tuple[Item, ...] = tuple(dict.fromkeys((*items(()), *COUNTERS, *SLABINFO, *PERSISTENCE, RECORD, DATE)))

_REASON_OF = {
    "EINVAL": reasons.OUT_OF_RANGE,
    "ERANGE": reasons.OUT_OF_RANGE,
    "ENOMEM": reasons.OUT_OF_RANGE,
    "ENOENT": reasons.UNSUPPORTED,
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
    """``settings`` is keyed by canonical name; ``steps`` and ``diff`` are plain data for the module's result."""

    changed: bool
    settings: dict[str, dict[str, t.Any]]
    steps: list[dict[str, t.Any]]
    diff: list[dict[str, str]]
    warnings: list[str]
    unapplied: list[Unapplied]
    sizing: list[str]


def apply(host: sequence.Host, wanted: t.Sequence[Wanted], options: Options, check: bool) -> Result:
    """Sets what is wanted. Raises record.Unusable where the host's record of its first state is damaged."""
    items_ = (*ITEMS, *LOGS) if planner.wants_auto(wanted) else ITEMS
    before = host.read(items_)
    found = planner.plan(before, wanted, options)

    def files(failed: t.Sequence[Outcome]) -> t.Sequence[Step]:
        if not failed or not options.persist:
            return found.files
        refused = {outcome.step.setting for outcome in failed}
        return planner.persist(before, [row for row in found.rows if row.setting.name not in refused])

    done = sequence.carry_out(host, SYSCTLS, before, found.live, files, check)
    done = _as_shown(done) if check else done
    rows = {row.setting.name: _row(row, before, done, options) for row in found.rows}
    warnings = [*found.warnings, *done.warnings, *_overruled(found, rows, options)]
    unapplied = [
        Unapplied(name, row["reason"], row["detail"]) for name, row in rows.items() if row["reason"] is not None
    ]
    changed = any(step.kind == FILE for step in done.steps) or any(row["changed"] for row in rows.values())
    return Result(changed, rows, describe(done.steps), diff(done.steps), warnings, unapplied, list(found.explanation))


def undo(host: sequence.Host, allow_lower: bool, check: bool) -> Result:
    """Brings the recorded first state back; nothing on a host without a record. Raises record.Unusable."""
    before = host.read(ITEMS)
    items_ = (*ITEMS, *(File(path) for path in record.read(before) if before.reason(path) == NOT_READ))
    before = host.read(items_)
    found = restore.plan(before, allow_lower)
    done = sequence.carry_out(host, SYSCTLS, before, found.live, lambda failed: found.files, check, recorded=False)
    done = _as_shown(done) if check else done
    unapplied = [Unapplied(*refusal) for refusal in found.refusals]
    unapplied += [Unapplied(outcome.step.path, _reason(outcome), outcome.detail or "") for outcome in done.failures]
    settled = [path for path in found.settled if path not in {outcome.step.path for outcome in done.failures}]
    warnings = list(done.warnings)
    if settled and not check:
        forgotten = host.carry_out([record.forget(before, settled)])
        warnings += ["the record stays: %s" % outcome.detail for outcome in forgotten if outcome.error]
    rows = {}
    for step in found.live:
        setting = restore.setting_of(step.path)
        if setting:
            live = live_settings.live(before, setting)
            rows[setting.name] = {
                "key": live.key if live else setting.keys[0],
                **_values(before, done.after, setting, _number(step.after)),
                "reason": None,
                "detail": None,
            }
    return Result(bool(done.steps), rows, describe(done.steps), diff(done.steps), warnings, unapplied, [])


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
    reason, detail = row.reason, row.detail
    for outcome in done.failures:
        if outcome.step.setting == row.setting.name and outcome.step.kind != FILE:
            reason, detail = _reason(outcome), outcome.detail
        elif outcome.step.setting in (None, row.setting.name) and row.to_persist and reason is None:
            reason, detail = reasons.NOT_PERSISTENT, outcome.detail
    if reason is None and options.persist:
        detail = persistence.obstacle(before, identify(before), row.setting)
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


def _overruled(found: SettingsPlan, rows: t.Mapping[str, t.Mapping[str, t.Any]], options: Options) -> t.Iterator[str]:
    """Which file will beat ours at the next boot."""
    if not options.persist:
        return
    for row in found.rows:
        then = rows[row.setting.name]
        ours = (row.wanted, row.predicted)
        if row.to_persist and then["after_boot"] not in ours and then["after_boot_source"].startswith("/"):
            yield "%s: after a boot %s sets it to %s, which overrules %d" % (
                row.setting.name,
                then["after_boot_source"],
                then["after_boot"],
                row.wanted,
            )


def _reason(outcome: Outcome) -> str:
    return _REASON_OF.get(outcome.error or "", reasons.READ_ONLY)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().lstrip("-").isdigit() else None
