# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, plans, carries out and reads back: the one sequence behind every change. The host comes from outside."""

from __future__ import annotations

import typing as t

from ..facts import access
from ..plan import FILE, Outcome, Step, predict
from ..probe import File, Item
from ..snapshot import Snapshot
from . import record

_LARGEST = 1 << 24
_NOT_RECORDED = "nothing was changed, because the first state cannot be recorded: %s"


class Host(t.Protocol):
    """What a sequence needs of a host."""

    def read(self, items: t.Iterable[Item]) -> Snapshot: ...

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]: ...


# Loading resets max, changing buckets does not touch it: buckets, then max, then the rest.
_FIRST = ("buckets", "max", "expect_max")


class Done(t.NamedTuple):
    """``steps`` were carried out (or would be, in check mode); ``failures`` are the outcomes with an error.

    ``after`` was read back from the host, or predicted in check mode.
    """

    after: Snapshot
    steps: tuple[Step, ...]
    failures: tuple[Outcome, ...]
    warnings: tuple[str, ...]


def carry_out(
    host: Host,
    again: t.Sequence[Item],
    before: Snapshot,
    live: t.Sequence[Step],
    files: t.Callable[[t.Sequence[Outcome]], t.Sequence[Step]],
    check: bool,
    recorded: bool = True,
) -> Done:
    """``again`` is read anew afterwards, and so is every file that was written.

    ``files`` is asked for the file steps when it is known which live steps failed, so that no value is made to stand
    that the kernel refused. ``recorded`` keeps the first state for a later restore. Raises record.Unusable.
    """
    planned = files([])
    first = record.step(before, [*live, *planned]) if recorded else None
    if first and access.read_only_mount(before, record.PATH):
        raise record.Unusable(_NOT_RECORDED % "%s lies on a read-only file system" % record.PATH)
    if check:
        return Done(predict(before, [*live, *planned]), (*live, *planned), (), ())
    if not live and not planned:
        return Done(before, (), (), ())
    warnings: list[str] = []
    if first:
        for outcome in host.carry_out([first]):
            if outcome.error:
                raise record.Unusable(_NOT_RECORDED % outcome.detail)
    outcomes = host.carry_out(live)
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        planned = files(failed)
    outcomes += host.carry_out(planned)
    done = tuple(outcome.step for outcome in outcomes if not outcome.error)
    failures = tuple(outcome for outcome in outcomes if outcome.error)
    if first and failures:
        for outcome in host.carry_out([record.corrected(before, first, done)]):
            if outcome.error:
                warnings.append("the record of the first state is not up to date: %s" % outcome.detail)
    written = [File(step.path, limit=_LARGEST) for step in done if step.kind == FILE]
    read_back = host.read([*again, *written])
    return Done(predict(before, done).with_readings(dict(read_back.items())), done, failures, tuple(warnings))


def order(name: str, raises: bool) -> tuple[int, int, str]:
    """The place of a setting's write among others, for sorting; ``raises`` says that its value is not lowered."""
    first = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    # The kernel keeps the lower threshold below the higher one at every moment.
    pair = {"frag6_high_thresh": 0 if raises else 2, "frag6_low_thresh": 1}.get(name, 0)
    return (first, pair, name)
