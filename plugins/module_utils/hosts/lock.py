# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: a flock(2) that a run holds from before its first read to its end, however that comes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import typing as t

# Directories in which only root can make a file: nobody else can hold the lock. Old systems have no /run.
FOLDERS = ("/run", "/var/run")
NAME = "netops-conntrack.lock"
_PAUSE = 0.05


class Busy(Exception):
    """Another run did not end in time; the message is for people."""


def take(root: str, seconds: float) -> t.BinaryIO | None:
    """The lock file, locked until it is closed; None where there can be no lock. Raises Busy.

    Where no directory takes a lock file, as on a read-only system, there is none and the run goes on: a file that
    another run changed meanwhile is noticed before it is replaced.
    """
    for folder in FOLDERS:
        try:
            descriptor = os.open(os.path.join(root + folder, NAME), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
        stream = os.fdopen(descriptor, "r+b", buffering=0)
        if _locked(stream, seconds):
            with contextlib.suppress(OSError):
                stream.truncate(0)
                stream.write(b"%d\n" % os.getpid())
            return stream
        stream.close()
    return None


def _locked(stream: t.BinaryIO, seconds: float) -> bool:
    """False where this file system knows no locks. Raises Busy."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                return False
        if time.monotonic() >= end:
            raise busy(seconds, _holder(stream))
        time.sleep(_PAUSE)


def busy(seconds: float, holder: str) -> Busy:
    """``holder`` is what the lock says of who holds it: a process number, if it says anything."""
    who = " (process %s)" % holder.strip() if holder.strip().isdigit() else ""
    return Busy(
        "another run of netops.conntrack%s is at work on this host and did not end within %d seconds; "
        "nothing was changed, run again when it has ended" % (who, seconds)
    )


def _holder(stream: t.BinaryIO) -> str:
    try:
        stream.seek(0)
        return stream.read(32).decode("ascii", "replace")
    except OSError:
        return ""
