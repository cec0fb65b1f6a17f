# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event source for ansible-rulebook: lines of the kernel log that say that a connection-tracking table is full."""

from __future__ import annotations

import asyncio
import pathlib
import shlex
import sys
import typing as t

# ansible-rulebook runs this file by its path, and knows nothing of collections in Python's way.
sys.path.append(str(pathlib.Path(__file__).parents[7]))

from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import (  # noqa: E402
    host_names,
    journal,
    options,
)
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.desk import LOG  # noqa: E402

if t.TYPE_CHECKING:
    from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.desk import Desk

DOCUMENTATION = r"""
---
short_description: Lines of the kernel log about full connection-tracking tables
description:
  - Follows a journal, this machine's or one that many hosts send theirs to, for C(table full, dropping packet) in every
    wording of every kernel.
  - Events and limits are those of the source C(netops.conntrack.alertmanager); used together in one
    process they share them. The host of an event is the hostname in the journal.
options:
  command:
    description:
      - What to run, as a list of words. It has to print the journal as C(journalctl --output=json --follow) does.
        Where it ends it is started again.
      - The default follows all journals of this machine, those among them that others send to it.
      - Lines are taken only from the kernel's transport, which no program can write to the journal.
      - An empty list follows nothing.
    type: list
    elements: str
    default: [journalctl, --merge, --follow, --lines=0, --output=json, --quiet, _TRANSPORT=kernel]
  cool_down:
    description: Seconds for which a host that had an event has no other one, unless it is worse.
    type: int
    default: 1800
  tunes_per_hour:
    description: How many hosts an hour may be tuned. V(0) is none.
    type: int
    default: 5
  state_file:
    description: A file in which the limits are kept over a restart. It is shared by the sources that name it. Without
      it they hold for as long as ansible-rulebook runs.
    type: str
"""

EXAMPLES = r"""
- name: Full connection-tracking tables, in the journal of the host that has them all
  hosts: all
  sources:
    - netops.conntrack.kernel_log:
        command: [ssh, loghost, journalctl --merge --follow --lines=0 --output=json --quiet _TRANSPORT=kernel]
  rules:
    - name: Diagnose
      condition: event.conntrack is defined
      action:
        run_playbook:
          name: netops.conntrack.diagnose
"""

# Without merge it would be the journals of this machine and this boot.
_COMMAND = ("journalctl", "--merge", "--follow", "--lines=0", "--output=json", "--quiet", "_TRANSPORT=kernel")
# A longer line is no line of the kernel's.
_LONGEST_LINE = 1 << 18
_FIRST_PAUSE, _LONGEST_PAUSE = 1, 60


async def main(queue: asyncio.Queue[t.Any], args: dict[str, t.Any]) -> None:
    given = options.given(args, ("command", *options.LIMITS))
    command = options.words(given, "command", _COMMAND)
    desk = options.desk(given)
    if not command:
        # A source that ends would end ansible-rulebook.
        await asyncio.Future()
    pause = _FIRST_PAUSE
    while True:
        spoke = await _follow(command, queue, desk)
        pause = _FIRST_PAUSE if spoke else min(pause * 2, _LONGEST_PAUSE)
        LOG.warning("%s has ended; it is started again in %d s", shlex.join(command), pause)
        await asyncio.sleep(pause)


async def _follow(command: list[str], queue: asyncio.Queue[t.Any], desk: Desk) -> bool:
    """Until the command ends. Whether it printed anything. What it complains of goes where the log goes."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=_LONGEST_LINE
        )
    except OSError as error:
        raise ValueError("command: %s cannot be run: %s" % (shlex.join(command), error.strerror)) from error
    spoke = False
    try:
        async for line in _lines(process.stdout):
            spoke = True
            try:
                found = journal.read(line)
            except host_names.Refused as error:
                desk.refuse(["a line of the kernel log was refused: %s" % error])
                continue
            for event in desk.events([found] if found else []):
                await queue.put(event)
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return spoke


async def _lines(stream: asyncio.StreamReader) -> t.AsyncIterator[bytes]:
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            # Longer than the limit: readline has thrown its beginning away.
            continue
        if not line:
            return
        yield line
