# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sysctl files say of one setting under all its names, and which of it takes effect, by each reader's rules.

From parse_file() and apply_all() of systemd's sysctl.c (247 to 257), from parse_setting_line() and write_setting_list()
of procps' sysctl.c (4.0), from procps 3.2 for older hosts, and from proc_get_long() in the kernel's kernel/sysctl.c.
"""

from __future__ import annotations

import fnmatch
import functools
import re
import typing as t

from ..catalogue import INT_MAX, Setting
from ..formats import sysctl_conf
from ..formats.sysctl_conf import Assignment, Exclusion
from ..snapshot import Snapshot
from . import boot_files

REFUSED = "the kernel refuses this value"
READ_ONLY = "this kernel lets nobody write it"
_SPARED = "a pattern leaves alone what is named elsewhere"
_LEFT_OUT = "left out by a line with a dash and no value"
_DASH = "this reader takes the dash for a part of the key"

# After a number the kernel wants a blank; what follows that it does not look at.
_NUMBER = re.compile(r"[ \t]*(-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*))(?:[ \t]|\Z)")


class Said(t.NamedTuple):
    """One file's word on a setting; ``value`` is the text that stands there, ``why`` says why it has no effect."""

    path: str
    line: int
    key: str
    value: str
    why: str | None = None


class Pass(t.NamedTuple):
    """One run of a reader over its files: the words that it writes, in that order, and those that it does not."""

    standing: tuple[Said, ...]
    lost: tuple[Said, ...] = ()


class Again(t.NamedTuple):
    """What sets values again once the module is loaded, as of one setting: the words that it then writes.

    ``waits`` says that it does not depend on the keys being there at once.
    """

    source: str
    found: Pass
    waits: bool


Entry = t.Tuple[str, t.Union[Assignment, Exclusion]]


def read(
    snapshot: Snapshot,
    by: str,
    names: t.Collection[str],
    files: t.Sequence[str] | None = None,
    pattern: str | None = None,
) -> Pass:
    """What ``by`` makes of its files (or of these) for one setting that has ``names``.

    ``pattern`` is that of procps' --pattern: lines whose key, as it is spelled there, does not match are passed over.
    """
    names = set(names)
    paths = tuple(boot_files.files(snapshot, by) if files is None else files)
    entries = [entry for entry in _entries(snapshot, paths) if _concerns(names, entry[1].key)]
    if pattern is not None:
        entries = [entry for entry in entries if matches(pattern, _raw(snapshot, entry))]
    if by == boot_files.SYSTEMD:
        return _as_systemd(entries, names)
    if by == boot_files.PROCPS:
        return _as_procps(snapshot, entries, names)
    return _in_order(entries, names)


# The same snapshot is asked once for each setting, and parsing every file each time took most of a task's time.
@functools.lru_cache(maxsize=8)
def _entries(snapshot: Snapshot, paths: tuple[str, ...]) -> tuple[Entry, ...]:
    return tuple((path, entry) for path in paths for entry in sysctl_conf.parse(snapshot.text(path) or ""))


def number(text: str, setting: Setting) -> int | None:
    """The value that the kernel makes of a text; None where it refuses it."""
    match = _NUMBER.match(text)
    if not match:
        return None
    digits = match.group(1)
    octal = digits.lstrip("-").startswith("0") and not re.match(r"-?0[xX]", digits)
    value = int(digits, 8 if octal else 0)
    if setting.name == "buckets" and value < 1:
        return None
    return value if setting.unit == "bytes" or -INT_MAX <= value <= INT_MAX else None


def sift(found: Pass, setting: Setting, read_only: bool = False) -> Pass:
    """Without the words that the kernel refuses."""
    standing, lost = [], list(found.lost)
    for said in found.standing:
        why = READ_ONLY if read_only else REFUSED if number(said.value, setting) is None else None
        if why:
            lost.append(said._replace(why=why))
        else:
            standing.append(said)
    return Pass(tuple(standing), tuple(lost))


def _as_systemd(entries: list[Entry], names: set[str]) -> Pass:
    """One value a key: a later one takes its place at the end, an equal one stays where it was.

    A line "-key" without a value is a value too, which is never written; so it also takes back what was said before.
    """
    kept: dict[str, tuple[Said, bool]] = {}
    lost = []
    for path, entry in entries:
        excludes = isinstance(entry, Exclusion)
        value = None if isinstance(entry, Exclusion) else entry.value
        said = Said(path, entry.line, entry.key, value or "")
        if entry.key in kept:
            before, excluded = kept[entry.key]
            if (before.value, excluded) == (said.value, excludes):
                continue
            if not excluded:
                lost.append(before._replace(why=_LEFT_OUT if excludes else None))
            del kept[entry.key]
        kept[entry.key] = (said, excludes)
    open_to_patterns = {name for name in names if name not in kept}
    standing = []
    for said, excludes in kept.values():
        if excludes:
            continue
        if _is_glob(said.key) and not _concerns(open_to_patterns, said.key):
            lost.append(said._replace(why=_SPARED))
        else:
            standing.append(said)
    return Pass(tuple(standing), tuple(lost))


def _as_procps(snapshot: Snapshot, entries: list[Entry], names: set[str]) -> Pass:
    """All in their order, except that a pattern leaves alone what any other line names."""
    open_to_patterns = names - {entry.key for _path, entry in entries}
    standing, lost = [], []
    for path, entry in entries:
        if isinstance(entry, Exclusion):
            continue
        said = Said(path, entry.line, entry.key, entry.value)
        if _is_glob(entry.key) and not _concerns(open_to_patterns, entry.key):
            lost.append(said._replace(why=_SPARED))
        elif entry.optional and _raw(snapshot, (path, entry))[1:2].isspace():
            lost.append(said._replace(why="procps takes the blank after the dash for a part of the key"))
        else:
            standing.append(said)
    return Pass(tuple(standing), tuple(lost))


def _in_order(entries: list[Entry], names: set[str]) -> Pass:
    """procps 3.2 and TuneD know neither patterns nor dashes, and pass over an empty value."""
    standing, lost = [], []
    for path, entry in entries:
        if isinstance(entry, Exclusion) or entry.key not in names or not entry.value:
            continue
        said = Said(path, entry.line, entry.key, entry.value)
        if entry.optional:
            lost.append(said._replace(why=_DASH))
        else:
            standing.append(said)
    return Pass(tuple(standing), tuple(lost))


def _concerns(names: set[str], key: str) -> bool:
    return key in names or (_is_glob(key) and any(_fits(name, key) for name in names))


def _fits(name: str, pattern: str) -> bool:
    """Whether a glob matches a key, part by part: it is matched against paths, where no star crosses a slash."""
    parts, patterns = name.split("."), pattern.split(".")
    try:
        return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
    except re.error:  # before Python 3.11, for such as [z-a]
        return False


def _is_glob(key: str) -> bool:
    return any(sign in key for sign in "*?[")


def _raw(snapshot: Snapshot, entry: Entry) -> str:
    """The key as it is spelled in its file, with what stands before it."""
    path, word = entry
    return (snapshot.text(path) or "").split("\n")[word.line - 1].split("=", 1)[0].strip()


def matches(pattern: str, text: str) -> bool:
    """Whether procps' --pattern lets a key through."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False
