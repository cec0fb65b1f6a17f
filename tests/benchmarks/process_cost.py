# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_cost.py FILE COMMAND...: runs a command, and writes what it and all that it started cost, as JSON.

"wall" is seconds from its start to its end, "processor" the seconds, user and system, of its whole tree of processes.
Ansible leaves an ssh for each host in the background: as the subreaper (prctl(2)) this process is their parent then,
ends them, and so knows what they used. The next run opens its connections anew.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main(file, command):
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    began = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    wall = time.monotonic() - began
    for pid in children():
        os.kill(pid, signal.SIGTERM)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(file, "w", encoding="ascii") as costs:
        json.dump({"wall": wall, "processor": used.ru_utime + used.ru_stime}, costs)
    return status


def children():
    """The processes whose parent is this one (proc(5), stat: the second field behind the name)."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            yield int(pid)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
