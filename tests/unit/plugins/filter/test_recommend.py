# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter says of facts what `auto` makes of the same host."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.filter.recommend import recommend
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import SUBSETS, gather
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.planners import settings as planner
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.tests.unit import recorded

COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"


def both(snapshot):
    """(the filter's size, that of auto)"""
    found = planner.plan(snapshot, parse({"max": "auto", "buckets": "auto"}), planner.Options())
    values = {row.setting.name: row.wanted for row in found.rows}
    told = recommend(gather(snapshot, SUBSETS))
    return (told["max"], told["buckets"]), (values["max"], values["buckets"])


@pytest.mark.parametrize("name", sorted(set(recorded.names()) - {"not-tracking"}))
def test_on_every_recorded_host(name):
    snapshot = recorded.host(name).read(probe.items(SUBSETS))
    told, taken = both(snapshot)
    if identify(snapshot).namespace != "child":
        assert told == taken


def test_where_a_table_was_full_and_is_nearly_so_again():
    snapshot = recorded.host("was-full").read(probe.items(SUBSETS)).with_text(COUNT, "60000\n")
    facts = gather(snapshot, SUBSETS)
    assert (facts["verdict"]["status"], facts["log"]["lines"]) == ("pressure", 13)
    told, taken = both(snapshot)
    assert told == taken


def test_without_the_log_only_what_is_in_use_counts():
    facts = gather(recorded.host("was-full").read(probe.items(SUBSETS)), SUBSETS)
    assert recommend(facts)["max"] == 262144
    without = {name: facts[name] for name in ("kernel", "limits", "usage", "memory")}
    assert recommend(without)["max"] == 65536
