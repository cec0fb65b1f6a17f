# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own time of day, and how long it has been up."""

from __future__ import annotations

from ..formats import clock
from ..probe import DATE
from ..snapshot import Snapshot, command_key

_UPTIME = "/proc/uptime"


def read(snapshot: Snapshot) -> clock.Clock | None:
    """None where the date was not read. Lines of syslog need it: they carry neither year nor zone."""
    return clock.parse(snapshot.text(command_key(DATE.argv)) or "", snapshot.text(_UPTIME) or "")


def uptime(snapshot: Snapshot) -> float | None:
    """Seconds since boot."""
    return clock.uptime(snapshot.text(_UPTIME) or "")
