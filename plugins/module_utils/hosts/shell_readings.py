# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answer to a script of shell_reading says of each path and command: what grep and ls print, taken apart."""

from __future__ import annotations

import re
import typing as t

from ..probe import Command, File, Glob, Item
from ..snapshot import ABSENT, CANNOT_BE_UNPACKED, FORBIDDEN, TOO_LARGE, Reading, command_key, fits
from . import shell_answer

# Files of the kernel up to this size are read together.
_SMALL = 1 << 20
_KERNEL = ("/proc/", "/sys/")


def is_of_kernel(item: Item) -> bool:
    path = getattr(item, "path", None) or getattr(item, "pattern", "")
    return bool(path.startswith(_KERNEL))


def is_value(item: Item) -> bool:
    return isinstance(item, (File, Glob)) and item.limit <= _SMALL and is_of_kernel(item)


def readings(items: t.Sequence[Item], answer: Answer) -> dict[str, Reading]:
    """What the answer to ``script(items)`` says of each path and command. Files that are not there are absent.

    Raises shell_answer.Unanswered where files were read and none of them was listed: a ksh was seen to lose that.
    """
    if answer.lost_listing():
        raise shell_answer.Unanswered("it read files and listed none of them", begun=True)
    found: dict[str, Reading] = {}
    for item in items:
        if isinstance(item, File):
            found[item.path] = answer.file(item.path, item)
        elif isinstance(item, Command):
            found[command_key(item.argv)] = answer.command(item)
        elif isinstance(item, Glob):
            for path in answer.files(item):
                found[path] = answer.file(path, item)
        else:
            for path in _matching(item.pattern, answer.listed)[: item.most]:
                found[path] = Reading(text="", link=answer.links.get(path))
    return found


