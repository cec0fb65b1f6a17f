# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that a POSIX shell reaches over a connection: one question to read, one to carry out a plan and read back.

Nothing here decides anything, and nothing that a host says is ever run.
"""

from __future__ import annotations

import os
import typing as t

from ..plan import Outcome, Step
from ..probe import File, Item, Names
from ..snapshot import Snapshot
from . import lock, shell_answer, shell_lock, shell_reading, shell_readings
from .host import Host

Parts = t.List[t.Tuple[str, bytes]]


class Stale(Exception):
    """What was planned for changed before anything was done; ``args[0]`` is the path. Read and plan again."""


class RemoteHost(Host):
    """``send(script)`` has a script run by a shell on the host and gives what it printed.

    ``changes`` says that this run may change something, ``backup`` that a copy of each file is kept. Raises
    shell_answer.Unanswered, lock.Busy and Stale beside what ``send`` raises.
    """

    def __init__(self, send: t.Callable[[str], bytes], changes: bool = True, backup: bool = False) -> None:
        self._send = send
        self._changes = changes
        self._backup = backup
        # What was read since the last change: plans are made on it.
        self._seen: dict[str, str] = {}
        self.backups: dict[str, str] = {}

    def read(self, items: t.Iterable[Item]) -> Snapshot:
        items = list(items)
        sweeping = self._sweeping(items) if self._changes else []
        parts = self._ask("\n".join([*sweeping, shell_reading.LIBRARY, shell_reading.script(items, self._changes)]))
        answer = shell_readings.Answer(parts)
        if answer.open:
            again = shell_reading.script([File(path, shell_reading.SMALL) for path in answer.open])
            answer = shell_readings.Answer(parts + self._ask("\n".join([shell_reading.LIBRARY, again])))
        found = shell_readings.readings(items, answer)
        self._seen.update((path, reading.text) for path, reading in found.items() if reading.text is not None)
        return Snapshot(found)

    def _sweeping(self, items: t.Iterable[Item]) -> list[str]:
        from . import shell_replacing  # compiled anew in every run of Ansible, and of no use to who changes nothing

        paths = [shell_reading.paths(item) for item in items if _lies_on_disk(item)]
        return [shell_lock.LIBRARY, shell_replacing.sweeping(paths)] if paths else []

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]:
        stage = list(steps)
        return self._act([stage], "")[0][0] if stage else []

    def in_stages(
        self, stages: t.Sequence[t.Sequence[Step]], items: t.Iterable[Item]
    ) -> tuple[list[list[Outcome]], Snapshot | None]:
        items = list(items)
        outcomes, parts = self._act(stages, shell_reading.script(items))
        whole = len(outcomes) == len(stages)
        return outcomes, Snapshot(shell_readings.readings(items, shell_readings.Answer(parts))) if whole else None

    def _act(self, stages: t.Sequence[t.Sequence[Step]], reading: str) -> tuple[list[list[Outcome]], Parts]:
        """The outcomes of the stages that were come to, and all that was answered."""
        from . import shell_acting  # see _sweeping

        steps = [step for stage in stages for step in stage]
        seen, self._seen = self._seen, {}
        script = shell_acting.script(os.urandom(8).hex(), stages, self._backup, seen, reading)
        parts = self._ask("\n".join([shell_lock.LIBRARY, shell_reading.LIBRARY, script]))
        for path in shell_answer.by_tag(parts, "z"):
            raise Stale(shell_answer.text(path))
        try:
            found = shell_acting.outcomes(steps, parts, self.backups)
        except (ValueError, IndexError) as error:
            raise shell_answer.Unanswered("it speaks of steps that there are not", begun=True) from error
        outcomes: list[list[Outcome]] = []
        number = 0
        for stage in stages:
            if outcomes and any(outcome.error for outcome in outcomes[-1]):
                break
            numbers = range(number, number + len(stage))
            if any(each not in found for each in numbers):
                raise shell_answer.Unanswered("it did not say what became of every step", begun=True)
            outcomes.append([found[each] for each in numbers])
            number += len(stage)
        return outcomes, parts

    def _ask(self, body: str) -> Parts:
        request = os.urandom(16).hex()
        parts = shell_answer.parts(request, self._send(shell_answer.frame(request, body)))
        for holder in shell_answer.by_tag(parts, "k"):
            raise lock.busy(shell_lock.WAIT_SECONDS, shell_answer.text(holder))
        return parts


def _lies_on_disk(item: Item) -> bool:
    """Whether it is a file beside which a killed run may have left something."""
    path = getattr(item, "path", None) or getattr(item, "pattern", "")
    return path.startswith("/") and not path.startswith(("/proc/", "/sys/")) and not isinstance(item, Names)
