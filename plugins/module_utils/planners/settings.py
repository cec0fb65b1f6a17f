# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a snapshot and what is wanted to the steps that set it, live and over a boot."""

from __future__ import annotations

import typing as t

from .. import catalogue, sizing
from ..catalogue import Setting
from ..facts import access, modprobe, settings
from ..facts.identity import Identity, identify
from ..plan import MODULE, SYSCTL, Step
from ..snapshot import Snapshot
from . import lowering, persistence, sequence
from .reasons import HOST_OWNED, NOT_LOADED, READ_ONLY, UNSUPPORTED, WOULD_LOWER
from .wanted import AUTO, Invalid, Wanted

_ESTABLISHED_LEAST = 7440
# Of the RAM, for a table whose size is not a number that somebody gave.
_MOST_SHARE = 0.5


class Options(t.NamedTuple):
    """``load`` makes a host track that does not; ``memory_percent`` is the budget of ``auto``, ``peak`` are the entries
    that were in use at some time, as somebody else has seen."""

    persist: bool = True
    allow_lower: bool = False
    memory_percent: float = sizing.MEMORY_PERCENT
    load: bool = False
    peak: int | None = None


class Row(t.NamedTuple):
    """One setting: ``wanted`` is the number asked for, ``predicted`` what the kernel makes of it.

    ``reason`` is one of REASONS where it is not applied, ``detail`` says it for people. ``step`` is None where the
    value stands already or cannot be applied.
    """

    setting: Setting
    key: str
    before: int | None
    wanted: int
    predicted: int
    step: Step | None = None
    reason: str | None = None
    detail: str | None = None

    @property
    def to_persist(self) -> bool:
        """A host that does not track yet can be prepared; one whose buckets are read-only gets them at load."""
        if self.reason in (None, NOT_LOADED):
            return True
        return self.reason == READ_ONLY and self.setting.name == "buckets"


class SettingsPlan(t.NamedTuple):
    rows: tuple[Row, ...]
    live: tuple[Step, ...]
    files: tuple[Step, ...]
    warnings: tuple[str, ...]
    explanation: tuple[str, ...] = ()


def plan(snapshot: Snapshot, wanted: t.Sequence[Wanted], options: Options) -> SettingsPlan:
    identity = identify(snapshot)
    numbers, explanation = _numbers(snapshot, identity, wanted, options)
    rows = [_row(snapshot, identity, setting, number, options) for setting, number in numbers.items()]
    rows.sort(key=_order)
    files = persist(snapshot, rows, options.load) if options.persist else []
    load = [_load_step(identity)] if _loads(identity, options) else []
    return SettingsPlan(
        tuple(rows),
        (*load, *(row.step for row in rows if row.step)),
        tuple(files),
        tuple(_warnings(snapshot, identity, rows, options)),
        explanation,
    )


def persist(snapshot: Snapshot, rows: t.Iterable[Row], load: bool = False) -> list[Step]:
    """The file steps for those rows that can stand after a boot; ``load``: conntrack is to be there from then on."""
    identity = identify(snapshot)
    values = {
        row.setting: row.wanted
        for row in rows
        if row.to_persist and not (row.setting.scope == "host" and identity.namespace == "child")
    }
    return persistence.steps(snapshot, identity, values, load)


def _loads(identity: Identity, options: Options) -> bool:
    return options.load and identity.state == "absent"


def _load_step(identity: Identity) -> Step:
    module = modprobe.module_name(identity)
    return Step(MODULE, "/sys/module/" + module, None, module, "so that the host tracks connections")


def wants_auto(wanted: t.Iterable[Wanted]) -> bool:
    """Whether a size is to be computed; only then is the kernel log worth reading."""
    return any(item.value == AUTO for item in wanted)


def _numbers(
    snapshot: Snapshot, identity: Identity, wanted: t.Sequence[Wanted], options: Options
) -> tuple[dict[Setting, int], tuple[str, ...]]:
    """Every wanted value as a number, and the sentences that explain those of ``auto``."""
    given = {item.setting: item.value for item in wanted}
    if not wants_auto(wanted):
        return t.cast("dict[Setting, int]", given), ()
    # The readers of logs and slabs take longer to load than most runs take for the rest.
    from ..facts import demand, log

    lines = log.unanswered(log.facts(snapshot, identity.namespace))["lines"]
    sized = demand.recommend(snapshot, identity, lines, options.memory_percent, options.peak)
    maximum = given.get(catalogue.BY_NAME["max"], settings.value(snapshot, "max") or AUTO)
    too_large = maximum == AUTO and options.peak and (sized.share or 0) > _MOST_SHARE
    # What is in use, or set, may take as much: only the peak is somebody's guess.
    if too_large and sized.max > demand.recommend(snapshot, identity, lines, options.memory_percent).max:
        raise Invalid("peak: %d entries do not fit on this host: %s" % (options.peak, sized.explanation[-1]))
    size = sized.max if maximum == AUTO else int(maximum)
    buckets = sizing.recommend_buckets(size, settings.buckets(snapshot), identity.kernel)
    computed = {"max": size, "buckets": buckets}
    numbers = {setting: computed[setting.name] if value == AUTO else int(value) for setting, value in given.items()}
    return numbers, sized.explanation if maximum == AUTO else ()


