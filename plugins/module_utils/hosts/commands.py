# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that a command does: loading and unloading a module, an empty chain of nftables, a script of its own."""

from __future__ import annotations

import contextlib
import errno
import time
import typing as t

from ..plan import Outcome, Step, module_of

Run = t.Callable[[t.Sequence[str], int], t.Tuple[int, bytes, bytes]]

_SECONDS = 30
# nftables gives its references back a moment after its command has ended (nf_tables_trans_destroy_work), and so does a
# process that ends.
_TRIES, _PAUSE = 10, 0.2


def refusal(run: Run | None, argv: t.Sequence[str], seconds: int = _SECONDS) -> str | None:
    """What a command said when it failed; None where it did its work. Raises OSError where there is no such command."""
    if run is None:
        raise OSError(errno.ENOSYS, "no commands are run here")
    status, output, errors = run(argv, seconds)
    said = (output + errors).decode("utf-8", "replace").strip()
    return None if status == 0 else said or "%s: exit status %d" % (argv[0], status)


def said(run: Run | None, argv: t.Sequence[str]) -> str:
    """What a command printed. Raises OSError where it failed."""
    if run is None:
        raise OSError(errno.ENOSYS, "no commands are run here")
    status, output, errors = run(argv, _SECONDS)
    if status:
        raise OSError(errno.EIO, errors.decode("utf-8", "replace").strip() or "exit status %d" % status)
    return output.decode("utf-8", "replace")


def load(run: Run | None, step: Step) -> Outcome:
    complaint = refusal(run, ("modprobe", "--", *(step.after or "").split()))
    if complaint:
        return Outcome(step, "ENODEV", complaint)
    # What udev's rules set when a module is loaded must not come after what the next steps set.
    with contextlib.suppress(OSError, TimeoutError):
        refusal(run, ("udevadm", "settle", "--timeout=10"))
    return Outcome(step)


def unload(run: Run | None, step: Step) -> Outcome:
    """By rmmod, which takes this one module and fails where it is in use; modprobe -r would take others with it."""
    complaint = None
    for turn in range(_TRIES):
        if turn:
            time.sleep(_PAUSE)
        complaint = refusal(run, ("rmmod", module_of(step.path)))
        if complaint is None or "in use" not in complaint:
            break
    return Outcome(step, "EBUSY", complaint) if complaint else Outcome(step)


def added(step: Step) -> str:
    """What nft is told to bring a chain back; its table is gone too where the host was booted since."""
    family, table, _name = step.path.split(" ")
    return "add table %s %s; add chain %s %s" % (family, table, step.path, step.after)


def chain(run: Run | None, step: Step) -> Outcome:
    """nft deletes a chain with all that is in it, so what is there must be what was read."""
    if step.after is not None:
        complaint = refusal(run, ("nft", added(step)))
        return Outcome(step, "ENODEV", complaint) if complaint else Outcome(step)
    family, table, name = step.path.split(" ")
    shown = said(run, ("nft", "list", "chain", family, table, name))
    if shown.split() != ("table %s %s { chain %s %s }" % (family, table, name, step.before)).split():
        return Outcome(step, "ESTALE", "nft %s changed after it was read; it was not deleted" % step.path)
    complaint = refusal(run, ("nft", "delete", "chain", family, table, name))
    return Outcome(step, "EBUSY", complaint) if complaint else Outcome(step)


def start(run: Run | None, step: Step, script: str, systemd: bool) -> Outcome:
    # Under systemd a unit of its own: logind may end what a session leaves behind.
    argv: tuple[str, ...] = ("systemd-run", "--quiet", "--collect", "sh", script)
    if not systemd:
        argv = ("sh", "-c", 'setsid sh "$0" </dev/null >/dev/null 2>&1 &', script)
    complaint = refusal(run, argv)
    return Outcome(step, "EIO" if complaint else None, complaint)
