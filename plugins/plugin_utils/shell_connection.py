# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script over a connection of Ansible: by a POSIX shell on the other side, in one command.

Where the connection can hand data to a command, the command is a shell that reads the script from its input: no limit
to its length, no terminal in between, nothing in the list of processes. A su, and a sudo that insists on a terminal,
leave only the command line for it.
"""

from __future__ import annotations

import os
import re
import shlex
import typing as t

from ..module_utils.hosts import shell_answer, shell_quoting

# A shell that reads all of a script before it begins; a script that breaks off is an error of syntax and does nothing.
_FROM_INPUT = 'eval "$(cat)"'
# A command is one argument of the remote shell: 128 KiB at most (execve(2)), and every become quotes it once more.
_LONGEST = 90_000
_PIECE = 24_000
_NO_TERMINAL = re.compile(r"\btty\b|\bterminal\b|\bttyname\b", re.IGNORECASE)


class ShellConnection:
    """``action`` is the action plugin whose connection, become and environment are used."""

    def __init__(self, action: t.Any) -> None:
        self._action = action
        self._by_input = _takes_input(action._connection)
        environment: dict[str, t.Any] = {}
        action._compute_environment_string(environment)
        self._setting = "".join(
            "export %s=%s\n" % (name, shell_quoting.word(str(value))) for name, value in environment.items()
        )
        self.last: dict[str, t.Any] = {}

    def send(self, script: str) -> bytes:
        """What the script printed, with whatever stood before and after it. Raises AnsibleConnectionFailure."""
        script = self._setting + script
        if self._by_input:
            answer = self._run(_FROM_INPUT, shell_answer.data(script))
            if not (self.last["rc"] and _NO_TERMINAL.search(self.complaint())):
                return answer
            self._by_input = False
        if len(shlex.quote(shlex.quote(script))) > _LONGEST:
            script = self._upload(script)
        return self._run(script)

    def complaint(self) -> str:
        """What the last command said beside its answer, as far as it is short, with its exit status."""
        said = (self.last.get("stderr") or self.last.get("stdout") or "").strip().splitlines()
        told = "; ".join(line.strip() for line in said if line.strip())
        return "exit status %s%s" % (self.last.get("rc"), ": " + told[:500] if told else "")

    def _run(self, command: str, data: bytes | None = None) -> bytes:
        self.last = self._action._low_level_execute_command(command, in_data=data)
        return shell_answer.data(self.last["stdout"])

    def _upload(self, script: str) -> str:
        """A command that runs a script which was brought over in pieces, in a file for its eyes only."""
        name = ".netops-conntrack-%s~" % os.urandom(16).hex()
        somewhere = "for f in /dev/shm /run /tmp /var/tmp; do f=$f/" + name
        making = somewhere + '; (set -C; : >"$f") 2>/dev/null && break; done'
        finding = somewhere + '; [ -f "$f" ] && break; done'
        data = shell_answer.data(script)
        for start in range(0, len(data), _PIECE):
            printing = shell_quoting.printing(shell_answer.text(data[start : start + _PIECE]))
            self._run('umask 077; %s; { %s; } >>"$f"' % (finding if start else making, printing))
        return '%s; eval "$(cat "$f"; rm -f "$f")"' % finding


def _takes_input(connection: t.Any) -> bool:
    become = connection.become
    # Before 2.19 su has no mark of its own.
    through = become is None or (getattr(become, "pipelining", True) and become.name != "su")
    return bool(connection.has_pipelining and through)
