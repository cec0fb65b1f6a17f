# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the Python of a host runs our modules: known before they are brought there, or from how they failed."""

from __future__ import annotations

import re
import typing as t

from ansible import constants as C
from ansible.module_utils import basic

from ..module_utils.hosts import shell_quoting

# What our own files need.
_OURS = (3, 8)


def least(told: t.Any) -> tuple[int, ...]:
    """The oldest Python for our modules, given what ansible-core tells of its own; up to 2.16 that is no version."""
    return max(_OURS, told) if isinstance(told, tuple) else _OURS


LEAST = least(getattr(basic, "_PY_MIN", None))

_ANSWER = re.compile(r"netops-conntrack-python (\d+)\.(\d+) ([^\r\n]*)")
# A path that means nothing but itself, as it is going to be a variable of Ansible.
_PLAIN = re.compile(r"/[A-Za-z0-9_./+-]+")
# Nothing is imported: whether the host has what modules of Ansible need of the standard library shows when one runs.
_ASKING = "import sys; print('netops-conntrack-python %d.%d %s' % (sys.version_info[:2] + (sys.argv[1],)))"
# What a Python says that is too old or not whole, before any of our code has run.
_OF_NO_USE = re.compile(r"requires (?:a minimum of )?Python|SyntaxError|No module named|future feature annotations")
# The shell's own words for a command that cannot be run or is not there.
_NOT_RUN = (126, 127)
_NO_PLACE = re.compile(r"[Ff]ailed to create temporary directory|No space left|Read-only file system|transfer file")


def look(action: t.Any, variables: t.Mapping[str, t.Any]) -> str | None:
    """Where the first Python of Ansible's list is, if it is one for our modules; empty where that is an odd place.

    Asks the host, in one command.
    """
    names = C.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=variables)
    words = " ".join(shell_quoting.word(name) for name in names)
    trying = 'f=$(command -v "$p" 2>/dev/null) || continue; "$f" -ISc %s "$f" 2>/dev/null; break' % shell_quoting.word(
        _ASKING
    )
    asking = "for p in %s; do %s; done" % (words, trying)
    found = _ANSWER.search(action._low_level_execute_command(asking, sudoable=False)["stdout"])
    if not found or (int(found.group(1)), int(found.group(2))) < LEAST:
        return None
    return found.group(3) if _PLAIN.fullmatch(found.group(3)) else ""


def is_of_no_use(result: t.Mapping[str, t.Any]) -> bool:
    """Whether a module failed because it could not even begin."""
    if not result.get("failed"):
        return False
    said = str(result.get("msg", ""))
    if "module_stderr" not in result:
        return said.startswith(("ansible-core requires", "Ansible requires"))
    told = "%s\n%s" % (result["module_stderr"], result.get("module_stdout"))
    return result.get("rc") in _NOT_RUN or bool(_OF_NO_USE.search(told))


def is_no_place(error: Exception) -> bool:
    """Whether a module could not be put anywhere on the host."""
    return bool(_NO_PLACE.search(str(error)))
