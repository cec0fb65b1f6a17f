# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a batch of a rollout, and tells what became of every host so far. It runs on the controller only."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ..plugin_utils.fleet import as_text, of_hosts
from ..plugin_utils.rollout import batch, telling
from ..plugin_utils.rollout.tried import NOT_TRIED, Tried, tried

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "results": {"type": "list", "elements": "str", "required": True},
    "taken_back": {"type": "str"},
    "max_fail_percentage": {"type": "float", "default": 0.0},
    "playbook": {"type": "str", "default": "tune"},
    "rows": {"type": "int", "default": as_text.ROWS},
}


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False
    # No file goes to a host, and no connection is made.
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        most_failed = arguments["max_fail_percentage"]
        if not 0 <= most_failed <= 100:
            raise AnsibleActionFail("max_fail_percentage: %g is not a percentage from 0 to 100" % most_failed)
        if arguments["rows"] < 0:
            raise AnsibleActionFail("rows: must be 0 for all, or more, not %d" % arguments["rows"])
        rows = {row.host: row for row in _rows(task_vars, arguments)}
        # A host that failed otherwise is in no batch any more.
        members = [rows[host] for host in task_vars.get("ansible_play_batch") or () if host in rows]
        judged = batch.judge(members, most_failed)
        found = list(rows.values())
        # Nobody waits for those that failed before the rollout.
        left = frozenset(task_vars.get("ansible_play_hosts") or ())
        check = bool(self._task.check_mode)
        result = {
            "changed": False,
            "stopped": judged.stopped,
            "take_back": list(judged.take_back),
            "over": bool(judged.stopped) or not any(row.outcome == NOT_TRIED and row.host in left for row in found),
            "totals": telling.totals(found),
            "hosts": [row._asdict() for row in telling.ordered(found)],
            "report": telling.lines(found, judged.stopped, check, arguments["rows"]),
            "artifact": telling.artifact(arguments["playbook"], found, judged.stopped, check),
        }
        # What a host says is data, never a template, whichever ansible-core this is.
        return t.cast("dict[str, t.Any]", wrap_var(result))


def _rows(task_vars: t.Mapping[str, t.Any], arguments: t.Mapping[str, t.Any]) -> t.Iterator[Tried]:
    for host, known in of_hosts.variables(task_vars):
        results = [known.get(name) for name in arguments["results"]]
        yield tried(host, results, known.get(arguments["taken_back"] or ""))
