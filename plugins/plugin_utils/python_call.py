# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call of a module by the host's Python, over the input of that command where nobody decided otherwise.

By itself Ansible puts a file on the host first, for the sake of a sudo that insists on a terminal: five commands
instead of one. Such a sudo says so before anything has run.
"""

from __future__ import annotations

import re
import typing as t

_PIPELINING = "pipelining"
# Ours, and what Ansible adds to them. Others that a host may return would become variables of the play.
_FACTS = ("conntrack", "discovered_interpreter_python")
# Whatever it says, it says in the language of the session.
_OF_SUDO = re.compile(r"^sudo: ", re.MULTILINE)


def run(
    action: t.Any,
    arguments: t.Mapping[str, t.Any],
    task_vars: dict[str, t.Any],
    variables: t.Mapping[str, t.Any],
    python: str | None,
) -> dict[str, t.Any]:
    """The module's result. ``variables`` are those of the host that the task is for.

    ``python`` is where it is there, None or empty where Ansible is to find out.
    """
    if python:
        task_vars = _with_python(task_vars, action._task.delegate_to, python)
    switched = _switch_on(action._connection, variables)
    result = _run(action, arguments, task_vars)
    if switched and _is_refused_by_sudo(result):
        action._connection.set_option(_PIPELINING, False)
        result = _run(action, arguments, task_vars)
    facts = result.get("ansible_facts")
    if isinstance(facts, dict):
        result["ansible_facts"] = {name: facts[name] for name in _FACTS if name in facts}
    return result


def _run(action: t.Any, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    # A copy, as it is given what Ansible tells a module beside them.
    return t.cast(
        "dict[str, t.Any]",
        action._execute_module(module_args=dict(arguments), task_vars=task_vars, wrap_async=action._task.async_val),
    )


def _with_python(task_vars: dict[str, t.Any], delegate_to: str | None, python: str) -> dict[str, t.Any]:
    named = {"ansible_python_interpreter": python}
    delegated = task_vars.get("ansible_delegated_vars") or {}
    if delegate_to in delegated:
        named["ansible_delegated_vars"] = {**delegated, delegate_to: {**delegated[delegate_to], **named}}
    return {**task_vars, **named}


def _switch_on(connection: t.Any, variables: t.Mapping[str, t.Any]) -> bool:
    """Whether it was off, and nobody had said so: no configuration, no variable."""
    become = connection.become
    # Of others it is not known that they pass on their input; su does not.
    if become is not None and become.name.rpartition(".")[2] != "sudo":
        return False
    try:
        value, origin = connection.get_option_and_origin(_PIPELINING, variables)
    except KeyError:
        return False
    if value or origin != "default":
        return False
    connection.set_option(_PIPELINING, True)
    return True


def _is_refused_by_sudo(result: t.Mapping[str, t.Any]) -> bool:
    said = result.get("module_stderr")
    return bool(result.get("failed") and said and not result.get("module_stdout") and _OF_SUDO.search(str(said)))
