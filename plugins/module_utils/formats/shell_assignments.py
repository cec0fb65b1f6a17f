# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of kernel modules in a sourced shell file (iptables-config, ip6tables-config), edited as the shell
reads them.

``IPTABLES_MODULES`` and its like are lists of words in a variable; the iptables scripts of RHEL and Fedora
load each word with modprobe. Each editor reads its own result again with ``effective`` and gives the
unchanged text with a problem rather than a text whose value is wrong. Words are compared as module names:
``-`` is ``_``.
"""

from __future__ import annotations

import itertools
import re
import typing as t

from . import shell_comments
from .lines import append_line
from .shell_values import Assignment, Reading, Statement, assignments, effective, read
from .shell_words import BLANKS, Piece

__all__ = ["Assignment", "Edit", "assignments", "comment_out", "effective", "put_back", "take_out", "words"]

_WORD = re.compile(r"[A-Za-z0-9_.+-]+\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Edit(t.NamedTuple):
    """The text after an edit, whether it differs, and what stood in the way (then it is the text as it
    was)."""

    text: str
    changed: bool
    problems: list[str]


def words(value: str) -> list[str]:
    """The words of a list. A carriage return is taken for a blank: it is one to the person who wrote the
    file."""
    return [word for word in re.split("[" + BLANKS + "]+", value) if word]


def comment_out(text: str, name: str, modules: t.Sequence[str] | None) -> Edit:
    """Comment the assignments of ``name``, all of them or, with ``modules``, those that list one.

    Where other words stand beside the listed ones, the old lines stay as a comment and an assignment of the
    other words follows. ``put_back`` undoes this to the byte.
    """
    reading = read(text, name)
    wanted = None if modules is None else {_module(word) for word in modules}
    chosen = [item for item in reading.statements if wanted is None or _lists(item, wanted)]
    problems = _obstacles(name, reading, chosen, wanted)
    if problems or not chosen:
        return Edit(text, False, problems)
    expected = _without(reading.value or "", wanted)
    blocks = shell_comments.find(text, name, reading)
    above = max((block.level for block in blocks), default=0) + 1
    for keep_empty in (False, True):
        for level in (0, above):
            new = _commented(text, chosen, wanted, level, keep_empty)
            after = read(new, name)
            right = after.value is not None and words(after.value) == expected
            if right and _latest_undone(new, name, after) == text:
                return Edit(new, True, [])
    return Edit(text, False, [_elsewhere(name, chosen[-1])])


def take_out(text: str, name: str, modules: t.Sequence[str]) -> Edit:
    """Take the words ``modules`` out of the assignments of ``name``, which stay, perhaps with an empty
    list."""
    reading = read(text, name)
    wanted = {_module(word) for word in modules}
    chosen = [item for item in reading.statements if _lists(item, wanted)]
    problems = _obstacles(name, reading, chosen, wanted)
    if problems or not chosen:
        return Edit(text, False, problems)
    new = text
    for statement in reversed(chosen):
        for start, end in reversed(_cuts(text, statement, wanted)):
            new = new[:start] + new[end:]
    after, _reason = effective(new, name)
    if after is None or words(after) != _without(reading.value or "", wanted):
        return Edit(text, False, [_elsewhere(name, chosen[-1])])
    return Edit(new, True, [])


def put_back(text: str, name: str, modules: t.Sequence[str] | None) -> Edit:
    """Undo the latest ``comment_out``; with ``modules``, make sure that the list holds these words.

    With ``modules``, commented lines come back if they bring nothing else with them; words still missing are
    added to the last assignment, or as a new one at the end of the file.
    """
    reading = read(text, name)
    if reading.problem:
        return Edit(text, False, [_not_understood(reading)])
    if modules is None:
        new = _latest_undone(text, name, reading)
        after = read(new, name)
        return Edit(text, False, [_not_understood(after)]) if after.problem else Edit(new, new != text, [])
    odd = [word for word in modules if not _WORD.match(word)]
    if odd or not _NAME.match(name):
        return Edit(
            text, False, [f"{(odd or [name])[0]!r} is not a name that can be written to a shell file."]
        )
    if reading.value is None:
        return Edit(text, False, [_unknown(name, reading)])
    if not _missing(reading.value, modules):
        return Edit(text, False, [])
    base = _restored(text, name, reading, modules)
    return _added(text, base, name, modules)


def _module(word: str) -> str:
    return word.replace("-", "_")


def _without(value: str, wanted: set[str] | None) -> list[str]:
    return [word for word in words(value) if wanted is not None and _module(word) not in wanted]


def _missing(value: str, modules: t.Sequence[str]) -> list[str]:
    present = {_module(word) for word in words(value)}
    return [word for word in dict.fromkeys(modules) if _module(word) not in present]


def _fields(statement: Statement) -> list[list[Piece]]:
    """The value's words as pieces; an expansion glued to other characters is part of their word."""
    fields: list[list[Piece]] = [[]]
    for piece in statement.pieces:
        if piece.kind == "text" and piece.value in BLANKS:
            fields.append([])
        else:
            fields[-1].append(piece)
    return [field for field in fields if field]


