# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a host end as an earlier task of it ended whose outcome was passed over, so that more could be done first."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ..plugin_utils.fleet import given, statuses
from ..plugin_utils.fleet.rows import complaint

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "of": {"type": "list", "elements": "str", "required": True},
    "fail_on": {"type": "list", "elements": "str", "choices": sorted(statuses.VERDICTS), "default": []},
}


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        results = [given.mapping((task_vars or {}).get(name)) for name in arguments["of"]]
        for result in results:
            if result.get("unreachable"):
                # Whatever action says so, Ansible takes the host for unreachable, in the exit status too.
                raise AnsibleConnectionFailure("as above: %s" % complaint(result))
        told = next(_failures(results, arguments["fail_on"]), None)
        if told is None:
            return {"changed": False}
        # What a host said is data, never a template, whichever ansible-core this is.
        return t.cast("dict[str, t.Any]", wrap_var({"changed": False, "failed": True, "msg": told}))


def _failures(results: t.Sequence[t.Mapping[t.Any, t.Any]], fail_on: t.Collection[str]) -> t.Iterator[str]:
    for result in results:
        if result.get("failed"):
            yield "as above: %s" % complaint(result)
    for result in results:
        facts = given.mapping(given.mapping(result.get("ansible_facts")).get("conntrack"))
        verdict = given.mapping(facts.get("verdict"))
        if verdict.get("status") in fail_on:
            yield "%s: %s" % (verdict["status"], given.text(verdict.get("summary")))
