# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What setting and undoing have in common: what is read, how steps are carried out, and the result for each setting."""

from __future__ import annotations

import typing as t

from ..catalogue import BY_NAME, Setting
from ..facts import boot
from ..facts import settings as live_settings
from ..facts.identity import identify
from ..plan import SYSCTL, Outcome, Step
from ..probe import (
    COUNTERS,
    DATE,
    LAST_CHANGE,
    MODULES,
    PERSISTENCE,
    RECORD,
    SLABINFO,
    SYSCTLS,
    Item,
    items,
)
from ..snapshot import Snapshot
from . import reasons, rollback, sequence

ITEMS: tuple[Item, ...] = tuple(
    dict.fromkeys((*items(()), *COUNTERS, *SLABINFO, *PERSISTENCE, RECORD, LAST_CHANGE, DATE, *rollback.ITEMS))
)

# What is read back: a module may have been loaded too.
AGAIN: tuple[Item, ...] = (*SYSCTLS, MODULES)

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
    host was like before that, where it is to be watched. ``missing`` says why there was nothing to undo.
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
    missing: str | None = None


def carry_out(
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
            host, AGAIN, before, live, files, check, recorded, guard, wanted, closing=closing, change=change
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


def values(before: Snapshot, after: Snapshot, setting: Setting, wanted: int | None) -> dict[str, t.Any]:
    identity = identify(after)
    then = boot.after_boot(after, setting, identity)
    now = live_value(after, setting)
    was = live_value(before, setting)
    stood = boot.after_boot(before, setting, identity)
    return {
        "before": was,
        "wanted": wanted,
        "after": now,
        "after_boot": then.value,
        "after_boot_source": then.source,
        "changed": was != now or (stood.value, stood.source) != (then.value, then.source),
    }


def live_value(snapshot: Snapshot, setting: Setting) -> int | None:
    if setting.name == "buckets":
        return live_settings.buckets(snapshot)
    found = live_settings.live(snapshot, setting)
    return found.value if found else None


def reason(outcome: Outcome) -> str:
    return _REASON_OF.get(outcome.error or "", reasons.READ_ONLY)
