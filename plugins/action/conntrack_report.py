# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of many hosts, made on the controller from what earlier tasks found there, or from other reports."""

from __future__ import annotations

import os
import re
import typing as t

from ansible.errors import AnsibleActionFail

from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.fleet import as_text, given, merging, of_hosts, rows, writing
from ..plugin_utils.fleet.report import FORMATS, Report, report


class ActionModule(ControllerAction):
    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]] = {
        **{name: {"type": "path"} for name in FORMATS},
        "hosts": {"type": "list", "elements": "str"},
        "facts_result": {"type": "str"},
        "table_result": {"type": "str"},
        "merge": {"type": "list", "elements": "raw"},
        "artifact": {"type": "bool", "default": False},
        "title": {"type": "str", "default": "Connection tracking"},
        "time": {"type": "str"},
        "mask_addresses": {"type": "bool", "default": False},
        "rows": {"type": "int", "default": as_text.ROWS},
        "mode": {"type": "raw", "default": "0640"},
        "validate_only": {"type": "bool", "default": False},
    }

    def made(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        mode = _mode(arguments["mode"])
        _check_paths(arguments)
        if arguments["validate_only"]:
            return {"changed": False}
        merged: dict[str, t.Any] = {}
        if arguments["merge"] is None:
            made = report(_rows(task_vars, arguments), *_head(arguments))
        else:
            made, merged = self._merged(arguments)
        result: dict[str, t.Any] = {
            "report": as_text.lines(made, arguments["rows"]),
            "totals": made.totals,
            "well": made.well,
            **self._written(made, arguments, mode),
            **merged,
        }
        if arguments["artifact"]:
            result["artifact"] = merging.artifact(made)
        return result

    def _merged(self, arguments: t.Mapping[str, t.Any]) -> tuple[Report, dict[str, t.Any]]:
        parts = []
        for number, source in enumerate(arguments["merge"], 1):
            try:
                parts.append(merging.read(source))
            except merging.NotAReport as error:
                name = source if isinstance(source, str) else "number %d of them" % number
                raise AnsibleActionFail(
                    "merge: %s is no report: %s; allowed: artifacts, or paths of JSON reports, of this module"
                    % (name, error)
                ) from None
        if not parts:
            raise AnsibleActionFail("merge: there has to be a report to merge, and this is an empty list")
        found = merging.merge(parts, *_head(arguments), hosts=arguments["hosts"] or ())
        told = {"left_off": found.left_off, "missing": found.missing, "unnamed": found.unnamed}
        return found.report, told

    def _written(self, made: Report, arguments: t.Mapping[str, t.Any], mode: int) -> dict[str, t.Any]:
        """What of the result is about files. One that cannot be written keeps neither the others nor the table back."""
        files, faults = [], []
        for name, path in _paths(arguments).items():
            try:
                changed = writing.write(path, FORMATS[name](made), mode, pretend=bool(self._task.check_mode))
            except OSError as error:
                faults.append("%s: %s cannot be written: %s" % (name, path, error.strerror))
            else:
                files.append({"format": name, "path": path, "changed": changed})
        told: dict[str, t.Any] = {"files": files, "changed": any(file["changed"] for file in files)}
        if faults:
            told.update(failed=True, msg="; ".join(faults))
        return told


def _paths(arguments: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {name: arguments[name] for name in FORMATS if arguments[name]}


def _check_paths(arguments: t.Mapping[str, t.Any]) -> None:
    if not (arguments["prometheus"] or ".prom").endswith(".prom"):
        raise AnsibleActionFail(
            "prometheus: %s has to end in .prom; a node exporter reads no other file" % arguments["prometheus"]
        )
    named: dict[str, str] = {}
    for name, path in _paths(arguments).items():
        other = named.setdefault(os.path.realpath(path), name)
        if other != name:
            raise AnsibleActionFail(
                "%s: %s is named twice, by %s too; each format needs a file of its own" % (name, path, other)
            )


def _mode(value: t.Any) -> int:
    """As ansible.builtin.copy takes it: a text is octal; a number is what YAML has made of 0640."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if number and 0 <= value <= 0o777:
        return value
    if number or not re.fullmatch("0?[0-7]{3}", str(value)):
        raise AnsibleActionFail("mode: '%s' is not an octal mode such as '0640'" % (value,))
    return int(str(value), 8)


def _head(arguments: t.Mapping[str, t.Any]) -> tuple[str, str | None, bool]:
    return given.text(arguments["title"]) or "", given.text(arguments["time"]), arguments["mask_addresses"]


def _rows(task_vars: t.Mapping[str, t.Any], arguments: t.Mapping[str, t.Any]) -> t.Iterator[rows.Row]:
    for host, found in of_hosts.variables(task_vars, arguments["hosts"]):
        gathered, looked = (found.get(arguments[name] or "") for name in ("facts_result", "table_result"))
        yield rows.row(host, of_hosts.facts(found), gathered, looked)
