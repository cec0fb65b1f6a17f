# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe as a POSIX shell reads it, and its answer as readings.

For BusyBox's ash, dash, bash from 2.05 on, ksh and mksh. Beside the shell itself it takes cat, dd, grep, ls, sed, tail
and wc; a file's mode and where a link leads are what ls prints of them. A process for each file would be most of the
time that a reading takes: one grep reads all values of the kernel, another looks through the files that only count
where a word stands in them. (The shell's own read will not do: it takes a byte at a time, and a sysctl answers once.)
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ..probe import Command, File, Glob, Item, Names
from ..snapshot import ABSENT, CANNOT_BE_UNPACKED, FORBIDDEN, TOO_LARGE, Reading, command_key
from . import shell_answer, shell_words

# A file of the kernel up to this size holds a value or two.
_SMALL = 4096
# From this size on a file of the kernel is cut by head, where that knows how to.
_LARGE = 1 << 20
_KERNEL = ("/proc/", "/sys/")
# They answer at once, or not at all: no second process needs to watch over them.
_QUICK = ("uname", "getconf", "date", "wc")
_UNPACK_SECONDS = 20

# Parts: p a path, c a command; t its text, x what was said instead of one, e a command's complaint and its status;
# v values, each after its path; m and l what ls says of what the paths lead to, and of the paths.
_LIBRARY = r"""
why() { printf "$F%s" x "$(cat "$1" 2>&1 >/dev/null)"; }
odd() {
  [ -f "$1" ] && return 1
  if [ -d "$1" ]; then printf "$F%s" x 'Is a directory'
  elif [ -S "$1" ]; then printf "$F%s" x 'No such device or address'
  else printf "$F" t
  fi
}
whole() {
  most=$1
  shift
  for p do
    [ -e "$p" ] || continue
    printf "$F%s" p "$p"
    odd "$p" && continue
    printf "$F" t
    case $p in
    /proc/* | /sys/*) [ "$most" -gt @LARGE@ ] && head -c "$most" "$p" 2>/dev/null || cat "$p" 2>/dev/null || why "$p" ;;
    *) dd if="$p" bs="$most" count=1 2>/dev/null || why "$p" ;;
    esac
  done
}
lines() {
  most=$1 kept=$2 holding=$3
  shift 3
  matching=$nl$($holding "$@" 2>/dev/null)$nl
  for p do
    [ -e "$p" ] && [ ! -d "$p" ] || continue
    printf "$F%s" p "$p"
    odd "$p" && continue
    printf "$F" t
    [ -r "$p" ] || { why "$p"; continue; }
    case $matching in
    *"$nl$p$nl"*) dd if="$p" bs="$most" count=1 2>/dev/null | $kept 0 ;;
    esac
  done
}
ends() {
  most=$1 kept=$2
  shift 2
  for p do
    [ -e "$p" ] && [ ! -d "$p" ] || continue
    printf "$F%s" p "$p"
    odd "$p" && continue
    case $p in
    *.gz) ended "$p" gzip -dc ;;
    *.bz2) ended "$p" bzip2 -dc ;;
    *.xz) ended "$p" xz -dc ;;
    *)
      [ -r "$p" ] || { why "$p"; continue; }
      size=$(wc -c <"$p")
      printf "$F" t
      if [ "$size" -gt "$most" ]; then tail -c "$most" "$p" | $kept 1; else $kept 0 <"$p"; fi
      ;;
    esac
  done
}
ended() {
  q=$1
  shift
  size=$( (ulimit -t @UNPACK@; "$@" "$q" | wc -c) 2>/dev/null)
  [ "$size" -gt "$most" ] && cut=1 || cut=0
  printf "$F" t
  { said=$( { { (ulimit -t @UNPACK@; "$@" "$q") 2>&4 3>&-; printf '\n%s' "$?" >&4; } |
    tail -c "$most" | $kept "$cut" >&3; } 4>&1); } 3>&1
  printf "$F%s" e "$said"
}
newest() {
  most=$1 reader=$2
  shift 2
  if [ "$#" -le "$most" ]; then $reader "$@"; return; fi
  set -f
  IFS=$nl
  set -- $(ls -dt "$@" 2>/dev/null | sed "${most}q")
  unset IFS
  set +f
  $reader "$@"
}
watched() {
  seconds=$1
  shift
  "$@" </dev/null 3>&- 4>&- 9>&- &
  job=$!
  (
    trap 'kill "$nap" 2>/dev/null; exit 0' 15
    sleep "$seconds" &
    nap=$!
    wait "$nap"
    kill -9 "$job"
  ) </dev/null >/dev/null 2>&1 3>&- 4>&- 9>&- &
  watch=$!
  wait "$job" 2>/dev/null
  status=$?
  kill "$watch" 2>/dev/null
  wait "$watch" 2>/dev/null
  return "$status"
}
quick() { shift; "$@" </dev/null 3>&- 4>&-; }
said() {
  printf "$F%s" c "$1"
  how=$2 kept=$3
  shift 3
  printf "$F" t
  if [ "$kept" = all ]; then
    { said=$("$how" "$@" 2>&1 >&3; printf '\n%s' "$?"); } 3>&1
  else
    { said=$( { { "$how" "$@" 2>&4; printf '\n%s' "$?" >&4; } | $kept 0 >&3; } 4>&1); } 3>&1
  fi
  printf "$F%s" e "$said"
}
all() { if [ "$1" = 1 ]; then sed 1d; else cat; fi; }
nl='
'
"""
LIBRARY = _LIBRARY.replace("@LARGE@", str(_LARGE)).replace("@UNPACK@", str(_UNPACK_SECONDS))


def script(items: t.Sequence[Item]) -> str:
    """The body of a script that reads these, for shell_answer.frame; it needs the library."""
    words = _Words(items)
    lines = list(words.functions)
    lines += [_reads(item, words) for item in items if not (isinstance(item, Names) or _is_value(item))]
    values = _once([item for item in items if _is_value(item)])
    lines += ['printf "$F" v', *_batches("grep ''", values, "2>&1", "/dev/null")]
    listed = [item for item in items if not isinstance(item, Command)]
    lines += ['printf "$F" m', *_batches("ls -ldL", [item for item in listed if not isinstance(item, Names)], "2>&1")]
    return "\n".join([*lines, 'printf "$F" l', *_batches("ls -ld", listed, "2>/dev/null")])


def _is_value(item: Item) -> bool:
    path = getattr(item, "path", None) or getattr(item, "pattern", "")
    return isinstance(item, (File, Glob)) and path.startswith(_KERNEL) and item.limit <= _SMALL


def _once(items: t.Sequence[Item]) -> list[Item]:
    """Without the files that a pattern matches too."""
    patterns = [item.pattern for item in items if isinstance(item, Glob)]
    return [
        item
        for item in items
        if not (isinstance(item, File) and any(fnmatch.fnmatchcase(item.path, pattern) for pattern in patterns))
    ]


def _batches(command: str, items: t.Sequence[Item], said: str, beside: str = "") -> t.Iterator[str]:
    """The command over all the paths: once, and once for each pattern that matches many.

    There is a limit to the arguments of one command, which xargs knows.
    """
    paths = [
        shell_words.word(item.path) if isinstance(item, File) else item.pattern for item in items if not _many(item)
    ]
    if paths:
        yield " ".join([command, *paths, beside, said])
    for item in filter(_many, items):
        yield "printf '%%s\\n' %s | xargs %s %s %s" % (item.pattern, command, beside, said)


def _many(item: Item) -> bool:
    """Whether it matches something of every process."""
    return not isinstance(item, (File, Command)) and item.pattern.startswith("/proc/[")


class _Words:
    """A function to look for each set of words, and one to keep just the lines that hold one."""

    def __init__(self, items: t.Iterable[Item]) -> None:
        self._names: dict[tuple[str, ...], int] = {}
        self.functions: list[str] = []
        for item in items:
            keep = () if isinstance(item, Names) else item.keep
            if keep and keep not in self._names:
                number = self._names[keep] = len(self._names)
                looked_for = " ".join("-e %s" % shell_words.word(word) for word in keep)
                kept = " ".join("-e %s" % shell_words.word("/%s/b" % shell_words.expression(word)) for word in keep)
                self.functions += [
                    'holding%d() { grep -lF %s "$@"; }' % (number, looked_for),
                    "kept%d() { if [ \"$1\" = 1 ]; then sed -e 1d -e 2b -e '$b' %s -e 's/.*//'" % (number, kept),
                    "else sed -e 1b -e '$b' %s -e 's/.*//'; fi; }" % kept,
                ]

    def kept(self, keep: tuple[str, ...]) -> str:
        return "kept%d" % self._names[keep] if keep else "all"

    def holding(self, keep: tuple[str, ...]) -> str:
        return "holding%d" % self._names[keep]


def _reads(item: File | Glob | Command, words: _Words) -> str:
    if isinstance(item, Command):
        how = "quick" if item.argv[0] in _QUICK else "watched"
        argv = " ".join(map(shell_words.word, item.argv))
        key = shell_words.word(command_key(item.argv))
        return "said %s %s %s %d %s" % (key, how, words.kept(item.keep), item.seconds, argv)
    paths = shell_words.word(item.path) if isinstance(item, File) else item.pattern
    if item.tail:
        reader = "ends %d %s" % (item.limit, words.kept(item.keep))
    elif item.keep:
        reader = "lines %d %s %s" % (item.limit + 1, words.kept(item.keep), words.holding(item.keep))
    else:
        reader = "whole %d" % (item.limit + 1)
    if isinstance(item, Glob) and not item.pattern.startswith(_KERNEL):
        return "newest %d %s %s" % (item.most, shell_words.word(reader), paths)
    return "%s %s" % (reader, paths)


def readings(items: t.Sequence[Item], parts: t.Iterable[tuple[str, bytes]]) -> dict[str, Reading]:
    """What the answer to ``script(items)`` says of each path and command. Files that are not there are absent."""
    answer = _Answer(parts)
    found: dict[str, Reading] = {}
    for item in items:
        if isinstance(item, File):
            found[item.path] = answer.file(item.path, item)
        elif isinstance(item, Command):
            found[command_key(item.argv)] = answer.command(item)
        elif isinstance(item, Glob):
            for path in answer.matching(item.pattern):
                # A pattern that matches nothing is a word like any other to the shell.
                if path != item.pattern and b"Is a directory" not in answer.pieces[path].get("x", b""):
                    found[path] = answer.file(path, item)
        else:
            for path in answer.matching(item.pattern, listed=True)[: item.most]:
                found[path] = Reading(text="", link=answer.links.get(path))
    return found


class _Answer:
    """``pieces``: the parts that follow each path or command, by tag; a later one of a tag counts."""

    def __init__(self, parts: t.Iterable[tuple[str, bytes]]) -> None:
        self.pieces: dict[str, dict[str, bytes]] = {}
        self.modes: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.listed: set[str] = set()
        self._forbidden: set[str] = set()
        here: dict[str, bytes] = {}
        for tag, content in parts:
            if tag in ("p", "c"):
                here = self.pieces.setdefault(shell_answer.text(content), {})
            elif tag == "v":
                self._read_values(content)
            elif tag == "m":
                self._read_modes(content)
            elif tag == "l":
                self._read_links(content)
            else:
                here[tag] = content

    def _read_values(self, content: bytes) -> None:
        """As grep prints them: each line after its path, and a complaint after its own name and the path."""
        for line in shell_answer.text(content).split("\n"):
            path, _colon, said = line.removeprefix("grep: ").partition(":")
            if line.startswith("/"):
                pieces = self.pieces.setdefault(path, {})
                pieces["t"] = pieces.get("t", b"") + shell_answer.data(said + "\n")
            elif path.startswith("/"):
                self.pieces.setdefault(path, {})["x"] = shell_answer.data(said)

    def _read_modes(self, content: bytes) -> None:
        for line in shell_answer.text(content).split("\n"):
            mode, path = _listed(line)
            if mode is not None:
                self.modes[path] = mode
            elif line.endswith("Permission denied"):
                self._forbidden.add(line)

    def _read_links(self, content: bytes) -> None:
        for line in shell_answer.text(content).split("\n"):
            mode, path = _listed(line)
            if mode is None:
                continue
            path, arrow, target = path.partition(" -> ") if line[0] == "l" else (path, "", "")
            self.listed.add(path)
            if arrow:
                self.links[path] = target

    def matching(self, pattern: str, listed: bool = False) -> list[str]:
        depth, paths = pattern.count("/"), self.listed if listed else self.pieces
        return sorted({path for path in paths if path.count("/") == depth and fnmatch.fnmatchcase(path, pattern)})

    def file(self, path: str, item: File | Glob) -> Reading:
        link, mode = self.links.get(path), self.modes.get(path)
        pieces = self.pieces.get(path)
        if pieces is None and _is_value(item) and mode is not None:
            pieces = {}  # there is nothing in it
        if pieces is None:
            # Where a folder may not be entered, a test says that there is nothing; ls says why.
            hidden = any("'%s'" % path in line or " %s:" % path in line for line in self._forbidden)
            return Reading(reason=FORBIDDEN if hidden else ABSENT, link=link)
        if _status(pieces.get("e", b"\n0"))[1]:
            return Reading(reason=CANNOT_BE_UNPACKED, mode=mode, link=link)
        if "x" in pieces:
            reason = _reason(shell_answer.text(pieces["x"]))
            return Reading(reason=reason, mode=None if reason == ABSENT else mode, link=link)
        content = pieces.get("t", b"")
        if len(content) > item.limit and not item.tail and not item.keep:
            return Reading(reason=TOO_LARGE, mode=mode, link=link)
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
            refused = status == 126 or "not permitted" in last or "ermission denied" in last
            return Reading(reason=FORBIDDEN if refused else ABSENT if "No such file" in last else "failed: %s" % last)
        content = pieces.get("t", b"")
        partial = len(content) > item.limit and not item.keep
        if partial:
            content = content[-item.limit :]
            content = content[content.find(b"\n") + 1 :]
        if item.keep and content and not content.endswith(b"\n"):
            content += b"\n"
        return Reading(text=shell_answer.text(content), partial=partial or bool(item.keep))


def _status(content: bytes) -> tuple[str, int]:
    said, _newline, status = shell_answer.text(content).rpartition("\n")
    return said, int(status) if status.isdigit() else 255


_LISTED = re.compile(r"[-a-z]([r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-])\S*\s[^/]*?(/.*)\Z", re.DOTALL)


def _listed(line: str) -> tuple[int | None, str]:
    """The permission bits and the path, with its link's target, of a line of ls -l; None for another line."""
    found = _LISTED.match(line)
    if not found:
        return None, ""
    letters, path = found.groups()
    mode = 0
    for number, letter in enumerate(letters):
        if letter in "rwxst":
            mode |= 0o400 >> number
        if letter in "sStT":
            mode |= (0o4000, 0o2000, 0o1000)[number // 3]
    return mode, path


def _reason(said: str) -> str:
    name, wording = shell_answer.error(said)
    if name in ("ENOENT", "ENOTDIR"):
        return ABSENT
    return FORBIDDEN if name in ("EACCES", "EPERM") else "failed: %s" % wording
