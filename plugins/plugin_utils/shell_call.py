# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of a module, made on the controller for a host that has a POSIX shell and maybe nothing else."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils.calls.returned import Returned
from ..module_utils.hosts.lock import Busy
from ..module_utils.hosts.remote import RemoteHost, Stale
from ..module_utils.hosts.shell_answer import Unanswered
from .shell_connection import ShellConnection

# How often a plan is made anew because the host changed meanwhile.
_TRIES = 3
# What a host says is data, never a template: up to ansible-core 2.18 only what says so of itself is none.
_TEXTS_ARE_TEMPLATES = hasattr(wrap_var(""), "__UNSAFE__")


class Invalid(Exception):
    """An option that is none, or a value that it does not take."""


def run(
    action: t.Any, called: t.Any, arguments: t.Mapping[str, t.Any], kind: type[RemoteHost] = RemoteHost
) -> dict[str, t.Any]:
    """The result of the module whose call is the file ``called``, as AnsibleModule would give it.

    ``kind`` is the host that the call needs.

    Raises AnsibleError where the host does not answer, AnsibleConnectionFailure where it cannot be reached.
    """
    if action._task.async_val:
        raise AnsibleActionFail("async: needs Python on the host, and this task is done by its shell; leave it out")
    check = bool(action._task.check_mode)
    try:
        params = validated(called, arguments, action._task.resolved_action or action._task.action)
    except Invalid as error:
        return {"failed": True, "msg": str(error)}
    connection = ShellConnection(action)
    try:
        returned = _call(connection, called, params, check, kind)
    except Unanswered as error:
        raise AnsibleError(_unanswered(error, connection, called.CHANGES and not check)) from None
    except Busy as error:
        returned = Returned({}, failure=str(error))
    result = plain(_result(returned))
    return t.cast("dict[str, t.Any]", wrap_var(result) if _TEXTS_ARE_TEMPLATES else result)


def validated(called: t.Any, arguments: t.Mapping[str, t.Any], name: str) -> dict[str, t.Any]:
    """As AnsibleModule does it, but that a path stays as it is: it is one of the host. Raises Invalid."""
    spec = {option: _without_paths(each) for option, each in called.ARGUMENTS.items()}
    found = ArgumentSpecValidator(spec, **called.CONSTRAINTS).validate(plain(arguments))
    if found.error_messages:
        said = found.errors.msg
        if isinstance(found.errors[0], UnsupportedError):
            said = "Unsupported parameters for (%s) module: %s" % (name, said)
        raise Invalid(said)
    return t.cast("dict[str, t.Any]", found.validated_parameters)


def plain(data: t.Any) -> t.Any:
    """Without what Ansible knows of where a value is from: texts of the user's are templates otherwise."""
    return json.loads(json.dumps(data))


def _call(
    connection: ShellConnection, called: t.Any, params: dict[str, t.Any], check: bool, kind: type[RemoteHost]
) -> Returned:
    def host() -> RemoteHost:
        return kind(connection.send, called.CHANGES and not check, bool(params.get("backup")))

    path = None
    for _try in range(_TRIES):
        try:
            return t.cast(Returned, called.call(host, params, check))
        except Stale as error:
            path = error.args[0]
    return Returned({}, failure="nothing was changed: %s keeps changing while it is looked at; run again" % path)


def _result(returned: Returned) -> dict[str, t.Any]:
    result = dict(returned.values)
    if returned.failure is not None:
        result.update(failed=True, msg=returned.failure)
    if returned.warnings:
        result["warnings"] = list(returned.warnings)
    return result


def _unanswered(error: Unanswered, connection: ShellConnection, changing: bool) -> str:
    said = "the host's shell gave no whole answer: %s (%s)" % (error, connection.complaint())
    if error.begun and changing:
        said += "; what was done up to then is whole and on record, run again to go on"
    return said


def _without_paths(option: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: "str" if value == "path" else value for key, value in option.items()}
