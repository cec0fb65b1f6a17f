# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a host for a while after a change of its live values."""

from __future__ import annotations

import time
import typing as t

from .. import probe
from ..planners import health
from ..planners.sequence import Host


def watch(host: Host, seconds: int, before: str | None, set_to: t.Mapping[str, int | None]) -> health.Health:
    """``seconds`` more than 0; the rest as health.judge takes it."""
    after = host.read(probe.COUNTERS)
    time.sleep(seconds)
    return health.judge(before, after, host.read(health.ITEMS), set_to)
