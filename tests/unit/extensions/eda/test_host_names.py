# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hosts as strangers write them: what is a name, and that none of them can choose two hosts."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.host_names import (
    Refused,
    host_of,
    limit_to,
)
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("told", "host"),
    [
        ("gw1", "gw1"),
        ("gw1:9100", "gw1"),
        ("GW-1_a.example.com:9100", "GW-1_a.example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:9100", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:9100", "2001:db8::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("_gateway", "_gateway"),
        ("4", "4"),
    ],
)
def test_what_names_a_host(told, host):
    assert host_of(told) == host


@pytest.mark.parametrize(
    "told",
    [
        "", "all", "ungrouped", "all:9100", "*", "gw*", "~gw", "!gw1", "&gw1", "gw1,gw2", "gw1:gw2", "gw1:!gw2",
        "gw[1:9]", "gw1[0]", "@file", "-e", "--limit", ".gw1", "gw 1", "gw1\n", "\ngw1", "gw1:", ":9100", "gw1:http",
        "gw1:9100:9100", "http://gw1:9100/", "{{ x }}", "gw1;id", "$(id)", "../gw1", "gw/1", "gw1%", "fe80::1%eth0",
        "[gw1]:9100", "[::1", "::g", "gẅ1", "x" * 254, None, 1, True, ["gw1"], {"gw1": 1}, "gw1:९९",
    ],
)  # fmt: skip
def test_what_is_refused_with_a_sentence(told):
    with pytest.raises(Refused, match="is no name of a host; allowed: letters, digits") as caught:
        host_of(told)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    path = tmp_path_factory.mktemp("inventory") / "hosts.json"
    pair = {"gw1": {}, "gw2": {}}
    groups = {"web": {"hosts": pair}, "one": {"hosts": {"gw2": {}}}, "gw3": {"hosts": {**pair, "gw3": {}}}}
    alone = {"2001:db8::1": {}, "192.0.2.1": {}, "gw4.example.com": {}}
    path.write_text(json.dumps({"all": {"hosts": alone, "children": groups}}), encoding="utf-8")
    return InventoryManager(loader=DataLoader(), sources=[str(path)])


def chosen(inventory, host):
    """The hosts that a run of all hosts has with this limit, given as ansible-rulebook gives it."""
    inventory.subset(",".join(limit_to(host)))
    try:
        return [str(each) for each in inventory.list_hosts("all")]
    except AnsibleError as error:
        # With host_pattern_mismatch: error, which ansible-test has set.
        assert "Could not match supplied host pattern" in str(error)
        return []
    finally:
        inventory.subset(None)


@pytest.mark.parametrize("host", ["gw1", "gw2", "2001:db8::1", "192.0.2.1", "gw4.example.com"])
def test_a_run_is_limited_to_the_host(inventory, host):
    assert chosen(inventory, host) == [host]


# all: a group. web: a group. gw3: a group with the name of a host. gw: the beginning of names.
@pytest.mark.parametrize("host", ["all", "web", "gw3", "gw", "nobody", "localhost", "127.0.0.1", "gw4"])
def test_what_is_not_the_name_of_one_host_chooses_none(inventory, host):
    assert chosen(inventory, host) == []


@given(st.text(alphabet="gw1-._:[]*,!&~@al ", max_size=8) | st.text(max_size=8))
def test_whatever_is_told_never_chooses_two_hosts(inventory, told):
    try:
        host = host_of(told)
    except Refused:
        return
    assert len(chosen(inventory, host)) <= 1
