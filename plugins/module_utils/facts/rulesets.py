# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall rules of a host, in one network namespace: which commands tell them, and what they said.

Reading must load no module. The kernel lists the legacy tables that exist in /proc/net/ip_tables_names, and
iptables-legacy-save asks for no other; iptables-nft-save loads nft_compat and extensions, so it is run only where a
rule uses them. nft shows some rules of iptables-nft only in part (1.0 and later), or not at all (CT in 0.9.8).
"""

from __future__ import annotations

import typing as t

from ..formats import iptables_save, modules, nft_ruleset
from ..probe import Command, File, Glob, Item, Names
from ..snapshot import ABSENT, Snapshot, command_key
from . import rule_uses
from .rule_uses import Use

_LIMIT = 16 << 20
_SECONDS = 30
_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_NFT = ("nft", "list", "ruleset")
# Command, the kernel's list of legacy tables, the family's name in nft.
_FAMILIES = (
    ("iptables", "/proc/net/ip_tables_names", "ip"),
    ("ip6tables", "/proc/net/ip6_tables_names", "ip6"),
)
_BUILT_IN = "/lib/modules/%s/modules.builtin"

FIRST: tuple[Item, ...] = (
    *(File(names) for _family, names, _nft_family in _FAMILIES),
    Names("/sys/module/nf_tables"),
    Glob(_BUILT_IN % "*", limit=1 << 18, keep=("nf_tables", "nft_compat"), most=3),
    *(Names("%s/ip*tables-*-save" % folder) for folder in _FOLDERS),
    *(Names("%s/xtables-nft-multi" % folder) for folder in _FOLDERS),
)


class Rulesets(t.NamedTuple):
    """``empty_nat_chains`` are base chains of nft of type nat that do nothing and that anybody may delete.

    ``unread`` says of a file or a command why it told nothing, or not all.
    """

    uses: tuple[Use, ...]
    empty_nat_chains: tuple[nft_ruleset.Chain, ...]
    unread: dict[str, str]


def items(snapshot: Snapshot, prefix: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """What to read, given BASE and FIRST. ``prefix`` runs a command in another network namespace."""
    found: list[Item] = []
    for family, names, _nft_family in _FAMILIES:
        if prefix and snapshot.exists(names):
            found.append(Command((*prefix, "cat", names)))
        if snapshot.exists(names) if prefix else snapshot.text(names):
            command = _legacy_save(snapshot, family)
            found += [_save(prefix, command)] if command else []
    if _nf_tables(snapshot):
        found.append(_save(prefix, _NFT))
        if _compat_in_use(snapshot):
            found += [_save(prefix, _nft_save(snapshot, family)) for family, _names, _nft_family in _FAMILIES]
    return tuple(found)


def read(snapshot: Snapshot, prefix: tuple[str, ...] = ()) -> Rulesets:
    reader = _Reader(snapshot, prefix)
    uses = reader.legacy()
    ruleset, complete = reader.nft()
    saved = reader.saved() if _compat_in_use(snapshot) else {}
    uses += _merged(ruleset, saved)
    filled = {rule[:3] for rule in ruleset.rules}
    for (_family, nft_family), of_family in saved.items():
        filled.update((nft_family, table.name, rule.chain) for table in of_family for rule in table.rules)
    empty = tuple(
        chain
        for place, chain in rule_uses.nat_chains(ruleset).items()
        if complete and place not in filled and chain.policy in (None, "accept") and place[:2] not in ruleset.owned
    )
    return Rulesets(tuple(uses), empty, reader.unread)


class _Reader:
    def __init__(self, snapshot: Snapshot, prefix: tuple[str, ...]) -> None:
        self.snapshot = snapshot
        self.prefix = prefix
        self.unread: dict[str, str] = {}

    def legacy(self) -> list[Use]:
        uses: list[Use] = []
        for family, path, _nft_family in _FAMILIES:
            names = self._names(path)
            if not names:
                continue
            command = _legacy_save(self.snapshot, family)
            if command is None:
                self.unread["%s-legacy-save" % family] = "absent, and the kernel has tables of its kind"
                continue
            text = self._said(command)
            if text is None:
                continue
            if iptables_save.of_nf_tables(text):
                self.unread[self._name(command)] = "it shows nf_tables only, and the kernel has other tables"
                continue
            found = iptables_save.parse(text)
            missing = [name for name in names if name not in [table.name for table in found]]
            if missing:
                self.unread[self._name(command)] = "it does not show the tables %s" % ", ".join(missing)
            uses += rule_uses.of_iptables(found, family)
            uses += rule_uses.of_nat_chains(found, family)
        return uses

    def nft(self) -> tuple[nft_ruleset.Ruleset, bool]:
        """The ruleset, and whether it is all of it."""
        if not _nf_tables(self.snapshot):
            return nft_ruleset.parse(""), True
        text = self._said(_NFT)
        return nft_ruleset.parse(text or ""), self._name(_NFT) not in self.unread

    def saved(self) -> dict[tuple[str, str], list[iptables_save.Table]]:
        """What iptables-nft tells of its own tables, by its name and nft's name of the family."""
        found = {}
        for family, _names, nft_family in _FAMILIES:
            text = self._said(_nft_save(self.snapshot, family))
            if text is not None:
                found[family, nft_family] = iptables_save.parse(text)
        return found

    def _names(self, path: str) -> list[str]:
        if not self.snapshot.exists(path):
            return []
        key = command_key((*self.prefix, "cat", path)) if self.prefix else path
        reading = self.snapshot.reading(key)
        if reading.text is None and reading.reason != ABSENT:
            self.unread[key] = str(reading.reason)
        return (reading.text or "").split()

    def _said(self, command: tuple[str, ...]) -> str | None:
        reading = self.snapshot.reading(command_key((*self.prefix, *command)))
        if reading.text is None:
            self.unread[self._name(command)] = str(reading.reason)
        elif reading.partial:
            self.unread[self._name(command)] = "it printed more than %d MiB, of which only the end is known" % (
                _LIMIT >> 20
            )
        return reading.text

    def _name(self, command: tuple[str, ...]) -> str:
        return " ".join((*self.prefix, *command))


