# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``nft list ruleset`` prints and what nft reads from files: chains, rules and the objects of conntrack.

nft(8); parser_bison.y and scanner.l of nftables. Elements of sets and maps are skipped, files that are included
are not read. A rule of iptables that nft cannot say in its own words stands as ``xt match "connlimit"``, as
``# xt_connlimit`` where nft was built without the extensions, and up to 1.0.2 as a comment in the extension's words.
"""

from __future__ import annotations

import re
import typing as t

FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
OBJECTS = ("ct helper", "ct timeout", "ct expectation", "flowtable", "synproxy")

_OTHER_THINGS = ("table", "set", "map", "element", "meter", "counter", "quota", "limit", "secmark", "tunnel", "ruleset")
_ADDING = ("add", "create", "insert", "replace")
_PLACES = ("handle", "position", "index")
_TOKEN = re.compile(
    r"""(?P<joined>\\\r?\n)|(?P<end>[\n;])|(?P<open>\{)|(?P<close>\})|(?P<comment>\#)"""
    r"""|(?P<word>"[^"\n]*"?|[^\s;{}"#\\]+|\\)"""
)
# What follows such a comment is the rest of the rule: matches stand before the counter that each rule of iptables has.
_XT_COMMENT = re.compile(
    r"#[ \t]{0,9}(?:xt_(?P<name>\w{1,32})|(?P<limit>#conn [^\s]{1,32} [<>] \d{1,10})|(?=.{0,999}\bcounter packets \d))"
)


class Chain(t.NamedTuple):
    """A base chain has a ``type`` (filter, nat, route), a ``hook`` and perhaps a ``policy``.

    ``declared`` is all that nft says of its type, hook and priority, as it takes it back.
    """

    family: str
    table: str
    name: str
    type: str | None = None
    hook: str | None = None
    policy: str | None = None
    declared: str | None = None


class Rule(t.NamedTuple):
    """``text`` stands on one line, its words apart by one blank."""

    family: str
    table: str
    chain: str
    text: str


class Object(t.NamedTuple):
    """``kind`` is one of OBJECTS; ``text`` is all of it on one line."""

    family: str
    table: str
    kind: str
    name: str
    text: str


class Ruleset(t.NamedTuple):
    """Each chain once, rules in their order. ``owned`` are tables (family, name) that only one process may change."""

    chains: tuple[Chain, ...]
    rules: tuple[Rule, ...]
    objects: tuple[Object, ...]
    owned: tuple[tuple[str, ...], ...] = ()


def parse(text: str) -> Ruleset:
    """What ``text`` declares or adds; what is none of it is skipped."""
    parser = _Parser()
    for kind, token in _tokens(text):
        parser.take(kind, token)
    parser.end()
    return Ruleset(tuple(parser.chains.values()), tuple(parser.rules), tuple(parser.objects), tuple(parser.owned))


def _tokens(text: str) -> t.Iterator[tuple[str, str]]:
    position = 0
    fresh = True
    while True:
        match = _TOKEN.search(text, position)
        if not match:
            return
        kind, position = str(match.lastgroup), match.end()
        if kind == "comment":
            hidden = None if fresh else _XT_COMMENT.match(text, match.start())
            if hidden:
                position = hidden.end()
                name = hidden.group("name") or (hidden.group("limit") and "connlimit")
                if name:
                    yield "word", "xt_" + name
            else:
                end = text.find("\n", position)
                position = len(text) if end < 0 else end
            continue
        fresh = match.group() == "\n"
        if kind != "joined":
            yield kind, match.group()


