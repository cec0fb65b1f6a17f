# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module is brought to a host: as a module of Ansible, by the host's Python, or from here, by its shell.

The variable conntrack_transport says which; by itself it is Python wherever the modules of this ansible-core run.
"""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ..module_utils.hosts.remote import RemoteHost
from . import host_python, misspelling, python_call, shell_call

AUTO, PYTHON, SHELL = "auto", "python", "shell"
CHOICES = (AUTO, PYTHON, SHELL)
VARIABLE = "conntrack_transport"
_ROLE = "netops.conntrack.conntrack"
# The fact that tells later tasks what served: each host's name and its transport.
FACT = "conntrack_transports"

# The same within one task: loops, and the run that confirms.
_served: dict[str, str] = {}
# Where Python was found on a host, empty where its path is not safe to name. Ansible's own discovery may find another.
_pythons: dict[str, str] = {}


class TransportAction(ActionBase):
    """``CALLED`` is the file of the module's call in module_utils/calls, ``HOST`` the host that it needs."""

    CALLED: t.Any = None
    HOST: type[RemoteHost] = RemoteHost

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        said = "; ".join(misspelling.told(load_extra_vars(self._loader)))
        # Nobody but the role reads these variables, and what is given with -e is for it. Others may be the site's own.
        if said and self.CALLED.CHANGES and self._task._role and self._task._role.get_name() == _ROLE:
            said = "nothing was changed: %s. A variable of your own has to have a name less like it" % said
            return {"changed": False, "failed": True, "refused": True, "msg": said}
        # Shown once for all hosts that have it.
        for said in misspelling.told(task_vars or {}):
            self._display.warning(said + "; it counts for nothing here")
        return self.call(self._task.args, task_vars or {})

    def call(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The module's result, with the transport that served."""
        variables = self._variables(task_vars)
        wanted = self._templar.template(variables.get(VARIABLE, AUTO))
        if wanted not in CHOICES:
            raise AnsibleActionFail("%s: '%s' is not one of %s" % (VARIABLE, wanted, ", ".join(CHOICES)))
        if wanted != AUTO:
            return self._call_by(wanted, arguments, task_vars)
        host = self._host(task_vars)
        facts = (task_vars.get("ansible_facts") or {}).get(FACT) or {}
        known = _served.get(host) or facts.get(host)
        result = (
            self._call_by(SHELL, arguments, task_vars)
            if known == SHELL
            else self._call_by_either(host, arguments, task_vars, variables)
        )
        _served[host] = result["transport"]
        if facts.get(host) != result["transport"]:
            result["ansible_facts"] = {**result.get("ansible_facts", {}), FACT: {**facts, host: result["transport"]}}
        return result

    def _call_by_either(
        self, host: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any], variables: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        if host not in _pythons and not self._named_python(variables):
            found = host_python.look(self, variables)
            if found is None:
                return self._call_by(SHELL, arguments, task_vars)
            _pythons[host] = found
        try:
            result = self._call_by(PYTHON, arguments, task_vars)
        except AnsibleError as error:
            if not host_python.is_no_place(error):
                raise
        else:
            if not host_python.is_of_no_use(result):
                return result
        return self._call_by(SHELL, arguments, task_vars)

    def _call_by(self, transport: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if transport == SHELL:
            return {**shell_call.run(self, self.CALLED, arguments, self.HOST), "transport": SHELL}
        python = _pythons.get(self._host(task_vars))
        result = python_call.run(self, arguments, task_vars, self._variables(task_vars), python)
        return {**result, "transport": PYTHON}

    def _host(self, task_vars: t.Mapping[str, t.Any]) -> str:
        """The name of the one that the task is for."""
        return str(self._task.delegate_to or task_vars.get("inventory_hostname", ""))

    def _variables(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Those of the host that the task is for."""
        delegated = (task_vars.get("ansible_delegated_vars") or {}).get(self._task.delegate_to) or {}
        return {**task_vars, **delegated}

    def _named_python(self, variables: dict[str, t.Any]) -> bool:
        """Whether it is known which Python there is: somebody named it, or Ansible found it before."""
        named = C.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        found = (variables.get("ansible_facts") or {}).get("discovered_interpreter_python")
        return bool(found) or not str(self._templar.template(named) or AUTO).startswith(AUTO)
