# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds connection tracking on a host, one record each: what it is, what would break without, who brings it back.

The reference counts of /proc/modules are the kernel's own word: what they hold that no rule explains is named too.
"""

from __future__ import annotations

import typing as t

from ..formats import table_lines
from ..probe import TABLE_FILES
from ..snapshot import Snapshot
from . import conntrack_modules, namespaces, references, rule_owners, rulesets, settings
from . import modules as module_facts
from .conntrack_modules import Removal
from .holder import CHAIN, CONNECTIONS, CONTAINER, HELPER, MODULE, NOTE, RULE, UNREAD, WORKING, Holder
from .identity import Identity
from .rule_uses import Use

_SHOWN = 3


def find(snapshot: Snapshot, identity: Identity, removal: Removal, helpers_only: bool) -> list[Holder]:
    """Of all that is to be unloaded, or only of the helpers; those that stand in the way first."""
    if identity.state == "hidden" or identity.namespace == "child" and identity.state != "built_in":
        return [_CONTAINER]
    rules = rulesets.read(snapshot)
    found = _rules(snapshot, rules.uses, helpers_only)
    found += _foreign(snapshot, removal)
    found += references.unexplained(removal, rules, found)
    if not helpers_only:
        found += _unread(rules, removal)
        if rules.empty_nat_chains or any(name.endswith("table_nat") for name in removal.order):
            found += _connections(snapshot)
        found += [_empty_chain(*chain[:3]) for chain in rules.empty_nat_chains]
    found += _helpers(snapshot, removal)
    told = {*removal.held, *(holder.name for holder in found)}
    found += [_leftover(name) for name in removal.order if name not in told and not _comes_with_core(name)]
    found += _notes(snapshot)
    return sorted(found, key=lambda holder: not holder.needs)


_CONTAINER = Holder(
    CONTAINER,
    "the host of this container",
    "this network namespace is not the first one: modules belong to the host",
    "connection tracking on the host and in all its containers",
    "do this on the host",
    needs=True,
)


_NO_HELPER = "take the rule out and let these connections in by their ports, or keep the helper"


def _rules(snapshot: Snapshot, own: tuple[Use, ...], helpers_only: bool) -> list[Holder]:
    def of(uses: t.Iterable[Use], namespace: str | None) -> list[Holder]:
        return [
            Holder(
                RULE,
                use.where,
                use.text,
                use.breaks,
                _NO_HELPER if helpers_only else use.change,
                needs=True,
                namespace=namespace,
                brought_back_by=rule_owners.owner(use.where, use.text),
            )
            for use in uses
            if use.kind == HELPER or not helpers_only
        ]

    found = of(own, None)
    seen = [own]
    for namespace in namespaces.others(snapshot)[: namespaces.MOST]:
        uses = rulesets.read(snapshot, namespace.prefix).uses
        if uses and (namespace.surely_another or uses not in seen):
            found += of(uses, namespace.name)
            seen.append(uses)
    return found


def _foreign(snapshot: Snapshot, removal: Removal) -> list[Holder]:
    services = (snapshot.text("/proc/net/ip_vs") or "").splitlines()[3:]
    known = {
        "openvswitch": ("Open vSwitch", "flows with ct() actions", "remove its bridges and unload it"),
        "ip_vs": ("IPVS", services[0].strip() if services else "no virtual service", "clear its table and unload it"),
    }
    found: dict[str, Holder] = {}
    for user, used in removal.foreign:
        name, evidence, change = known.get(user, ("the module %s" % user, "", "unload it, or do without this"))
        said = "%s uses %s" % (user, used)
        found.setdefault(
            user,
            Holder(
                MODULE,
                name,
                "%s; %s" % (said, evidence) if evidence else said,
                "whatever %s does here" % name,
                "%s; it does not exist for connection tracking alone, so it is left alone" % change,
                needs=True,
            ),
        )
    return list(found.values())


def _unread(rules: rulesets.Rulesets, removal: Removal) -> t.Iterator[Holder]:
    """A rule in a nat table of iptables is a reference, a policy is none: it must be seen that there is nothing."""
    if any(name.endswith("table_nat") for name in removal.order):
        for what, why in rules.unread.items():
            yield Holder(
                UNREAD,
                what,
                why,
                "unknown: what is in the nat table would be lost",
                "make it readable, or see for yourself that the nat table is empty and unload iptable_nat",
                needs=True,
            )


def _connections(snapshot: Snapshot) -> t.Iterator[Holder]:
    """Translated connections outlive their rule while there is a nat chain or table, be it empty."""
    path = next((path for path in TABLE_FILES if snapshot.exists(path)), TABLE_FILES[-1])
    text = snapshot.text(path)
    if text is None:
        if snapshot.exists(path) or _entries(snapshot) != 0:
            yield Holder(
                CONNECTIONS,
                "the table of connections",
                "%s: %s" % (path, snapshot.reason(path)),
                "unknown: connections whose addresses are translated would be cut",
                "see for yourself that there are none (conntrack -L --any-nat) and unload the NAT modules",
                needs=True,
            )
        return
    lines = [line.strip() for line in text.splitlines() if table_lines.translated(line)]
    if lines:
        yield Holder(
            CONNECTIONS,
            "%d translated connection%s" % (len(lines), "" if len(lines) == 1 else "s"),
            "; ".join(lines[:_SHOWN]),
            "they would be cut",
            "wait until they have ended, or end them (conntrack -D)",
            needs=True,
        )


def _entries(snapshot: Snapshot) -> int | None:
    counts = ("/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/ipv4/netfilter/ip_conntrack_count")
    return next((number for number in map(snapshot.integer, counts) if number is not None), None)


def _empty_chain(family: str, table: str, chain: str) -> Holder:
    return Holder(
        CHAIN,
        "nft %s %s %s" % (family, table, chain),
        "a chain of type nat without a rule",
        "nothing",
        "nothing: it is deleted, as it is empty",
        needs=False,
    )


# The kernel's names of helpers that are not those of their modules.
_MODULE_OF = {"H.245": "h323", "Q.931": "h323", "RAS": "h323", "netbios-ns": "netbios_ns", "snmp_trap": "snmp"}


def _helpers(snapshot: Snapshot, removal: Removal) -> t.Iterator[Holder]:
    """Helpers that are at work: no rule holds them, so they go, but somebody should know."""
    removed = [name for name in removal.order if conntrack_modules.is_helper(name)]
    for helper in module_facts.helpers_in_use(snapshot) or ():
        ending = "_conntrack_" + _MODULE_OF.get(helper, helper)
        for name in removed:
            if name.endswith(ending):
                said = "the helper %s waits for connections that were announced to it (expectations)" % helper
                yield _working(name, said, "connections that %s announces" % helper)
    if removed and settings.value(snapshot, "helper") == 1:
        said = "nf_conntrack_helper is 1: connections to well-known ports get a helper without a rule"
        yield _working("automatic helpers", said, "connections that protocols announce (%s)" % ", ".join(removed))


def _working(name: str, evidence: str, what: str) -> Holder:
    return Holder(
        WORKING,
        name,
        evidence,
        "%s are no longer let in by ct state related, nor translated" % what,
        "nothing, where nobody relies on that",
        needs=False,
    )


def _leftover(name: str) -> Holder:
    kind = HELPER if conntrack_modules.is_helper(name) else MODULE
    return Holder(kind, name, "loaded, and no rule uses it", "nothing", "nothing: it is unloaded", needs=False)


def _comes_with_core(name: str) -> bool:
    return (
        conntrack_modules.is_core(name)
        or name.startswith(("nf_defrag_", "nf_conntrack_proto_", "ip_conntrack_proto_"))
        or name in ("nf_conntrack_ipv4", "nf_conntrack_ipv6")
    )


def _notes(snapshot: Snapshot) -> t.Iterator[Holder]:
    if snapshot.integer("/proc/sys/net/bridge/bridge-nf-call-iptables") == 1:
        yield Holder(
            NOTE,
            "bridge netfilter",
            "bridge-nf-call-iptables is 1: bridged packets pass the rules of iptables too",
            "nothing: it does not hold connection tracking",
            "nothing: bridge and br_netfilter are left alone",
            needs=False,
        )
