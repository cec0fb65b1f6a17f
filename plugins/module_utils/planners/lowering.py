# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a lower max is refused: the kernel turns new connections away, the operator's own among them."""

from __future__ import annotations

from ..facts import usage
from ..snapshot import Snapshot


def refusal(snapshot: Snapshot, before: int | None, wanted: int) -> str | None:
    """A sentence, or None where max may become ``wanted``. 0 is no limit, before and after."""
    if wanted == 0 or (before and before <= wanted):
        return None  # a raise turns nobody away, even one to less than is in use
    entries = usage.count(snapshot)
    if entries is None:
        return "the entries in use are unknown; allow_lower (in the role conntrack_allow_lower) permits a lower max"
    if wanted > entries.entries:
        return None
    said = "%d entries are in use; with max %d new connections would be refused " % (entries.entries, wanted)
    return said + "(allow_lower, in the role conntrack_allow_lower, permits it)"


def warning(snapshot: Snapshot, before: int, wanted: int) -> str | None:
    """What comes of it where it is permitted all the same; None where nobody is known to be turned away."""
    if usage.count(snapshot) is None or refusal(snapshot, before, wanted) is None:
        return None
    return (
        "max: with %d the host refuses new connections until fewer entries are in use; a change that has to be "
        "confirmed (confirm, in the role conntrack_confirm) is undone then"
    ) % wanted
