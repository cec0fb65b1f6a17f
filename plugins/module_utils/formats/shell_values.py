# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of a sourced POSIX sh file hold at its end, as far as that is known without running it.

The file is followed command by command (POSIX XCU 2.6 and 2.9.1, ``+=`` and ``export`` as in bash). Whatever
may change a variable out of sight (``.``, ``eval``, ``read``, a function, a condition) makes it unknown:
never a guess.
"""

from __future__ import annotations

import re
import typing as t

from .shell_commands import Command, parse
from .shell_words import Piece, Problem, Token

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)")
_SETS_IN_BRACES = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):?=")
# Nothing after one of these is certain: the rest may not be read, or mean something else.
_ENDING = frozenset(("exit", "return", "exec", "alias", "set", "trap", "readonly", "break", "continue", "enable"))
# Each of these may set any variable.
_CHANGING = frozenset(
    (".", "source", "eval", "read", "getopts", "local", "declare", "typeset", "mapfile", "readarray", "let")
    + ("printf", "command", "builtin", "time", "coproc", "function", "shopt", "unalias")
)
# Shells give these a meaning of their own, and bash so to everything that begins with BASH.
_MAGIC = frozenset(
    ("_", "RANDOM", "SRANDOM", "SECONDS", "LINENO", "OPTIND", "OPTARG", "PWD", "OLDPWD", "IFS")
    + ("UID", "EUID", "PPID")
)
_READ_ONLY = frozenset(["UID", "EUID", "PPID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO"])


class Assignment(t.NamedTuple):
    """One assignment statement.

    ``value`` is None when only a running shell can tell it. ``start`` and ``end`` are the offsets of the
    physical lines of the statement, ``line`` the first of them, counted from 1. ``reason`` is None, or a
    clause that says why it cannot be edited safely.
    """

    name: str
    value: str | None
    start: int
    end: int
    line: int
    reason: str | None


class Statement(t.NamedTuple):
    """An assignment with the places an editor needs.

    ``pieces`` make up the value, which stands at ``value_start`` to ``value_end``; ``head`` is what an
    assignment of another value begins with. ``blocked`` says why the line cannot be touched, ``unknown`` why
    there is no value.
    """

    name: str
    head: str
    pieces: tuple[Piece, ...]
    value: str | None
    start: int
    end: int
    line: int
    value_start: int
    value_end: int
    blocked: str | None
    unknown: str | None


class Reading(t.NamedTuple):
    """All assignments of a name, the value at the end of the file or why it is not known, and the problem of
    a file that could not be understood to its end; ``comments`` are offsets."""

    statements: list[Statement]
    value: str | None
    reason: str | None
    problem: Problem | None
    comments: list[int]


def assignments(text: str, name: str) -> list[Assignment]:
    """Every assignment of exactly ``name``, in the order of the file."""
    return [
        Assignment(item.name, item.value, item.start, item.end, item.line, item.blocked or item.unknown)
        for item in read(text, name).statements
    ]


def effective(text: str, name: str) -> tuple[str | None, str | None]:
    """The value of ``name`` after the file was sourced, empty when nothing sets it; or None and the
    reason."""
    reading = read(text, name)
    return reading.value, reading.reason


def read(text: str, name: str) -> Reading:
    """Everything known of ``name`` in ``text``."""
    program = parse(text)
    reader = _Reader(text, name, program.functions)
    for command in program.commands:
        reader.take(command)
    value, reason = reader.lookup(name)
    statements = reader.statements
    if program.problem:
        value, reason = None, f"line {program.problem.line} cannot be understood: {program.problem.reason}"
        statements = [item._replace(blocked=item.blocked or reason) for item in statements]
    return Reading(statements, value, reason, program.problem, program.comments)


class _Reader:
    def __init__(self, text: str, name: str, functions: set[str]) -> None:
        self.text = text
        self.name = name
        self.functions = functions
        self.statements: list[Statement] = []
        self._known: dict[str, tuple[str | None, str | None]] = {name: ("", None)}
        self._changed: str | None = None  # why a variable not in _known may hold anything
        self._ended: str | None = None  # why nothing is certain any more
        self._sure = True  # the current command runs, in this shell
        self._succeeds = True  # and its status is 0

    def lookup(self, name: str) -> tuple[str | None, str | None]:
        if name in _MAGIC or name.startswith("BASH"):
            return None, f"the shell itself sets {name}"
        if self._ended:
            return None, self._ended
        return self._known.get(name, (None, self._changed or f"it depends on {name}, which is not set in this file"))

    def take(self, command: Command) -> None:
        plain = command.before in (None, "!")
        before = plain or (command.before == "&&" and self._sure and self._succeeds)
        self._sure = before and not (command.inside or command.background or command.after == "|")
        self._succeeds = False
        count = 0
        for word in command.words:
            if not _assigned(word):
                break
            count += 1
        rest = command.words[count:]
        line = self.text.count("\n", 0, command.start) + 1
        for word in command.words:
            self._side_effects(word, line)
        if not rest:
            known = [self._assign(command, word, line) for word in command.words]
            self._succeeds = command.before != "!" and all(known)
            return
        for word in command.words[:count]:
            self._assign(command, word, line, "it is set for one command only")
        self._run(command, rest, line)

    def _run(self, command: Command, words: tuple[Token, ...], line: int) -> None:
        """Follow what a command other than an assignment does to the variables."""
        verb, arguments = words[0].literal(), words[1:]
        names = [word.literal() for word in arguments]
        if verb == "export" and len(words) == len(command.words):
            for word in arguments:
                if _assigned(word):
                    self._assign(command, word, line, exported=len(arguments) == 1)
                elif word.literal() is None:
                    self._change(f"line {line} exports what cannot be known")
        elif verb == "unset" and None not in names:
            for name in names:
                self._known[str(name)] = ("", None) if self._sure else (None, f"line {line} may unset it")
        elif verb in ("for", "select"):
            self._known[str(names[0]) if names else ""] = (None, f"the loop on line {line} sets it")
        elif verb in _ENDING:
            self._ended = self._ended or f"{verb} on line {line} makes the rest of the file uncertain"
        elif verb is None or verb in _CHANGING or verb in self.functions or re.search(r"\[.*=", verb):
            self._change(f"the command on line {line} may set it")

    def _change(self, why: str) -> None:
        self._known.clear()
        self._known[self.name] = (None, why)
        self._changed = why

    def _side_effects(self, word: Token, line: int) -> None:
        """Expansions that assign: ``${NAME:=word}`` and arithmetic."""
        if "${" in word.source:
            for name in _SETS_IN_BRACES.findall(word.source):
                self._known[name] = (None, f"an expansion on line {line} may set it")
        if "$((" in word.source and re.search(r"=|\+\+|--", word.source.split("$((", 1)[1]):
            self._change(f"the arithmetic on line {line} may set it")

    def _assign(
        self,
        command: Command,
        word: Token,
        line: int,
        temporary: str | None = None,
        exported: bool | None = None,
    ) -> bool:
        """Take one assignment; True when its value is known."""
        match = _assigned(word)
        if match is None:
            return False
        name, operator, pieces, value_start = match
        value, unknown = self._value(pieces, exported is not None)
        if operator == "+=" and value is not None:
            old, unknown = self.lookup(name)
            value = None if old is None else old + value
        if self._ended or temporary:
            value, unknown = None, self._ended or temporary
        if name in _READ_ONLY:
            self._ended = self._ended or f"line {line} sets {name}, which some shells refuse"
        if self._sure:
            self._known[name] = (value, unknown)
        else:
            self._known[name] = (None, f"the assignment on line {line} may not be made")
        if name == self.name:
            blocked = self._blocked(command, word, temporary, exported)
            head = ("export " if exported else "") + name + operator
            self.statements.append(
                Statement(
                    name,
                    head,
                    pieces,
                    value,
                    command.start,
                    command.end,
                    line,
                    value_start,
                    word.end,
                    blocked,
                    unknown,
                )
            )
        return value is not None

    def _blocked(self, command: Command, word: Token, temporary: str | None, exported: bool | None) -> str | None:
        if self._ended:
            return self._ended
        if command.inside:
            return f"it stands inside {command.inside}"
        if command.before or command.after or command.background:
            return "it is joined to other commands"
        if temporary:
            return temporary
        if not command.alone or exported is False or (exported is None and len(command.words) > 1):
            return "other commands stand on its line"
        if _SETS_IN_BRACES.search(word.source) or "$((" in word.source:
            return "its value sets other variables, too"
        return None

    def _value(self, pieces: tuple[Piece, ...], exported: bool) -> tuple[str | None, str | None]:
        value = ""
        for index, piece in enumerate(pieces):
            if piece.kind == "unknown":
                return None, f"only a running shell knows the value of {piece.value.split()[0]}"
            part: str | None = piece.value
            if piece.kind == "variable":
                part, unknown = self.lookup(piece.value)
                if part is None:
                    return None, unknown
            if exported and not piece.quote and re.search(r"[\s*?\[{~\\]", part or ""):
                return None, "shells differ in how they split the words after export"
            if _bare(piece, "~") and (index == 0 or _bare(pieces[index - 1], ":")):
                return None, "only a running shell knows the home folder"
            value += part or ""
        return value, None


def _bare(piece: Piece, character: str) -> bool:
    return piece.kind == "text" and not piece.quote and piece.value == character


def _assigned(word: Token) -> tuple[str, str, tuple[Piece, ...], int] | None:
    """Name, operator, pieces of the value and where it starts, for a word that is an assignment."""
    count = 0
    for piece in word.pieces:
        if piece.kind != "text" or piece.quote:
            break
        count += 1
        if piece.value == "=":
            break
    text = "".join(piece.value for piece in word.pieces[:count])
    match = _ASSIGNMENT.match(text)
    if not match or match.end() != count:
        return None
    # A quote inside the name would have left a gap that is no continuation.
    between = word.source[: word.pieces[count - 1].end - word.start].replace("\\\n", "")
    if between != text:
        return None
    return match.group(1), match.group(2), word.pieces[count:], word.pieces[count - 1].end