class _Parser:
    """``_blocks`` says where we are: in nothing, in a table, or in a chain of it."""

    def __init__(self) -> None:
        self.chains: dict[tuple[str, str, str], Chain] = {}
        self.rules: list[Rule] = []
        self.objects: list[Object] = []
        self.owned: list[tuple[str, ...]] = []
        self._blocks: list[tuple[str, ...]] = []
        self._words: list[str] = []
        self._depth = 0

    def take(self, kind: str, token: str) -> None:
        if kind == "word":
            self._words.append(token)
        elif kind == "open":
            if self._depth or not self._enter():
                self._depth += 1
                self._words.append(token)
        elif kind == "close":
            if self._depth:
                self._depth -= 1
                self._words.append(token)
            else:
                self.end()
                if self._blocks:
                    self._blocks.pop()
        elif not self._depth:
            self.end()
        elif token == ";":
            self._words.append(token)

    def end(self) -> None:
        """The statement is over."""
        words, self._words, self._depth = self._words, [], 0
        if not words:
            return
        if not self._blocks:
            self._command(words)
        elif len(self._blocks) == 1:
            self._object(words, self._blocks[0])
        else:
            self._in_chain(words, self._blocks[1])

    def _enter(self) -> bool:
        """Whether a brace opens a table or a chain; otherwise it belongs to the statement."""
        words = self._words
        if not self._blocks:
            rest = words[1:] if words[:1] and words[0] in _ADDING else words
            if rest[:1] != ["table"] or len(rest) < 2:
                return False
            place, _rest = _place(rest[1:], 1)
            self._blocks.append(place)
        elif len(self._blocks) == 1:
            if words[:1] != ["chain"] or len(words) < 2:
                return False
            self._blocks.append((*self._blocks[0], _plain(words[1])))
            self._chain(self._blocks[1])
        else:
            return False
        self._words = []
        return True

    def _command(self, words: list[str]) -> None:
        if words[0] not in _ADDING:
            return
        words = words[1:]
        if words[:1] == ["chain"]:
            place, rest = _place(words[1:], 2)
            if len(place) == 3:
                self._chain(place)
                for statement in " ".join(rest).strip("{} ").split(";"):
                    self._in_chain(statement.split(), place, declared=True)
        elif _object_kind(words):
            size = len(_object_kind(words).split())
            place, rest = _place(words[size:], 2)
            if len(place) == 3:
                self._object([*words[:size], place[2], *rest], place[:2])
        elif words[:1] == ["rule"] or (words and words[0] not in _OTHER_THINGS):
            place, rest = _place(words[words[0] == "rule" :], 2)
            if rest[:1] and rest[0] in _PLACES:
                rest = rest[2:]
            if len(place) == 3 and rest:
                self._chain(place)
                self.rules.append(Rule(*place, " ".join(rest)))

    def _object(self, words: list[str], place: tuple[str, ...]) -> None:
        if words[0] == "flags" and "owner" in words[-1].split(","):
            self.owned.append(place)
        kind = _object_kind(words)
        at = len(kind.split())
        if kind and len(words) > at:
            self.objects.append(Object(place[0], place[1], kind, _plain(words[at]), " ".join(words)))

    def _in_chain(self, words: list[str], place: tuple[str, ...], declared: bool = False) -> None:
        chain = self._chain(place)
        if words[:1] == ["type"] and "hook" in words:
            hook = words[words.index("hook") + 1 :]
            text = " ".join(words)
            chain = chain._replace(type=words[1], hook=hook[0] if hook else None, declared=text)
            self.chains[chain[:3]] = chain
        elif words[:1] == ["policy"] and len(words) > 1:
            self.chains[chain[:3]] = chain._replace(policy=words[1])
        elif words and words[0] not in ("comment", "flags", "devices") and not declared:
            self.rules.append(Rule(*chain[:3], " ".join(words)))

    def _chain(self, place: tuple[str, ...]) -> Chain:
        key = (place[0], place[1], place[2])
        return self.chains.setdefault(key, Chain(*key))


def _place(words: list[str], names: int) -> tuple[tuple[str, ...], list[str]]:
    """Family (ip where it is left out) and so many names, and the words behind them."""
    family = "ip"
    if words and words[0] in FAMILIES:
        family, words = words[0], words[1:]
    return (family, *map(_plain, words[:names])), words[names:]


def _object_kind(words: list[str]) -> str:
    pair = " ".join(words[:2])
    return pair if pair in OBJECTS else words[0] if words and words[0] in OBJECTS else ""


def _plain(word: str) -> str:
    return word.strip('"')
