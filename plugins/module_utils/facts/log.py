# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel log says of a full table: from the ring, the journal and the files syslog writes."""

from __future__ import annotations

import re
import typing as t

from ..formats import kernel_log
from ..probe import DATE, DMESG, JOURNAL
from ..snapshot import ABSENT, Snapshot, command_key
from .statistics import uptime

_FILES = ("/var/log/messages*", "/var/log/kern.log*")


def clock(snapshot: Snapshot) -> kernel_log.Clock | None:
    """The host's own time of day and zone; syslog lines carry neither year nor zone."""
    match = re.match(r"(\d+) ([+-])(\d\d)(\d\d)", snapshot.text(command_key(DATE.argv)) or "")
    if not match:
        return None
    seconds, sign, hours, minutes = match.groups()
    offset = int(hours) * 3600 + int(minutes) * 60
    return kernel_log.Clock(float(seconds), -offset if sign == "-" else offset, uptime(snapshot))


def facts(snapshot: Snapshot) -> dict[str, t.Any]:
    """Lines, first and last (epoch seconds) of the "table full" family, and which sources were looked at.

    ``readable`` is False where no source could be read: then nothing is known, which is not the same as no lines.
    Lines tell that and when the table was full; they do not count the drops, because the kernel suppresses most.
    """
    now = clock(snapshot) or kernel_log.Clock(0.0, 0, None)
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
    merged = kernel_log.merge(readings)
    times = [reading.first for reading in readings if reading.first is not None]
    ends = [reading.last for reading in readings if reading.last is not None]
    return {
        "readable": bool(readings),
        "sources": sources,
        "looked_at_from": min(times) if times else None,
        "looked_at_to": max(ends) if ends else None,
        **kernel_log.summary(merged.events),
    }


def _paths(snapshot: Snapshot) -> list[str]:
    files = [path for pattern in _FILES for path in snapshot.glob(pattern)]
    return [command_key(DMESG.argv), command_key(JOURNAL.argv), *files]
