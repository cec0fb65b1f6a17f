# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verdict is known wherever each has to have its place."""

from __future__ import annotations

import os

import yaml
from ansible_collections.netops.conntrack.plugins.module_utils.facts.verdict import STATUSES
from ansible_collections.netops.conntrack.plugins.module_utils.planners import health
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import drawing, statuses

COLLECTION = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 5))
# The two ways to have none.
NO_VERDICTS = (statuses.UNREACHABLE, statuses.FAILED)


def test_no_verdict_is_forgotten():
    with open(os.path.join(COLLECTION, "playbooks", "diagnose.yml"), encoding="utf-8") as stream:
        allowed = yaml.safe_load(stream)[0]["vars"]["__conntrack_verdicts"]
    lists = {
        "how bad each is beside the others": [each for each in statuses.WORST_FIRST if each not in NO_VERDICTS],
        "its colour": [each for each in drawing.CLASSES if each not in NO_VERDICTS],
        "whether it is worse after a change": [*health._RANKS, statuses.UNKNOWN],
        "conntrack_fail_on": allowed,
    }
    assert {what: sorted(each) for what, each in lists.items()} == dict.fromkeys(lists, sorted(STATUSES))
