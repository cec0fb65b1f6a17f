# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a host end as an earlier task of it ended whose outcome was passed over, so that more could be done first."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure

from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.fleet import given, statuses
from ..plugin_utils.fleet.failing import failures
from ..plugin_utils.fleet.rows import complaint


class ActionModule(ControllerAction):
    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]] = {
        "of": {"type": "list", "elements": "str", "required": True},
        "once": {"type": "list", "elements": "str", "default": []},
        "fail_on": {"type": "list", "elements": "str", "choices": sorted(statuses.VERDICTS), "default": []},
    }

    def made(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        first = list(task_vars.get("ansible_play_hosts") or ())[:1]
        once = arguments["once"] if task_vars.get("inventory_hostname") in first else []
        results = [given.mapping(task_vars.get(name)) for name in (*arguments["of"], *once)]
        for result in results:
            if result.get("unreachable"):
                # Whatever action says so, Ansible takes the host for unreachable, in the exit status too.
                raise AnsibleConnectionFailure("as above: %s" % complaint(result))
        told = next(failures(results, arguments["fail_on"]), None)
        if told is None:
            return {"changed": False}
        return {"changed": False, "failed": True, "msg": told}
