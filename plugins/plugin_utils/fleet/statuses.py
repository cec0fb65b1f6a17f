# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every status that a host may have in the report, the worst first, and which of them ask for somebody to look."""

from __future__ import annotations

import re
import typing as t

from ...module_utils.facts.verdict import STATUSES

UNREACHABLE, FAILED, UNKNOWN = "unreachable", "failed", "unknown"

# The verdicts, and the two ways to have none.
WORST_FIRST = (
    "full", "was_full", "race", "pressure", UNREACHABLE, FAILED, UNKNOWN, "host_owned", "not_tracking", "ok",
)  # fmt: skip
ATTENTION = frozenset(WORST_FIRST[:7])
VERDICTS = frozenset(STATUSES)

_RANK = {status: rank for rank, status in enumerate(WORST_FIRST)}
_DIGITS = re.compile(r"([0-9]+)")


def severity(status: str) -> int:
    """The worse, the larger; 0 is the best."""
    return len(WORST_FIRST) - 1 - _RANK[status]


def label(status: str) -> str:
    return status.replace("_", " ")


def key(row: t.Any) -> tuple[t.Any, ...]:
    """For sorting: the worst status first, in it who drops most, then the fullest, then by name, gw9 before gw10."""
    parts = _DIGITS.split(row.host[:200])
    # Digits stand at the odd places, so that a number is never compared with a text.
    natural = tuple(int(part) if index % 2 else part for index, part in enumerate(parts))
    worst = (-(row.drops_per_second or 0), -(row.drops or 0), -(row.usage or 0))
    return (_RANK[row.status], *worst, natural, row.host)
