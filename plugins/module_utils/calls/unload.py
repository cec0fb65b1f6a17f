# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_unload: its options, and what it does with them on any host."""

from __future__ import annotations

import os
import typing as t

from ..planners import health, keep_off, last_change, rollback, unloading
from ..planners.record import Unusable
from ..planners.wanted import Invalid
from . import watching
from .returned import Returned, refused, returned

CHANGES = True
ARGUMENTS: dict[str, t.Any] = {
    "when": {"type": "str", "choices": ["now", "boot"], "default": "now"},
    "helpers_only": {"type": "bool", "default": False},
    "iptables_modules": {"type": "list", "elements": "str"},
    "modules_load": {"type": "list", "elements": "path", "default": []},
    "deny": {"type": "str", "choices": list(keep_off.DENY), "default": keep_off.NONE},
    "confirm": {"type": "int", "default": 0},
    "confirm_token": {"type": "str", "no_log": False},
    "change": {"type": "str"},
    "watch": {"type": "int", "default": 0},
    "backup": {"type": "bool", "default": False},
}
CONSTRAINTS: dict[str, t.Any] = {}


def call(host: t.Callable[[], t.Any], params: t.Mapping[str, t.Any], check: bool) -> Returned:
    """``host`` gives the host when it is needed; its ``backups`` are the copies kept, by the path of the file."""
    listed, watch = params["iptables_modules"], params["watch"]
    options = keep_off.Options(
        params["helpers_only"],
        None if listed is None else tuple(listed),
        tuple(params["modules_load"]),
        params["deny"],
    )
    try:
        last_change.check(params["change"])
        health.check_seconds(watch)
        confirm = rollback.asked(params["confirm"], params["confirm_token"], os.urandom(8).hex())
        there = host()
        result = unloading.apply(there, params["when"], options, check, confirm, params["change"], watch > 0)
    except (keep_off.Refused, Invalid, Unusable, rollback.Refused) as error:
        return refused(error, CHANGES)
    done = not (result.refusal or result.failures)
    values = {
        "changed": result.changed,
        **result.values,
        "backup_files": there.backups,
        **rollback.told(confirm, result.trial, check, done),
    }
    if result.refusal:
        values["refused"] = True
    failure = None if done else result.refusal or "not as planned: " + "; ".join(result.failures)
    if done and watch and result.live and not result.trial and not check:
        found = watching.watch(there, watch, result.verdict, {})
        values["health"] = found.told(watch)
        failure = found.failure
    return returned(values, result.warnings, failure)
