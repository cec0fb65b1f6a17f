# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One that holds connection tracking on a host, or is worth knowing before it goes."""

from __future__ import annotations

import typing as t

RULE = "rule"
MODULE = "module"
REFERENCE = "reference"
CONNECTIONS = "connections"
CHAIN = "chain"
HELPER = "helper"
WORKING = "working_helper"
CONTAINER = "container"
NOTE = "note"
UNREAD = "unread"


class Holder(t.NamedTuple):
    """``needs``: it stands in the way; the others are leftovers, or only worth knowing.

    ``name`` says what it is and ``evidence`` quotes it; ``breaks`` is what would break without tracking, ``change``
    what the operator would have to change. ``namespace`` is None in that of whoever read the snapshot.
    """

    kind: str
    name: str
    evidence: str
    breaks: str
    change: str
    needs: bool
    namespace: str | None = None
    brought_back_by: str | None = None