def _row(snapshot: Snapshot, identity: Identity, setting: Setting, number: int, options: Options) -> Row:
    live = settings.live(snapshot, setting)
    key = live.key if live else persistence.names(snapshot, setting, identity)[0]
    before = settings.buckets(snapshot) if setting.name == "buckets" else live.value if live else None
    predicted = sizing.round_buckets(number, identity.kernel) if setting.name == "buckets" else number
    row = Row(setting, key, before, number, predicted)
    path = _live_path(snapshot, setting)
    if path is None and _loads(identity, options) and not catalogue.removed(setting, identity.kernel.release):
        path = _path_once_loaded(identity, setting, key)
    if before is not None and before == predicted:
        return row
    if setting.scope == "host" and identity.namespace == "child":
        return row._replace(reason=HOST_OWNED, detail="it belongs to the host of this network namespace: set it there")
    if path is None:
        return row._replace(**_missing(identity, setting, options.load))
    # A table that is yet to be loaded is empty.
    if setting.name == "max" and not options.allow_lower and not _loads(identity, options):
        refused = lowering.refusal(snapshot, before, number)
        if refused:
            return row._replace(reason=WOULD_LOWER, detail=refused)
    refused = access.refusal(snapshot, path)
    if refused:
        return row._replace(reason=READ_ONLY, detail=refused)
    why = "%s is %s" % (setting.name, "unknown" if before is None else before)
    step = Step(SYSCTL, path, None if before is None else str(before), str(predicted), why, setting.name)
    return row._replace(step=step)


def _live_path(snapshot: Snapshot, setting: Setting) -> str | None:
    live = settings.live(snapshot, setting)
    if setting.name == "buckets" and not (live and (live.mode or 0) & 0o200):
        # Before 4.8 the sysctl only reports; the module's parameter takes a new size while it runs.
        for path in settings.HASHSIZE:
            if snapshot.exists(path):
                return path
    return live.path if live else None


def _path_once_loaded(identity: Identity, setting: Setting, key: str) -> str | None:
    if setting.name != "buckets" or not identity.kernel.before(4, 8):
        return catalogue.path(key)
    return None if identity.kernel.ip_only else settings.HASHSIZE[0]


def _missing(identity: Identity, setting: Setting, load: bool) -> dict[str, str]:
    if identity.generation == "none" and identity.state == "absent" and not load:
        detail = "connection tracking is not loaded on this host; load: true (in the role conntrack_load) loads it"
        return {"reason": NOT_LOADED, "detail": detail}
    if identity.state == "hidden":
        return {
            "reason": HOST_OWNED,
            "detail": "this container is not shown the conntrack settings: set it on its host",
        }
    if setting.name == "buckets" and identity.kernel.ip_only:
        return {"reason": READ_ONLY, "detail": "this kernel takes it only when the module is loaded"}
    why = catalogue.removed(setting, identity.kernel.release)
    detail = "this kernel has no such setting" + (": " + why if why else "")
    return {"reason": UNSUPPORTED, "detail": detail}


def _order(row: Row) -> tuple[int, int, str]:
    return sequence.order(row.setting.name, row.before is None or row.wanted >= row.before)


def _warnings(snapshot: Snapshot, identity: Identity, rows: t.Sequence[Row], options: Options) -> t.Iterator[str]:
    for row in rows:
        lowered = row.step and row.setting.unit == "seconds" and row.before is not None and row.wanted < row.before
        if lowered:
            yield ("%s: entries that are idle now keep their old timer until their next packet" % row.setting.name)
        if row.step and row.setting.name == "max" and row.before and 0 < row.wanted < row.before:
            less = "max: %d is less than the %d there was" % (row.wanted, row.before)
            yield lowering.warning(snapshot, row.before, row.wanted) or less
        if row.setting.name == "tcp_timeout_established" and row.wanted < _ESTABLISHED_LEAST:
            yield "tcp_timeout_established: RFC 5382 asks of a NAT that it be 7440 seconds (2 h 4 min) at least"
    values = {row.setting: row.wanted for row in rows if row.to_persist}
    if options.persist and persistence.hashsize_side_effect(identity, values):
        yield "buckets: loading the module with a hashsize makes max 8 times that; set max too"