def _merged(
    ruleset: nft_ruleset.Ruleset, saved: t.Mapping[tuple[str, str], t.Sequence[iptables_save.Table]]
) -> list[Use]:
    """Each rule once, as iptables says it where both say it.

    They are the same rules in the same order: where a chain has as many of them in both, those of a place are one.
    """
    counts: dict[tuple[str, str, str], int] = {}
    for rule in ruleset.rules:
        counts[rule[:3]] = counts.get(rule[:3], 0) + 1
    spelled: dict[tuple[tuple[str, str, str], int], Use] = {}
    alone: list[Use] = []
    for (family, nft_family), tables in saved.items():
        for table in tables:
            chains: dict[str, list[Use | None]] = {}
            for rule in table.rules:
                chains.setdefault(rule.chain, []).append(rule_uses.of_iptables_rule(family, table.name, rule))
            for chain, uses in chains.items():
                place = (nft_family, table.name, chain)
                if counts.get(place) == len(uses):
                    spelled.update({(place, number): use for number, use in enumerate(uses) if use})
                else:
                    alone += [use for use in uses if use]
    found: list[Use] = []
    chains_of_nat = rule_uses.nat_chains(ruleset)
    seen: dict[tuple[str, str, str], int] = {}
    for rule in ruleset.rules:
        number = seen.get(rule[:3], 0)
        seen[rule[:3]] = number + 1
        use = spelled.get((rule[:3], number)) or rule_uses.of_nft_rule(rule, chains_of_nat)
        found += [use] if use else []
    return [*found, *alone, *rule_uses.beside_rules(ruleset)]


def _save(prefix: tuple[str, ...], command: tuple[str, ...]) -> Command:
    return Command((*prefix, *command), limit=_LIMIT, seconds=_SECONDS)


def _legacy_save(snapshot: Snapshot, family: str) -> tuple[str, ...] | None:
    """None where only the variant for nf_tables is there, which would load that."""
    if _installed(snapshot, family + "-legacy-save"):
        return (family + "-legacy-save",)
    if _installed(snapshot, "xtables-nft-multi") or _installed(snapshot, family + "-nft-save"):
        return None
    return (family + "-save",)


def _nft_save(snapshot: Snapshot, family: str) -> tuple[str, ...]:
    """Red Hat's packages may lack the command's own name."""
    if not _installed(snapshot, family + "-nft-save") and _installed(snapshot, "xtables-nft-multi"):
        return ("xtables-nft-multi", family + "-save")
    return (family + "-nft-save",)


def _installed(snapshot: Snapshot, name: str) -> bool:
    return any(snapshot.exists("%s/%s" % (folder, name)) for folder in _FOLDERS)


def _nf_tables(snapshot: Snapshot) -> bool:
    """Whether it is there already, so that asking it loads nothing."""
    return _present(snapshot, "nf_tables") or snapshot.exists("/sys/module/nf_tables")


def _compat_in_use(snapshot: Snapshot) -> bool:
    """Whether a rule of iptables-nft uses an extension of iptables; those that do not, nft shows in full."""
    if not _nf_tables(snapshot) or not _present(snapshot, "nft_compat"):
        return False
    loaded = [module for module in _loaded(snapshot) if module.name == "nft_compat"]
    return all(module.refcount != 0 for module in loaded)


def _present(snapshot: Snapshot, name: str) -> bool:
    if snapshot.reason("/proc/modules") == ABSENT or any(module.name == name for module in _loaded(snapshot)):
        return True
    release = (snapshot.text("/proc/sys/kernel/osrelease") or "").strip()
    built_in = (snapshot.text(_BUILT_IN % release) or "").splitlines()
    return any(line.endswith("/%s.ko" % name) for line in built_in)


def _loaded(snapshot: Snapshot) -> list[modules.Module]:
    return modules.parse(snapshot.text("/proc/modules") or "")
