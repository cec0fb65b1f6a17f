# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of all hosts of a play, made on the controller from what earlier tasks found there."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ..plugin_utils.fleet import as_text, given, of_hosts, rows, writing
from ..plugin_utils.fleet.report import FORMATS, Report, report

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    **{name: {"type": "path"} for name in FORMATS},
    "hosts": {"type": "list", "elements": "str"},
    "facts_result": {"type": "str"},
    "table_result": {"type": "str"},
    "title": {"type": "str", "default": "Connection tracking"},
    "time": {"type": "str"},
    "mask_addresses": {"type": "bool", "default": False},
    "rows": {"type": "int", "default": as_text.ROWS},
    "mode": {"type": "str", "default": "0640"},
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
        mode = _mode(arguments["mode"])
        if arguments["rows"] < 0:
            raise AnsibleActionFail("rows: must be 0 for all, or more, not %d" % arguments["rows"])
        made = report(
            _rows(task_vars, arguments["hosts"], arguments["facts_result"], arguments["table_result"]),
            given.text(arguments["title"]) or "",
            given.text(arguments["time"]),
            arguments["mask_addresses"],
        )
        result: dict[str, t.Any] = {
            "report": as_text.lines(made, arguments["rows"]),
            "totals": made.totals,
            "files": [],
        }
        try:
            for name in FORMATS:
                if arguments[name]:
                    result["files"].append(self._written(made, name, arguments[name], mode))
        except OSError as error:
            # What was found out is not lost for that.
            result.update(failed=True, msg="%s: %s cannot be written: %s" % (name, arguments[name], error.strerror))
        result["changed"] = any(file["changed"] for file in result["files"])
        # What a host says is data, never a template, whichever ansible-core this is.
        return t.cast("dict[str, t.Any]", wrap_var(result))

    def _written(self, made: Report, name: str, path: str, mode: int) -> dict[str, t.Any]:
        changed = writing.write(path, FORMATS[name](made), mode, pretend=bool(self._task.check_mode))
        return {"format": name, "path": path, "changed": changed}


def _mode(text: str) -> int:
    if not re.fullmatch("0?[0-7]{3}", text):
        raise AnsibleActionFail("mode: '%s' is not an octal mode such as '0640'" % text)
    return int(text, 8)


def _rows(
    task_vars: t.Mapping[str, t.Any], hosts: t.Iterable[str] | None, facts_result: str | None, table_result: str | None
) -> t.Iterator[rows.Row]:
    for host, found in of_hosts.variables(task_vars, hosts):
        facts = given.mapping(found.get("ansible_facts")).get("conntrack")
        yield rows.row(host, facts, found.get(facts_result or ""), found.get(table_result or ""))
