# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which hosts of a play left the state that is wanted of them. It runs on the controller only."""

from __future__ import annotations

import typing as t

from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.fleet import as_text, drift_report, of_hosts, statuses
from ..plugin_utils.fleet.drifting import DRIFTED, find


class ActionModule(ControllerAction):
    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]] = {
        "facts_result": {"type": "str", "required": True},
        "settings_result": {"type": "str", "required": True},
        "rows": {"type": "int", "default": as_text.ROWS},
    }

    def made(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        found = [
            find(
                host,
                of_hosts.facts(known),
                known.get(arguments["facts_result"]),
                known.get(arguments["settings_result"]),
            )
            for host, known in of_hosts.variables(task_vars)
        ]
        return {
            "changed": False,
            "drifted": [row.host for row in found if row.state == DRIFTED],
            "unknown": [row.host for row in found if row.state in (statuses.FAILED, statuses.UNREACHABLE)],
            "hosts": [row._asdict() for row in drift_report.ordered(found)],
            "totals": drift_report.totals(found),
            "report": drift_report.lines(found, arguments["rows"]),
            "artifact": drift_report.artifact(found),
        }
