# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, plans, carries out and reads back: the one sequence behind every change. The host comes from outside."""

from __future__ import annotations

import typing as t

from ..plan import Outcome, Step, predict
from ..probe import Item
from ..snapshot import Snapshot
from . import record


class Host(t.Protocol):
    """What a sequence needs of a host."""

    def read(self, items: t.Iterable[Item]) -> Snapshot: ...

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]: ...


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
    items: t.Sequence[Item],
    before: Snapshot,
    live: t.Sequence[Step],
    files: t.Callable[[t.Sequence[Outcome]], t.Sequence[Step]],
    check: bool,
    recorded: bool = True,
) -> Done:
    """``files`` is asked for the file steps when it is known which live steps failed, so that no value is made to
    stand that the kernel refused. ``recorded`` keeps the first state for a later restore. Raises record.Unusable.
    """
    planned = files([])
    first = record.step(before, [*live, *planned]) if recorded else None
    if check:
        return Done(predict(before, [*live, *planned]), (*live, *planned), (), ())
    if not live and not planned:
        return Done(before, (), (), ())
    warnings = []
    if first:
        for outcome in host.carry_out([first]):
            if outcome.error:
                warnings.append("the first state could not be recorded, so it cannot be restored: %s" % outcome.detail)
    outcomes = host.carry_out(live)
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        planned = files(failed)
    outcomes += host.carry_out(planned)
    done = tuple(outcome.step for outcome in outcomes if not outcome.error)
    failures = tuple(outcome for outcome in outcomes if outcome.error)
    return Done(host.read(items), done, failures, tuple(warnings))
