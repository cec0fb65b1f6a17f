# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the role tries again to put a host back."""

from __future__ import annotations

import os

import jinja2
import yaml
from ansible_collections.netops.conntrack.plugins.module_utils.calls.returned import refused
from ansible_collections.netops.conntrack.plugins.module_utils.planners import rollback

COLLECTION = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 5))
RESULT = "__conntrack_taken_back"


def test_as_long_as_a_change_waits_there_and_for_no_other_reason():
    with open(os.path.join(COLLECTION, "roles", "conntrack", "tasks", "rollout.yml"), encoding="utf-8") as stream:
        (until,) = [task["until"] for task in yaml.safe_load(stream) if "until" in task and task["register"] == RESULT]
    done = jinja2.Environment(autoescape=True).compile_expression(until)
    for error, last in ((rollback.Refused("it waits", waits=7), False), (rollback.Refused("it does not"), True)):
        found = refused(error)
        assert done(**{RESULT: {"failed": True, "msg": found.failure, **found.values}}) == last
    assert done(**{RESULT: {"changed": True}})
