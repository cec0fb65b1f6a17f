# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is worse off after a change than before: its verdict, its drops, whether the values still stand."""

from __future__ import annotations

import typing as t

from ..facts.gather import VERDICT_SUBSETS, gather
from ..probe import LOGS, Item, items
from ..snapshot import Snapshot
from .wanted import Invalid

ITEMS: tuple[Item, ...] = items(VERDICT_SUBSETS)
# What is missing in the snapshot of a change for the verdict before it.
MORE: tuple[Item, ...] = LOGS

LONGEST = 300

# Which verdict is worse. The unknown one is neither.
_RANKS = {"ok": 0, "host_owned": 0, "not_tracking": 0, "pressure": 1, "race": 1, "was_full": 2, "full": 3}
_FULL = "full"


class Health(t.NamedTuple):
    """``drops_per_second`` is None where the kernel does not tell. ``complaints`` are sentences; none: all is well."""

    verdict_before: str | None
    verdict_after: str
    drops_per_second: float | None
    complaints: tuple[str, ...]

    @property
    def failure(self) -> str | None:
        return "worse off after the change: " + "; ".join(self.complaints) if self.complaints else None

    def told(self, seconds: int) -> dict[str, t.Any]:
        """As the module returns it."""
        return {"watched": seconds, **self._asdict(), "complaints": list(self.complaints)}


def check_seconds(seconds: int) -> None:
    """Raises Invalid for a time that is not allowed."""
    if not 0 <= seconds <= LONGEST:
        raise Invalid("watch: %d is not a number of seconds from 0 to %d" % (seconds, LONGEST))


def verdict(snapshot: Snapshot) -> str:
    return str(gather(snapshot, VERDICT_SUBSETS)["verdict"]["status"])


def judge(before: str | None, after: Snapshot, later: Snapshot, set_to: t.Mapping[str, int | None]) -> Health:
    """``before`` is the verdict before the change; ``after`` has the counters after it, ``later`` everything some time
    later. ``set_to`` are the values that the kernel gave back for each setting right after the change.
    """
    facts = gather(later, VERDICT_SUBSETS)
    rates = (gather(after, ("statistics",), later)["statistics"] or {}).get("rates") or {}
    drops = (rates.get("per_second") or {}).get("drop")
    found = str(facts["verdict"]["status"])
    complaints = []
    if _worse(before, found):
        complaints.append("it was %s and is %s now: %s" % (before or "unknown", found, facts["verdict"]["summary"]))
    if drops:
        complaints.append("it drops %.1f packets a second since the change" % drops)
    live = {name: row["value"] for name, row in {**facts["timeouts"], **facts["switches"]}.items()}
    live.update(facts["limits"])
    for name, value in sorted(set_to.items()):
        now = live.get(name)
        if now is not None and value is not None and now != value:
            complaints.append("%s was set to %d and is %d again: something on the host resets it" % (name, value, now))
    return Health(before, found, drops, tuple(complaints))


def _worse(before: str | None, after: str) -> bool:
    if before in _RANKS and after in _RANKS:
        return _RANKS[after] > _RANKS[before or ""]
    return after == _FULL
