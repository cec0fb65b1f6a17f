# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simple commands of a POSIX sh file: which stand alone, and which may not run or not run in this shell.

After "Shell Commands" of the POSIX shell language (XCU 2.9). Compound commands are followed only so far that
what is inside is known to be inside.
"""

from __future__ import annotations

import typing as t

from .shell_words import Problem, Token, lex

_OPENING = {
    "if": "if",
    "while": "loop",
    "until": "loop",
    "for": "loop",
    "select": "loop",
    "case": "case",
    "{": "{",
}
# What a compound command is in, the reserved word that takes it on, and what it is in then.
_BETWEEN = {
    ("if", "then"): "then",
    ("then", "elif"): "if",
    ("then", "else"): "else",
    ("loop", "do"): "do",
}
_CLOSING = {"fi": ("then", "else"), "done": ("do",), "esac": ("case",), "}": ("{",), ")": ("(",)}
_REDIRECTIONS = ("<", ">", "<&", ">&", "<>", ">>", ">|")
_NAMES = {
    **dict.fromkeys(("if", "then", "else"), "an if command"),
    **dict.fromkeys(("loop", "do"), "a loop"),
    "case": "a case command",
    "{": "a group",
    "(": "a subshell",
}


class Command(t.NamedTuple):
    """A simple command.

    ``start`` and ``end`` are the offsets of the physical lines it stands on; ``alone`` says that nothing but
    a comment shares them. ``inside`` names the compound command around it. ``before`` and ``after`` are the
    operators (``&&``, ``||``, ``|``, and ``!`` before) that join it to its neighbours; ``background`` says
    that ``&`` ends the list it belongs to.
    """

    words: tuple[Token, ...]
    inside: str | None
    before: str | None
    after: str | None
    background: bool = False
    alone: bool = False
    start: int = 0
    end: int = 0


class Program(t.NamedTuple):
    """Commands up to the end or the problem, the functions defined, and where comments begin."""

    commands: list[Command]
    functions: set[str]
    comments: list[int]
    problem: Problem | None


class _Stop(Exception):
    pass


def parse(text: str) -> Program:
    """The commands of ``text``."""
    lexed = lex(text)
    parser = _Parser(text, lexed.tokens)
    problem = lexed.problem
    try:
        parser.run()
        if not problem and parser.stack:
            problem = Problem(text.count("\n") + 1, f"{_NAMES[parser.stack[-1]]} is not closed")
    except _Stop as stop:
        problem = Problem(text.count("\n", 0, parser.position) + 1, str(stop))
    return Program(parser.commands, parser.functions, lexed.comments, problem)


class _Parser:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.position = 0
        self.stack: list[str] = []
        self.commands: list[Command] = []
        self.functions: set[str] = set()
        self._words: list[Token] = []
        self._before: str | None = None
        self._list = 0  # the first command of the current and-or list
        self._line = 0  # the first command of the current lines
        self._line_start = 0
        self._things = 0  # commands, reserved words, redirections of the current lines
        self._in_function = False
        self._closed = False  # a compound command has just been closed
        self._redirected = False
        self._empty = False  # nothing yet in this part of a compound command

    def run(self) -> None:
        skip = False
        for index, token in enumerate(self.tokens):
            self.position = token.start
            following = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
            if skip:
                skip = False
            elif token.kind == "newline":
                if self._something() or self._before in (None, "!"):
                    self._end_command(";")
                self._end_line(token.end)
            elif token.kind == "operator":
                skip = self._operator(token.source, following)
            else:
                self._word(token, following)
        self._check_complete()
        self._end_command(";")
        self._end_line(len(self.text))

    def _check_complete(self) -> None:
        if not self._something() and (self._before or self._in_function):
            raise _Stop(f"nothing follows {self._before or 'the name of a function'}")

    def _something(self) -> bool:
        return bool(self._words or self._redirected or self._closed)

    def _word(self, token: Token, following: Token | None) -> None:
        if following and following.source[0] in "<>" and token.source.isdigit() and following.start == token.end:
            return  # the number of a redirection
        if self._closed:
            raise _Stop("a word follows the end of a compound command")
        plain = None if self._redirected else token.plain()
        if self._words:
            if len(self._words) == 2 and self._words[0].plain() in ("for", "select") and plain == "do":
                self._end_command(";")
                self._go_on(plain)
            else:
                self._words.append(token)
        elif plain in _CLOSING:
            self._close(plain)
        elif plain in ("then", "elif", "else", "do"):
            self._go_on(plain)
        elif plain == "!":
            self._before = "!"
            self._things += 1
        elif plain in _OPENING:
            self._open(_OPENING[plain])
            if plain in ("for", "select", "case"):
                self._words.append(token)
        else:
            self._words.append(token)

    def _operator(self, operator: str, following: Token | None) -> bool:
        """Take an operator; True when the token that follows belongs to it."""
        if operator in _REDIRECTIONS:
            if not following or (following.kind != "word" and following.source != "("):
                raise _Stop("a redirection has no target")
            self._redirected = True
            self._things += 1
            return following.kind == "word"
        if operator == "(":
            return self._parenthesis(following)
        if operator == ")":
            self._end_command(";")
            if self._innermost() == "(":
                self._close(")")
            elif self._innermost() != "case":
                raise _Stop("a parenthesis closes nothing")
        elif operator == ";;":
            if self._innermost() != "case":
                raise _Stop(";; stands outside a case command")
            self._end_command(";")
        elif self._something():
            self._end_command(operator)
        else:
            raise _Stop(f"nothing stands before {operator}")
        return False

    def _parenthesis(self, following: Token | None) -> bool:
        if not self._words:
            self._open("(")
            return False
        name = self._words[0].plain() if len(self._words) == 1 else None
        if not name or "=" in name or not following or following.source != ")":
            raise _Stop("it holds a parenthesis that only some shells take")
        self.functions.add(name)
        self._words = []
        self._in_function = True
        self._things += 1
        return True

    def _innermost(self) -> str | None:
        return self.stack[-1] if self.stack else None

    def _open(self, what: str) -> None:
        self.stack.append(what)
        self._things += 1
        self._in_function = False
        self._empty = True

    def _go_on(self, reserved: str) -> None:
        state = _BETWEEN.get((self._innermost() or "", reserved))
        if not state or self._empty:
            raise _Stop(f"{reserved} is not where it belongs")
        self._check_complete()
        self.stack[-1] = state
        self._things += 1
        self._empty = True

    def _close(self, reserved: str) -> None:
        if self._innermost() not in _CLOSING[reserved] or self._empty:
            raise _Stop(f"{reserved} is not where it belongs")
        self._check_complete()
        self.stack.pop()
        self._things += 1
        self._closed = True

    def _end_command(self, operator: str) -> None:
        joining = operator if operator in ("&&", "||", "|") else None
        self._empty = self._empty and not self._something()
        if self._words:
            inside = "a function" if self._in_function else _NAMES.get(self._innermost() or "")
            self.commands.append(Command(tuple(self._words), inside, self._before, joining))
            self._things += 1
            self._in_function = False
        elif self._in_function and not self._something():
            joining = self._before  # the body of a function may begin on the next line
        if operator == "&":
            rest = self.commands[self._list :]
            self.commands[self._list :] = [command._replace(background=True) for command in rest]
        if not joining:
            self._list = len(self.commands)
        self._before = joining
        self._words = []
        self._redirected = self._closed = False

    def _end_line(self, end: int) -> None:
        alone = self._things == 1
        self.commands[self._line :] = [
            command._replace(start=self._line_start, end=end, alone=alone) for command in self.commands[self._line :]
        ]
        self._line = len(self.commands)
        self._line_start = end
        self._things = 0
