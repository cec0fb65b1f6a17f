# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the processor the hosts of a lab have used: their sshd and all that ended below it (proc(5), stat)."""

from __future__ import annotations

import json
import os


def used(state):
    """Seconds over all hosts. What a connection started counts once it has ended, as then somebody waited for it."""
    with open(os.path.join(state, "state.json"), encoding="utf-8") as file:
        first = {host["pid"] for host in json.load(file)["hosts"].values()}
    spaces = {os.readlink(f"/proc/{pid}/ns/pid") for pid in first}
    ticks = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/pid") in spaces:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    # utime, stime, cutime, cstime: fields 14 to 17, counted from behind the name.
                    ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")
