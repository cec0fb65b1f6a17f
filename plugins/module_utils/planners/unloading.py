# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_unload: reads a host, plans, carries the plan out or refuses, and the result it reports."""

from __future__ import annotations

import typing as t

from ..facts import access, bringers, conntrack_modules, namespaces, rulesets
from ..facts.identity import identify
from ..formats import modules as module_list
from ..plan import CHAIN, FILE, LOADED, MODULE, SYSCTL, UNLOAD, Step, describe, diff, module_of
from ..probe import COUNTERS, DATE, ENTRIES, HOLDERS, LAST_CHANGE, PERSISTENCE, RECORD, SYSCTLS, File, Item, items
from ..snapshot import Snapshot
from . import health, keep_off, rollback, sequence, unload
from .rollback import Confirm
from .unload import UnloadPlan
from .unload_report import report

ITEMS: tuple[Item, ...] = tuple(
    dict.fromkeys(
        (
            *items(()),
            *COUNTERS,
            *PERSISTENCE,
            *HOLDERS,
            *rulesets.FIRST,
            *bringers.ITEMS,
            RECORD,
            LAST_CHANGE,
            DATE,
            *rollback.ITEMS,
        )
    )
)
_AGAIN: tuple[Item, ...] = (File(LOADED, limit=1 << 18), *SYSCTLS)


class Result(t.NamedTuple):
    """``refusal`` says why nothing was done. ``failures`` are sentences; what was unloaded is loaded again then.

    ``values`` are what the module returns beside these; ``trial``: what was done waits for its confirmation.
    ``live``: modules were unloaded; ``verdict`` is what the host was like before that, where it is to be watched.
    """

    changed: bool
    refusal: str | None
    failures: list[str]
    warnings: list[str]
    values: dict[str, t.Any]
    trial: bool = False
    live: bool = False
    verdict: str | None = None


def apply(
    host: sequence.Host,
    when: str,
    options: keep_off.Options,
    check: bool,
    confirm: Confirm | None = None,
    change: str | None = None,
    watched: bool = False,
) -> Result:
    """Raises keep_off.Refused for what cannot be asked or edited, record.Unusable and rollback.Refused."""
    keep_off.check(options)
    before = _read(host, options)
    if access.user(before) not in (0, None):
        raise keep_off.Refused("only root can see who holds connection tracking: use become")
    before, trial, news = rollback.begin(host, before, confirm, check)
    found = unload.plan(before, when, options)
    if found.refusal:
        return Result(False, found.refusal, [], news, _values(before, before, found, when, options, ()))

    def files(failed: t.Sequence[t.Any]) -> t.Sequence[Step]:
        return () if failed else found.files

    verdict = trial.verdict if trial else None
    if watched and found.live and not trial and not check:
        verdict = health.verdict(before.with_readings(dict(host.read(health.ITEMS).items())))
    guard = rollback.guard(before, confirm, trial, found.live, {}, found.lost, verdict)
    try:
        done = sequence.carry_out(
            host, _AGAIN, before, found.live, files, check, guard=guard, lost=found.lost, change=change
        )
    except sequence.Unguarded as error:
        raise rollback.unguarded(error.args[0]) from error
    failures = ["%s: %s" % (failure.step.path, failure.detail) for failure in done.failures]
    after = done.after
    if any(failure.step.kind in (UNLOAD, CHAIN) for failure in done.failures):
        failures += _put_back(host, found, done.steps, guard)
        after = after.with_readings(dict(host.read(_AGAIN).items()))
    steps = [step for step in done.steps if not _lost(step)]
    on_trial = not check and not failures and bool(guard and guard.trial)
    values = _values(before, after, found, when, options, steps)
    warnings = [*news, *found.warnings, *done.warnings]
    live = any(step.kind in (UNLOAD, CHAIN) for step in steps)
    return Result(bool(steps), None, failures, warnings, values, on_trial, live, verdict)


def _read(host: sequence.Host, options: keep_off.Options) -> Snapshot:
    """In two turns: reading rules by their tools would load modules on a host that has none."""
    first = host.read((*ITEMS, *(File(path) for path in options.modules_load)))
    more = list(rulesets.items(first))
    for namespace in namespaces.others(first)[: namespaces.MOST]:
        more += rulesets.items(first, namespace.prefix)
    if any("nat" in name for name in conntrack_modules.loaded(module_list.parse(first.text(LOADED) or ""))):
        more += ENTRIES
    return first.with_readings(dict(host.read(more).items())) if more else first


def _put_back(
    host: sequence.Host, found: UnloadPlan, done: t.Sequence[Step], guard: sequence.Guard | None
) -> t.Iterator[str]:
    """What was unloaded before the kernel refused the rest is loaded again, and what waited to do so is ended."""
    back = []
    for step in reversed(done):
        if step.kind in (UNLOAD, CHAIN):
            kind = MODULE if step.kind == UNLOAD else CHAIN
            back.append(step._replace(kind=kind, before=None, after=step.before))
    if any(step.kind == MODULE and conntrack_modules.is_core(module_of(step.path)) for step in back):
        # A run that confirms has the values from the trial.
        lost = [*(step for step in done if _lost(step)), *found.lost]
        back += [step._replace(before=None, after=step.before) for step in reversed(lost)]
    if guard and guard.trial:
        written = [step for step in guard.steps if step.kind == FILE]
        back += [step._replace(before=step.after, after=step.before) for step in written]
    for outcome in host.carry_out(back):
        if outcome.error:
            yield "not put back: %s: %s" % (outcome.step.path, outcome.detail)


def _lost(step: Step) -> bool:
    """Whether it is a value that goes with its module, and so no step of its own."""
    return step.kind == SYSCTL and step.after is None


def _values(
    before: Snapshot,
    after: Snapshot,
    found: UnloadPlan,
    when: str,
    options: keep_off.Options,
    steps: t.Sequence[Step],
) -> dict[str, t.Any]:
    left = conntrack_modules.loaded(module_list.parse(after.text(LOADED) or ""))
    unwanted = conntrack_modules.is_helper if options.helpers_only else conntrack_modules.is_core
    return {
        "answer": found.answer,
        "loaded": identify(before).state in ("built_in", "hidden") or any(map(conntrack_modules.is_core, left)),
        "holders": [holder._asdict() for holder in found.holders],
        "returns_at_boot": [bringer._asdict() for bringer in found.returns],
        "unload_order": list(found.order),
        "modules": {
            "before": conntrack_modules.loaded(module_list.parse(before.text(LOADED) or "")),
            "after": left,
        },
        "reboot_required": when == unload.BOOT and not found.refusal and any(map(unwanted, left)),
        "report": report(found, when, options.helpers_only),
        "steps": describe(steps),
        "diff": diff(steps),
    }
