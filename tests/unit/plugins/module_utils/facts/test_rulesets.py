# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands tell the rules without loading a module, and what they said together."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import rulesets
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import ABSENT, Reading, Snapshot, command_key
from ansible_collections.netops.conntrack.tests.unit import recorded

NAMES = "/proc/net/ip_tables_names"
INSIDE = ("nsenter", "--net=/proc/7/ns/net")
LEGACY = "/usr/sbin/iptables-legacy-save"
MULTI = "/usr/sbin/xtables-nft-multi"
NF_TABLES = "nf_tables 1 0 - Live 0x0\n"
COMPAT = NF_TABLES + "nft_compat 1 3 - Live 0x0\n"
LIST = "$ nft list ruleset"
NAT = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"


def captured(name):
    with open(os.path.join(os.path.dirname(recorded.HOSTS), "rulesets", name), encoding="utf-8") as stream:
        return stream.read()


def snapshot(texts, modules=""):
    readings = {path: Reading(text=text) for path, text in {"/proc/modules": modules, **texts}.items()}
    return Snapshot({NAMES: Reading(reason=ABSENT), "/proc/net/ip6_tables_names": Reading(reason=ABSENT), **readings})


def commands(*args, prefix=()):
    return [" ".join(item.argv) for item in rulesets.items(snapshot(*args), prefix)]


def test_a_host_without_tables_is_asked_nothing():
    assert commands({LEGACY: "", MULTI: ""}) == []
    assert commands({LEGACY: "", NAMES: ""}) == []
    assert rulesets.read(snapshot({})) == rulesets.Rulesets((), (), {})


def test_legacy_tables_are_asked_by_the_command_of_their_kind():
    assert commands({NAMES: "nat\n", LEGACY: "", MULTI: ""}) == ["iptables-legacy-save"]
    assert commands({NAMES: "nat\n"}) == ["iptables-save"]
    assert commands({NAMES: "nat\n", MULTI: ""}) == []


def test_nft_is_asked_where_it_is_loaded_and_iptables_nft_where_a_rule_needs_it():
    assert commands({}, NF_TABLES) == ["nft list ruleset"]
    assert commands({}, NF_TABLES + "nft_compat 1 0 - Live 0x0\n") == ["nft list ruleset"]
    assert commands({}, COMPAT) == ["nft list ruleset", "iptables-nft-save", "ip6tables-nft-save"]
    assert "xtables-nft-multi iptables-save" in commands({MULTI: ""}, COMPAT)


def test_nft_is_asked_where_it_is_built_in():
    release = {"/proc/sys/kernel/osrelease": "6.1\n"}
    assert commands({**release, "/lib/modules/6.1/modules.builtin": "kernel/net/netfilter/nf_tables.ko\n"})
    assert not commands({**release, "/lib/modules/6.0/modules.builtin": "kernel/net/netfilter/nf_tables.ko\n"})
    assert rulesets.items(Snapshot({"/proc/modules": Reading(reason=ABSENT)}))


def test_another_namespace_is_asked_inside_of_it():
    asked = commands({NAMES: "", LEGACY: ""}, NF_TABLES, prefix=INSIDE)
    inside = " ".join(INSIDE)
    assert asked == [inside + " cat " + NAMES, inside + " iptables-legacy-save", inside + " nft list ruleset"]
    texts = {NAMES: "", LEGACY: "", command_key((*INSIDE, "cat", NAMES)): "nat\n"}
    texts[command_key((*INSIDE, "iptables-legacy-save"))] = NAT
    found = rulesets.read(snapshot(texts), INSIDE)
    assert [use.text for use in found.uses] == ["-A POSTROUTING -j MASQUERADE"]
    assert rulesets.read(snapshot(texts)).uses == ()


