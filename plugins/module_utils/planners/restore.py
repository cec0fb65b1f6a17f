# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the record of the first state to the steps that bring it back."""

from __future__ import annotations

import typing as t

from .. import catalogue
from ..catalogue import Setting
from ..facts import access, conntrack_modules, settings
from ..formats import modules as module_list
from ..plan import CHAIN, FILE, LOADED, MODULE, SYSCTL, UNLOAD, Step, module_of
from ..snapshot import Snapshot
from . import loading, lowering, persistence, record, sequence
from .reasons import CHANGED_SINCE, HOST_OWNED, READ_ONLY, WOULD_LOWER

_AS_BEFORE = "as it was before"


class Refusal(t.NamedTuple):
    """A path that is left as it is, and why: one of the planner's reasons and a sentence."""

    path: str
    reason: str
    detail: str


class RestorePlan(t.NamedTuple):
    """``settled`` are the recorded paths that are, or will be, as they were first.

    ``loads`` come after the files, as one of these may be what keeps a module from being loaded: the modules that were
    unloaded, the chains that need them, and the values that come with them. ``closing`` comes last, where all went
    well: what the record of the first state was, where it is the last change that is undone.
    """

    live: tuple[Step, ...]
    files: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    settled: tuple[str, ...]
    loads: tuple[Step, ...] = ()
    closing: tuple[Step, ...] = ()


def plan(snapshot: Snapshot, recorded: t.Mapping[str, record.Original], allow_lower: bool) -> RestorePlan:
    """The way back to what is ``recorded``, of the first state or of that before the last change."""
    live, files, refusals, settled, loads, closing = [], [], [], [], [], []
    listed = {module.name for module in module_list.parse(snapshot.text(LOADED) or "")}
    missing = {path for path, row in recorded.items() if row.kind == UNLOAD and module_of(path) not in listed}
    core = any(conntrack_modules.is_core(module_of(path)) for path in missing)
    for path, original in recorded.items():
        if path == record.PATH:
            closing.append(Step(FILE, path, snapshot.text(path), original.text, _AS_BEFORE, mode=0o600))
            continue
        if original.kind in (UNLOAD, CHAIN):
            step: Step | Refusal | None = _unloaded(path, original, missing)
        else:
            step = _step(snapshot, path, original, allow_lower, core)
        if isinstance(step, Refusal):
            refusals.append(step)
            continue
        settled.append(path)
        if step:
            comes = step.kind in (MODULE, CHAIN) or (step.kind == SYSCTL and step.before is None)
            (files if step.kind == FILE else loads if comes else live).append(step)
    live.sort(key=_order)
    loads.sort(key=_order)
    return RestorePlan(tuple(live), tuple(files), tuple(refusals), tuple(settled), tuple(loads), tuple(closing))


def setting_of(path: str) -> Setting | None:
    """The setting that a file below /proc/sys or /sys/module holds."""
    return catalogue.BY_NAME["buckets"] if path in settings.HASHSIZE else catalogue.find(path)


def _unloaded(path: str, original: record.Original, missing: t.Collection[str]) -> Step | None:
    why = "it was there before"
    if original.kind == CHAIN:
        return Step(CHAIN, path, None, original.text, why)
    return Step(MODULE, path, None, original.text, why) if path in missing else None


def _step(
    snapshot: Snapshot, path: str, original: record.Original, allow_lower: bool, core: bool
) -> Step | Refusal | None:
    now = snapshot.reading(path)
    if original.kind == SYSCTL:
        if core and not snapshot.exists(path) and original.text:
            setting = setting_of(path)
            return Step(SYSCTL, path, None, original.text.strip(), _AS_BEFORE, setting.name if setting else None)
        return _live_step(snapshot, path, original, allow_lower)
    if now.text is None and snapshot.exists(path):
        return Refusal(path, READ_ONLY, "%s cannot be read: %s" % (path, now.reason))
    if now.text == original.text:
        return None
    if not original.ours(now.text):
        first = (
            "its first content stays in %s" % record.PATH if original.text is not None else "there was none at first"
        )
        detail = "%s was changed by somebody else since; %s" % (path, first)
        return Refusal(path, CHANGED_SINCE, detail)
    # The record has no modes: a file that is there keeps its own, and only ours were ever taken away.
    return Step(FILE, path, now.text, original.text, _AS_BEFORE, mode=loading.mode(path))


def _live_step(snapshot: Snapshot, path: str, original: record.Original, allow_lower: bool) -> Step | Refusal | None:
    if not snapshot.exists(path):
        return None  # the module is gone, and its values with it
    if original.namespace != persistence.foreign_namespace(snapshot):
        where = original.namespace or "that of init"
        return Refusal(path, HOST_OWNED, "it was changed in another network namespace (%s): restore it there" % where)
    before = (snapshot.text(path) or "").strip()
    after = (original.text or "").strip()
    if before == after or not after:
        return None
    setting = setting_of(path)
    name = setting.name if setting else None
    if name == "max" and not allow_lower:
        lowers = lowering.refusal(snapshot, _number(before), _number(after))
        if lowers:
            return Refusal(name, WOULD_LOWER, lowers)
    refused = access.refusal(snapshot, path)
    if refused:
        return Refusal(path, READ_ONLY, refused)
    return Step(SYSCTL, path, before, after, _AS_BEFORE, name)


def _order(step: Step) -> tuple[int, tuple[int, int, str]]:
    """Modules, then the chains that need them, then values."""
    raises = _number(step.after or "") >= _number(step.before or "")
    kind = (MODULE, CHAIN, SYSCTL).index(step.kind)
    return kind, sequence.order(step.setting or step.path, raises)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
