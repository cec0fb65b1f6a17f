# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local host as an Ansible module reaches it: with AnsibleModule's ways to run commands and replace files."""

from __future__ import annotations

import errno
import os
import signal
import typing as t

from .local import LocalHost


def local_host(module: t.Any, backup: bool = False) -> LocalHost:
    """``module`` is the AnsibleModule; ``backup`` keeps a copy of each file before it is replaced."""

    def run(argv: t.Sequence[str], seconds: int) -> tuple[int, bytes, bytes]:
        late = []

        def limit(process: t.Any) -> None:
            def end(_number: int, _frame: t.Any) -> None:
                late.append(True)
                process.kill()

            signal.signal(signal.SIGALRM, end)
            signal.alarm(seconds)

        # A signal, no timer thread: beside a second thread run_command often misses the end of a command by a second.
        before = signal.getsignal(signal.SIGALRM)
        try:
            result = module.run_command(
                list(argv),
                encoding=None,
                environ_update=_environment(),
                expand_user_and_vars=False,
                handle_exceptions=False,
                before_communicate_callback=limit,
            )
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        if late:
            raise TimeoutError
        return t.cast("tuple[int, bytes, bytes]", result)

    def move(source: str, destination: str) -> None:
        def fail_json(msg: str, **_rest: t.Any) -> t.NoReturn:
            raise OSError(errno.EIO, msg)

        # atomic_move ends the whole module when it fails: an error here leaves the rest of a plan to be done and told.
        module.fail_json = fail_json
        try:
            module.atomic_move(source, destination)
        finally:
            del module.fail_json

    return LocalHost(run=run, move=move, backup=module.backup_local if backup else None)


def _environment() -> dict[str, str]:
    # English messages, and the system's tools also for a user whose PATH lacks them.
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
