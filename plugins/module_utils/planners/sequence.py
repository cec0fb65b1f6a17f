# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, plans, carries out and reads back: the one sequence behind every change. The host comes from outside."""

from __future__ import annotations

import typing as t

from ..facts import access
from ..hosts.host import Host
from ..plan import FILE, Outcome, Step, predict
from ..probe import File, Item
from ..snapshot import Snapshot
from . import last_change, record

_LARGEST = 1 << 24
# Loading resets max, changing buckets does not touch it: buckets, then max, then the rest.
_FIRST = ("buckets", "max", "expect_max")
_NOT_RECORDED = "nothing was changed, because the first state cannot be recorded: %s"


class Guard(t.NamedTuple):
    """For a change that is undone unless it is confirmed: ``steps`` must succeed before anything else is done.

    On ``trial`` only the live steps are done: a boot is a way back too, as long as no file was written.
    ``earlier`` are the steps of a trial that this run confirms.
    """

    steps: tuple[Step, ...]
    trial: bool = False
    earlier: tuple[Step, ...] = ()


class Unguarded(Exception):
    """A step of the guard failed, and nothing was done; ``args[0]`` is its Outcome."""


class Done(t.NamedTuple):
    """``steps`` were carried out (or would be, in check mode); ``failures`` are the outcomes with an error.

    ``after`` was read back from the host, or predicted in check mode; on trial, the files in it are predicted.
    ``closed`` are the outcomes of the closing steps, None where these were not come to.
    """

    after: Snapshot
    steps: tuple[Step, ...]
    failures: tuple[Outcome, ...]
    warnings: tuple[str, ...]
    closed: tuple[Outcome, ...] | None = None


def carry_out(
    host: Host,
    again: t.Sequence[Item],
    before: Snapshot,
    live: t.Sequence[Step],
    files: t.Callable[[t.Sequence[Outcome]], t.Sequence[Step]],
    check: bool,
    recorded: bool = True,
    guard: Guard | None = None,
    wanted: t.Mapping[str, int] | None = None,
    lost: t.Sequence[Step] = (),
    closing: t.Sequence[Step] = (),
    change: str | None = None,
) -> Done:
    """``again`` is read anew afterwards, and so is every file that was written.

    ``files`` is asked for the file steps when it is known which live steps failed, so that no value is made to stand
    that the kernel refused. ``recorded`` keeps the first state for a later restore, and what is ``wanted``, by the
    settings' names. ``lost`` are values that go with the live steps: to be recorded, and not to be written.
    ``closing`` comes after all the others, where every one of them succeeded. ``change`` is the name by which this
    can be undone alone. Raises record.Unusable, and Unguarded
    where the ``guard`` cannot be set up.
    """
    earlier = guard.earlier if guard else ()
    trial = bool(guard and guard.trial)
    wanted = None if trial else wanted
    planned = files([])
    changes = _on_record([*earlier, *lost, *live, *planned], trial)
    first = record.step(before, changes, wanted) if recorded else None
    last = last_change.step(before, [*changes, *([first] if first else ())], change) if recorded else None
    obstacle = _obstacle(before) if first or last else None
    if obstacle:
        raise record.Unusable(_NOT_RECORDED % obstacle)
    if check:
        return Done(predict(before, [*lost, *live, *planned]), (*live, *planned), (), ())
    if not guard and not live and not planned and not first:
        return Done(before, (), (), ())
    # The last change first: it holds what the record of the first state was before.
    stages: list[t.Sequence[Step]] = [[step] for step in (last, first, *(guard.steps if guard else ())) if step]
    prepared = len(stages)
    stages += [live] if trial else [live, planned, *([closing] if closing else ())]
    written = [step.path for stage in stages[prepared:] for step in (*earlier, *stage) if step.kind == FILE]
    again = [*again, *(File(path, limit=_LARGEST) for path in dict.fromkeys(written))]
    # All of it at once, as every question to a host that is far away takes its time.
    results, read_back = host.in_stages(stages, again)
    _check_prepared(host, results[:prepared], (last, first))
    outcomes = list(results[prepared])
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed and not trial:
        planned = files(failed)
        outcomes += host.carry_out(planned)
    elif not trial:
        outcomes += results[prepared + 1]
    done = (*earlier, *(outcome.step for outcome in outcomes if not outcome.error))
    failures = tuple(outcome for outcome in outcomes if outcome.error)
    warnings: list[str] = []
    corrections = _corrected(before, first, last, _on_record(done, trial), wanted, change) if failures else []
    if corrections:
        for outcome in host.carry_out(corrections):
            if outcome.error:
                warnings.append("%s is not up to date: %s" % (outcome.step.path, outcome.detail))
    if read_back is None:
        read_back = host.read(again)
    after = predict(before, [*lost, *done]).with_readings(dict(read_back.items()))
    closed = tuple(results[prepared + 2]) if len(results) > prepared + 2 else None
    return Done(predict(after, planned) if trial else after, done, failures, tuple(warnings), closed)


def _obstacle(before: Snapshot) -> str | None:
    """Why the record cannot be written, as far as that is known before."""
    if access.read_only_mount(before, record.PATH):
        return "%s lies on a read-only file system" % record.PATH
    if access.user(before) not in (0, None):
        return "only root may write %s: use become" % record.PATH
    return None


def _corrected(
    before: Snapshot,
    first: Step | None,
    last: Step | None,
    done: t.Sequence[Step],
    wanted: t.Mapping[str, int] | None,
    change: str | None,
) -> list[Step]:
    """The steps that bring the records up to date, which were made for more than was done."""
    steps = [record.corrected(before, first, done, wanted)] if first else []
    if last:
        right = last_change.step(before, [*done, *([first] if first and done else ())], change)
        after = right.after if right else last.before
        if after != last.after:
            steps.append(last._replace(before=last.after, after=after))
    return steps


def _check_prepared(host: Host, results: t.Sequence[t.Sequence[Outcome]], records: t.Collection[Step | None]) -> None:
    """Raises record.Unusable where ``records`` were not written, and Unguarded where a step of the guard failed.

    Then what was written up to there is taken back.
    """
    undo: list[Step] = []
    for outcome in (outcome for stage in results for outcome in stage):
        if outcome.error and any(outcome.step is step for step in records):
            host.carry_out(undo)
            raise record.Unusable(_NOT_RECORDED % outcome.detail)
        if outcome.error:
            host.carry_out(undo)
            raise Unguarded(outcome)
        if outcome.step.kind == FILE:
            undo.insert(0, outcome.step._replace(before=outcome.step.after, after=outcome.step.before))


def _on_record(steps: t.Iterable[Step], trial: bool) -> list[Step]:
    """What the record is to know: on trial no file is written, and no max counts as set."""
    if not trial:
        return list(steps)
    return [step._replace(setting=None) for step in steps if step.kind != FILE]


def order(name: str, raises: bool) -> tuple[int, int, str]:
    """The place of a setting's write among others, for sorting; ``raises`` says that its value is not lowered."""
    first = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    # The kernel keeps the lower threshold below the higher one at every moment.
    pair = {"frag6_high_thresh": 0 if raises else 2, "frag6_low_thresh": 1}.get(name, 0)
    return (first, pair, name)