class Answer:
    """``pieces``: the parts that follow each path or command, by tag; what was read last counts.

    ``open`` are the files whose content, read together with others, it does not tell to the byte.
    """

    def __init__(self, parts: t.Iterable[tuple[str, bytes]]) -> None:
        self.pieces: dict[str, dict[str, bytes]] = {}
        self.links: dict[str, str] = {}
        self.listed: set[str] = set()
        self.open: list[str] = []
        self._modes: dict[str, int] = {}
        self._folders: set[str] = set()
        self._forbidden: set[str] = set()
        here: dict[str, bytes] = {}
        odd = ""
        values, lines, together = [], [], {}
        for tag, content in parts:
            if tag in ("p", "c"):
                here = self.pieces[shell_answer.text(content)] = {}
            elif tag == "v":
                values.append(content)
            elif tag == "w":
                lines.append(content)
            elif tag in ("i", "g"):
                together[tag] = content
            elif tag == "m":
                self._read_modes(content)
            elif tag == "l":
                self._read_list(content)
            elif tag == "n":
                odd = shell_answer.text(content)
                self.listed.add(odd)
            elif tag == "a":
                self._take_mode(shell_answer.text(content), odd)
            elif tag == "b":
                self.links[odd] = shell_answer.text(content)
            else:
                here[tag] = content
        if together:
            self._read_together(together.get("i", b""), together.get("g", b""))
        for content in values:
            self._read_values(content)
        for content in lines:
            self._read_lines(content)

    def lost_listing(self) -> bool:
        """Whether no mode or no path was told of all the files on disk that were read."""
        read = [
            path
            for path, pieces in self.pieces.items()
            if "t" in pieces and path.startswith("/") and not path.startswith(_KERNEL)
        ]
        return bool(read) and not (self._modes and self.listed)

    def _read_values(self, content: bytes) -> None:
        """As grep prints them: each line after its path, and a complaint after its own name and the path."""
        last = ""
        for line in shell_answer.text(content).split("\n"):
            complaint = line.startswith("grep: ")
            path, said = self._path_and_rest(line[len("grep: ") if complaint else 0 :])
            if not path.startswith("/"):
                continue
            if path != last:
                self.pieces[path] = {}
            pieces, last = self.pieces[path], path
            if complaint:
                pieces["x"] = shell_answer.data(said)
            else:
                pieces["t"] = pieces.get("t", b"") + shell_answer.data(said + "\n")

    def _read_lines(self, content: bytes) -> None:
        """As grep prints them: each after its path and its number; the lines between them are left blank."""
        found: dict[str, list[str]] = {}
        for line in shell_answer.text(content).split("\n"):
            binary = _BINARY.match(line)
            if binary:
                self.pieces[binary.group(1) or binary.group(2)] = {"x": _NO_TEXT.encode()}
            elif line.startswith("grep: "):
                path, said = self._path_and_rest(line[len("grep: ") :])
                self.pieces[path] = {"x": shell_answer.data(said)}
            else:
                path, rest = self._path_and_rest(line)
                found.setdefault(path, []).append(rest)
        for path, rows in found.items():
            self.pieces.setdefault(path, {"t": shell_answer.data(_in_their_places(rows))})

    def _read_together(self, counted: bytes, content: bytes) -> None:
        """Lines as grep prints them, each after its path, against what wc counted of newlines and of bytes.

        A grep may leave out what follows a NUL, or all of such a file, and it ends every last line with a newline.
        """
        found: dict[bytes, list[bytes]] = {}
        for line in content.split(b"\n"):
            path, _colon, rest = line.partition(b":")
            found.setdefault(path, []).append(rest)
        for newlines, size, path in _COUNTED.findall(counted):
            lines = found.get(path, [])
            missing = len(lines) - int(newlines)
            text = b"\n".join(lines) + (b"" if missing else b"\n" if lines else b"")
            told = shell_answer.text(path)
            if missing in (0, 1) and len(text) == int(size):
                self.pieces.setdefault(told, {"t": text})
            elif told not in self.pieces:
                self.open.append(told)

    def _path_and_rest(self, line: str) -> tuple[str, str]:
        """The first colon ends the path, unless ls knows of one with colons in it."""
        path, _colon, rest = line.partition(":")
        if path not in self.listed:
            for place in (number for number, letter in enumerate(line) if letter == ":"):
                if line[:place] in self.listed:
                    return line[:place], line[place + 1 :]
        return path, rest

    def _read_modes(self, content: bytes) -> None:
        """Of what links lead to."""
        for line in shell_answer.text(content).split("\n"):
            self._take_mode(line, _listed(line))

    def _read_list(self, content: bytes) -> None:
        for line in shell_answer.text(content).split("\n"):
            path = _listed(line)
            if path and line[0] == "l":
                path, arrow, target = path.partition(" -> ")
                if arrow:
                    self.links[path] = target
            else:
                self._take_mode(line, path)
            if path:
                self.listed.add(path)

    def _take_mode(self, line: str, path: str) -> None:
        """A line of ls, or what it says instead."""
        letters = _LETTERS.match(line)
        if letters and path:
            self._modes[path] = _mode(letters.group(1))
            if line[0] == "d":
                self._folders.add(path)
        elif line.endswith("Permission denied"):
            self._forbidden.add(line)

    def files(self, item: Glob) -> list[str]:
        """The paths that a pattern matches; where it matches none, the shell takes it for a path."""
        listed = is_value(item) or (item.keep and not item.tail)
        paths = _matching(item.pattern, self._modes.keys() | self.pieces.keys() if listed else self.pieces)
        return [
            path
            for path in paths
            if not (path == item.pattern and path not in self.listed)
            and path not in self._folders
            and b"Is a directory" not in self.pieces.get(path, {}).get("x", b"")
        ]

    def file(self, path: str, item: File | Glob) -> Reading:
        link, mode = self.links.get(path), self._modes.get(path)
        pieces = self.pieces.get(path)
        if pieces and "s" in pieces:
            pieces = self.pieces.get(shell_answer.text(pieces["s"]))
        if pieces is None and path in self._folders:
            pieces = {"x": b"Is a directory"}
        if pieces is None and (is_value(item) or (item.keep and not item.tail)) and mode is not None:
            pieces = {}  # there is nothing in it, or none of the lines asked for
        if pieces is None:
            # Where a folder may not be entered, a test says that there is nothing; ls says why.
            hidden = any("'%s'" % path in line or " %s:" % path in line for line in self._forbidden)
            return Reading(reason=FORBIDDEN if hidden else ABSENT, link=link)
        if "x" in pieces:
            reason = _reason(shell_answer.text(pieces["x"]))
            return Reading(reason=reason, mode=None if reason == ABSENT else mode, link=link)
        content = pieces.get("t", b"")
        if "u" in pieces:
            lines = shell_answer.text(pieces["u"])
            complaint = _COMPLAINT.search(lines)
            if complaint:
                said = complaint.group()
                reason = "failed: " + _NO_TEXT if said.rstrip().endswith("matches") else _reason(said)
                return Reading(reason=reason, mode=mode, link=link)
            content = shell_answer.data(_in_their_places(lines.split("\n")))
        if len(content) > item.limit and not item.tail and not item.keep:
            return Reading(reason=TOO_LARGE, mode=mode, link=link)
        if _status(pieces.get("e", b"\n0"))[1]:
            return Reading(reason=CANNOT_BE_UNPACKED, mode=mode, link=link)
        if item.keep and content and not content.endswith(b"\n"):
            content += b"\n"
        return Reading(text=shell_answer.text(content), mode=mode, link=link, partial=bool(item.keep))

    def command(self, item: Command) -> Reading:
        pieces = self.pieces.get(command_key(item.argv), {})
        complaint, status = _status(pieces.get("e", b"\n127"))
        if status == 128 + 9:
            return Reading(reason="failed: no answer within %d seconds" % item.seconds)
        if status == 127:
            return Reading(reason=ABSENT)
        if status:
            lines = complaint.strip().splitlines()
            last = lines[-1] if lines else "exit status %d" % status
            refused = "not permitted" in last or "ermission denied" in last
            missing = "No such file" in last or (status == 126 and "ot a directory" in last)
            refused = refused or (status == 126 and not missing)
            return Reading(reason=FORBIDDEN if refused else ABSENT if missing else "failed: %s" % last)
        content = pieces.get("t", b"")
        partial = len(content) > item.limit and not item.keep
        if partial:
            content = content[-item.limit :]
            content = content[content.find(b"\n") + 1 :]
        if item.keep and content and not content.endswith(b"\n"):
            content += b"\n"
        return Reading(text=shell_answer.text(content), partial=partial or bool(item.keep))


