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
from .lock import Busy

# A run takes seconds; one that takes this long does not end.
_WAIT_SECONDS = 60


def local_host(
    module: t.Any, backup: bool = False, reads_only: bool = False, kind: type[LocalHost] = LocalHost
) -> LocalHost:
    """``module`` is the AnsibleModule; ``backup`` keeps a copy of each file before it is replaced.

    Runs that may change something wait for each other, from here to the end of the module.
    """

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
            raise TimeoutError(errno.ETIMEDOUT, "%s: no answer within %d seconds" % (argv[0], seconds))
        return t.cast("tuple[int, bytes, bytes]", result)

    def move(source: str, destination: str) -> None:
        # No atomic_move: it renames first and then sets mode and owner, and a kill may come between the two.
        if module.selinux_enabled():
            known = os.path.exists(destination)
            context = module.selinux_context(destination) if known else module.selinux_default_context(destination)
            module.set_context_if_different(source, context, False)
        os.replace(source, destination)

    def copy(path: str) -> str:
        return t.cast(str, module.backup_local(path))

    host = kind(run=run, move=_told(module, move), backup=_told(module, copy) if backup else None)
    if not (reads_only or module.check_mode):
        try:
            host.lock(_WAIT_SECONDS)
        except Busy as error:
            module.fail_json(msg=str(error))
    return host


def finish(module: t.Any, called: t.Any, kind: type[LocalHost] = LocalHost) -> t.NoReturn:
    """Ends a module with what its call comes to; ``called`` is the file of the call, ``kind`` the host it needs."""

    def host() -> LocalHost:
        return local_host(module, bool(module.params.get("backup")), not called.CHANGES, kind)

    returned = called.call(host, module.params, module.check_mode)
    for warning in returned.warnings:
        module.warn(warning)
    if returned.failure is not None:
        module.fail_json(msg=returned.failure, **returned.values)
    module.exit_json(**returned.values)


def _told(module: t.Any, act: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """AnsibleModule ends the module where it fails, or raises what is no OSError; here the rest of a plan goes on."""

    def fail_json(msg: str, **_rest: t.Any) -> t.NoReturn:
        raise OSError(errno.EIO, msg)

    def run(*arguments: t.Any) -> t.Any:
        module.fail_json = fail_json
        try:
            return act(*arguments)
        except OSError:
            raise
        except Exception as error:
            raise OSError(errno.EIO, str(error)) from error
        finally:
            del module.fail_json

    return run


def _environment() -> dict[str, str]:
    # English messages, and the system's tools also for a user whose PATH lacks them.
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
