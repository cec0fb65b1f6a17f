# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References that the kernel counts on a module and that no rule in sight explains, as holders.

Another network namespace may have no process and no name, only an open file: then this count alone tells of it.
"""

from __future__ import annotations

import typing as t

from .conntrack_modules import Pin, Removal
from .holder import REFERENCE, RULE, Holder
from .rulesets import Rulesets

# What takes references to a module, by the beginning of its name, and how the names of rules begin that explain them.
_IPTABLES = ("iptables ", "ip6tables ", "nft ")
_TAKERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("act_", "an action of traffic control (tc filter show, tc actions list)", ()),
    ("nf_conntrack_netlink", "a program that reads the table", ()),
    ("nfnetlink_cttimeout", "a timeout policy (nfct timeout list)", ()),
    ("nfnetlink_cthelper", "a helper in user space (nfct helper list)", ()),
    ("nft_", "a rule, a chain or an object of nftables", ("nft ",)),
    ("nf_flow_table", "a flow table of nftables", ("nft ",)),
    ("nf_conntrack_bridge", "a rule of nftables for bridges", ("nft ",)),
    ("xt_", "a rule of iptables", _IPTABLES),
    ("ipt_", "a rule of iptables", _IPTABLES),
    ("ip6t_", "a rule of ip6tables", _IPTABLES),
    ("", "something in the kernel", _IPTABLES),
)


def unexplained(removal: Removal, rules: Rulesets, known: t.Sequence[Holder]) -> t.Iterator[Holder]:
    """Given the ``rules`` of this network namespace, and the holders ``known`` in all of them."""
    chains = len(rules.empty_nat_chains)
    for pin in removal.pins:
        if pin.references is None:
            yield _permanent(pin)
            continue
        if pin.module.startswith("nft_chain_nat"):
            # Each chain of type nat is one reference, and these will be deleted.
            chains -= pin.references
            if chains >= 0:
                continue
        taker, explained = _taker(pin.module)
        if any(holder.kind == RULE and holder.name.startswith(explained) for holder in known):
            continue
        unread = "; not all rules could be read: %s" % "; ".join(rules.unread.values()) if rules.unread else ""
        count = "1 reference" if pin.references == 1 else "%d references" % pin.references
        yield Holder(
            REFERENCE,
            pin.module,
            "%s that no module accounts for: %s, here or in another network namespace%s" % (count, taker, unread),
            "whatever that is there for",
            "find it and take it out",
            needs=True,
        )


def _taker(module: str) -> tuple[str, tuple[str, ...]]:
    return next((taker, names) for start, taker, names in _TAKERS if module.startswith(start))


def _permanent(pin: Pin) -> Holder:
    return Holder(
        REFERENCE,
        pin.module,
        "the kernel does not unload this module",
        "nothing: it stays loaded until the next boot",
        "keep it from being loaded (when: boot, in the role conntrack_unload_when) and boot",
        needs=True,
    )
