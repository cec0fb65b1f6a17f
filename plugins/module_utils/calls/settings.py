# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings: its options, and what it does with them on any host."""

from __future__ import annotations

import os
import typing as t

from .. import sizing
from ..planners import applying, health, last_change, rollback, undoing
from ..planners.reasons import REASONS
from ..planners.record import Unusable
from ..planners.sequence import Host
from ..planners.settings import Options
from ..planners.wanted import Invalid, parse
from . import watching
from .returned import Returned, refused, returned

CHANGES = True
ARGUMENTS: dict[str, t.Any] = {
    "settings": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "restored"], "default": "present"},
    "persist": {"type": "bool", "default": True},
    "load": {"type": "bool", "default": False},
    "allow_lower": {"type": "bool", "default": False},
    "confirm": {"type": "int", "default": 0},
    "confirm_token": {"type": "str", "no_log": False},
    "change": {"type": "str"},
    "watch": {"type": "int", "default": 0},
    "memory_percent": {"type": "float", "default": 5.0},
    "peak": {"type": "int"},
    "may_skip": {"type": "list", "elements": "str", "choices": list(REASONS), "default": []},
}
CONSTRAINTS: dict[str, t.Any] = {"required_if": [("state", "present", ["settings"])]}


def call(host: t.Callable[[], Host], params: t.Mapping[str, t.Any], check: bool) -> Returned:
    """``host`` gives the host when it is needed."""
    watch = params["watch"]
    try:
        if not 0 < params["memory_percent"] <= 50:
            raise Invalid("memory_percent: %g is not above 0 and at most 50" % params["memory_percent"])
        if params["peak"] is not None and not 0 < params["peak"] <= sizing.LARGEST:
            raise Invalid("peak: %d is not a number of entries from 1 to %d" % (params["peak"], sizing.LARGEST))
        last_change.check(params["change"])
        health.check_seconds(watch)
        confirm = rollback.asked(params["confirm"], params["confirm_token"], os.urandom(8).hex())
        wanted = parse(params["settings"] or {}) if params["state"] == "present" else []
        there = host()
        if params["state"] == "restored":
            result = undoing.undo(there, params["allow_lower"], check, confirm, params["change"])
        else:
            options = Options(
                params["persist"], params["allow_lower"], params["memory_percent"], params["load"], params["peak"]
            )
            result = applying.apply(there, wanted, options, check, confirm, params["change"], watch > 0)
    except (Invalid, Unusable, rollback.Refused) as error:
        return refused(error, CHANGES)
    values = {
        "changed": result.changed,
        "settings": result.settings,
        "sizing": result.sizing,
        "steps": result.steps,
        "diff": result.diff,
        **rollback.told(confirm, result.trial, check),
    }
    if result.missing:
        values["msg"] = result.missing
    failures = []
    failed = [row for row in result.unapplied if row.reason not in params["may_skip"]]
    if failed:
        failures.append("not as asked: " + "; ".join("%s (%s): %s" % row for row in failed))
    if watch and result.live and not result.trial and not check:
        set_to = {name: row["after"] for name, row in result.settings.items()}
        found = watching.watch(there, watch, result.verdict, set_to)
        values["health"] = found.told(watch)
        failures += [found.failure] if found.failure else []
    return returned(values, result.warnings, "; ".join(failures) or None)
