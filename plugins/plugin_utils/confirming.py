# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action plugin does whose module can be confirmed: it calls the module, and where its change waits for a
confirmation, gives it over a fresh connection.

Without ``confirm`` it is called once.
"""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError

from .transport import TransportAction

# How long after the end of its window a host has surely put its values back.
_SETTLED = 2


class ConfirmingAction(TransportAction):
    """``KEPT`` are keys of the result that only the first run can tell, as it saw the host before the change."""

    KEPT: tuple[str, ...] = ()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        if self._task.async_val and str(self._task.args.get("confirm") or 0) != "0":
            raise AnsibleActionFail("confirm: nobody confirms a task that runs with async; leave one of the two out")
        first = super().run(tmp, task_vars)
        # A module that failed in part may have changed something all the same.
        confirm = first.get("confirm")
        return self._confirmed(first, confirm["token"], confirm["seconds"], task_vars) if confirm else first

    def _confirmed(
        self, first: dict[str, t.Any], token: str, seconds: int, task_vars: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """The result of the run that confirms, as that of the whole task.

        It is tried until the host's window is over, and once more: by then the host can say that it undid the change.
        """
        over = time.monotonic() + seconds + _SETTLED
        arguments = {**self._task.args, "confirm_token": token}
        while True:
            last = time.monotonic() >= over
            try:
                self._connection.reset()
                second = self.call(arguments, task_vars or {})
            except AnsibleError as error:
                if last:
                    kept = {key: first[key] for key in ("transport", "warnings") if key in first}
                    return {**self._lost(seconds, error), **kept}
            else:
                return self._merged(first, second)
            time.sleep(1 if time.monotonic() < over - _SETTLED else max(0, over - time.monotonic()))

    def _lost(self, seconds: int, error: AnsibleError) -> dict[str, t.Any]:
        # Nobody is there to remove it from; trying to would turn this failure into an unreachable host.
        self._connection._shell.tmpdir = None
        said = "not confirmed: the host could not be reached over a fresh connection within %d seconds" % seconds
        said += "; it undoes the change by itself (%s)" % error
        return {"failed": True, "changed": False, "confirmed": False, "msg": said}

    def _merged(self, first: dict[str, t.Any], second: dict[str, t.Any]) -> dict[str, t.Any]:
        if not second.get("confirmed"):
            merged = {**second, "confirmed": False}
        else:
            merged = {**second, "changed": first["changed"] or second["changed"]}
            merged.update((key, first[key]) for key in self.KEPT)
        # Those of the first may say why the second came to this.
        warnings = [*first.get("warnings", ()), *second.get("warnings", ())]
        if warnings:
            merged["warnings"] = [each for number, each in enumerate(warnings) if each not in warnings[:number]]
        return merged
