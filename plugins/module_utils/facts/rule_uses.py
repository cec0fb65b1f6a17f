# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall rules need connection tracking, for what, and what would have to be changed to do without.

From iptables-extensions(8) and nft(8); which extensions need nf_conntrack: modinfo -F depends of Linux 5.10 to 6.12.
Not among them: socket, TPROXY, tproxy, fib, set, meta, rpfilter, physdev (of these some need nf_defrag_*, no more).
"""

from __future__ import annotations

import re
import typing as t

from ..formats.iptables_save import Rule, Table
from ..formats.nft_ruleset import Chain, Ruleset
from ..formats.nft_ruleset import Rule as NftRule

STATE, NAT, HELPER, MARK, NOTRACK = "state", "nat", "helper", "mark", "notrack"
FLOW, SYNPROXY, TIMEOUT, ZONE = "flow", "synproxy", "timeout", "zone"


class Use(t.NamedTuple):
    """``where`` is such as ``iptables filter INPUT`` or ``nft inet filter input``, ``text`` the rule.

    ``breaks``: what would break without tracking; ``change``: what the operator would have to change.
    """

    where: str
    text: str
    kind: str
    breaks: str
    change: str


# Each kind: what would break, and what to change.
_KINDS: dict[str, tuple[str, str]] = {
    STATE: (
        "packets are no longer told apart by the connection they belong to, so this rule cannot work",
        "replace it by a rule without state, such as accepting TCP packets that are no SYN, or leave tracking on",
    ),
    NAT: (
        "addresses and ports are no longer translated",
        "this host translates addresses: it needs tracking; leave it on",
    ),
    HELPER: (
        "connections that such a protocol announces, as FTP does, are no longer recognized",
        "take the rule out and let these connections in by their ports, or leave tracking on",
    ),
    MARK: (
        "marks are no longer kept for a whole connection",
        "mark each packet by itself, or leave tracking on",
    ),
    NOTRACK: (
        "nothing, where nothing is tracked",
        "it is only there to spare tracking: take it out, it is of no use without tracking",
    ),
    FLOW: (
        "forwarded connections no longer take the fast path of a flow table",
        "take the flow table and its rules out, or leave tracking on",
    ),
    SYNPROXY: (
        "TCP connections are no longer answered for by the SYN proxy",
        "take it out, SYN cookies of the server itself may do, or leave tracking on",
    ),
    TIMEOUT: ("connections no longer get a timeout of their own", "take it out, it is of no use without tracking"),
    ZONE: (
        "connections with equal addresses are no longer kept apart by zone",
        "take it out, it is of no use without tracking",
    ),
}

_MATCHES = ("state", "conntrack", "connlimit", "connbytes", "connlabel", "connmark", "helper", "cluster", "layer7")
_TARGETS = {
    **dict.fromkeys(("MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP", "SAME", "BALANCE"), NAT),
    **dict.fromkeys(("CONNMARK", "CONNSECMARK"), MARK),
    "NOTRACK": NOTRACK,
    "SYNPROXY": SYNPROXY,
    "FLOWOFFLOAD": FLOW,
    "CLUSTERIP": STATE,
    "CT": STATE,
}
_CT_OPTIONS = (
    ("--helper", HELPER),
    ("--notrack", NOTRACK),
    ("--timeout", TIMEOUT),
    ("--zone", ZONE),
    ("--zone-orig", ZONE),
    ("--zone-reply", ZONE),
)

# Of a rule of nft whose strings and names are blanked out.
_CT = r"(?<![^\s{(,.])ct\s+"
_STATEMENTS = (
    (HELPER, re.compile(_CT + r"helper\s+set\b")),
    (TIMEOUT, re.compile(_CT + r"timeout\s+set\b")),
    (ZONE, re.compile(_CT + r"(?:original\s+|reply\s+)?zone\s+set\b")),
    (MARK, re.compile(_CT + r"(?:mark|secmark|label)\s+set\b")),
)
_VERBS = (
    (NAT, re.compile(r"(?<!\S)(?:masquerade|snat|dnat|redirect)(?!\S)")),
    (FLOW, re.compile(r"(?<!\S)flow\s+(?:add|offload)\s")),
    (SYNPROXY, re.compile(r"(?<!\S)synproxy(?!\S)")),
    (NOTRACK, re.compile(r"(?<!\S)notrack(?!\S)")),
)
_ANY_CT = re.compile(_CT + r"[a-z]")
# In a string such words would be the operator's.
_XT_OR_STRING = re.compile(r'(?<!\S)(?:xt\s+(?:match|target)\s+"?(?P<name>[\w-]+)"?|xt_(?P<old>\w+))|"[^"\n]*"?')
# A chain may be called ct, and an ICMP type redirect.
_NAMES = re.compile(r"(?<!\S)(?:(?:jump|goto)\s+\S+|icmp(?:v6)?\s+type\s+(?:!=\s+)?\S+)")
_STATUS = re.compile(_CT + r"(?:original\s+|reply\s+)?status\s+(?:(?:!=|==|&|and)\s+)*\S+")
_INNERMOST = re.compile(r"\{[^{}]*\}")
_NESTED = 8

_OBJECTS = {
    "ct helper": HELPER,
    "ct timeout": TIMEOUT,
    "ct expectation": STATE,
    "flowtable": FLOW,
    "synproxy": SYNPROXY,
}


def of_iptables(tables: t.Iterable[Table], family: str) -> list[Use]:
    """``family`` is iptables or ip6tables."""
    uses = (of_iptables_rule(family, table.name, rule) for table in tables for rule in table.rules)
    return [use for use in uses if use]


def of_iptables_rule(family: str, table: str, rule: Rule) -> Use | None:
    kind = _iptables_kind(table, rule)
    if kind is None:
        return None
    return _use("%s %s %s" % (family, table, rule.chain), rule.text, kind)


def of_nat_chains(tables: t.Iterable[Table], family: str) -> list[Use]:
    """What a legacy nat table holds beside its rules, and would lose with its module: chains, policies."""
    found = []
    for table in tables:
        used = {rule.chain for rule in table.rules}
        for chain, policy in table.chains.items() if table.name == "nat" else ():
            if policy != "ACCEPT" and not (policy is None and chain in used):
                text = "-N " + chain if policy is None else "-P %s %s" % (chain, policy)
                found.append(_use("%s nat %s" % (family, chain), text, NAT))
    return found


def of_nft(ruleset: Ruleset) -> list[Use]:
    """Of the rules, and of what holds beside them."""
    chains = nat_chains(ruleset)
    uses = (of_nft_rule(rule, chains) for rule in ruleset.rules)
    return [*(use for use in uses if use), *beside_rules(ruleset)]


def beside_rules(ruleset: Ruleset) -> list[Use]:
    """Objects, and chains of type nat that do something without a rule."""
    used = {rule[:3] for rule in ruleset.rules}
    found = []
    for place, chain in nat_chains(ruleset).items():
        if place not in used and chain.policy not in (None, "accept"):
            found.append(_use("nft %s %s %s" % place, "policy %s" % chain.policy, NAT))
        elif place not in used and place[:2] in ruleset.owned:
            found.append(_use("nft %s %s %s" % place, "%s, in a table with flags owner" % chain.declared, NAT))
    for each in ruleset.objects:
        found.append(_use("nft %s %s" % (each.family, each.table), each.text, _OBJECTS[each.kind]))
    return found


def nat_chains(ruleset: Ruleset) -> dict[tuple[str, str, str], Chain]:
    return {(chain.family, chain.table, chain.name): chain for chain in ruleset.chains if chain.type == "nat"}


def of_nft_rule(rule: NftRule, chains: t.Container[tuple[str, str, str]]) -> Use | None:
    """``chains`` are those of type nat: whatever stands in one is held to be about NAT."""
    kind = _nft_kind(rule)
    if kind in (None, STATE) and (rule.family, rule.table, rule.chain) in chains:
        kind = NAT
    if kind is None:
        return None
    return _use("nft %s %s %s" % (rule.family, rule.table, rule.chain), rule.text, kind)


def _use(where: str, text: str, kind: str) -> Use:
    breaks, change = _KINDS[kind]
    return Use(where, text, kind, breaks, change)


def _iptables_kind(table: str, rule: Rule) -> str | None:
    kind = _TARGETS.get(rule.target or "")
    if rule.target == "CT":
        kind = next((found for option, found in _CT_OPTIONS if rule.value(option) is not None), STATE)
    if kind is None and table == "nat":
        return NAT
    return kind or (STATE if any(match in _MATCHES for match in rule.matches) else None)


def _nft_kind(rule: NftRule) -> str | None:
    text = _NAMES.sub("", _XT_OR_STRING.sub('""', rule.text))
    for kind, expression in _STATEMENTS:
        if expression.search(text):
            return kind
    outside = text
    for _turn in range(_NESTED):
        outside, count = _INNERMOST.subn("()", outside)
        if not count:
            break
    outside = _STATUS.sub("", outside)
    for kind, expression in _VERBS:
        if expression.search(outside):
            return kind
    if _ANY_CT.search(text):
        return STATE
    return _xt_kind(rule)


def _xt_kind(rule: NftRule) -> str | None:
    """Rules of ebtables have targets of the same names, and no tracking."""
    if rule.family not in ("ip", "ip6", "inet"):
        return None
    names = [match.group("name") or match.group("old") for match in _XT_OR_STRING.finditer(rule.text)]
    targets = [_TARGETS[name] for name in names if name in _TARGETS]
    return targets[0] if targets else STATE if any(name in _MATCHES for name in names) else None
