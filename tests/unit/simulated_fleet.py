# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets as large as one likes: the facts of recorded hosts, with other numbers, judged as facts of real hosts are.

What conntrack_table finds is made up after its documentation.
"""

from __future__ import annotations

import functools
import json
import random
import typing as t

from ansible_collections.netops.conntrack.plugins.module_utils.facts import verdict
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import SUBSETS, gather
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import rows
from ansible_collections.netops.conntrack.tests.unit import recorded

REFUSED = "Failed to connect to the host via ssh: ssh: connect to host 192.0.2.%d port 22: Connection refused"
# Of a thousand hosts; the others are ok.
MIX = (("unreachable", 12), ("failed", 4), ("full", 6), ("race", 3), ("was-full", 8), ("pressure", 25), ("drift", 30))
OTHERS = ("debian11", "debian12", "debian13", "rhel6", "rhel7", "rhel8", "rhel9", "rhel4", "namespace-child")


@functools.lru_cache(maxsize=None)
def recorded_facts(name: str) -> dict[str, t.Any]:
    return gather(recorded.load(name), SUBSETS)


@functools.lru_cache(maxsize=None)
def _recorded_json(name: str) -> str:
    return json.dumps(recorded_facts(name))


def facts(name: str, **usage: t.Any) -> dict[str, t.Any]:
    """Those of a recorded host, whose count, growth and drops are other ones, in ten seconds."""
    # Texts of its own, as those of real hosts are.
    found = json.loads(_recorded_json(name))
    if usage:
        count, growth = usage.get("count", found["usage"]["count"]), usage.get("growth", 0)
        most = found["usage"]["max"]
        found["usage"].update(count=count, ratio=round(count / most, 4))
        left = round(max(0, most - count) / growth) if growth > 0 else None
        if found["statistics"]:
            found["statistics"]["total"]["drop"] = usage.get("drops", 0)
            found["statistics"]["rates"] = {
                "interval": 10.0,
                "per_second": {"drop": usage.get("rate", 0.0), "early_drop": 0.0, "insert_failed": 0.0},
                "growth_per_second": float(growth),
                "seconds_to_full": left,
            }
        judged = verdict.judge(verdict.signs(found, None, 86400.0))
        found["verdict"].update(status=judged.status, summary=judged.summary, evidence=list(judged.evidence))
    return found


def table(by: random.Random) -> dict[str, t.Any]:
    """What conntrack_table returns of a table that a few clients fill."""
    shares = sorted((by.uniform(0.01, 0.4) for _each in range(5)), reverse=True)

    def share(value: float) -> dict[str, t.Any]:
        return {
            "seen": int(value * 20000), "share": value, "share_low": value * 0.95, "share_high": value * 1.05,
            "entries": int(value * 250000), "entries_low": int(value * 237000), "entries_high": int(value * 262000),
        }  # fmt: skip

    sources = [{"source": "203.0.113.%d" % by.randrange(1, 250), **share(value)} for value in shares]
    ports = [
        {"destination_port": port, "protocol": "udp", **share(value)} for port, value in zip((53, 123, 443), shares)
    ]
    return {
        "interface": "ctnetlink",
        "groups": [
            {"group_by": "source", "distinct": 42, "error": 0, "top": sources},
            {"group_by": "destination_port", "distinct": 3, "error": 0, "top": ports},
        ],
        "advice": [
            {
                "finding": "dns",
                "why": "Each question is an entry of its own.",
                "evidence": ["answered, to UDP port 53: 79.7 % of the table (77.7 to 81.6 %), 1953 entries"],
                "settings": {"udp_timeout": 10},
                "rules": {"nft": [], "iptables": []},
            }
        ],
    }


def results(size: int, seed: int = 1) -> t.Iterator[tuple[str, t.Any, t.Any, t.Any]]:
    """Host, facts, what conntrack_facts returned, and what conntrack_table did; one host at a time."""
    by = random.Random(seed)
    kinds = [kind for kind, share in MIX for _each in range(share)]
    for number in range(size):
        place = by.randrange(1000)
        kind = kinds[place] if place < len(kinds) else "ok"
        host = "gw%d.%s.example.com" % (number + 1, by.choice(("fra", "ams", "sin", "iad")))
        yield (host, *_result(kind, by))


def _result(kind: str, by: random.Random) -> tuple[t.Any, t.Any, t.Any]:
    gathered = {"transport": by.choice(("python", "python", "shell"))}
    if kind == "unreachable":
        return None, {"unreachable": True, "msg": REFUSED % by.randrange(1, 250)}, None
    if kind == "failed":
        return None, {"failed": True, "msg": "the host's shell gave no whole answer: the end is missing"}, None
    looked = {"table": table(by)}
    if kind == "full":
        return facts("rhel7", count=524288, drops=by.randrange(10**6), rate=by.uniform(1, 900)), gathered, looked
    if kind == "pressure":
        count, growth = by.randrange(210000, 250000), by.randrange(1, 60)
        return facts("kube-node", count=count, growth=growth), gathered, looked
    if kind == "drift":
        return facts("rhel8", count=by.randrange(90000)), gathered, looked
    if kind == "ok":
        count, growth = by.randrange(60000), by.choice((-9, -4, 0, 0, 0, 1, 2))
        return facts(by.choice(OTHERS), count=count, growth=growth), gathered, looked
    return facts(kind), gathered, looked


def fleet(size: int, seed: int = 1) -> t.Iterator[rows.Row]:
    for host, found, gathered, looked in results(size, seed):
        yield rows.row(host, found, gathered, looked)
