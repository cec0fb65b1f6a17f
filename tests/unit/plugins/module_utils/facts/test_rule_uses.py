# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules need connection tracking, and which only look so."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import rule_uses
from ansible_collections.netops.conntrack.plugins.module_utils.formats import iptables_save, nft_ruleset
from ansible_collections.netops.conntrack.tests.unit import recorded
from hypothesis import given
from hypothesis import strategies as st


def captured(name):
    with open(os.path.join(os.path.dirname(recorded.HOSTS), "rulesets", name), encoding="utf-8") as stream:
        return stream.read()


def of_iptables(rule, table="filter"):
    uses = rule_uses.of_iptables(iptables_save.parse("*%s\n%s\nCOMMIT\n" % (table, rule)), "iptables")
    return [use.kind for use in uses]


def of_nft(rule, family="inet", kind="filter"):
    head = "table %s t {\n chain c {\n  type %s hook output priority 0; policy accept;\n  " % (family, kind)
    return [use.kind for use in rule_uses.of_nft(nft_ruleset.parse(head + rule + "\n }\n}\n"))]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("-A INPUT -m state --state NEW -j ACCEPT", "state"),
        ("-A INPUT -m conntrack ! --ctstate NEW -j ACCEPT", "state"),
        ("-A INPUT -p tcp -m connlimit --connlimit-above 5 -j DROP", "state"),
        ("-A INPUT -m connbytes --connbytes 1 -j DROP", "state"),
        ("-A INPUT -m helper --helper ftp -j ACCEPT", "state"),
        ("-A OUTPUT -j MASQUERADE", "nat"),
        ("-A PREROUTING -j CONNMARK --restore-mark", "mark"),
        ("-A PREROUTING -j NOTRACK", "notrack"),
        ("-A PREROUTING -j CT --notrack", "notrack"),
        ("-A PREROUTING -m conntrack --ctstate NEW -j CT --helper ftp", "helper"),
        ("-A PREROUTING -j CT --zone 1", "zone"),
        ("-A PREROUTING -j CT --timeout slow", "timeout"),
        ("-A INPUT -m state --state INVALID -j SYNPROXY --mss 1460", "synproxy"),
    ],
)
def test_rules_of_iptables_that_need_it(rule, kind):
    assert of_iptables(rule) == [kind]


@pytest.mark.parametrize(
    "rule",
    [
        "-A INPUT -m set --match-set x src -j DROP",
        "-A PREROUTING -m socket -j MARK --set-mark 1",
        "-A PREROUTING -j TPROXY --on-port 1",
        "-A INPUT -m hashlimit --hashlimit-name x -j DROP",
        '-A INPUT -m comment --comment "-m state -j CT" -j ACCEPT',
    ],
)
def test_rules_of_iptables_that_do_not(rule):
    assert of_iptables(rule) == []


def test_every_rule_of_a_nat_table_counts_and_an_empty_one_does_not():
    assert of_iptables("-A PREROUTING -p tcp -j ACCEPT", "nat") == ["nat"]
    empty = iptables_save.parse("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    assert rule_uses.of_iptables(empty, "iptables") == rule_uses.of_nat_chains(empty, "iptables") == []
    more = iptables_save.parse("*nat\n:PREROUTING DROP [0:0]\n:MINE - [0:0]\nCOMMIT\n")
    assert [use.text for use in rule_uses.of_nat_chains(more, "iptables")] == ["-P PREROUTING DROP", "-N MINE"]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("ct state established,related accept", "state"),
        ("tcp dport { 22, 80 } ct count over 20 reject", "state"),
        ("tcp dport 22 add @seen { ip saddr ct count over 3 } drop", "state"),
        ("ct status dnat accept", "state"),
        ("meta mark set ct mark", "state"),
        ("ct mark set meta mark", "mark"),
        ('tcp dport 21 ct helper set "ftp"', "helper"),
        ('ct timeout set "slow"', "timeout"),
        ("ct original zone set 1", "zone"),
        ("ip protocol tcp flow add @f", "flow"),
        ("flow offload @f", "flow"),
        ('ct state invalid synproxy name "web"', "synproxy"),
        ("udp dport 53 notrack", "notrack"),
        ("ip saddr 10.0.0.0/8 masquerade", "nat"),
        ("dnat to tcp dport map { 80 : 10.0.0.1 }", "nat"),
        ('xt match "connlimit" counter accept', "state"),
        ("counter xt target CONNMARK", "mark"),
        ("ip protocol tcp # xt_conntrack counter accept", "state"),
    ],
)
def test_rules_of_nft_that_need_it(rule, kind):
    assert of_nft(rule) == [kind]


@pytest.mark.parametrize(
    "rule",
    [
        'log prefix "ct state masquerade " accept',
        'iif "lo" accept comment "ct state new"',
        "accept # ct state new",
        "jump masquerade",
        "icmp type redirect drop",
        "icmp type { redirect, echo-request } drop",
        "fib saddr . iif oif missing drop",
        "tcp dport 80 tproxy to :3128",
        "ip saddr @ct drop",
        'xt match "socket" accept',
    ],
)
def test_rules_of_nft_that_do_not(rule):
    assert of_nft(rule) == []


def test_targets_of_ebtables_translate_without_tracking():
    assert of_nft("xt target dnat", family="bridge") == []


def test_any_rule_in_a_chain_of_type_nat_counts_and_a_policy_too():
    assert of_nft("tcp dport 80 accept", kind="nat") == ["nat"]
    assert of_nft("", kind="nat") == []
    text = "table ip t {\n chain c {\n  type nat hook output priority 0; policy drop;\n }\n}\n"
    assert [use.text for use in rule_uses.of_nft(nft_ruleset.parse(text))] == ["policy drop"]


@pytest.mark.parametrize("name", ["debian11.nft", "debian12.nft", "debian13.nft"])
def test_objects_are_uses(name):
    uses = rule_uses.of_nft(nft_ruleset.parse(captured(name)))
    objects = {use.text.split(" {")[0]: use for use in uses if use.where == "nft inet filter"}
    assert {text: use.kind for text, use in objects.items()} == {
        "ct helper ftp-standard": "helper",
        "ct timeout slow": "timeout",
        "ct expectation e-pg": "state",
        "synproxy web": "synproxy",
        "flowtable f": "flow",
    }
    (rule,) = [use for use in uses if "helper set" in use.text]
    assert (rule.where, rule.kind) == ("nft inet filter input", "helper")
    assert all(use.breaks and use.change for use in uses)


PIECES = ["ct ", "state ", "helper ", "set ", "{", "}", '"', "xt match ", "masquerade ", "@ct ", "jump ", "x "]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_rule_is_judged_without_a_traceback(text):
    of_nft(text)
    of_iptables(text)
