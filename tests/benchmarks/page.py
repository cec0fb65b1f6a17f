# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench | page.py >docs/benchmarks.md: what was measured, and on which machine."""

from __future__ import annotations

import datetime
import itertools
import os
import platform
import re
import sys

from ansible.release import __version__

PAGE = """# What a call costs

Measured by `make bench` on %s, on a machine with %d processors (%s),
%d GiB of memory, Linux %s, Python %s and ansible-core %s. The hosts are network namespaces of the
same machine, reached over SSH, so what they cost is in the wall time too. What counts are the ratios: each is to
something else that was measured in the same run. The seconds are of this machine alone.

The usual recipe for a fleet is: gather facts, set eight settings in a loop of `ansible.posix.sysctl`, write a template,
reload. "At once" is without what the recipe does not have either: batches, a look at each host afterwards, and a
change that undoes itself unless it is confirmed. By Python most of what a host spends is to start a module of Ansible
at all, as the row of `ansible.builtin.ping` shows; `conntrack_transport: shell` is without that, so it is the way for
large fleets.

```
%s
```
"""
# The first line that was measured; before it things are installed.
_FIRST = "seconds on "
# Make's own lines, and rounds as they go by.
_PROGRESS = re.compile(r"^(make\b|warm-up\b|round \d+ of \d+\b)")


def processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    measured = itertools.dropwhile(lambda line: not line.startswith(_FIRST), sys.stdin)
    lines = [line.rstrip() for line in measured if not _PROGRESS.match(line)]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = (
        os.cpu_count(),
        processor(),
        round(memory),
        platform.release().partition("-")[0],
        platform.python_version(),
        __version__,
    )
    print(PAGE % (datetime.date.today().isoformat(), *machine, "\n".join(lines).strip()), end="")


if __name__ == "__main__":
    main()