def _status(content: bytes) -> tuple[str, int]:
    said, _newline, status = content.decode("utf-8", "replace").rpartition("\n")
    return said, int(status) if status.isdigit() else 255


def _in_their_places(rows: t.Iterable[str]) -> str:
    """A text of these lines, each after its number and a colon, and of blank ones between them."""
    lines: list[str] = []
    for row in rows:
        number, _colon, line = row.partition(":")
        if number.isdigit():
            lines += [""] * (int(number) - len(lines) - 1) + [line]
    return "".join(line + "\n" for line in lines)


def _matching(pattern: str, paths: t.Iterable[str]) -> list[str]:
    literal = _WILD.split(pattern, maxsplit=1)[0]
    return sorted(path for path in paths if path.startswith(literal) and matches(path, pattern))


def matches(path: str, pattern: str) -> bool:
    """As a shell has it: no star crosses a slash, nor is it a dot at the beginning of a name."""
    literal = _WILD.split(pattern, maxsplit=1)[0]
    if not path.startswith(literal) or path.count("/") != pattern.count("/"):
        return False
    return path == pattern or all(_is_named(*each) for each in zip(path.split("/"), pattern.split("/")))


def _is_named(name: str, pattern: str) -> bool:
    if name == pattern:
        return True
    hidden = name.startswith(".") and (not pattern.startswith(".") or name in (".", ".."))
    return not hidden and fits(name, pattern)


# Newlines, bytes and path, as wc -lc prints them.
_COUNTED = re.compile(rb"^ *(\d+) +(\d+) (/.*)$", re.MULTILINE)
# Where a pattern begins to be more than the path itself.
_WILD = re.compile(r"[*?[]")
# What greps say of a file with a NUL instead of its lines.
_BINARY = re.compile(r"(?:Binary file (/.*) matches|grep: (/.*): binary file matches)\Z", re.DOTALL)
# What stands at the end of the lines of one file; these begin with their numbers.
_COMPLAINT = re.compile(r"^(?:Binary file .* matches|grep: .*)\n?\Z", re.DOTALL | re.MULTILINE)
_NO_TEXT = "it is no text"
_LETTERS = re.compile(r"[-a-z]([r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-])\S*\s")
_PATH = re.compile(_LETTERS.pattern + r"[^/]*?(/.*)\Z", re.DOTALL)


def _listed(line: str) -> str:
    """The path, with its link's target, of a line of ls -l; nothing for another line."""
    found = _PATH.match(line)
    return found.group(2) if found else ""


def _mode(letters: str) -> int:
    mode = 0
    for number, letter in enumerate(letters):
        if letter in "rwxst":
            mode |= 0o400 >> number
        if letter in "sStT":
            mode |= (0o4000, 0o2000, 0o1000)[number // 3]
    return mode


def _reason(said: str) -> str:
    name, wording = shell_answer.error(said)
    if name in ("ENOENT", "ENOTDIR"):
        return ABSENT
    return FORBIDDEN if name in ("EACCES", "EPERM") else "failed: %s" % wording
