# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which hosts of a play left the state that is wanted of them. It runs on the controller only."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ..plugin_utils.fleet import as_text, drift_report, given, of_hosts
from ..plugin_utils.fleet.drifting import DRIFTED, find

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "facts_result": {"type": "str", "required": True},
    "settings_result": {"type": "str", "required": True},
    "rows": {"type": "int", "default": as_text.ROWS},
}


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False
    # No file goes to a host, and no connection is made.
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        if arguments["rows"] < 0:
            raise AnsibleActionFail("rows: must be 0 for all, or more, not %d" % arguments["rows"])
        found = [
            find(
                host,
                given.mapping(known.get("ansible_facts")).get("conntrack"),
                known.get(arguments["facts_result"]),
                known.get(arguments["settings_result"]),
            )
            for host, known in of_hosts.variables(task_vars or {})
        ]
        result = {
            "changed": False,
            "drifted": [row.host for row in found if row.state == DRIFTED],
            "hosts": [row._asdict() for row in drift_report.ordered(found)],
            "totals": drift_report.totals(found),
            "report": drift_report.lines(found, arguments["rows"]),
            "artifact": drift_report.artifact(found),
        }
        # What a host says is data, never a template, whichever ansible-core this is.
        return t.cast("dict[str, t.Any]", wrap_var(result))
