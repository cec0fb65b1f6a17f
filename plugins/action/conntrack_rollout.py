# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges a batch of a rollout, and tells what became of every host so far. It runs on the controller only."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail

from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.fleet import as_text, of_hosts
from ..plugin_utils.rollout import batch, telling
from ..plugin_utils.rollout.tried import Tried, tried


class ActionModule(ControllerAction):
    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]] = {
        "results": {"type": "list", "elements": "str", "required": True},
        "taken_back": {"type": "str"},
        "max_fail_percentage": {"type": "float", "default": 0.0},
        "playbook": {"type": "str", "default": "tune"},
        "rows": {"type": "int", "default": as_text.ROWS},
    }

    def made(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        most_failed = arguments["max_fail_percentage"]
        if not 0 <= most_failed <= 100:
            raise AnsibleActionFail("max_fail_percentage: %g is not a percentage from 0 to 100" % most_failed)
        rows = {row.host: row for row in _rows(task_vars, arguments)}
        # A host that failed otherwise is in no batch any more.
        members = [rows[host] for host in task_vars.get("ansible_play_batch") or () if host in rows]
        check = bool(self._task.check_mode)
        judged = batch.judge(members, most_failed, ends=not check and arguments["playbook"] != "restore")
        found = list(rows.values())
        left = frozenset(task_vars.get("ansible_play_hosts") or ())
        return {
            "changed": False,
            "stopped": judged.stopped,
            "take_back": list(judged.take_back),
            "well": judged.well,
            "over": batch.is_over(judged, found, left),
            "totals": telling.totals(found),
            "hosts": [row._asdict() for row in telling.ordered(found)],
            "report": telling.lines(found, judged.stopped, check, arguments["rows"]),
            "artifact": telling.artifact(arguments["playbook"], found, judged.stopped, check),
        }


def _rows(task_vars: t.Mapping[str, t.Any], arguments: t.Mapping[str, t.Any]) -> t.Iterator[Tried]:
    for host, known in of_hosts.variables(task_vars):
        results = [known.get(name) for name in arguments["results"]]
        yield tried(host, results, known.get(arguments["taken_back"] or ""))
