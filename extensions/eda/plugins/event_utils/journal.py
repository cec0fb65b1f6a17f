# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line of ``journalctl --output=json``: a finding where the kernel says in it that the table is full."""

from __future__ import annotations

import datetime
import json
import typing as t

from ansible_collections.netops.conntrack.plugins.module_utils.formats import kernel_log

from . import host_names
from .finding import FULL, Finding

_NO_CLOCK = kernel_log.Clock(None, 0, None)


def read(line: bytes) -> Finding | None:
    """Raises host_names.Refused for the name of a host that is none."""
    # Most of a kernel log is about something else, and need not be taken apart.
    if b"table full" not in line:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    # Fields with an underscore are journald's own: no program can write one.
    if not isinstance(entry, dict) or entry.get("_TRANSPORT") != "kernel":
        return None
    full = _full(entry.get("MESSAGE"))
    if full is None:
        return None
    host = host_names.host_of(entry.get("_HOSTNAME"))
    return Finding(host, FULL, None, "journal", full.text, _time(entry.get("__REALTIME_TIMESTAMP")))


def _full(message: t.Any) -> kernel_log.Event | None:
    if not isinstance(message, str):
        return None
    events = kernel_log.read(message.partition("\n")[0], _NO_CLOCK).events
    return next((event for event in events if event.kind == "table_full"), None)


def _time(microseconds: t.Any) -> str | None:
    try:
        moment = datetime.datetime.fromtimestamp(int(microseconds) / 1e6, datetime.timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
