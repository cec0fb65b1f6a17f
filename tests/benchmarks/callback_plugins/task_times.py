# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes how long each task took on the controller, from its start to its last host's result.

One JSON list of seconds, in the order of the tasks, to the file that BENCH_TIMES names.
"""

from __future__ import annotations

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Writes the seconds each task took
description: For the benchmarks of this project only.
"""

import json
import os
import time

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self.tasks = []

    def v2_playbook_on_task_start(self, task, is_conditional):
        now = time.monotonic()
        self.tasks.append([now, now])

    def v2_runner_on_ok(self, result):
        self.tasks[-1][1] = time.monotonic()

    def v2_playbook_on_stats(self, stats):
        with open(os.environ["BENCH_TIMES"], "w", encoding="ascii") as file:
            json.dump([end - start for start, end in self.tasks], file)
