# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what a host was like before its last change, where that change was given a name to be undone by.

A run of the same name adds to it. Any other change takes it away, as what it holds is then no longer the way back. The
record of the first state is among the files in it: where the change is undone, that knows nothing of it either.
"""

from __future__ import annotations

import json
import re
import typing as t

from ..formats.record_file import LAST_CHANGE
from ..plan import FILE, Step
from ..snapshot import Snapshot
from . import record
from .record import Original, Unusable
from .wanted import Invalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def check(name: str | None) -> None:
    """Raises Invalid for a name that is not allowed."""
    if name is not None and not _NAME.match(name):
        allowed = "up to 64 letters, digits, dots, dashes and underscores, the first a letter or a digit"
        raise Invalid("change: '%s' is no name; allowed: %s" % (name, allowed))


def read(snapshot: Snapshot, name: str) -> dict[str, Original]:
    """Path to what was there before the change of this name; empty where the last was another. Raises Unusable."""
    rows = record.read(snapshot, LAST_CHANGE)
    return rows if rows and _named(snapshot) == name else {}


def missing(snapshot: Snapshot, name: str) -> str | None:
    """Why a change of this name cannot be undone here; None where it can."""
    known = _named(snapshot)
    if known == name:
        return None
    why = "it has been undone, it was not made here, or another change came after it"
    last = "; the last change on record is %s" % known if known else ""
    return "change: %s is not on record here, so nothing is undone: %s%s" % (name, why, last)


def step(snapshot: Snapshot, steps: t.Sequence[Step], name: str | None) -> Step | None:
    """The step that records what these steps are about to change; None where that is on record, or nothing changes."""
    if not steps:
        return None
    if name is None:
        return forget(snapshot)
    try:
        known = read(snapshot, name)
    except Unusable:
        # It is no way back any more, and this change begins a new one.
        known = {}
    rows = record.merge(snapshot, known, steps)
    return None if rows == known else _write(snapshot, rows, name)


def forget(snapshot: Snapshot, paths: t.Collection[str] | None = None) -> Step | None:
    """The step that takes paths off the record, or all of it away; None where there is none."""
    if not snapshot.exists(LAST_CHANGE):
        return None
    rows = record.read(snapshot, LAST_CHANGE) if paths is not None else {}
    return _write(snapshot, {path: row for path, row in rows.items() if path not in (paths or ())}, _named(snapshot))


def _named(snapshot: Snapshot) -> str | None:
    try:
        name = json.loads(snapshot.text(LAST_CHANGE) or "")["change"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return name if isinstance(name, str) else None


def _write(snapshot: Snapshot, rows: t.Mapping[str, Original], name: str | None) -> Step:
    text = record.text_of(rows, change=name)
    return Step(FILE, LAST_CHANGE, snapshot.text(LAST_CHANGE), text, "so that this change can be undone", mode=0o600)