def _is_listed(field: list[Piece], wanted: set[str] | None) -> bool:
    if any(piece.kind != "text" for piece in field):
        return False
    return wanted is not None and _module("".join(piece.value for piece in field)) in wanted


def _lists(statement: Statement, wanted: set[str]) -> bool:
    return any(_is_listed(field, wanted) for field in _fields(statement))


def _obstacles(name: str, reading: Reading, chosen: list[Statement], wanted: set[str] | None) -> list[str]:
    """Why the ``chosen`` statements cannot be edited for the words ``wanted`` (None: as a whole)."""
    if reading.problem:
        return [_not_understood(reading)]
    blocked = [item for item in chosen if item.blocked]
    if blocked:
        return [
            f"Line {item.line}: {name} cannot be edited here, because {item.blocked}." for item in blocked
        ]
    if reading.value is None:
        # Lines can be commented as a whole without knowing what they say.
        return [_unknown(name, reading)] if wanted is not None or not chosen else []
    if not chosen and words(reading.value) != _without(reading.value, wanted or set()):
        return [_elsewhere(name, reading.statements[-1])]
    return []


def _not_understood(reading: Reading) -> str:
    line, reason = reading.problem or (1, "")
    return f"Line {line}: the file cannot be understood from here on, because {reason}."


def _unknown(name: str, reading: Reading) -> str:
    line = reading.statements[-1].line if reading.statements else 1
    return f"Line {line}: the value of {name} at the end of the file is not known: {reading.reason}."


def _elsewhere(name: str, statement: Statement) -> str:
    return f"Line {statement.line}: {name} would not hold the right words afterwards; some come from other variables."


def _commented(
    text: str, chosen: list[Statement], wanted: set[str] | None, level: int, keep_empty: bool
) -> str:
    for statement in reversed(chosen):
        rest = [field for field in _fields(statement) if wanted is not None and not _is_listed(field, wanted)]
        itself = all(len(field) == 1 and field[0][:2] == ("variable", statement.name) for field in rest)
        if wanted is None or (itself and not keep_empty):
            new = shell_comments.commented(text, statement, level)
        else:
            new = shell_comments.replaced(text, statement, _quoted(text, statement, rest), level)
        text = text[: statement.start] + new + text[statement.end :]
    return text


def _quoted(text: str, statement: Statement, fields: list[list[Piece]]) -> str:
    """A value of these words, in the kind of quotes that the statement uses where they can be kept."""
    source = text[statement.value_start : statement.value_end]
    first = re.search("[\"']", source)
    quote = first.group() if first else ""
    pieces = [piece for field in fields for piece in field]
    lead = statement.head.endswith("+=") and bool(statement.pieces) and statement.pieces[0].value in BLANKS
    if quote == "'" and any(piece.kind != "text" or piece.value == "'" for piece in pieces):
        quote = '"'
    plain = all(piece.kind == "text" and _WORD.match(piece.value) for piece in pieces)
    if not quote and (lead or len(fields) > 1 or not plain):
        quote = '"'
    value = " ".join("".join(_written(text, piece, quote) for piece in field) for field in fields)
    return quote + (" " if lead and fields else "") + value + quote


