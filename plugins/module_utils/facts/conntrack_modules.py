# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel modules exist for connection tracking alone, in which order they can be unloaded, and what pins them.

A module can be unloaded when nothing references it (kernel/module/main.c, try_stop_module). /proc/modules shows how
many references there are and which modules hold some of them; what is beyond these was taken by rules, other network
namespaces or open sockets. Names from net/netfilter, net/ipv4/netfilter and net/sched of Linux 2.4 to 6.18.
"""

from __future__ import annotations

import re
import typing as t

from ..formats.modules import Module, unnamed_references

CORES = ("nf_conntrack", "ip_conntrack")

_PROTOCOLS = "amanda|broadcast|ftp|h323|irc|netbios_ns|pptp|sane|sip|snmp|snmp_basic|tftp"
_HELPER = re.compile(r"(?:ip|nf)_(?:conntrack|nat)_(?:%s)\Z" % _PROTOCOLS)
_OWN = re.compile(
    r"(?:(?:ip|nf)_(?:conntrack|nat)(?:_\w+)?"
    r"|nf_conncount|nf_flow_table(?:_\w+)?|nf_synproxy(?:_\w+)?|nfnetlink_ct(?:timeout|helper)"
    r"|ip6?table_nat"
    r"|nft_(?:chain_nat|masq|nat|redir)(?:_ipv[46])?|nft_(?:ct|connlimit|flow_offload|synproxy)"
    r"|act_(?:ct|ctinfo|connmark)"
    r"|(?:xt|ipt|ip6t)_(?:state|conntrack|connmark|connlimit|connbytes|connlabel|helper|cluster)"
    r"|(?:xt|ipt|ip6t)_(?:CT|NOTRACK|CONNMARK|CONNSECMARK|SYNPROXY|CLUSTERIP)"
    r"|(?:xt|ipt|ip6t)_(?:nat|MASQUERADE|NETMAP|REDIRECT|SAME|SNAT|DNAT))\Z"
)
# The core needs them and nothing keeps them when it is gone; others use them too.
_NEEDED_BY_CORE = ("nf_defrag_ipv4", "nf_defrag_ipv6")


class Pin(t.NamedTuple):
    """``references`` of a module that no module in its ``users`` accounts for; None where it can never be unloaded."""

    module: str
    references: int | None


class Removal(t.NamedTuple):
    """``order``: what is to be unloaded, users first. ``pins``: what of it something holds that is no module.

    ``foreign`` are users that do not exist for connection tracking alone, with the module that each of them uses.
    ``held`` is what of it cannot go for either reason, directly or not.
    """

    order: tuple[str, ...]
    pins: tuple[Pin, ...]
    foreign: tuple[tuple[str, str], ...]
    held: frozenset[str] = frozenset()


def is_own(name: str) -> bool:
    """Whether a module exists for connection tracking alone. A dash and an underscore are the same."""
    return bool(_OWN.match(name.replace("-", "_")))


def is_helper(name: str) -> bool:
    """Whether a module is a helper, or the NAT part of one."""
    return bool(_HELPER.match(name.replace("-", "_")))


def is_core(name: str) -> bool:
    return name in CORES


def loaded(modules: t.Iterable[Module]) -> list[str]:
    """Those of /proc/modules that exist for connection tracking alone, in its order: what came last is first."""
    return [module.name for module in modules if is_own(module.name)]


def removal(modules: t.Sequence[Module], wanted: t.Callable[[str], bool]) -> Removal:
    """How to unload the modules that are ``wanted``, with everything of conntrack's own that uses them."""
    by_name = {module.name: module for module in modules}
    chosen = {name for name in by_name if wanted(name)}
    foreign: list[tuple[str, str]] = []
    waiting = sorted(chosen)
    while waiting:
        name = waiting.pop()
        for user in by_name[name].users:
            if user in chosen or user not in by_name:
                continue
            if not is_own(user):
                foreign.append((user, name))
                continue
            chosen.add(user)
            waiting.append(user)
    if any(is_core(name) for name in chosen):
        chosen.update(name for name in _NEEDED_BY_CORE if name in by_name and chosen.issuperset(by_name[name].users))
    order = _users_first(by_name, chosen)
    pins = [pin for pin in (_pin(by_name[name]) for name in by_name if name in chosen) if pin]
    held = {pin.module for pin in pins} | {used for _user, used in foreign}
    for name in order:
        if held.intersection(by_name[name].users):
            held.add(name)
    return Removal(order, tuple(pins), tuple(sorted(foreign)), frozenset(held))


def _pin(module: Module) -> Pin | None:
    references = unnamed_references(module)
    if references is None or module.permanent:
        return Pin(module.name, None)
    return Pin(module.name, references) if references else None


def _users_first(by_name: t.Mapping[str, Module], chosen: set[str]) -> tuple[str, ...]:
    left = [name for name in by_name if name in chosen]
    order: list[str] = []
    while left:
        # Modules cannot use each other in a circle; a list that says so was cut while it was read.
        free = [name for name in left if not set(by_name[name].users).intersection(left)] or left
        order += free
        left = [name for name in left if name not in free]
    return tuple(order)
