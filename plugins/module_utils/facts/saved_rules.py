# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that a service restores from its files: what of them brings connection tracking with it.

From iptables-restore(8) and nft(8): where nft looks for what a file includes (scanner.l, the default include path).
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ..formats import iptables_save, nft_ruleset
from ..probe import File, Glob, Item
from ..snapshot import NOT_READ, Snapshot
from . import rule_uses

NFT = "nft"
RULES = "rules that need connection tracking"

_LIMIT = 1 << 22
_FOLDERS = ("/etc/nftables", "/etc/nftables.d", "/etc/sysconfig/nftables")
_INCLUDE = re.compile(r"^([^#\"\n]*(?<!\w))include[ \t]+\"([^\"\n]+)\"[ \t]*;?", re.MULTILINE)
_DEPTH = 16

ITEMS: tuple[Item, ...] = (
    *(
        File(path, limit=_LIMIT)
        for path in (
            "/etc/sysconfig/iptables",
            "/etc/sysconfig/ip6tables",
            "/etc/iptables/rules.v4",
            "/etc/iptables/rules.v6",
            "/etc/iptables/rules",
            "/etc/iptables/iptables.rules",
            "/etc/iptables/ip6tables.rules",
            "/etc/nftables.conf",
            "/etc/sysconfig/nftables.conf",
        )
    ),
    *(Glob(folder + "/*", limit=_LIMIT) for folder in _FOLDERS),
)


class Saved(t.NamedTuple):
    """What restoring a file loads, the first rule that makes it do so, and how the operator changes that."""

    loads: str
    evidence: str
    change: str


def need(snapshot: Snapshot, path: str, family: str) -> Saved | None:
    """What of a file brings connection tracking; None where nothing does.

    A file that is there and could not be read is one that may.
    """
    text = snapshot.text(path)
    if text is None:
        if not snapshot.exists(path):
            return None
        return _of_rules("it cannot be read: %s" % snapshot.reason(path), path)
    if family != NFT:
        return _of_tables(iptables_save.parse(text), path, family)
    text, unread = _with_includes(snapshot, text, _DEPTH)
    ruleset = nft_ruleset.parse(text)
    said = _first(rule_uses.of_nft(ruleset))
    if said:
        return _of_rules(said, path)
    empty = next((chain for chain in ruleset.chains if chain.type == "nat"), None)
    if empty:
        name = " ".join((empty.family, empty.table, empty.name))
        change = "take the chains of type nat out of " + path
        return Saved("nft_chain_nat", "chain %s is of type nat, which alone needs it" % name, change)
    return _of_rules("it includes %s, which was not read" % unread[0], path) if unread else None


def command(text: str, family: str) -> str | None:
    """A rule in the form of a saved file, if it needs connection tracking."""
    return _first(rule_uses.of_iptables(iptables_save.parse(text), family))


def _of_tables(tables: list[iptables_save.Table], path: str, family: str) -> Saved | None:
    said = _first(rule_uses.of_iptables(tables, family))
    if said:
        return _of_rules(said, path)
    if any(table.name == "nat" for table in tables):
        # Its chains alone are registered with NAT, which needs the core.
        module = "ip6table_nat" if family == "ip6tables" else "iptable_nat"
        return Saved(module, "*nat: the table alone needs it", "take the table *nat out of " + path)
    return None


def _of_rules(evidence: str, path: str) -> Saved:
    return Saved(RULES, evidence, "take the rules that need tracking out of " + path)


def _first(uses: t.Sequence[rule_uses.Use]) -> str | None:
    if not uses:
        return None
    more = " (and %d more)" % (len(uses) - 1) if len(uses) > 1 else ""
    return "%s: %s%s" % (uses[0].where, uses[0].text, more)


def _with_includes(snapshot: Snapshot, text: str, depth: int) -> tuple[str, list[str]]:
    """The text with included files in the place of their names, and which were not read."""
    unread: list[str] = []

    def included(match: re.Match[str]) -> str:
        # A relative path is looked for in /etc; with a dot in front it is the service's folder, which is the root.
        name = match.group(2)
        path = posixpath.normpath(posixpath.join("/" if name.startswith(".") else "/etc", name))
        paths = snapshot.glob(path) if re.search(r"[*?[]", path) else [path]
        texts = []
        for each in paths:
            found = snapshot.text(each)
            if found is None or not depth:
                if snapshot.exists(each) or (snapshot.reason(each) == NOT_READ and not _covered(each)):
                    unread.append(each)
                continue
            found, missing = _with_includes(snapshot, found, depth - 1)
            texts.append(found)
            unread.extend(missing)
        if not paths and not _covered(path):
            unread.append(path)
        return "\n".join((match.group(1), *texts, ""))

    return _INCLUDE.sub(included, text), unread


def _covered(path: str) -> bool:
    """Whether everything that lies beside this path was asked for."""
    return posixpath.dirname(path) in _FOLDERS
