# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the records of a host's first state and of its last change lie, and of what the facts want to know too: when
max was set last, and what was asked for last.
"""

from __future__ import annotations

import json

PATH = "/var/lib/netops-conntrack/original.json"
LAST_CHANGE = "/var/lib/netops-conntrack/last-change.json"
LIMIT = 1 << 24


def damaged(text: str) -> bool:
    """Whether it is no record, or none that can be understood."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return True
    return not isinstance(data, dict) or not all(isinstance(data.get(name, {}), dict) for name in ("paths", "wanted"))


def max_set(text: str) -> float | None:
    """When this collection last set max live, in epoch seconds; None where it did not, or cannot be told."""
    try:
        when = json.loads(text)["max_set"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return float(when) if isinstance(when, (int, float)) else None


def wanted(text: str) -> dict[str, int]:
    """What this collection was asked for last, by the settings' names; empty where it was not, or cannot be told."""
    try:
        rows = json.loads(text)["wanted"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: value for name, value in rows if isinstance(value, int)}
