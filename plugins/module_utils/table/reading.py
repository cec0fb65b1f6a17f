# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a host about its table, and how the reading of it went. The reading itself is the host's."""

from __future__ import annotations

import time
import typing as t

from .batch import Batch
from .filter import NO_FILTER, Filter

CTNETLINK, PROCFS = "ctnetlink", "procfs"
# By then the part does not change any more.
_TURNS = 30
END, SAMPLE, TIME, ERROR = "end", "sample", "time", "error"


class Wanted(t.NamedTuple):
    """``columns`` are those of batch; at most ``most`` entries are read, 0 for all, and for at most so many seconds."""

    columns: tuple[str, ...]
    filter: Filter = NO_FILTER
    most: int = 0
    seconds: float = 0.0


def living(walked: int, before: int | None, after: int | None) -> int | None:
    """How many entries of the table have not expired, from the kernel's counts before and after it went by ``walked``.

    Since 4.9 expired entries are counted until somebody meets them: a reading passes over them, and has the kernel
    clear them away, at either of the two places that each has in the table. Of a part p of the table that is
    1 - (1 - p)^2 of them, and p of those alive. Source: ctnetlink_dump_table in net/netfilter/nf_conntrack_netlink.c.
    """
    if before is None or after is None:
        return before
    if not walked or not before:
        return after
    cleared = max(before - after, 0)
    part = 1.0
    for _turn in range(_TURNS):
        part = min((walked + cleared / (2 - part)) / before, 1.0)
    return min(round(walked / part), max(after, walked))


class Unreadable(Exception):
    """There is no reading the table this way; ``reason`` is as in a snapshot."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Progress:
    """How far a reading has come. ``scanned`` entries were looked at, and ``taken`` of them are what was asked for.

    ``walked`` is about how many the kernel has gone by, as it works ahead.

    ``ended_by`` is None while it goes on, then ``end`` of the table, ``sample``, ``time`` or ``error``. ``filtered``
    says that the kernel left entries out before they were looked at. ``malformed`` could not be understood.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._began = time.monotonic()
        self.scanned = 0
        self.walked = 0
        self.taken = 0
        self.malformed = 0
        self.ended_by: str | None = None
        self.error: str | None = None
        self.filtered = False

    @property
    def is_of_some(self) -> bool:
        """Whether a filter was asked for."""
        return self._wanted.filter != NO_FILTER

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def room(self) -> int:
        """How many more entries may be looked at now."""
        if not self._wanted.most or self._wanted.filter != NO_FILTER:
            return 1 << 62
        return self._wanted.most - self.scanned

    def take(self, batches: t.Iterable[Batch]) -> t.Iterator[Batch]:
        """Those that are wanted."""
        for batch in batches:
            found = batch if self._wanted.filter == NO_FILTER else self._wanted.filter.of(batch)
            if found:
                self.taken += found.size
                yield found

    def broke_off(self, error: OSError, reasons: t.Mapping[int, str]) -> None:
        """What there is stays a fair part of the table. Raises Unreadable where there is none."""
        said = error.strerror or str(error)
        if not self.scanned:
            raise Unreadable(reasons.get(error.errno or 0, "failed: %s" % said)) from error
        self.ended_by, self.error = ERROR, said

    def is_over(self) -> bool:
        """Whether a limit was reached; says which."""
        if (
            self._wanted.most
            and max(self.taken, self.scanned if self._wanted.filter == NO_FILTER else 0) >= self._wanted.most
        ):
            self.ended_by = SAMPLE
        elif self._wanted.seconds and self.seconds >= self._wanted.seconds:
            self.ended_by = TIME
        return self.ended_by is not None
