# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps of each run of ansible-playbook what it was told and which hosts it had, a line each in the file RUNS_KEPT."""

from __future__ import annotations

import json
import os

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: runs_kept
type: aggregate
short_description: Keeps what was run
description: One line of JSON for each run, in the file that the environment variable RUNS_KEPT names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "runs_kept"

    def v2_playbook_on_play_start(self, play):
        self.variables = play.get_variable_manager().extra_vars

    def v2_playbook_on_stats(self, stats):
        kept = {
            "playbook": context.CLIARGS["args"][0],
            "limit": context.CLIARGS["subset"],
            "variables": {name: value for name, value in self.variables.items() if name.startswith("conntrack")},
            "hosts": {host: not (host in stats.failures or host in stats.dark) for host in stats.processed},
        }
        with open(os.environ["RUNS_KEPT"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(kept) + "\n")
