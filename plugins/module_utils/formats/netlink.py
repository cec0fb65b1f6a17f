# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Netlink messages and their attributes, as bytes: taken apart and put together.

A message has 16 bytes of struct nlmsghdr, in the byte order of the machine, and its payload; an attribute 4 bytes of
struct nlattr and its payload; both are padded to 4 bytes. Source: include/uapi/linux/netlink.h.
"""

from __future__ import annotations

import struct
import typing as t

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")

ERROR, DONE = 2, 3
REQUEST, DUMP = 0x1, 0x300
# Set by the kernel on what it sends: the dump was filtered.
DUMP_FILTERED = 0x20

# Of an attribute's type: its payload is attributes; it is in network byte order.
NESTED = 0x8000
_TYPE = 0x3FFF


class Malformed(ValueError):
    """Bytes that are no netlink message, or end within one."""


class Message(t.NamedTuple):
    """``start`` and ``end`` are where the payload lies in the bytes that it was found in."""

    kind: int
    flags: int
    start: int
    end: int


class Attribute(t.NamedTuple):
    """``kind`` without the two flags; ``start`` and ``end`` as in Message."""

    kind: int
    start: int
    end: int


def messages(data: t.Any) -> t.Iterator[Message]:
    """All messages of a datagram. Raises Malformed where one does not fit."""
    offset, size = 0, len(data)
    while offset < size:
        if size - offset < HEADER.size:
            raise Malformed("%d bytes are too few for a message" % (size - offset))
        length, kind, flags, _sequence, _port = HEADER.unpack_from(data, offset)
        if not HEADER.size <= length <= size - offset:
            raise Malformed("a message of %d bytes in %d" % (length, size - offset))
        yield Message(kind, flags, offset + HEADER.size, offset + length)
        offset += aligned(length)


def attributes(data: t.Any, start: int, end: int) -> t.Iterator[Attribute]:
    """All attributes between two places. Raises Malformed where one does not fit."""
    while end - start >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if not ATTRIBUTE.size <= length <= end - start:
            raise Malformed("an attribute of %d bytes in %d" % (length, end - start))
        yield Attribute(kind & _TYPE, start + ATTRIBUTE.size, start + length)
        start += aligned(length)


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded."""
    length = ATTRIBUTE.size + len(payload)
    return ATTRIBUTE.pack(length, kind) + payload + bytes(aligned(length) - length)


def nested(kind: int, *attributes_within: bytes) -> bytes:
    return attribute(kind | NESTED, b"".join(attributes_within))


def message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), kind, flags, sequence, 0) + payload


def error(data: t.Any, found: Message) -> int:
    """The errno of a message of kind ERROR, 0 where it says that all is well."""
    if found.end - found.start < 4:
        raise Malformed("an error without a number")
    return -int(struct.unpack_from("=i", data, found.start)[0])


def aligned(length: int) -> int:
    return (length + 3) & ~3
