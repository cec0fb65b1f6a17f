# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe.d files, modprobe.conf and the older modules.conf: directives, and edits of a module's options.

Read as kmod reads them (``freadline_wrapped`` and ``kmod_config_parse`` of libkmod; modprobe.d(5)): a
backslash joins lines, also those of a comment, and otherwise guards the next character; ``#`` starts a
comment only at the beginning of a line. Parameters are split as the kernel does (``next_arg`` in
kernel/params.c).
"""

from __future__ import annotations

import re
import typing as t

from .lines import append_line

COMMANDS = ("alias", "blacklist", "install", "options", "remove", "softdep")
_DIRECTIVE = re.compile(r"[ \t]*(?P<command>[^ \t]+)[ \t]+(?P<module>[^ \t]+)(?:[ \t]+(?P<arguments>.*))?\Z", re.DOTALL)
_OPEN_AT_END = re.compile(r"(?<!\\)(?:\\\\)*\\\n?\Z")
_SPACES = " \t\n\v\f\r\xa0"


class Directive(t.NamedTuple):
    """One directive: the line counted from 1, the command, the module with ``-`` written ``_``, and the rest.

    ``arguments`` has its continuations joined and no blanks around it. For ``alias``, ``module`` is the
    alias (a pattern, perhaps) and ``arguments`` the module it stands for.
    """

    line: int
    command: str
    module: str
    arguments: str


class _Parameter(t.NamedTuple):
    """A parameter of an options line, as spans of the file; ``value`` is None for one without ``=``."""

    name_end: int
    start: int
    end: int
    value: str | None


class _Line(t.NamedTuple):
    """A joined line: its first physical line's number, its characters, and where each stands in the file."""

    number: int
    text: str
    offsets: list[int]


def normalize_module(name: str) -> str:
    """A module's name as the kernel writes it. Character classes of alias patterns are kept."""
    return re.sub(r"\[[^\]]*\]|-", lambda match: "_" if match.group() == "-" else match.group(), name)


def parse(text: str) -> list[Directive]:
    """The directives of ``text`` in its order; lines that are none are skipped, as modprobe does."""
    found = []
    for line in _joined(text):
        match = _directive(line)
        if match:
            arguments = (match.group("arguments") or "").strip(" \t\r")
            if match.group("command") == "alias":
                arguments = normalize_module(arguments)
            module = normalize_module(match.group("module"))
            found.append(Directive(line.number, match.group("command"), module, arguments))
    return found


def option(text: str, module: str, parameter: str) -> str | None:
    """The value that ``parameter`` has in the options lines of ``module``: the last one, as for the kernel.

    None when it is not there; empty when it is given without a value.
    """
    found = _parameters(text, module, parameter)
    return (found[-1].value or "") if found else None


def set_option(text: str, module: str, parameter: str, value: str) -> str:
    """``text`` in which ``parameter`` of ``module`` is ``value`` wherever it is given, or in a line added at
    the end.

    Raises ValueError for a value that is not one plain word.
    """
    if not re.match(r"[^\s\"\\]+\Z", value):
        raise ValueError(f"not a value of one plain word: {value!r}")
    found = _parameters(text, module, parameter)
    if not found:
        if text and not text.endswith("\n"):
            # Never with a carriage return: modprobe would take it for a part of the last word.
            text += "\n"
        if _OPEN_AT_END.search(text):
            # The file ends in a continuation, which would swallow the new line.
            text += "\n"
        return append_line(text, f"options {module} {parameter}={value}")
    for place in reversed(found):
        if place.value is None:
            text = text[: place.name_end] + "=" + value + text[place.name_end :]
        elif place.value != value:
            text = text[: place.start] + value + text[place.end :]
    return text


def _joined(text: str) -> t.Iterator[_Line]:
    """The lines of ``text`` with continuations joined and guarding backslashes taken away."""
    number = first = 1
    characters: list[str] = []
    offsets: list[int] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and text[position + 1 : position + 2] == "\n":
            number += 1
            position += 2
            continue
        if character == "\n":
            yield _Line(first, "".join(characters), offsets)
            number += 1
            first, characters, offsets = number, [], []
            position += 1
            continue
        if character == "\\":
            position += 1
            if position == len(text):
                break
        characters.append(text[position])
        offsets.append(position)
        position += 1
    if characters:
        yield _Line(first, "".join(characters), offsets)


def _directive(line: _Line) -> re.Match[str] | None:
    match = None if line.text.startswith("#") else _DIRECTIVE.match(line.text)
    return match if match and match.group("command") in COMMANDS else None


def _parameters(text: str, module: str, parameter: str) -> list[_Parameter]:
    """Every place in the options lines of ``module`` that gives ``parameter``; the kernel takes ``-`` for
    ``_``."""
    module, parameter = normalize_module(module), parameter.replace("-", "_")
    found = []
    for line in _joined(text):
        match = _directive(line)
        if not match or match.group("command") != "options" or match.group("arguments") is None:
            continue
        if normalize_module(match.group("module")) != module:
            continue
        for name, name_end, value, value_end in _words(line.text, match.start("arguments")):
            if line.text[name:name_end].replace("-", "_") != parameter:
                continue
            after_name = line.offsets[name_end - 1] + 1
            if value is None:
                found.append(_Parameter(after_name, after_name, after_name, None))
                continue
            before_value = line.offsets[value - 1] + 1
            start = line.offsets[value] if value < value_end else before_value
            end = line.offsets[value_end - 1] + 1 if value < value_end else before_value
            found.append(_Parameter(after_name, start, end, line.text[value:value_end]))
    return found


def _words(text: str, position: int) -> t.Iterator[tuple[int, int, int | None, int]]:
    """Where each parameter's name and value begin and end, from ``position`` on: the kernel's
    ``next_arg``."""
    while position < len(text):
        if text[position] in _SPACES:
            position += 1
            continue
        whole = text[position] == '"'
        quoted = whole
        begin = position = position + whole
        equals = None
        while position < len(text) and (quoted or text[position] not in _SPACES):
            if text[position] == "=" and equals is None and position > begin:
                equals = position
            quoted ^= text[position] == '"'
            position += 1
        end = position
        closed = end > begin and text[end - 1] == '"'
        if equals is None:
            name_end = end - (whole and closed)
            if name_end > begin:
                yield begin, name_end, None, name_end
            continue
        value = equals + 1
        opened = value < end and text[value] == '"'
        value += opened
        if closed and (opened or whole) and end - 1 >= value:
            end -= 1
        yield begin, equals, value, end
