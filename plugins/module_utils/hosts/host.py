# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every host can do: read a probe, carry out steps, and both in one go."""

from __future__ import annotations

import typing as t

from ..plan import Outcome, Step
from ..probe import Item
from ..snapshot import Snapshot


class Host:
    """A host that has everything at hand does one thing after the other; one that is far away does them at once."""

    def read(self, items: t.Iterable[Item]) -> Snapshot:
        raise NotImplementedError

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]:
        """Does every step in order, whatever became of the one before it."""
        raise NotImplementedError

    def in_stages(
        self, stages: t.Sequence[t.Sequence[Step]], items: t.Iterable[Item]
    ) -> tuple[list[list[Outcome]], Snapshot | None]:
        """The outcomes of each stage, and what is read after the last one.

        A stage is begun only where every step of the one before it succeeded; None is read where a stage was left out.
        """
        outcomes: list[list[Outcome]] = []
        for stage in stages:
            if outcomes and any(outcome.error for outcome in outcomes[-1]):
                return outcomes, None
            outcomes.append(self.carry_out(stage))
        return outcomes, self.read(items)
