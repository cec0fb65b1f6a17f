# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a POSIX sh file, with the place of every character: quotes, backslashes, comments, operators.

After "Token Recognition" and "Quoting" of the POSIX shell language (XCU 2.2, 2.3), checked against dash and
bash. Where shells differ, or where reading on would be guessing (here-documents, unbalanced quotes), the
lexer stops and says why; it never guesses.
"""

from __future__ import annotations

import re
import typing as t

BLANKS = " \t\r\n"
_OPERATOR = re.compile(r"&&|\|\||;;|<&|>&|<>|>>|>\||[&|;<>()]")
_METACHARACTERS = " \t\n&|;<>()"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED_NAME = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_DEEPEST = 20


class Problem(t.NamedTuple):
    """Why a text cannot be understood: the line, and a clause that follows "because"."""

    line: int
    reason: str


class Piece(t.NamedTuple):
    """A part of a word with its place in the file.

    ``kind`` is ``text`` (``value`` is one character), ``variable`` (its name) or ``unknown`` (what only a
    running shell can tell; ``value`` is its source). ``quote`` is ``'``, ``"``, a backslash, or empty.
    """

    kind: str
    value: str
    start: int
    end: int
    quote: str


class Token(t.NamedTuple):
    """A ``word``, an ``operator`` or a ``newline``, with its source and its place."""

    kind: str
    source: str
    start: int
    end: int
    pieces: tuple[Piece, ...] = ()

    def plain(self) -> str | None:
        """The text of a word without any quoting or expansion, as reserved words must be; else None."""
        if all(piece.kind == "text" and not piece.quote for piece in self.pieces):
            text = "".join(piece.value for piece in self.pieces)
            return text if text == self.source.replace("\\\n", "") else None
        return None

    def literal(self) -> str | None:
        """The text of a word after quote removal; None when it holds an expansion."""
        if all(piece.kind == "text" for piece in self.pieces):
            return "".join(piece.value for piece in self.pieces)
        return None


class Lexed(t.NamedTuple):
    """Tokens up to the end or the problem, and where comments begin."""

    tokens: list[Token]
    comments: list[int]
    problem: Problem | None


class _Stop(Exception):
    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason


def lex(text: str) -> Lexed:
    """The tokens of ``text``."""
    lexer = _Lexer(text)
    try:
        if "\0" in text:
            raise _Stop(text.index("\0"), "it holds a NUL byte")
        lexer.run()
    except _Stop as stop:
        problem = Problem(text.count("\n", 0, stop.position) + 1, stop.reason)
        return Lexed(lexer.tokens, lexer.comments, problem)
    return Lexed(lexer.tokens, lexer.comments, None)


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.comments: list[int] = []
        self._depth = 0

    def run(self) -> None:
        text, position = self.text, 0
        while position < len(text):
            character = text[position]
            if text.startswith("\\\n", position):
                position += 2
            elif character == "\n":
                self.tokens.append(Token("newline", "\n", position, position + 1))
                position += 1
            elif character in " \t":
                position += 1
            elif character == "#":
                self.comments.append(position)
                end = text.find("\n", position)
                position = len(text) if end < 0 else end
            elif character in _METACHARACTERS:
                position = self._operator(position)
            else:
                position = self._word(position)

    def _operator(self, position: int) -> int:
        match = _OPERATOR.match(self.text, position)
        if match is None or self.text.startswith("<<", position):
            raise _Stop(position, "it holds a here-document")
        if re.compile(r"(?:\\\n)+[&|;<>]").match(self.text, match.end()):
            raise _Stop(position, "an operator is split over two lines")
        self.tokens.append(Token("operator", match.group(), position, match.end()))
        return match.end()

    def _word(self, start: int) -> int:
        text, position = self.text, start
        pieces: list[Piece] = []
        while position < len(text) and text[position] not in _METACHARACTERS:
            character = text[position]
            if character == "\\":
                if position + 1 == len(text):
                    raise _Stop(position, "it ends in a backslash")
                if text[position + 1] != "\n":
                    pieces.append(Piece("text", text[position + 1], position, position + 2, "\\"))
                position += 2
            elif character == "'":
                end = self._end_of_single(position)
                pieces += [Piece("text", text[at], at, at + 1, "'") for at in range(position + 1, end - 1)]
                position = end
            elif character == '"':
                position = self._double(position, pieces)
            elif character == "$":
                position = self._dollar(position, pieces, "")
            elif character == "`":
                position = self._backquote(position, pieces, "")
            else:
                pieces.append(Piece("text", character, position, position + 1, ""))
                position += 1
        self.tokens.append(Token("word", text[start:position], start, position, tuple(pieces)))
        return position

    def _end_of_single(self, position: int) -> int:
        end = self.text.find("'", position + 1)
        if end < 0:
            raise _Stop(position, "a single quote is not closed")
        return end + 1

    def _double(self, start: int, pieces: list[Piece]) -> int:
        text, position = self.text, start + 1
        while position < len(text):
            character = text[position]
            following = text[position + 1 : position + 2]
            if character == '"':
                return position + 1
            if character == "\\" and following == "\n":
                position += 2
            elif character == "\\" and following and following in '$`"\\':
                pieces.append(Piece("text", following, position, position + 2, '"'))
                position += 2
            elif character == "$":
                position = self._dollar(position, pieces, '"')
            elif character == "`":
                position = self._backquote(position, pieces, '"')
            else:
                pieces.append(Piece("text", character, position, position + 1, '"'))
                position += 1
        raise _Stop(start, "a double quote is not closed")

    def _dollar(self, start: int, pieces: list[Piece], quote: str) -> int:
        text = self.text
        name = _NAME.match(text, start + 1)
        braced = _BRACED_NAME.match(text, start + 1)
        following = text[start + 1 : start + 2]
        if text.startswith("\\\n", name.end() if name else start + 1):
            raise _Stop(start, "a variable's name may go on in the next line")
        if name or braced:
            match = t.cast("re.Match[str]", braced or name)
            pieces.append(Piece("variable", match.group(1) if braced else match.group(), start, match.end(), quote))
            return match.end()
        if following == "{":
            end = self._nested(start + 2, "{", "}")
        elif following == "(":
            end = self._nested(start + 2, "(", ")")
        elif following and following in "0123456789@*#?$!-":
            end = start + 2
        elif following == "[" or (following and following in "'\"" and not quote):
            raise _Stop(start, f"shells differ in how they read ${following}")
        else:
            pieces.append(Piece("text", "$", start, start + 1, quote))
            return start + 1
        pieces.append(Piece("unknown", text[start:end], start, end, quote))
        return end

    def _backquote(self, start: int, pieces: list[Piece], quote: str) -> int:
        match = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL).match(self.text, start)
        if not match:
            raise _Stop(start, "a backquote is not closed")
        pieces.append(Piece("unknown", match.group(), start, match.end(), quote))
        return match.end()

    def _nested(self, position: int, opening: str, closing: str) -> int:
        """The end of ``$(...)`` or ``${...}``, from behind its opening on."""
        text, start, open_ones = self.text, position, 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Stop(start, "expansions are nested too deeply")
        inside: list[Piece] = []
        while position < len(text):
            character = text[position]
            if character == '"':
                position = self._double(position, inside)
            elif character == "$":
                position = self._dollar(position, inside, '"')
            elif character == "`":
                position = self._backquote(position, inside, "")
            elif character == closing:
                open_ones -= 1
                position += 1
                if not open_ones:
                    self._depth -= 1
                    return position
            elif closing == ")" and character == "'":
                position = self._end_of_single(position)
            elif character in "\\'" or self._hard(position):
                raise _Stop(position, "an expansion is too involved")
            else:
                open_ones += character == opening
                position += 1
        raise _Stop(start, f"an opening {opening} is not closed")

    def _hard(self, position: int) -> bool:
        """Whether a substitution holds what could hide its end: a comment, a here-document, a case
        command."""
        text = self.text
        if text[position] == "#":
            return text[position - 1] in " \t\n;&|("
        return text.startswith(("<<", "case"), position)
