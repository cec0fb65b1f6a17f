# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often runs are launched: for a host once in its cool-down, and tune for so many hosts an hour at most."""

from __future__ import annotations

import typing as t

from .finding import FULL, VERDICTS
from .record import Record

HOUR = 3600
_DAY = 86400


class Decision(t.NamedTuple):
    """Whether anything is launched, whether tune is among it, and why tune is not where the table is full."""

    launch: bool
    tune: bool
    why: str


class Limits:
    """``cool_down`` in seconds."""

    def __init__(self, cool_down: int, tunes_per_hour: int, record: Record) -> None:
        self._cool_down = cool_down
        self._tunes_per_hour = tunes_per_hour
        self._record = record

    def decide(self, host: str, verdict: str, now: float) -> Decision:
        """What is to be launched now; it counts as launched."""
        record = self._record
        why = self._why_not_tuned(host, now) if verdict == FULL else "the table is not full"
        last, before = record.launched.get(host, (None, None))
        # Within the cool-down only what is worse is news, and a tune that had to wait for its turn.
        if _within(last, now, self._cool_down) and why and VERDICTS.index(verdict) <= VERDICTS.index(before):
            return Decision(False, False, why)
        record.launched[host] = (now, verdict)
        if not why:
            record.tuned[host] = now
        record.forget(now - max(self._cool_down, _DAY))
        return Decision(True, not why, why)

    def save(self) -> None:
        """Raises OSError."""
        self._record.save()

    def _why_not_tuned(self, host: str, now: float) -> str:
        if _within(self._record.tuned.get(host), now, self._cool_down):
            return "it was tuned within its cool-down (cool_down: %d)" % self._cool_down
        others = sum(each != host and _within(time, now, HOUR) for each, time in self._record.tuned.items())
        if others >= self._tunes_per_hour:
            return "%d other hosts were tuned within the hour (tunes_per_hour: %d)" % (others, self._tunes_per_hour)
        return ""


def _within(time: float | None, now: float, seconds: float) -> bool:
    """A time that is yet to come is of a clock that was set back since, and says nothing."""
    return time is not None and 0 <= now - time < seconds
