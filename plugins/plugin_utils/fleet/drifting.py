# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host left the state that is wanted of it, in what, and who is to blame.

Wanted is what a check run was asked for, or else what was asked of the host last, which its own record knows.
"""

from __future__ import annotations

import typing as t

from ...module_utils import catalogue
from ...module_utils.formats.record_file import PATH as RECORD
from ...module_utils.snapshot import FORBIDDEN
from . import given, statuses
from .rows import complaint

DRIFTED, AS_WANTED, NOTHING_WANTED = "drifted", "as_wanted", "nothing_wanted"
# What somebody has to look at comes first.
STATES = (DRIFTED, statuses.FAILED, statuses.UNREACHABLE, NOTHING_WANTED, AS_WANTED)


class Found(t.NamedTuple):
    """``drift`` are {setting, live, after_boot, wanted, why}; the setting is None for what is no setting."""

    host: str
    state: str
    drift: tuple[dict[str, t.Any], ...] = ()
    why: str | None = None


def find(host: str, facts: t.Any, gathered: t.Any, planned: t.Any) -> Found:
    """``facts`` is ansible_facts.conntrack; ``gathered`` and ``planned`` are what conntrack_facts and a check run of
    conntrack_settings returned; the latter is None where nothing was asked for.
    """
    facts, gathered, planned = given.mapping(facts), given.mapping(gathered), given.mapping(planned)
    for status in (statuses.UNREACHABLE, statuses.FAILED):
        for result in (gathered, planned):
            if result.get(status):
                return Found(host, status, why=complaint(result))
    audit = given.mapping(facts.get("persistence"))
    if not audit:
        return Found(host, statuses.FAILED, why="no facts of what stands after a boot were gathered")
    asked = bool(planned) and not planned.get("skipped")
    unread = given.text(given.mapping(facts.get("unread")).get(RECORD))
    if unread and not asked:
        why = "what was asked for last cannot be read: %s: %s" % (RECORD, unread)
        return Found(host, statuses.FAILED, why=why + ("; use become" if unread == FORBIDDEN else ""))
    drift = list(_against(planned, audit, facts) if asked else _against_record(audit, facts))
    if drift:
        return Found(host, DRIFTED, tuple(drift))
    unknown = list(_unknown(audit, given.mapping(planned.get("settings")) if asked else None))
    if unknown:
        return Found(host, statuses.FAILED, why="; ".join(unknown))
    known = asked or any(row["wanted"] is not None for row in map(_numbers, _settings(audit).values()))
    return Found(host, AS_WANTED if known else NOTHING_WANTED)


def _against(
    planned: t.Mapping[t.Any, t.Any], audit: t.Mapping[t.Any, t.Any], facts: t.Mapping[t.Any, t.Any]
) -> t.Iterator[dict[str, t.Any]]:
    """What a check run would change, or cannot, as another file has the last word."""
    rows = given.mapping(planned.get("settings"))
    for name, row in list(rows.items())[: given.ITEMS]:
        row = given.mapping(row)
        if row.get("changed") or row.get("overruled_by"):
            name = given.text(name) or ""
            boot = given.mapping(_settings(audit).get(name))
            live, wanted = given.whole(row.get("before")), given.whole(row.get("wanted"))
            yield _drift(name, live, given.whole(boot.get("after_boot")), wanted, boot, facts)
    steps = given.mappings(planned.get("steps"))
    if steps and not any(given.mapping(row).get("changed") for row in rows.values()):
        paths = dict.fromkeys(given.text(step.get("path")) or "" for step in steps)
        yield {**_NONE, "why": "not as this collection leaves it: %s" % ", ".join(paths)}


def _against_record(audit: t.Mapping[t.Any, t.Any], facts: t.Mapping[t.Any, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    for item in given.mappings(audit.get("drift")):
        numbers = _numbers(item)
        if numbers["wanted"] is not None:
            name = given.text(item.get("setting")) or ""
            boot = given.mapping(_settings(audit).get(name))
            yield _drift(name, numbers["live"], numbers["after_boot"], numbers["wanted"], boot, facts)


def _unknown(audit: t.Mapping[t.Any, t.Any], planned: t.Mapping[t.Any, t.Any] | None) -> t.Iterator[str]:
    """What was to stand after a boot, and of which it cannot be told whether it does; ``planned`` names the only ones
    that count, None is all."""
    for name, row in _settings(audit).items():
        numbers = _numbers(row)
        counts = planned is None or name in planned
        if counts and numbers["wanted"] is not None and numbers["after_boot"] is None:
            why = given.text(given.mapping(row).get("detail"))
            yield "%s: what it is after a boot cannot be told%s" % (given.text(name), ": " + why if why else "")


def _drift(
    name: str,
    live: int | None,
    after_boot: int | None,
    wanted: int | None,
    boot: t.Mapping[t.Any, t.Any],
    facts: t.Mapping[t.Any, t.Any],
) -> dict[str, t.Any]:
    why = []
    if live is not None and live != wanted:
        why.append("it is %d now" % live)
        why += [
            "%s sets it (%s)" % (given.text(writer.get("name")), given.text(writer.get("knob")))
            for writer in given.mappings(facts.get("writers"))
            if name in _written(writer)
        ]
    if after_boot != wanted:
        source = given.text(boot.get("source"))
        said = "unknown" if after_boot is None else str(after_boot)
        why.append("after a boot it is %s%s" % (said, ", by %s" % source if source else ""))
    if not why:
        why.append("after a boot it is set by %s, no longer by this collection" % given.text(boot.get("source")))
    return {"setting": name, "live": live, "after_boot": after_boot, "wanted": wanted, "why": "; ".join(why)}


def _written(writer: t.Mapping[t.Any, t.Any]) -> set[str]:
    """The settings that a program sets, by its nature or by what its configuration says."""
    found = map(catalogue.find, filter(None, map(given.text, given.mapping(writer.get("settings")))))
    return {*given.texts(writer.get("writes")), *(setting.name for setting in found if setting)}


_NONE = {"setting": None, "live": None, "after_boot": None, "wanted": None}


def _settings(audit: t.Mapping[t.Any, t.Any]) -> t.Mapping[t.Any, t.Any]:
    return given.mapping(audit.get("settings"))


def _numbers(item: t.Any) -> dict[str, int | None]:
    return {name: given.whole(given.mapping(item).get(name)) for name in ("live", "after_boot", "wanted")}
