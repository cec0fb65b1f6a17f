# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document of ours tells its readers to type, and what it says they will see.

In a block `console` a line after `$ ` or `# ` is a command. Other lines there, and a block `text`, are what the command
before them prints: each line, in that order, one right after the other but where a line is `...`. A block `yaml` whose
first line is a comment with a file's name is that file. Blocks without a kind are pictures.
"""

from __future__ import annotations

import difflib
import os
import re
import typing as t

from markdown_it import MarkdownIt

_COMMAND = re.compile(r"^[$#] (?=\S)")
_REMARK = re.compile(r"\s{2,}#\s.*$")
_FILE = re.compile(r"^# ([\w./-]+\.(?:yml|yaml|ini|cfg))$")
_GAP = "..."


class Command(t.NamedTuple):
    """``typed`` may have several lines; ``shown`` are the texts that it must print."""

    section: str
    typed: str
    shown: list[str]


class Document(t.NamedTuple):
    """``files`` are the contents of files by their names, ``yaml`` all blocks of that kind, each with its section."""

    commands: list[Command]
    files: dict[str, str]
    yaml: list[tuple[str, str]]


def read(path: str) -> Document:
    """Raises ValueError for a text that no command could have printed."""
    with open(path, encoding="utf-8") as file:
        tokens = MarkdownIt().parse(file.read())
    found = Document([], {}, [])
    section = ""
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            section = tokens[number + 1].content
        elif token.type == "fence":
            _take(found, section, token.info.strip(), token.content, path)
    return found


def _take(found: Document, section: str, kind: str, content: str, path: str) -> None:
    if kind == "console":
        found.commands.extend(_commands(section, content))
    elif kind == "text":
        if not found.commands or found.commands[-1].section != section:
            raise ValueError("%s, %s: a text before any command" % (os.path.basename(path), section))
        found.commands[-1].shown.append(content)
    elif kind == "yaml":
        found.yaml.append((section, content))
        name = _FILE.match(content.splitlines()[0])
        if name:
            found.files[name.group(1)] = content


def _commands(section: str, content: str) -> list[Command]:
    commands: list[Command] = []
    for line in content.splitlines():
        if commands and not commands[-1].shown and commands[-1].typed.endswith("\\"):
            commands[-1] = Command(section, commands[-1].typed + "\n" + _REMARK.sub("", line), [])
        elif _COMMAND.match(line):
            commands.append(Command(section, _REMARK.sub("", line[2:]), []))
        elif commands:
            commands[-1].shown[:] = ["\n".join([*commands[-1].shown, line])]
        else:
            raise ValueError("%s: neither a command nor what one prints: %s" % (section, line))
    return commands


def missing(text: str, printed: str, any_number: bool) -> str:
    """What of a text a command did not print, as a diff; empty where all of it is there.

    Blanks at the ends of lines do not count, nor how many there are between words. With ``any_number`` one number is as
    good as another.
    """
    have = [_plain(line, any_number) for line in printed.splitlines()]
    after: int | None = 0
    for part in _parts(text):
        want = [_plain(line, any_number) for line in part]
        after = _end_of(want, have, after)
        if after is None:
            near = difflib.unified_diff(want, _nearest(want, have), "the document", "what was printed", lineterm="")
            return "\n".join(near) or "earlier than the lines before it: " + want[0]
    return ""


def _plain(line: str, any_number: bool) -> str:
    line = " ".join(line.split())
    return re.sub(r"\d+(\.\d+)?", "0", line) if any_number else line


def _parts(text: str) -> list[list[str]]:
    """Its lines between the gaps."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == _GAP:
            parts.append([])
        else:
            parts[-1].append(line)
    return [part for part in parts if part]


def _end_of(want: list[str], have: list[str], begin: int) -> int | None:
    for first in range(begin, len(have) - len(want) + 1):
        if have[first : first + len(want)] == want:
            return first + len(want)
    return None


def _nearest(want: list[str], have: list[str]) -> list[str]:
    if len(have) <= len(want):
        return have
    starts = range(len(have) - len(want) + 1)
    best = max(starts, key=lambda first: sum(a == b for a, b in zip(want, have[first:])))
    return have[best : best + len(want)]
