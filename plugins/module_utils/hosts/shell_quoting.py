# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts as a POSIX shell writes them: a word, a pattern, the output of printf, a basic regular expression."""

from __future__ import annotations

import string

# What one printf is given: where it is no builtin (mksh), an argument has its limit (128 KiB on Linux).
_PIECE = 8192
_IN_PATTERNS = frozenset("*?[]!-+,./:=@_" + string.ascii_letters + string.digits)
# Everything else in a script of ours is printable ASCII.
_PLAIN = frozenset(b"\n\t") | frozenset(range(0x20, 0x7F)) - frozenset(b"\\%'")


def word(text: str) -> str:
    return "'%s'" % text.replace("'", "'\\''")


def pattern(text: str) -> str:
    """A pattern of file names: "*", "?" and what is between brackets stay what they are, all else is plain text."""
    return "".join(letter if letter in _IN_PATTERNS else word(letter) for letter in text)


def printing(text: str) -> str:
    """Commands that print a text to the byte, NUL and all: printf(1) takes octal escapes in every shell."""
    data = text.encode("utf-8", "surrogateescape")
    pieces = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    return "; ".join(map(_printed, pieces)) or ":"


def expression(text: str) -> str:
    """A basic regular expression that matches just this text, between slashes."""
    return "".join("\\" + letter if letter in "\\/.*[]^$" else letter for letter in text)


def _printed(piece: bytes) -> str:
    # What begins with "-" would be an option.
    first = "\\055" if piece[:1] == b"-" else _escaped(piece[0])
    return "printf '%s'" % (first + "".join(map(_escaped, piece[1:])))


def _escaped(byte: int) -> str:
    return chr(byte) if byte in _PLAIN else "%%" if byte == 0x25 else "\\%03o" % byte
