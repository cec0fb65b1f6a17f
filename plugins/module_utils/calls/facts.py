# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_facts: its options, and what it does with them on any host."""

from __future__ import annotations

import time
import typing as t

from .. import probe
from ..facts import usage
from ..facts.gather import SUBSETS, gather
from ..hosts.host import Host
from .returned import Returned, refused, returned

CHANGES = False
ARGUMENTS: dict[str, t.Any] = {
    "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
    "interval": {"type": "int", "default": 0},
}
CONSTRAINTS: dict[str, t.Any] = {}

LONGEST = 300


def chosen(asked: t.Sequence[str]) -> list[str]:
    """The subsets asked for; raises ValueError for a word that is none."""
    excluded = {word[1:] for word in asked if word.startswith("!")}
    included = {word for word in asked if not word.startswith("!")} or {"all"}
    for word in sorted(excluded | included):
        if word not in (*SUBSETS, "all"):
            raise ValueError("gather_subset: '%s' is not one of all, %s" % (word, ", ".join(SUBSETS)))
    return [name for name in SUBSETS if (name in included or "all" in included) and name not in excluded]


def call(host: t.Callable[[], Host], params: t.Mapping[str, t.Any], check: bool) -> Returned:
    """``host`` gives the host when it is needed; ``check`` makes no difference, as nothing is changed."""
    interval = params["interval"]
    try:
        if not 0 <= interval <= LONGEST:
            raise ValueError("interval: %d is not a number of seconds from 0 to %d" % (interval, LONGEST))
        subsets = chosen(params["gather_subset"])
    except ValueError as error:
        return refused(error)
    there = host()
    snapshot = there.read(probe.items(subsets))
    if "usage" in subsets and usage.count(snapshot) is None:
        snapshot = snapshot.with_readings(dict(there.read(probe.TABLE).items()))
    later = None
    if interval:
        time.sleep(interval)
        later = snapshot.with_readings(dict(there.read(probe.COUNTERS).items()))
    return returned({"changed": False, "ansible_facts": {"conntrack": gather(snapshot, subsets, later)}})
