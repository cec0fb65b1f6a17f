# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What time it is on a host: ``date "+%s %z"`` and /proc/uptime."""

from __future__ import annotations

import re
import typing as t


class Clock(t.NamedTuple):
    """The host's time of day.

    ``now`` in epoch seconds; None or 0 where it is not known, and then a line without a year has no time.
    ``utc_offset`` in seconds east. ``uptime`` in seconds since boot, or None.
    """

    now: float | None
    utc_offset: int
    uptime: float | None


def parse(date: str, proc_uptime: str) -> Clock | None:
    """None where the date is not understood."""
    match = re.match(r"([0-9]{1,12}) ([+-])([0-9]{2})([0-9]{2})", date)
    if not match:
        return None
    seconds, sign, hours, minutes = match.groups()
    offset = int(hours) * 3600 + int(minutes) * 60
    return Clock(float(seconds), -offset if sign == "-" else offset, uptime(proc_uptime))


def uptime(proc_uptime: str) -> float | None:
    """Seconds since boot."""
    match = re.match(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s", proc_uptime)
    return float(match.group(1)) if match else None
