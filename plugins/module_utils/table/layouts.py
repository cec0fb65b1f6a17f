# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of ctnetlink, hundreds at a time.

Most messages of a dump are alike: the same attributes in the same order, and only the values differ. From the first
one of a kind its layout is learnt: which bytes are values, and where. Messages of its length that have all the other
bytes the same are then taken apart together, in a few calls of C. What fits no layout is parsed by itself.
"""

from __future__ import annotations

import collections
import re
import struct
import typing as t

from ..formats import ctnetlink as c
from ..formats import netlink
from ..formats.conntrack_entry import GRE, IPV4, IPV6, Entry
from .batch import Batch, batches

# Messages of one length are collected up to this many.
_PILE = 512
# There are a few dozen in the most colourful table.
_MOST_LAYOUTS = 256
_LENGTH = struct.Struct("=I")
_WORD = 4
# After struct nlmsghdr, struct nfgenmsg.
_START = netlink.HEADER.size + 4

# Where the columns are: the numbers of the attributes down to it, its name, and its form in network order.
_VALUES: dict[tuple[int, ...], tuple[str, str]] = {
    (c.CTA_STATUS,): ("status", "I"),
    (c.CTA_TIMEOUT,): ("left", "I"),
    (c.CTA_MARK,): ("mark", "I"),
    (c.CTA_ZONE,): ("zone", "H"),
    (c.CTA_PROTOINFO, c.CTA_PROTOINFO_TCP, c.CTA_PROTOINFO_STATE): ("state", "B"),
    (c.CTA_PROTOINFO, c.CTA_PROTOINFO_DCCP, c.CTA_PROTOINFO_STATE): ("state", "B"),
    (c.CTA_PROTOINFO, c.CTA_PROTOINFO_SCTP, c.CTA_PROTOINFO_STATE): ("state", "B"),
    (c.CTA_PROTOINFO, c.CTA_PROTOINFO_TCP, c.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL): ("tcp_flags", "B"),
    (c.CTA_PROTOINFO, c.CTA_PROTOINFO_TCP, c.CTA_PROTOINFO_TCP_FLAGS_REPLY): ("tcp_flags_of_reply", "B"),
    (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_IP, c.CTA_IP_V4_SRC): ("source", "I"),
    (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_IP, c.CTA_IP_V4_DST): ("destination", "I"),
    (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_IP, c.CTA_IP_V6_SRC): ("source", "16s"),
    (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_IP, c.CTA_IP_V6_DST): ("destination", "16s"),
    (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_PROTO, c.CTA_PROTO_SRC_PORT): ("source_port", "H"),
    (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_PROTO, c.CTA_PROTO_DST_PORT): ("destination_port", "H"),
}
_PROTOCOL = (c.CTA_TUPLE_ORIG, c.CTA_TUPLE_PROTO, c.CTA_PROTO_NUM)
_NESTED = {path[:length] for path in _VALUES for length in range(1, len(path))}


class Layout:
    """That of messages like this one. Raises netlink.Malformed for a message that is no entry."""

    def __init__(self, message: bytes, columns: t.Collection[str]) -> None:
        self._fields: list[tuple[int, str, str]] = []
        self._words = len(message) // _WORD
        # Which words are no values: their place, and what they are. First of all length, kind, flags and family.
        self._fixed = [(place, message[place * _WORD : (place + 1) * _WORD]) for place in (0, 1, 4)]
        self._protocol = -1
        self._walk(message, _START, len(message), (), columns)
        if self._protocol == GRE:
            # The keys of a tunnel stand where others have their ports.
            self._fields = [field for field in self._fields if not field[1].endswith("_port")]
        self._family = message[netlink.HEADER.size]
        if self._protocol < 0 or self._family not in (IPV4, IPV6):
            raise netlink.Malformed("an entry without a protocol, or of another family")
        self._names = [name for _offset, name, _form in sorted(self._fields)]
        self._struct = struct.Struct(self._form(len(message)))

    def _walk(self, message: bytes, start: int, end: int, above: tuple[int, ...], columns: t.Collection[str]) -> None:
        for found in netlink.attributes(message, start, end):
            path = (*above, found.kind)
            self._fix(message, found.start - netlink.ATTRIBUTE.size)
            if path in _NESTED:
                self._walk(message, found.start, found.end, path, columns)
            elif path == _PROTOCOL and found.end > found.start:
                self._protocol = message[found.start]
                self._fix(message, found.start)
            else:
                name, form = _VALUES.get(path, ("", ""))
                if _column(name) in columns and struct.calcsize(">" + form) <= found.end - found.start:
                    self._fields.append((found.start, name, form))

    def _form(self, length: int) -> str:
        form, place = ">", 0
        for offset, _name, each in sorted(self._fields):
            form += "%dx%s" % (offset - place, each)
            place = offset + struct.calcsize(">" + each)
        return form + "%dx" % (length - place)

    def _fix(self, message: bytes, offset: int) -> None:
        self._fixed.append((offset // _WORD, message[offset : offset + _WORD]))

    def fits(self, message: bytes) -> bool:
        return all(message[place * _WORD : (place + 1) * _WORD] == word for place, word in self._fixed)

    def batch(self, messages: t.Sequence[bytes]) -> Batch | None:
        """All of these, which are as long as the first one was; None where not every one has this layout."""
        block, size = b"".join(messages), len(messages)
        words = memoryview(block).cast("I")
        if any(words[place :: self._words].tobytes() != word * size for place, word in self._fixed):
            return None
        columns: dict[str, t.Sequence[t.Any]] = dict(zip(self._names, zip(*self._struct.iter_unpack(block))))
        of_reply = columns.pop("tcp_flags_of_reply", None)
        if of_reply and "tcp_flags" in columns:
            columns["tcp_flags"] = [flags | more for flags, more in zip(columns["tcp_flags"], of_reply)]
        return Batch(self._family, self._protocol, size, columns)


class Sorter:
    """Datagrams of a dump go in, batches come out.

    ``errno`` is not None once the dump is over: 0, or why it ended early. ``filtered`` says that the kernel heeded a
    filter, ``malformed`` how many messages could not be understood. ``received`` counts all, wanted or not.
    """

    def __init__(self, columns: t.Collection[str]) -> None:
        self._columns = columns
        self._piles: dict[int, list[bytes]] = collections.defaultdict(list)
        self._lengths: set[int] = set()
        self._known: t.Pattern[bytes] | None = None
        self._layouts: dict[int, list[Layout]] = {}
        self._odd: list[Entry] = []
        self.errno: int | None = None
        self.received = 0
        self.filtered = False
        self.malformed = 0

    def add(self, data: bytes, most: int) -> int:
        """Takes the first ``most`` messages of a datagram; says how many were entries."""
        # Where they follow each other without a gap, every one began with its own length.
        found = self._known.findall(data) if self._known else []
        if sum(map(len, found)) != len(data):
            found = self._walked(data)
        self.received += len(found)
        del found[most:]
        piles = self._piles
        for message in found:
            piles[len(message)].append(message)
        if found and not self.filtered:
            self.filtered = bool(netlink.HEADER.unpack_from(found[0])[2] & netlink.DUMP_FILTERED)
        return len(found)

    def _walked(self, data: bytes) -> list[bytes]:
        """The entries of a datagram whose lengths were not all met before, or that ends the dump."""
        found = []
        for each in netlink.messages(data):
            if each.kind in (netlink.DONE, netlink.ERROR):
                self.errno = netlink.error(data, each)
                break
            found.append(data[each.start - netlink.HEADER.size : each.end])
        lengths = {len(message) for message in found if len(message) % _WORD == 0}
        if not lengths <= self._lengths and len(self._lengths) < _MOST_LAYOUTS:
            self._lengths |= lengths
            forms = (re.escape(_LENGTH.pack(each)) + b".{%d}" % (each - _LENGTH.size) for each in sorted(self._lengths))
            self._known = re.compile(b"|".join(forms), re.DOTALL)
        return found

    def batches(self, all_of_them: bool = False) -> t.Iterator[Batch]:
        """Of the messages that came in; most are kept for the next time, unless all are asked for."""
        for pile in list(self._piles.values()):
            while len(pile) >= _PILE or (pile and all_of_them):
                messages = pile[:_PILE]
                del pile[:_PILE]
                yield from self._sorted(messages)
        if self._odd and (all_of_them or len(self._odd) >= _PILE):
            odd, self._odd = self._odd, []
            yield from batches(odd, self._columns)

    def _sorted(self, messages: list[bytes]) -> t.Iterator[Batch]:
        """Messages of one length, each by its layout."""
        layouts = self._layouts.setdefault(len(messages[0]), [])
        while messages:
            layout = next((each for each in layouts if each.fits(messages[0])), None) or self._learnt(messages[0])
            if layout is None:
                self._parse(messages.pop(0))
                continue
            whole = layout.batch(messages)
            if whole is None:
                fitting = [layout.fits(message) for message in messages]
                whole = layout.batch([message for message, fits in zip(messages, fitting) if fits])
                messages = [message for message, fits in zip(messages, fitting) if not fits]
            else:
                messages = []
            if whole:
                yield whole

    def _learnt(self, message: bytes) -> Layout | None:
        if sum(map(len, self._layouts.values())) >= _MOST_LAYOUTS:
            return None
        try:
            layout = Layout(message, self._columns)
        except netlink.Malformed:
            return None
        self._layouts[len(message)].insert(0, layout)
        return layout

    def _parse(self, message: bytes) -> None:
        try:
            self._odd += [c.entry(message, found) for found in netlink.messages(message)]
        except netlink.Malformed:
            self.malformed += 1


def _column(name: str) -> str:
    return "tcp_flags" if name == "tcp_flags_of_reply" else name
