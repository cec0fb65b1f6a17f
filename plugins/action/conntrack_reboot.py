# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots a host by its shell, and waits until it is back and as healthy as before."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils.hosts.shell_answer import Unanswered
from ..plugin_utils import rebooting
from ..plugin_utils.shell_connection import ShellConnection

ARGUMENTS = {"timeout": {"type": "int", "default": 600}}
# Where a host goes down without a word, ssh would wait for the end of a command for hours.
_GIVES_UP = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
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
        # What a host says is data, never a template, whichever ansible-core this is.
        return t.cast("dict[str, t.Any]", wrap_var(result))
