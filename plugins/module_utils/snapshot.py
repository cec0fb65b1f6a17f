# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read from a host: path to text, or why there is no text. Plain data, no I/O."""

from __future__ import annotations

import bisect
import fnmatch
import itertools
import re
import typing as t

ABSENT = "absent"
FORBIDDEN = "forbidden"
TOO_LARGE = "too_large"
NOT_READ = "not_read"
CANNOT_BE_UNPACKED = "failed: it cannot be unpacked"

_WILD = re.compile(r"[*?[]")


class Reading(t.NamedTuple):
    """One path or command.

    ``text`` is None when there is nothing to say, and then ``reason`` is one of ``absent``, ``forbidden``,
    ``too_large``, ``not_read`` or ``failed: WHAT``. ``mode`` holds the permission bits, ``link`` the target of
    a symbolic link. ``partial`` says that only a part was kept (the end of a log, or the lines asked for).
    """

    text: str | None = None
    reason: str | None = None
    mode: int | None = None
    link: str | None = None
    partial: bool = False


def command_key(argv: t.Sequence[str]) -> str:
    """The path under which a snapshot holds a command's output: ``$ uname -m``."""
    return "$ " + " ".join(argv)


def fits(text: str, pattern: str) -> bool:
    """As fnmatch.fnmatchcase has it; for one star it makes no regular expression, which takes longer than its use."""
    head, star, tail = pattern.partition("*")
    if _WILD.search(head + tail):
        return fnmatch.fnmatchcase(text, pattern)
    if not star:
        return text == pattern
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


class Snapshot:
    """An immutable mapping of path to :class:`Reading`."""

    def __init__(self, readings: t.Mapping[str, Reading]) -> None:
        self._readings = dict(readings)
        self._paths: list[str] = []

    def reading(self, path: str) -> Reading:
        return self._readings.get(path) or Reading(reason=NOT_READ)

    def text(self, path: str) -> str | None:
        return self.reading(path).text

    def reason(self, path: str) -> str | None:
        return self.reading(path).reason

    def exists(self, path: str) -> bool:
        """True for whatever is there, readable or not."""
        return self.reading(path).reason not in (ABSENT, NOT_READ)

    def integer(self, path: str) -> int | None:
        """The decimal number that a kernel file holds, or None."""
        try:
            return int((self.text(path) or "").split()[0])
        except (IndexError, ValueError):
            return None

    def glob(self, pattern: str) -> list[str]:
        """The paths that match and exist, sorted. A star does not cross a slash."""
        # Asked often: once sorted, those that begin alike are neighbours.
        self._paths = self._paths or sorted(self._readings)
        depth, folder = pattern.count("/"), _WILD.split(pattern, maxsplit=1)[0]
        later = itertools.islice(self._paths, bisect.bisect_left(self._paths, folder), None)
        return [
            path
            for path in itertools.takewhile(lambda path: path.startswith(folder), later)
            if path.count("/") == depth and fits(path, pattern) and self.exists(path)
        ]

    def unread(self) -> dict[str, str]:
        """Paths that exist but could not be read, with the reason; absent ones are not listed."""
        return {
            path: reading.reason
            for path, reading in sorted(self._readings.items())
            if reading.reason not in (None, ABSENT, NOT_READ)
        }

    def with_readings(self, readings: t.Mapping[str, Reading]) -> Snapshot:
        return Snapshot({**self._readings, **readings})

    def with_text(self, path: str, text: str) -> Snapshot:
        return self.with_readings({path: self.reading(path)._replace(text=text, reason=None)})

    def items(self) -> t.Iterable[tuple[str, Reading]]:
        return self._readings.items()


def printable(data: t.Any) -> t.Any:
    """A result without the stand-ins for bytes that are not UTF-8: Ansible takes no result that holds them."""
    if isinstance(data, str):
        return data if data.isascii() else data.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(data, dict):
        return {printable(key): printable(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [printable(value) for value in data]
    return data
