# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why something that was asked for is not so: the words that results carry and may_skip takes."""

from __future__ import annotations

NOT_LOADED = "not_loaded"
UNSUPPORTED = "unsupported"
READ_ONLY = "read_only"
HOST_OWNED = "host_owned"
WOULD_LOWER = "would_lower"
OUT_OF_RANGE = "out_of_range"
NOT_PERSISTENT = "not_persistent"
CHANGED_SINCE = "changed_since"

REASONS = (
    NOT_LOADED,
    UNSUPPORTED,
    READ_ONLY,
    HOST_OWNED,
    WOULD_LOWER,
    OUT_OF_RANGE,
    NOT_PERSISTENT,
    CHANGED_SINCE,
)
