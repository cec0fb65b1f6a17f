# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the report as a plain record, from its facts or from the reason why there are none."""

from __future__ import annotations

import re
import typing as t

from . import given, statuses

_TALKERS_OF_A_GROUP = 5
_NUMBERS = frozenset(
    ("seen", "seen_error", "share", "share_low", "share_high", "entries", "entries_low", "entries_high")
)
# Two ways in which Ansible says the same, and what ssh says first where its old connection is gone.
_NOT_SENT = re.compile(
    r'^Data could not be sent to remote host "[^"]*"\. Make sure this host can be reached over ssh: '
)
_OF_THE_MASTER = re.compile(r"\bmux_client_\w+: .*\r?\n")
_NO_VERDICT = "No verdict: gather the subsets limits, usage, timeouts, statistics, memory and log."
_NO_FACTS = "No facts of this host were gathered."


class Row(t.NamedTuple):
    """None is unknown, never 0. The JSON report has these fields by these names: docs/fleet-report.md."""

    host: str
    status: str
    summary: str
    entries: int | None = None
    max: int | None = None
    unlimited: bool = False
    usage: float | None = None
    drops: int | None = None
    interval: float | None = None
    drops_per_second: float | None = None
    growth_per_second: float | None = None
    seconds_to_full: int | None = None
    evidence: t.Sequence[str] = ()
    advice: t.Sequence[dict[str, t.Any]] = ()
    drift: t.Sequence[dict[str, t.Any]] = ()
    writers: t.Sequence[dict[str, t.Any]] = ()
    talkers: t.Sequence[dict[str, t.Any]] = ()
    findings: t.Sequence[dict[str, t.Any]] = ()
    unread: t.Sequence[str] = ()
    kernel: str | None = None
    transport: str | None = None
    error: str | None = None

    @property
    def needs_attention(self) -> bool:
        return self.status in statuses.ATTENTION


def row(host: str, facts: t.Any, gathered: t.Any = None, looked: t.Any = None) -> Row:
    """``facts`` is ansible_facts.conntrack; ``gathered`` and ``looked`` are what conntrack_facts and conntrack_table
    returned, None where nobody kept it.

    Facts of a host whose gathering went wrong are from another run, and not told.
    """
    host = given.text(host, limit=1 << 20) or ""
    gathered, looked = given.mapping(gathered), given.mapping(looked)
    for status in (statuses.UNREACHABLE, statuses.FAILED):
        if gathered.get(status):
            error = complaint(gathered)
            return Row(host, status, "%s: %s" % (_SAID[status], error), error=error)
    facts = given.mapping(facts)
    if not facts:
        return Row(host, statuses.UNKNOWN, _NO_FACTS)
    return _judged(host, facts, gathered, looked)


_SAID = {statuses.UNREACHABLE: "It cannot be reached", statuses.FAILED: "Its state could not be read"}


def complaint(result: t.Mapping[t.Any, t.Any]) -> str:
    """Why a task did not do: what it says, with the last line of a module that broke."""
    # From ansible-core 2.19 on a message begins so.
    said = (given.text(result.get("msg")) or "").removeprefix("Task failed: ").strip()
    said = _OF_THE_MASTER.sub("", _NOT_SENT.sub("Failed to connect to the host via ssh: ", said))
    if result.get(statuses.UNREACHABLE) and "timed out" in said:
        said += " (a host whose table is full drops new connections too)"
    broke = (given.text(result.get("module_stderr")) or "").strip().rpartition("\n")[2]
    if broke and broke not in said:
        said = "%s (%s)" % (said, broke) if said else broke
    return said or "it did not say why"


