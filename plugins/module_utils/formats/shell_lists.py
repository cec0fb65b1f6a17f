# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of an assignment in a shell file as a list of words: which it lists, and how to write others.

The words are those that the shell makes of the unquoted value (``for word in $LIST``); as module names,
``-`` and ``_`` are the same in them.
"""

from __future__ import annotations

import itertools
import re

from .shell_values import Statement
from .shell_words import BLANKS, Piece

WORD = re.compile(r"[A-Za-z0-9_.+-]+\Z")


def words(value: str) -> list[str]:
    """The words of a list; a carriage return counts as a blank, as the person who wrote the file meant it."""
    return [word for word in re.split("[" + BLANKS + "]+", value) if word]


def module_name(word: str) -> str:
    """The name that the kernel gives to a module."""
    return word.replace("-", "_")


def fields_of(statement: Statement) -> list[list[Piece]]:
    """The value's words as pieces; an expansion glued to other characters is part of their word."""
    fields: list[list[Piece]] = [[]]
    for piece in statement.pieces:
        if piece.kind == "text" and piece.value in BLANKS:
            fields.append([])
        else:
            fields[-1].append(piece)
    return [field for field in fields if field]


def is_listed(field: list[Piece], wanted: set[str] | None) -> bool:
    """Whether a word that is written out, without expansions, is one of ``wanted``."""
    if any(piece.kind != "text" for piece in field):
        return False
    return wanted is not None and module_name("".join(piece.value for piece in field)) in wanted


def lists(statement: Statement, wanted: set[str]) -> bool:
    """Whether the statement itself lists one of ``wanted`` (not through another variable)."""
    return any(is_listed(field, wanted) for field in fields_of(statement))


def quoted(text: str, statement: Statement, fields: list[list[Piece]]) -> str:
    """A value of these words, in the kind of quotes that the statement uses where they can be kept."""
    source = text[statement.value_start : statement.value_end]
    first = re.search("[\"']", source)
    quote = first.group() if first else ""
    pieces = [piece for field in fields for piece in field]
    lead = statement.head.endswith("+=") and bool(statement.pieces) and statement.pieces[0].value in BLANKS
    if quote == "'" and any(piece.kind != "text" or piece.value == "'" for piece in pieces):
        quote = '"'
    plain = all(piece.kind == "text" and WORD.match(piece.value) for piece in pieces)
    if not quote and (lead or len(fields) > 1 or not plain):
        quote = '"'
    value = " ".join("".join(_written(text, piece, quote) for piece in field) for field in fields)
    return quote + (" " if lead and fields else "") + value + quote


def cuts(text: str, statement: Statement, wanted: set[str]) -> list[tuple[int, int]]:
    """What to cut out of the file so that the listed words go, each with the blanks that set it off.

    These are the blanks before the word; for the first words, which have none to spare, those behind it.
    """
    gone: list[Piece] = []
    blanks: list[Piece] = []
    kept = first_gone = False
    for blank, group in itertools.groupby(
        statement.pieces, lambda piece: piece.kind == "text" and piece.value in BLANKS
    ):
        run = list(group)
        if blank:
            blanks = run
        elif is_listed(run, wanted):
            gone += (blanks if kept or first_gone else []) + run
            first_gone = not kept
            blanks = []
        else:
            gone += blanks if first_gone and not kept else []
            kept, blanks = True, []
    found: list[tuple[int, int]] = []
    for piece in gone:
        if found and re.match(r"(?:\\\n)*\Z", text[found[-1][1] : piece.start]):
            found[-1] = (found[-1][0], piece.end)
        else:
            found.append((piece.start, piece.end))
    return found


def with_words(text: str, statement: Statement, missing: list[str]) -> str:
    """``text`` with words added to the value of ``statement``: inside its last quotes, or in new ones."""
    pieces = list(statement.pieces)
    end = statement.value_end
    while pieces and pieces[-1].value == "\r" and not pieces[-1].quote:
        end = pieces.pop().start
    after = pieces[-1].end if pieces else statement.value_start
    set_off = not pieces[-1].value.isspace() if pieces else statement.head.endswith("+=")
    if end > after and text[end - 1] in "\"'":
        added = (" " if set_off else "") + " ".join(missing)
        return text[: end - 1] + added + text[end - 1 :]
    fields = fields_of(statement._replace(pieces=tuple(pieces)))
    added_fields = [[Piece("text", character, 0, 0, "") for character in word] for word in missing]
    lead = statement._replace(pieces=(Piece("text", " ", 0, 0, ""),)) if set_off and not fields else statement
    value = quoted(text, lead, fields + added_fields)
    value = value if value[:1] in ("'", '"') else f'"{value}"'
    return text[: statement.value_start] + value + text[end:]


def _written(text: str, piece: Piece, quote: str) -> str:
    if piece.kind == "variable":
        return "${" + piece.value + "}"
    if piece.kind == "text":
        return "\\" + piece.value if quote == '"' and piece.value in '$`"\\' else piece.value
    return text[piece.start : piece.end]