def _written(text: str, piece: Piece, quote: str) -> str:
    if piece.kind == "variable":
        return "${" + piece.value + "}"
    if piece.kind == "text":
        return "\\" + piece.value if quote == '"' and piece.value in '$`"\\' else piece.value
    return text[piece.start : piece.end]


def _cuts(text: str, statement: Statement, wanted: set[str]) -> list[tuple[int, int]]:
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
        elif _is_listed(run, wanted):
            gone += (blanks if kept or first_gone else []) + run
            first_gone = not kept
            blanks = []
        else:
            gone += blanks if first_gone and not kept else []
            kept, blanks = True, []
    cuts: list[tuple[int, int]] = []
    for piece in gone:
        if cuts and re.match(r"(?:\\\n)*\Z", text[cuts[-1][1] : piece.start]):
            cuts[-1] = (cuts[-1][0], piece.end)
        else:
            cuts.append((piece.start, piece.end))
    return cuts


def _latest_undone(text: str, name: str, reading: Reading) -> str:
    blocks = shell_comments.find(text, name, reading)
    latest = max((block.level for block in blocks), default=0)
    return shell_comments.undo(text, [block for block in blocks if block.level == latest])


def _restored(text: str, name: str, reading: Reading, modules: t.Sequence[str]) -> str:
    """``text`` with as many commented lines back as bring words of ``modules`` and no others."""
    had = {_module(word) for word in words(reading.value or "")}
    allowed = had | {_module(word) for word in modules}
    best = current = text
    while True:
        new = _latest_undone(current, name, read(current, name))
        value, _reason = effective(new, name)
        has = {_module(word) for word in words(value or "")}
        if new == current or value is None or not had <= has <= allowed:
            break
        if not _missing(value, modules):
            return new
        best = new if has > had else best
        current = new
    for block in reversed(shell_comments.find(text, name, reading)):
        new = shell_comments.undo(text, [block])
        value, _reason = effective(new, name)
        has = {_module(word) for word in words(value or "")}
        if value is not None and had <= has <= allowed and not _missing(value, modules):
            return new
    return best


def _added(text: str, base: str, name: str, modules: t.Sequence[str]) -> Edit:
    """``base`` with the words of ``modules`` that it lacks; ``text`` is what to return when that fails."""
    reading = read(base, name)
    missing = _missing(reading.value or "", modules)
    if not missing:
        return Edit(base, base != text, [])
    if not reading.statements:
        new = append_line(base, f'{name}="{" ".join(missing)}"')
    else:
        last = reading.statements[-1]
        if last.blocked:
            return Edit(text, False, _obstacles(name, reading, [last], set(missing)))
        new = _inserted(base, last, missing)
    value, _reason = effective(new, name)
    if value is None or words(value) != words(reading.value or "") + missing:
        line = base.count("\n") + 1
        return Edit(
            text, False, [f"Line {line}: {name} would not hold the added words at the end of the file."]
        )
    return Edit(new, True, [])


def _inserted(text: str, statement: Statement, missing: list[str]) -> str:
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
    fields = _fields(statement._replace(pieces=tuple(pieces)))
    added_fields = [[Piece("text", character, 0, 0, "") for character in word] for word in missing]
    lead = statement._replace(pieces=(Piece("text", " ", 0, 0, ""),)) if set_off and not fields else statement
    value = _quoted(text, lead, fields + added_fields)
    value = value if value[:1] in ("'", '"') else f'"{value}"'
    return text[: statement.value_start] + value + text[end:]