def _judged(
    host: str,
    facts: t.Mapping[t.Any, t.Any],
    gathered: t.Mapping[t.Any, t.Any],
    looked: t.Mapping[t.Any, t.Any],
) -> Row:
    verdict = given.mapping(facts.get("verdict"))
    status = given.text(verdict.get("status"))
    usage = given.mapping(facts.get("usage"))
    statistics = given.mapping(facts.get("statistics"))
    rates = given.mapping(statistics.get("rates"))
    entries, most = given.whole(usage.get("count")), given.whole(usage.get("max"))
    table = given.mapping(looked.get("table"))
    return Row(
        host=host,
        status=status if status in statuses.VERDICTS else statuses.UNKNOWN,
        summary=given.text(verdict.get("summary")) or _NO_VERDICT,
        entries=entries,
        max=most,
        unlimited=most == 0,
        usage=round(entries / most, 4) if most and entries is not None else None,
        drops=given.whole(given.mapping(statistics.get("total")).get("drop")),
        interval=given.number(rates.get("interval")),
        drops_per_second=given.number(given.mapping(rates.get("per_second")).get("drop")),
        growth_per_second=given.number(rates.get("growth_per_second")),
        seconds_to_full=given.whole(rates.get("seconds_to_full")),
        evidence=given.texts(verdict.get("evidence")),
        advice=[_advice(facts, item) for item in given.mappings(verdict.get("advice"))],
        drift=[_drift(item) for item in given.mappings(given.mapping(facts.get("persistence")).get("drift"))],
        writers=[_writer(item) for item in given.mappings(facts.get("writers"))],
        talkers=list(_talkers(table)),
        findings=[_finding(item) for item in given.mappings(table.get("advice"))],
        unread=[*_unread(facts), *_table_unread(table)],
        kernel=given.text(given.mapping(facts.get("kernel")).get("release")),
        transport=given.text(gathered.get("transport")),
        error=_table_error(looked),
    )


def _advice(facts: t.Mapping[t.Any, t.Any], item: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    setting = given.text(item.get("setting"))
    return {
        "setting": setting,
        "value": given.whole(item.get("value")),
        "now": _live(facts, setting),
        "where": given.text(item.get("where")),
        "why": given.text(item.get("why")) or "",
    }


def _live(facts: t.Mapping[t.Any, t.Any], setting: str | None) -> int | None:
    limits = given.mapping(facts.get("limits"))
    if setting in limits:
        return given.whole(limits[setting])
    return given.whole(given.mapping(given.mapping(facts.get("timeouts")).get(setting)).get("value"))


def _drift(item: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    """What a setting is, will be, and was asked to be. ``why`` says who decides that."""
    values = {name: given.whole(item.get(name)) for name in ("live", "after_boot", "wanted")}
    return {"setting": given.text(item.get("setting")) or "", **values, "why": given.text(item.get("detail")) or ""}


def _writer(item: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    return {name: given.text(item.get(name)) or "" for name in ("name", "knob")}


def _talkers(table: t.Mapping[t.Any, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """The largest of each group that was asked for: who, and how much of the table."""
    for group in given.mappings(table.get("groups"), 10):
        for found in given.mappings(group.get("top"), _TALKERS_OF_A_GROUP):
            who = (given.text(value) for name, value in found.items() if name not in _NUMBERS)
            yield {
                "group": given.text(group.get("group_by")) or "",
                "who": " ".join(word for word in who if word),
                "entries": given.whole(found.get("entries")),
                **{name: given.number(found.get(name)) for name in ("share", "share_low", "share_high")},
            }


def _finding(item: t.Mapping[t.Any, t.Any]) -> dict[str, t.Any]:
    settings = given.mapping(item.get("settings"))
    return {
        "finding": given.text(item.get("finding")) or "",
        "why": given.text(item.get("why")) or "",
        "evidence": given.texts(item.get("evidence")),
        "settings": {given.text(name) or "": given.whole(value) for name, value in list(settings.items())[:20]},
    }


def _unread(facts: t.Mapping[t.Any, t.Any]) -> t.Iterator[str]:
    told = list(given.mapping(facts.get("unread")).items())[: given.ITEMS]
    for path, reason in sorted((given.text(path) or "", given.text(reason) or "") for path, reason in told):
        yield "%s (%s)" % (path.replace("$ ", "", 1), reason)


def _table_unread(table: t.Mapping[t.Any, t.Any]) -> list[str]:
    """Where the table could not be read, its report is the sentence why."""
    return given.texts(table.get("report"), 1) if table and table.get("interface") is None else []


def _table_error(looked: t.Mapping[t.Any, t.Any]) -> str | None:
    if looked.get(statuses.UNREACHABLE) or looked.get(statuses.FAILED):
        return "Who fills the table is not known: %s" % complaint(looked)
    return None
