# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel log says of a full table: from the ring, the journal and the files syslog writes."""

from __future__ import annotations

import typing as t

from ..formats import kernel_log, record_file
from ..probe import DMESG, JOURNAL, OWN_NAMESPACE
from ..snapshot import ABSENT, Snapshot, command_key
from . import clock

_SLACK = 2.0
_DRIFT = 5e-5

_FILES = ("/var/log/messages*", "/var/log/kern.log*")


def facts(snapshot: Snapshot, namespace: str) -> dict[str, t.Any]:
    """Lines, first and last (epoch seconds) of the "table full" family, and which sources were looked at.

    There is one kernel log for all network namespaces: ``elsewhere`` counts the lines that name another one than this.
    Only the newest kernels name it. ``since_max_set`` is about the lines since this collection set max, or None.

    ``readable`` is False where no source could be read: then nothing is known, which is not the same as no lines.
    Lines tell that and when the table was full; they do not count the drops, because the kernel suppresses most.
    """
    now = clock.read(snapshot) or kernel_log.Clock(0.0, 0, None)
    sources, readings = [], []
    for path in _paths(snapshot):
        reading = snapshot.reading(path)
        if reading.reason == ABSENT:
            continue
        row: dict[str, t.Any] = {"source": path.replace("$ ", "", 1), "reason": reading.reason}
        if reading.text is not None:
            read = kernel_log.read(reading.text, now)
            if not read.lines:
                continue
            readings.append(read)
            row.update(first=read.first, last=read.last)
        sources.append(row)
    events = kernel_log.merge(readings).events
    everywhere = kernel_log.summary(events)
    own = _own(events, namespace, snapshot.reading(OWN_NAMESPACE.pattern).link)
    times = [reading.first for reading in readings if reading.first is not None]
    ends = [reading.last for reading in readings if reading.last is not None]
    return {
        "readable": bool(readings),
        "sources": sources,
        "looked_at_from": min(times) if times else None,
        "looked_at_to": max(ends) if ends else None,
        **kernel_log.summary(own),
        "since_max_set": _since(own, record_file.max_set(snapshot.text(record_file.PATH) or ""), now.uptime or 0.0),
        "elsewhere": everywhere["lines"] - kernel_log.summary(own)["lines"],
        "netns": everywhere["netns"],
    }


def unanswered(log: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Of these facts ``lines``, ``suppressed`` and ``last`` as far as they speak of the max that is set now."""
    return log["since_max_set"] or log


def _since(own: t.Sequence[kernel_log.Event], when: float | None, uptime: float) -> dict[str, t.Any] | None:
    """What came after max was set here; None where it never was. What carries no time is taken for older."""
    if when is None:
        return None
    # The date has whole seconds, and the ring's clock runs free from boot on.
    after = when + _SLACK + _DRIFT * uptime
    found = kernel_log.summary([event for event in own if event.when is not None and event.when > after])
    return {"when": when, **{name: found[name] for name in ("lines", "suppressed", "last")}}


def _own(events: t.Sequence[kernel_log.Event], namespace: str, link: str | None) -> list[kernel_log.Event]:
    """The events of this network namespace. A kernel that names none may mean any; one that does omits the first."""
    if namespace != "child":
        return [event for event in events if event.netns is None]
    named = any(event.netns is not None for event in events)
    return [
        event
        for event in events
        if link == "net:[%s]" % event.netns or (event.netns is None and not (named and event.kind == "table_full"))
    ]


def _paths(snapshot: Snapshot) -> list[str]:
    files = [path for pattern in _FILES for path in snapshot.glob(pattern)]
    return [command_key(DMESG.argv), command_key(JOURNAL.argv), *files]
