# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All facts of a host from what was read there: the one function that modules call."""

from __future__ import annotations

import typing as t

from ..formats import record_file
from ..snapshot import Snapshot
from . import advice, audit, clock, demand, log, memory, modules, settings, statistics, usage, verdict, writers
from .identity import Identity, identify

SUBSETS = (
    "limits",
    "usage",
    "timeouts",
    "statistics",
    "memory",
    "modules",
    "log",
    "persistence",
    "writers",
)

# The verdict stands on these; they are read whatever else is asked for.
VERDICT_SUBSETS = ("limits", "usage", "timeouts", "statistics", "memory", "log")


def gather(snapshot: Snapshot, subsets: t.Collection[str], later: Snapshot | None = None) -> dict[str, t.Any]:
    """The facts as a plain dictionary; what was not asked for is left out.

    ``later`` is a second reading of the counters, for rates. Values that could not be read are None; ``unread`` maps
    each path that could not be read to the reason.
    """
    identity = identify(snapshot)
    kernel = identity.kernel
    facts: dict[str, t.Any] = {
        "generation": identity.generation,
        "state": identity.state,
        "namespace": identity.namespace,
        "kernel": kernel._asdict(),
    }
    timeouts, switches = settings.facts(snapshot, kernel.release)
    makers: dict[str, t.Callable[[], t.Any]] = {
        "limits": lambda: usage.limits(snapshot),
        "usage": lambda: usage.usage(later or snapshot),
        "statistics": lambda: _statistics(snapshot, later, kernel.release),
        "memory": lambda: memory.facts(snapshot, identity),
        "modules": lambda: modules.facts(snapshot, identity),
        "log": lambda: log.facts(snapshot, identity.namespace),
        "persistence": lambda: audit.facts(snapshot, identity),
        "writers": lambda: writers.facts(snapshot),
    }
    for subset in SUBSETS:
        if subset in subsets and subset in makers:
            facts[subset] = makers[subset]()
    if "timeouts" in subsets:
        facts["timeouts"] = timeouts
        facts["switches"] = switches
    facts["unread"] = snapshot.unread()
    recorded = snapshot.text(record_file.PATH)
    if recorded is not None and record_file.damaged(recorded):
        facts["unread"][record_file.PATH] = "damaged"
    if set(VERDICT_SUBSETS) <= set(subsets):
        facts["verdict"] = _verdict(snapshot, facts, identity)
    return facts


def _statistics(snapshot: Snapshot, later: Snapshot | None, release: str) -> dict[str, t.Any] | None:
    found = statistics.facts(later or snapshot, release)
    if found is not None:
        found["rates"] = statistics.rates(snapshot, later) if later else None
    return found


def _verdict(snapshot: Snapshot, facts: dict[str, t.Any], identity: Identity) -> dict[str, t.Any]:
    now = clock.read(snapshot)
    seen = verdict.signs(facts, now.now if now else None, clock.uptime(snapshot))
    found = verdict.judge(seen)
    todo = advice.advise(
        found.status,
        seen,
        identity.kernel,
        demand.recommend(snapshot, identity, seen.log_lines),
        facts["limits"]["buckets"],
        settings.value(snapshot, "tcp_timeout_established"),
    )
    return {
        "status": found.status,
        "summary": found.summary,
        "evidence": list(found.evidence),
        "advice": [item._asdict() for item in todo],
    }
