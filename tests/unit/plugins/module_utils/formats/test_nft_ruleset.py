# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rulesets as nft of three releases prints them, files as operators write them, and any text at all."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import nft_ruleset
from ansible_collections.netops.conntrack.tests.unit import recorded
from hypothesis import given
from hypothesis import strategies as st


def captured(name):
    with open(os.path.join(os.path.dirname(recorded.HOSTS), "rulesets", name), encoding="utf-8") as stream:
        return stream.read()


@pytest.mark.parametrize("name", ["debian11.nft", "debian12.nft", "debian13.nft"])
def test_a_ruleset_of_nft(name):
    ruleset = nft_ruleset.parse(captured(name))
    chains = {chain.name: chain for chain in ruleset.chains}
    assert chains["input"][:6] == ("inet", "filter", "input", "filter", "input", "accept")
    assert chains["postrouting"].declared == "type nat hook postrouting priority srcnat"
    assert chains["mychain"] == nft_ruleset.Chain("inet", "filter", "mychain")
    assert chains["output"][:5] == ("ip", "empty", "output", "nat", "output")
    assert {(each.kind, each.name) for each in ruleset.objects} == {
        ("ct helper", "ftp-standard"),
        ("ct timeout", "slow"),
        ("ct expectation", "e-pg"),
        ("synproxy", "web"),
        ("flowtable", "f"),
    }
    texts = [rule.text for rule in ruleset.rules if rule.chain == "input"]
    assert texts[0] == "ct state established,related accept comment \"ct state; 'not' } this\""
    assert texts[1] == "ct state vmap { invalid : drop, established : accept, related : accept }"
    assert len(texts) == 10
    assert [rule.chain for rule in ruleset.rules][-4:] == 2 * ["postrouting"] + 2 * ["prerouting"]


@pytest.mark.parametrize("name", ["debian11", "debian12", "debian13"])
def test_no_rule_of_iptables_is_lost(name):
    ruleset = nft_ruleset.parse(captured(name + "-compat.nft"))
    rules = [rule for rule in ruleset.rules if rule.family == "ip"]
    assert len(rules) == 15
    assert rules[2].text.endswith("counter packets 0 bytes 0 reject")
    assert "connlimit" in rules[2].text


FILE = """#!/usr/sbin/nft -f
# ct state new drop
flush ruleset
define ports = { 22, 80,
    443 }
include "/etc/nftables.d/*.nft"
add table inet filter; add chain inet filter input { type filter hook input priority 0; policy drop; }
add rule inet filter input ct state established accept # and masquerade
insert rule filter OLD position 3 tcp dport $ports \\
    counter accept
add inet filter input iif lo accept
add ct helper inet filter ftp { type "ftp" protocol tcp; }
add element inet filter blocked { 10.0.0.1 }
table nat { chain post { type nat hook postrouting priority srcnat; policy accept; masquerade; }
    set big { type ipv4_addr; flags interval; elements = { 10.0.0.0/8,
        11.0.0.0/8 } }
    chain jumped { # nothing
    }
}
"""


def test_a_file_of_an_operator():
    ruleset = nft_ruleset.parse(FILE)
    assert [tuple(rule) for rule in ruleset.rules] == [
        ("inet", "filter", "input", "ct state established accept"),
        ("ip", "filter", "OLD", "tcp dport $ports counter accept"),
        ("inet", "filter", "input", "iif lo accept"),
        ("ip", "nat", "post", "masquerade"),
    ]
    chains = {chain.name: chain for chain in ruleset.chains}
    assert chains["input"][3:6] == ("filter", "input", "drop")
    assert chains["post"][3:6] == ("nat", "postrouting", "accept")
    assert chains["jumped"][3:6] == (None, None, None)
    assert [each[:4] for each in ruleset.objects] == [("inet", "filter", "ct helper", "ftp")]


def test_what_nft_without_the_extensions_writes_as_a_comment_is_a_part_of_the_rule():
    """Reconstructed from xt_stmt_print of nft 0.9; an operator's comment is none."""
    text = "table ip filter {\n chain INPUT {\n  # xt_state\n  ip protocol tcp # xt_conntrack counter accept\n"
    text += "  tcp dport 22 accept # ct state new\n }\n}\n"
    assert [rule.text for rule in nft_ruleset.parse(text).rules] == [
        "ip protocol tcp xt_conntrack counter accept",
        "tcp dport 22 accept",
    ]


def test_a_table_that_one_process_owns():
    """Reconstructed from table_print_flags of nft 1.0."""
    text = "table ip nat { # progname firewalld\n flags owner,persist\n}\ntable ip other {\n flags dormant\n}\n"
    assert nft_ruleset.parse(text).owned == (("ip", "nat"),)


PIECES = [
    "table ",
    "ip ",
    "x ",
    "chain ",
    "{",
    "}",
    ";",
    "\n",
    '"',
    "#",
    "# xt_a",
    "\\",
    "add ",
    "rule ",
    "type nat hook ",
]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_gives_records_and_no_traceback(text):
    nft_ruleset.parse(text)
