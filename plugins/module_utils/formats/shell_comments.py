# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignments put out of action as comments, so that they can be found again and brought back to the byte.

A line is commented with a bare ``#``, as an administrator would. Where the file already holds comments that
would be taken for ours, a tag with a level follows the ``#``; the highest level is always the latest edit.
"""

from __future__ import annotations

import re
import typing as t

from .shell_values import Reading, Statement, read

TAG = "netops.conntrack"
_TAGGED = re.compile(r"#netops\.conntrack(?:\.([1-9][0-9]{0,5}))?:")
_REPLACES = re.compile(r" # netops\.conntrack: replaces the (?:line|([1-9][0-9]{0,5}) lines) above\r?\n?\Z")


class Block(t.NamedTuple):
    """Lines of ours (or ones that cannot be told from ours): offsets, and what stood there before."""

    level: int
    start: int
    end: int
    original: str


def physical_lines(text: str) -> list[str]:
    """The lines of ``text`` with their endings."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def prefix(level: int) -> str:
    """What stands before a commented line at this level; 0 is the bare ``#``."""
    if level == 0:
        return "#"
    return f"#{TAG}:" if level == 1 else f"#{TAG}.{level}:"


def commented(text: str, statement: Statement, level: int) -> str:
    """The lines of a statement as comments."""
    lines = physical_lines(text[statement.start : statement.end])
    return "".join(prefix(level) + line for line in lines)


def replaced(text: str, statement: Statement, value: str, level: int) -> str:
    """The lines of a statement as comments, and below them the same assignment of ``value`` (with its
    quotes)."""
    original = text[statement.start : statement.end]
    count = original.count("\n") + (not original.endswith("\n"))
    ending = re.search(r"(?:\r?\n)?\Z", original)
    indent = re.match(r"[ \t]*", original)
    above = "line" if count == 1 else f"{count} lines"
    return (
        commented(text, statement, level)
        + ("" if original.endswith("\n") else "\n")
        + (indent.group() if indent else "")
        + f"{statement.head}{value} # {TAG}: replaces the {above} above"
        + (ending.group() if ending else "")
    )


def find(text: str, name: str, reading: Reading) -> list[Block]:
    """The commented assignments of ``name`` in ``text``, which was read as ``reading``."""
    starts = set(reading.comments)
    active = {statement.start: statement for statement in reading.statements if not statement.blocked}
    ours = re.compile(r"(?:export[ \t]+)?" + re.escape(name) + r"\+?=")
    lines = physical_lines(text)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    levels = [_level(line) if offset in starts else None for line, offset in zip(lines, offsets)]
    found = []
    index = 0
    while index < len(lines):
        level = levels[index]
        count = 0
        if level is not None and (ours.match(lines[index], 1) if level == 0 else name in lines[index]):
            count, original = _original(lines, levels, index, name)
        if level is None or not count:
            index += 1
            continue
        below = index + count
        statement = active.get(offsets[below])
        if statement and statement.end == offsets[below + 1] and _replaces(lines[below]) == count:
            # Without a final newline before, the one between comment and assignment is ours.
            original = original if lines[below].endswith("\n") else original[:-1]
            below += 1
        found.append(Block(level, offsets[index], offsets[below], original))
        index = below
    return found


def undo(text: str, blocks: t.Iterable[Block]) -> str:
    """``text`` with what stood there before ``blocks``."""
    for block in sorted(blocks, key=lambda block: -block.start):
        text = text[: block.start] + block.original + text[block.end :]
    return text


def _level(line: str) -> int | None:
    tagged = _TAGGED.match(line)
    if tagged:
        return int(tagged.group(1) or 1)
    return 0 if line.startswith("#") else None


def _replaces(line: str) -> int:
    match = _REPLACES.search(line)
    return int(match.group(1) or 1) if match else 0


def _original(lines: list[str], levels: list[int | None], index: int, name: str) -> tuple[int, str]:
    """How many lines from ``index`` on hold one commented assignment of ``name``, and the assignment; or
    0."""
    mark = len(prefix(levels[index] or 0))
    original = ""
    for count in range(1, len(lines) - index + 1):
        if levels[index + count - 1] != levels[index]:
            break
        original += lines[index + count - 1][mark:]
        reading = read(original, name)
        if not reading.problem:
            editable = len(reading.statements) == 1 and not reading.statements[0].blocked
            return (count, original) if editable and reading.statements[0].end == len(original) else (0, "")
        if count > 100 or not _may_go_on(reading.problem.reason):
            break
    return 0, ""


def _may_go_on(reason: str) -> bool:
    """Whether more lines may make a text complete that is not so far."""
    return "not closed" in reason or "backslash" in reason
