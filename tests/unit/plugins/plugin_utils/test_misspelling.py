# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that look like ours, misspelt, and that ours are those of the role and the playbooks."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.netops.conntrack.plugins.plugin_utils import misspelling

CHECKOUT = pathlib.Path(misspelling.__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("conntrack_setings", "conntrack_settings"),
        ("conntrack_setting", "conntrack_settings"),
        ("conntrack_seriall", "conntrack_serial"),
        ("conntrack_failon", "conntrack_fail_on"),
        ("conntrack_memory_percentage", "conntrack_memory_percent"),
        ("conntrack_report_jsn", "conntrack_report_json"),
        ("conntrack_chnage", "conntrack_change"),
        ("conntrack_chanhe", "conntrack_change"),
        ("conntrack_hsots", "conntrack_hosts"),
    ],
)
def test_a_misspelt_one_is_told_with_what_was_meant(name, meant):
    (said,) = misspelling.told([name, "conntrack_hosts", "ansible_host"])
    assert said == "%s is no variable of netops.conntrack; there is %s" % (name, meant)


@pytest.mark.parametrize(
    "name",
    [
        "conntrack_max",
        "conntrack_site",
        "conntrack_report",
        "conntrack_transports",
        "conntrack_facts",
        "conntrack",
        "conntrack_stats",
    ]
    + ["__conntrack_settings", "settings", "setings"],
)
def test_what_a_site_has_of_its_own_is_left_alone(name):
    assert not list(misspelling.told([name]))


def test_those_of_the_role_are_all_known():
    entries = yaml.safe_load((CHECKOUT / "roles/conntrack/meta/argument_specs.yml").read_text("utf-8"))
    named = {name for entry in entries["argument_specs"].values() for name in entry["options"]}
    assert named == {misspelling.PREFIX + name for name in misspelling.OF_ROLE}


def test_those_of_the_playbooks_are_all_known():
    named = set()
    for playbook in (CHECKOUT / "playbooks").glob("*.yml"):
        named |= set(re.findall(r"(?<![\w.])conntrack_[a-z]+(?:_[a-z]+)*", playbook.read_text("utf-8")))
    assert named - {misspelling.PREFIX + name for name in misspelling.OF_ROLE} == {
        misspelling.PREFIX + name for name in misspelling.OF_PLAYBOOKS
    }
