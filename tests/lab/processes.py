# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of host does with the process that it is: tell it from another, end it, wait for its sshd.

A process is known by its number and the moment it started (field 22 of /proc/PID/stat, proc(5)): numbers come
round again.
"""

from __future__ import annotations

import os
import signal
import socket
import time

from state import LabError

END_SECONDS = 30
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def born(pid):
    """When a process started, in ticks since boot; None for one that is gone or only a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


def alive(record):
    """Whether the very process on record still runs (its number may have passed to another by now)."""
    return bool(record.get("pid")) and born(record["pid"]) == record["born"]


def end(record, name, companion=lambda record: False):
    """Kill the process on record and wait for it, and for a companion that ends by itself when it is gone."""
    if not alive(record):
        return
    os.kill(record["pid"], signal.SIGKILL)
    deadline = time.monotonic() + END_SECONDS
    while alive(record) or companion(record):
        if time.monotonic() > deadline:
            raise LabError(f"{name} (process {record['pid']}) does not end")
        time.sleep(0.01)


def wait_for_sshd(record, name, folder, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive(record):
        try:
            with socket.create_connection((record["address"], 22), timeout=0.2) as connection:
                connection.settimeout(5)
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    raise LabError(f"the sshd of {name} does not answer at {record['address']}: {tail(folder)}")


def tail(folder):
    """The end of what a host logged."""
    with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as file:
        return file.read().strip()[-2000:] or "it said nothing"