@pytest.mark.parametrize("name", ["debian11", "debian12", "debian13"])
def test_legacy_rules(name):
    texts = {NAMES: "mangle\nraw\nfilter\nnat\n", LEGACY: ""}
    texts["$ iptables-legacy-save"] = captured(name + "-iptables-legacy-save")
    found = rulesets.read(snapshot(texts))
    assert sorted(use.kind for use in found.uses) == sorted(
        ["mark", "helper", "notrack", "state", "state", "synproxy", "nat", "nat", "nat"]
    )
    assert found.unread == {}


@pytest.mark.parametrize("name", ["debian11", "debian12", "debian13"])
def test_a_rule_that_both_show_is_told_once_as_iptables_says_it(name):
    texts = {LIST: captured(name + "-compat.nft"), "$ ip6tables-nft-save": ""}
    texts["$ iptables-nft-save"] = captured(name + "-iptables-nft-save")
    uses = [use for use in rulesets.read(snapshot(texts, COMPAT)).uses if " ip6 " not in use.where]
    assert [use.kind for use in uses if use.where == "iptables raw PREROUTING"] == ["notrack", "helper", "notrack"]
    assert sum(use.where == "iptables filter INPUT" for use in uses) == 6
    assert not [use for use in uses if use.where.startswith("nft ip ")]


def test_what_only_one_of_them_shows_is_told_too():
    chain = "table ip filter {\n chain INPUT {\n  type filter hook input priority 0; policy accept;\n%s }\n}\n"
    saved = "*filter\n-A INPUT -p tcp -j CT --helper ftp\nCOMMIT\n"
    texts = {LIST: chain % "  ct state new\n  ct state new\n", "$ iptables-nft-save": saved, "$ ip6tables-nft-save": ""}
    kinds = [use.kind for use in rulesets.read(snapshot(texts, COMPAT)).uses]
    assert kinds == ["state", "state", "helper"]


def test_nat_chains_are_empty_only_where_nobody_shows_a_rule():
    head = "table ip nat {\n chain POSTROUTING {\n  type nat hook postrouting priority srcnat; policy %s;\n%s }\n}\n"
    place = (("ip", "nat", "POSTROUTING"),)

    def empty(policy, rule="", more=None, modules=NF_TABLES):
        found = rulesets.read(snapshot({LIST: head % (policy, rule), **(more or {})}, modules))
        return tuple(chain[:3] for chain in found.empty_nat_chains)

    assert empty("accept") == place
    assert empty("drop") == ()
    assert empty("accept", "  accept\n") == ()
    assert empty("accept", more={"$ iptables-nft-save": NAT, "$ ip6tables-nft-save": ""}, modules=COMPAT) == ()
    cut = snapshot({}, NF_TABLES).with_readings({LIST: Reading(text=head % ("accept", ""), partial=True)})
    assert rulesets.read(cut).empty_nat_chains == ()
    assert rulesets.read(cut).unread


@pytest.mark.parametrize(
    ("texts", "modules", "name"),
    [
        ({NAMES: "nat\n", LEGACY: ""}, "", "iptables-legacy-save"),
        ({NAMES: "nat\n", MULTI: ""}, "", "iptables-legacy-save"),
        ({NAMES: "nat\n", "$ iptables-save": "# Generated by iptables-nft-save v1\n"}, "", "iptables-save"),
        ({NAMES: "nat\nraw\n", "$ iptables-save": NAT}, "", "iptables-save"),
        ({}, NF_TABLES, "nft list ruleset"),
        ({LIST: "", "$ ip6tables-nft-save": ""}, COMPAT, "iptables-nft-save"),
    ],
)
def test_rules_that_could_not_be_read_are_never_no_rules(texts, modules, name):
    assert list(rulesets.read(snapshot(texts, modules)).unread) == [name]


def test_a_list_of_tables_that_may_not_be_read_is_told():
    forbidden = snapshot({}).with_readings({NAMES: Reading(reason="forbidden")})
    assert rulesets.read(forbidden).unread == {NAMES: "forbidden"}
