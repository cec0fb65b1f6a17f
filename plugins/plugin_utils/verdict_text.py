# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's facts as a few lines that a person reads."""

from __future__ import annotations

import typing as t

# A verdict is to be read at a glance; the facts hold the rest.
_DRIFT_SHOWN = 5


def lines(facts: t.Mapping[str, t.Any]) -> list[str]:
    """The verdict, its evidence, what to do, where it drifts, who else writes, what was not read."""
    verdict = facts.get("verdict")
    if not verdict:
        return ["No verdict: gather the subsets limits, usage, timeouts, statistics, memory and log."]
    return [
        "%s: %s" % (verdict["status"].upper().replace("_", " "), verdict["summary"]),
        *("  - %s" % sentence for sentence in verdict["evidence"]),
        *_advice(facts, verdict["advice"]),
        *_memory(facts),
        *_drift(facts),
        *_writers(facts),
        *_unread(facts),
    ]


def _advice(facts: t.Mapping[str, t.Any], advice: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    for item in advice:
        if item["setting"] is None:
            yield "  do: %s" % item["why"]
        else:
            now = _live(facts, item["setting"])
            was = "" if now is None else " (now %d)" % now
            yield "  do: %s = %d%s. %s" % (item["setting"], item["value"], was, item["why"])


def _live(facts: t.Mapping[str, t.Any], name: str) -> int | None:
    limits = facts.get("limits") or {}
    row = (facts.get("timeouts") or {}).get(name) or {}
    return limits[name] if name in limits else row.get("value")


def _memory(facts: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    memory = facts.get("memory") or {}
    size = memory.get("at_max_bytes") or 0
    # Less is nothing to think of.
    if size >= 1 << 20 and memory.get("share_at_max") is not None:
        yield "  memory: a table of %d entries takes at least %.0f MiB when full, %.1f %% of the RAM" % (
            facts["limits"]["max"],
            size / (1 << 20),
            memory["share_at_max"] * 100,
        )


def _drift(facts: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    drift = (facts.get("persistence") or {}).get("drift") or []
    for row in drift[:_DRIFT_SHOWN]:
        known = (
            (row["live"], "now"),
            ("unknown" if row["after_boot"] is None else row["after_boot"], "after a boot"),
            (row["wanted"], "asked for"),
        )
        said = ", ".join("%s %s" % (value, when) for value, when in known if value is not None)
        yield "  drift: %s is %s; %s" % (row["setting"], said, row["detail"])
    if len(drift) > _DRIFT_SHOWN:
        yield "  drift: %d more settings; the facts list them under persistence" % (len(drift) - _DRIFT_SHOWN)


def _writers(facts: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for writer in facts.get("writers") or []:
        yield "  also here: %s. Its knob: %s" % (writer["name"], writer["knob"])


def _unread(facts: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    unread = facts.get("unread") or {}
    if unread:
        named = ("%s (%s)" % (path.replace("$ ", "", 1), reason) for path, reason in sorted(unread.items()))
        hint = "; root may read more" if "forbidden" in unread.values() else ""
        yield "  not read: %s%s" % (", ".join(named), hint)
