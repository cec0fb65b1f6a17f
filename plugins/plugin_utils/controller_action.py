# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins have in common that do all of the work here: no module runs on the host."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var


class ControllerAction(ActionBase):
    """``ARGUMENTS`` is the argument spec of the module that has this name."""

    ARGUMENTS: t.ClassVar[dict[str, dict[str, t.Any]]] = {}

    _supports_check_mode = True
    _supports_async = False
    # No file goes to a host, and no connection is made.
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        _validated, arguments = self.validate_argument_spec(self.ARGUMENTS)
        if arguments.get("rows", 0) < 0:
            raise AnsibleActionFail("rows: must be 0 for all, or more, not %d" % arguments["rows"])
        # What a host says is data, never a template, whichever ansible-core this is.
        return t.cast("dict[str, t.Any]", wrap_var(self.made(arguments, task_vars or {})))

    def made(self, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The result, of arguments that are valid."""
        raise NotImplementedError
