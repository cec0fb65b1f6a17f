# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots a host by its shell, and waits until it is back and as healthy as before."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError

from ..module_utils.hosts.shell_answer import Unanswered
from ..plugin_utils import rebooting
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.shell_connection import ShellConnection

# Where a host goes down without a word, ssh would wait for the end of a command for hours.
_GIVES_UP = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"


class ActionModule(ControllerAction):
    _requires_connection = True
    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]] = {"timeout": {"type": "int", "default": 600}}

    def made(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if arguments["timeout"] < 1:
            raise AnsibleActionFail("timeout: must be at least 1 second, not %d" % arguments["timeout"])
        if self._connection.transport == "local":
            raise AnsibleActionFail("not rebooted: over a local connection that would be the controller itself")
        if self._task.check_mode:
            result = {"changed": True, "rebooted": False, "elapsed": 0, "failed_units": []}
            return {**result, "msg": "it would be rebooted"}
        if self._connection.transport == "ssh":
            options = "%s %s" % (self._connection.get_option("ssh_extra_args") or "", _GIVES_UP)
            self._connection.set_option("ssh_extra_args", options.strip())
        connection = ShellConnection(self)
        try:
            result = rebooting.reboot(connection.send, self._connection.reset, arguments["timeout"])
        except Unanswered as error:
            said = "the host's shell gave no whole answer: %s (%s)" % (error, connection.complaint())
            raise AnsibleError(said + ("; it may be rebooting" if error.begun else "")) from None
        return result
