# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe as a POSIX shell reads it.

For BusyBox's ash, dash, bash from 2.05 on, ksh and mksh. Beside the shell itself it takes cat, dd, grep, ls, sed, tail
and wc; a file's mode and where a link leads are what ls prints of them. A process for each file would be most of the
time that a reading takes: one grep reads all values of the kernel, another looks through the files that only count
where a word stands in them, a third reads the small files where nothing is to be changed: what it cannot tell to the
byte is found out by what wc counts. (The shell's own read will not do: it takes a byte at a time, and a sysctl answers
once.)
"""

from __future__ import annotations

import re
import typing as t

from ..probe import Command, File, Glob, Item, Names
from ..snapshot import command_key
from . import shell_quoting
from .shell_readings import is_of_kernel, is_value, matches

# From this size on a file of the kernel is cut by head, where that knows how to.
_LARGE = 1 << 20
# With a limit up to this one a file on disk is small.
SMALL = 1 << 18
# So many paths fit on the command line of every kernel.
_MANY = 1000
# They answer at once, or not at all: no second process needs to watch over them.
_QUICK = ("uname", "getconf", "date", "wc", "dmesg")
_UNPACK_SECONDS = 20

# Parts: p a path, c a command; t its text, s another path that is the same file, x what was said instead of one, e a
# command's complaint and its status; v values, each after its path; w lines, each after its path and number, u each
# after its number; i what wc counted in small files, g their lines, each after its path; l what ls says of the paths,
# m of what the links among them lead to; n a path with a name that ls may not print as it is, a what it leads to, b its
# target where it is a link.
_LIBRARY = r"""
twin=
why() { printf "$F%s" x "$(cat "$1" 2>&1 >/dev/null)"; }
regular() {
  if [ -f "$1" ]; then
    if [ -n "$twin" ] && [ "$1" -ef "/usr$1" ] 2>/dev/null; then
      printf "$F%s$F%s" p "$1" s "/usr$1"
      return 1
    fi
    return 0
  fi
  if [ ! -r "$1" ]; then
    [ -e "$1" ] || [ -h "$1" ] || return
    printf "$F%s" p "$1"
    why "$1"
  elif [ -d "$1" ]; then printf "$F%s$F%s" p "$1" x 'Is a directory'
  elif [ -S "$1" ]; then printf "$F%s$F%s" p "$1" x 'No such device or address'
  else printf "$F%s$F" p "$1" t
  fi
  return 1
}
whole() {
  most=$1
  shift
  for p do
    regular "$p" || continue
    printf "$F%s$F" p "$p" t
    case $p in
    *.gz | *.bz2 | *.xz) packed beginning ;;
    /proc/* | /sys/*) [ "$most" -gt @LARGE@ ] && head -c "$most" "$p" 2>/dev/null || cat "$p" 2>/dev/null || why "$p" ;;
    *) dd if="$p" bs="$most" count=1 2>/dev/null || why "$p" ;;
    esac
  done
}
small() {
  most=$1
  shift
  for p do
    case $p in
    *.gz | *.bz2 | *.xz | *:* | *"$nl"*) whole "$most" "$p" ;;
    *)
      if [ ! -r "$p" ]; then
        whole "$most" "$p"
      elif regular "$p"; then
        case $few in *"$nl$p$nl"*) ;; *) few=$few$p$nl ;; esac
      fi
      ;;
    esac
  done
}
# What may take long, as of a file with a hole of terabytes, ends soon.
together() {
  [ "$few" != "$nl" ] || return 0
  set -f
  IFS=$nl
  set -- $few
  unset IFS
  set +f
  { counted=$(ulimit -t 2; wc -lc "$@" /dev/null) || counted=; } 2>/dev/null
  case $counted in
  # One of them is large, all of them are, or they could not be counted.
  '' | *[0-9][0-9][0-9][0-9][0-9][0-9][0-9]*) whole @SMALL@ "$@" ;;
  *)
    printf "$F%s$F" i "$counted" g
    grep '' "$@" /dev/null 2>&1
    ;;
  esac
}
beginning() {
  head -c "$most"
  cat >/dev/null
}
lines() {
  holding=$1
  shift
  for p do
    shift
    regular "$p" || continue
    case $p in
    *"$nl"*) printf "$F%s$F" p "$p" u; $holding "$p" 2>&1 ;;
    *) set -- "$@" "$p" ;;
    esac
  done
  [ "$#" -gt 0 ] || return 0
  printf "$F" w
  $holding "$@" /dev/null 2>&1
}
ends() {
  most=$1 kept=$2
  shift 2
  for p do
    regular "$p" || continue
    printf "$F%s$F" p "$p" t
    case $p in
    *.gz | *.bz2 | *.xz)
      size=$( (unpack "$p" | wc -c) 2>/dev/null)
      [ "$size" -gt "$most" ] && cut=1 || cut=0
      packed ended
      ;;
    *)
      [ -r "$p" ] || { why "$p"; continue; }
      size=$(wc -c <"$p")
      if [ "$size" -gt "$most" ]; then tail -c "$most" "$p" | $kept 1; else $kept 0 <"$p"; fi
      ;;
    esac
  done
}
ended() { tail -c "$most" | $kept "$cut"; }
unpack() {
  ulimit -t @UNPACK@
  case $1 in
  *.gz) [ ! -s "$1" ] || gzip -dc "$1" ;;
  *.bz2) bzip2 -dc "$1" ;;
  *) xz -dc "$1" ;;
  esac
}
packed() {
  { said=$( { { (unpack "$p") 2>&4 3>&-; printf '\n%s' "$?" >&4; } | "$@" >&3; } 4>&1); } 3>&1
  printf "$F%s" e "$said"
}
newest() {
  most=$1 reader=$2
  shift 2
  if [ "$#" -gt "$most" ]; then
    for p do
      shift
      [ -d "$p" ] || set -- "$@" "$p"
    done
  fi
  if [ "$#" -gt "$most" ]; then
    set -f
    IFS=$nl
    set -- $(ls -dtL "$@" 2>/dev/null | sed "${most}q")
    unset IFS
    set +f
  fi
  $reader "$@"
}
watched() {
  seconds=$1
  shift
  # A session of its own, so that what the command starts can be ended with it.
  if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; fi
  "$@" </dev/null 3>&- 4>&- 9>&- &
  job=$!
  (
    while [ "$seconds" -gt 0 ]; do
      sleep 1
      seconds=$((seconds - 1))
    done
    kill -9 "-$job" || kill -9 "$job"
  ) </dev/null >/dev/null 2>&1 3>&- 4>&- 9>&- &
  watch=$!
  wait "$job" 2>/dev/null
  status=$?
  kill -9 "$watch" 2>/dev/null
  wait "$watch" 2>/dev/null
  [ "$status" -lt 256 ] || status=$((status - 128))
  return "$status"
}
quick() { shift; "$@" </dev/null 3>&- 4>&-; }
said() {
  printf "$F%s$F" c "$1" t
  how=$2 kept=$3
  shift 3
  # What there is not need not be watched.
  command -v "$2" >/dev/null 2>&1 || how=quick kept=all
  if [ "$how$kept" = quickall ]; then
    # Only what failed is asked again, for what it complains of.
    if quick "$@" 2>/dev/null; then
      printf "$F%s" e "${nl}0"
      return
    fi
    printf "$F" t
  fi
  if [ "$kept" = all ]; then
    { said=$("$how" "$@" 2>&1 >&3; printf '\n%s' "$?"); } 3>&1
  else
    { said=$( { { "$how" "$@" 2>&4; printf '\n%s' "$?" >&4; } | $kept 0 >&3; } 4>&1); } 3>&1
  fi
  printf "$F%s" e "$said"
}
all() { if [ "$1" = 1 ]; then sed 1d; else cat; fi; }
plain() { case $1 in *[!\ -~]* | *' -> '*) return 1 ;; esac; }
about() {
  odd=
  for p do plain "$p" || odd=1; done
  if [ -n "$odd" ]; then
    for p do
      shift
      if plain "$p"; then
        set -- "$@" "$p"
      elif [ -e "$p" ] || [ -h "$p" ]; then
        printf "$F%s$F%s" n "$p" a "$(ls -ldL "$p" 2>/dev/null)"
        [ ! -h "$p" ] || printf "$F%s" b "$(readlink "$p" 2>/dev/null)"
      fi
    done
  fi
  [ "$#" -gt 0 ] || return 0
  # To a terminal ls would not print names as they are.
  if [ -t 1 ]; then listed "$@" | cat; else listed "$@"; fi
}
listed() {
  printf "$F" l
  ls -ldn "$@" 2>&1
  for p do
    shift
    [ ! -h "$p" ] || set -- "$@" "$p"
  done
  [ "$#" -gt 0 ] || return 0
  printf "$F" m
  ls -ldnL "$@" 2>&1
}
values() {
  printf "$F" v
  if [ "$#" -le @MANY@ ]; then grep '' "$@" /dev/null 2>&1; else printf '%s\n' "$@" | xargs grep '' /dev/null 2>&1; fi
}
nl='
'
few=$nl
"""
_NUMBERS = {"@LARGE@": _LARGE, "@SMALL@": SMALL + 1, "@MANY@": _MANY, "@UNPACK@": _UNPACK_SECONDS}
LIBRARY = re.sub("@[A-Z]+@", lambda found: str(_NUMBERS[found.group()]), _LIBRARY)


def script(items: t.Sequence[Item], each: bool = True) -> str:
    """The body of a script that reads these, for shell_answer.frame; it needs the library.

    ``each`` has it read every file on disk by itself; otherwise the answer may leave some open, see Answer.open.
    """
    words = _Words(items)
    lines = list(words.functions)
    lines += [_reads(item, words, items, each) for item in items if not (isinstance(item, Names) or is_value(item))]
    lines += [] if each else ["together"]
    values = dict.fromkeys(paths(item) for item in _once([item for item in items if is_value(item)]))
    lines += ["values " + " ".join(values)] if values else []
    listed = [item for item in items if not isinstance(item, Command)]
    few = dict.fromkeys(paths(item) for item in listed if not _many(item))
    lines += ["about " + " ".join(few)] if few else []
    # Nobody asks for the mode of a process's file.
    lines += ['printf "$F" l; %s ls -ld 2>/dev/null' % _each(item) for item in listed if _many(item, Names)]
    return "\n".join(lines)


def _once(items: t.Sequence[Item]) -> list[Item]:
    """Without the files that a pattern matches too."""
    patterns = [item.pattern for item in items if isinstance(item, Glob)]
    return [
        item for item in items if not (isinstance(item, File) and any(matches(item.path, each) for each in patterns))
    ]


def paths(item: File | Glob | Names) -> str:
    return shell_quoting.word(item.path) if isinstance(item, File) else shell_quoting.pattern(item.pattern)


def _each(item: Names) -> str:
    """Has a command take all that match: there is a limit to the arguments of one command, which xargs knows."""
    return "printf '%%s\\n' %s | xargs" % paths(item)


def _many(item: Item, kind: t.Any = (Glob, Names)) -> bool:
    """Whether it matches something of every process."""
    return isinstance(item, kind) and item.pattern.startswith("/proc/[")


class _Words:
    """A function to look for each set of words, and one to keep just the lines that hold one."""

    def __init__(self, items: t.Iterable[Item]) -> None:
        self._names: dict[tuple[str, ...], int] = {}
        self.functions: list[str] = []
        for item in items:
            keep = () if isinstance(item, Names) else item.keep
            if keep and keep not in self._names:
                number = self._names[keep] = len(self._names)
                looked_for = " ".join("-e %s" % shell_quoting.word(word) for word in keep)
                kept = " ".join("-e %s" % shell_quoting.word("/%s/b" % shell_quoting.expression(word)) for word in keep)
                self.functions += [
                    'holding%d() { grep -nF %s "$@"; }' % (number, looked_for),
                    'kept%d() { if [ "$1" = 1 ]; then sed -e 1d -e 2b -e "\\$b" %s -e g' % (number, kept),
                    'else sed -e 1b -e "\\$b" %s -e g; fi; }' % kept,
                ]

    def kept(self, keep: tuple[str, ...]) -> str:
        return "kept%d" % self._names[keep] if keep else "all"

    def holding(self, keep: tuple[str, ...]) -> str:
        return "holding%d" % self._names[keep]


def _reads(item: File | Glob | Command, words: _Words, items: t.Sequence[Item], each: bool) -> str:
    if isinstance(item, Command):
        how = "quick" if item.argv[0] in _QUICK else "watched"
        argv = " ".join(map(shell_quoting.word, item.argv))
        key = shell_quoting.word(command_key(item.argv))
        return "said %s %s %s %d %s" % (key, how, words.kept(item.keep), item.seconds, argv)
    if item.tail:
        reader = "ends %d %s" % (item.limit, words.kept(item.keep))
    elif item.keep:
        reader = "lines %s" % words.holding(item.keep)
    else:
        together = not each and item.limit <= SMALL and not is_of_kernel(item)
        reader = "%s %d" % ("small" if together else "whole", item.limit + 1)
    if isinstance(item, File) or is_of_kernel(item):
        return "%s %s" % (reader, paths(item))
    line = "newest %d %s %s" % (item.most, shell_quoting.word(reader), paths(item))
    # On most hosts /lib is /usr/lib, and all of it has been read.
    return "twin=1; %s; twin=" % line if item._replace(pattern="/usr" + item.pattern) in items else line
