# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of a sourced shell file (iptables-config, ip6tables-config), above all lists of kernel modules, edited as
the shell reads them.

``IPTABLES_MODULES`` and its like are lists of words in a variable; the iptables scripts of RHEL and Fedora
load each word with modprobe. Each editor reads its own result again with ``effective`` and gives the
unchanged text with a problem rather than a text whose value is wrong. Words are compared as module names:
``-`` is ``_``.
"""

from __future__ import annotations

import re
import typing as t

from . import shell_comments, shell_lists
from .lines import append_line
from .shell_lists import words
from .shell_values import Assignment, Reading, Statement, assignments, effective, read

__all__ = ["Assignment", "Edit", "assign", "assignments", "comment_out", "effective", "put_back", "take_out", "words"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Edit(t.NamedTuple):
    """The text after an edit, whether it differs, and what stood in the way (then it is the text as it
    was)."""

    text: str
    changed: bool
    problems: list[str]


def comment_out(text: str, name: str, modules: t.Sequence[str] | None) -> Edit:
    """Comment the assignments of ``name``, all of them or, with ``modules``, those that list one.

    Where other words stand beside the listed ones, the old lines stay as a comment and an assignment of the
    other words follows. ``put_back`` undoes this to the byte.
    """
    reading = read(text, name)
    wanted = None if modules is None else {shell_lists.module_name(word) for word in modules}
    chosen = [item for item in reading.statements if wanted is None or shell_lists.lists(item, wanted)]
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
    wanted = {shell_lists.module_name(word) for word in modules}
    chosen = [item for item in reading.statements if shell_lists.lists(item, wanted)]
    problems = _obstacles(name, reading, chosen, wanted)
    if problems or not chosen:
        return Edit(text, False, problems)
    new = text
    for statement in reversed(chosen):
        for start, end in reversed(shell_lists.cuts(text, statement, wanted)):
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
    odd = [word for word in modules if not shell_lists.WORD.match(word)]
    if odd or not _NAME.match(name):
        return Edit(text, False, [f"{(odd or [name])[0]!r} is not a name that can be written to a shell file."])
    if reading.value is None:
        return Edit(text, False, [_unknown(name, reading)])
    if not _missing(reading.value, modules):
        return Edit(text, False, [])
    base = _restored(text, name, reading, modules)
    return _added(text, base, name, modules)


def assign(text: str, name: str, value: str) -> Edit:
    """Make ``name`` hold the one word ``value``: in the last assignment, or in a new one at the end of the file."""
    reading = read(text, name)
    if reading.problem:
        return Edit(text, False, [_not_understood(reading)])
    if reading.value == value:
        return Edit(text, False, [])
    last = reading.statements[-1] if reading.statements else None
    if last and last.blocked:
        return Edit(text, False, _obstacles(name, reading, [last], set()))
    if last and not last.head.endswith("+="):
        new = f'{text[: last.value_start]}"{value}"{text[last.value_end :]}'
    else:
        new = append_line(text, f'{name}="{value}"')
    after = read(new, name)
    return Edit(new, True, []) if after.value == value else Edit(text, False, [_unknown(name, after)])


def _without(value: str, wanted: set[str] | None) -> list[str]:
    return [word for word in words(value) if wanted is not None and shell_lists.module_name(word) not in wanted]


def _missing(value: str, modules: t.Sequence[str]) -> list[str]:
    present = {shell_lists.module_name(word) for word in words(value)}
    return [word for word in dict.fromkeys(modules) if shell_lists.module_name(word) not in present]


def _obstacles(name: str, reading: Reading, chosen: list[Statement], wanted: set[str] | None) -> list[str]:
    """Why the ``chosen`` statements cannot be edited for the words ``wanted`` (None: as a whole)."""
    if reading.problem:
        return [_not_understood(reading)]
    blocked = [item for item in chosen if item.blocked]
    if blocked:
        return [f"Line {item.line}: {name} cannot be edited here, because {item.blocked}." for item in blocked]
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
    return f"Line {statement.line}: words of {name} come from elsewhere and cannot be edited here alone."


def _commented(text: str, chosen: list[Statement], wanted: set[str] | None, level: int, keep_empty: bool) -> str:
    for statement in reversed(chosen):
        rest = [
            field
            for field in shell_lists.fields_of(statement)
            if wanted is not None and not shell_lists.is_listed(field, wanted)
        ]
        itself = all(len(field) == 1 and field[0][:2] == ("variable", statement.name) for field in rest)
        if wanted is None or (itself and not keep_empty):
            new = shell_comments.commented(text, statement, level)
        else:
            new = shell_comments.replaced(text, statement, shell_lists.quoted(text, statement, rest), level)
        text = text[: statement.start] + new + text[statement.end :]
    return text


def _latest_undone(text: str, name: str, reading: Reading) -> str:
    blocks = shell_comments.find(text, name, reading)
    latest = max((block.level for block in blocks), default=0)
    return shell_comments.undo(text, [block for block in blocks if block.level == latest])


def _restored(text: str, name: str, reading: Reading, modules: t.Sequence[str]) -> str:
    """``text`` with as many commented lines back as bring words of ``modules`` and no others."""
    had = {shell_lists.module_name(word) for word in words(reading.value or "")}
    allowed = had | {shell_lists.module_name(word) for word in modules}
    best = current = text
    while True:
        new = _latest_undone(current, name, read(current, name))
        value, _reason = effective(new, name)
        has = {shell_lists.module_name(word) for word in words(value or "")}
        if new == current or value is None or not had <= has <= allowed:
            break
        if not _missing(value, modules):
            return new
        best = new if has > had else best
        current = new
    for block in reversed(shell_comments.find(text, name, reading)):
        new = shell_comments.undo(text, [block])
        value, _reason = effective(new, name)
        has = {shell_lists.module_name(word) for word in words(value or "")}
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
        new = shell_lists.with_words(base, last, missing)
    value, _reason = effective(new, name)
    if value is None or words(value) != words(reading.value or "") + missing:
        line = base.count("\n") + 1
        return Edit(text, False, [f"Line {line}: {name} would not hold the added words at the end of the file."])
    return Edit(new, True, [])
