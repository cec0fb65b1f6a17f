# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file as a POSIX shell replaces and removes it, so that a kill at any moment leaves the old or the new one.

By rename(2) of a whole new file in the same directory, which has the owner, the mode and, where cp can, the extended
attributes of the old one. There is no fsync(2) for a shell: sync(1) with a file does it, or brings everything to the
disk where it is too old for that.
"""

from __future__ import annotations

import typing as t

from ..plan import Step
from . import shell_quoting

CHECK_SECONDS = 10

# R: what a path leads to.
_REAL = r"""
real() {
  R=$1 turns=0
  while [ -h "$R" ] && [ "$turns" -lt 40 ]; do
    turns=$((turns + 1))
    to=$(ls -ld "$R")
    to=${to#*" $R -> "}
    case $to in
    /*) R=$to ;;
    *) R=${R%/*}/$to ;;
    esac
  done
}
"""

# T: the new file. `oldN` prints what is to be there, `newN` what shall be.
_REPLACE = r"""
same() {
  real "$2"
  if [ "$3" = absent ]; then [ ! -e "$R" ]; else [ -f "$R" ] && "old$1" | cmp -s - "$R"; fi
}
flush() { sync "$1" 2>/dev/null || sync 2>/dev/null || :; }
folder() {
  [ -z "$1" ] || [ -d "$1" ] && return
  folder "${1%/*}" 755 && mkdir -m "$2" "$1" && flush "${1%/*}"
}
alike() {
  cp -p --preserve=all "$1" "$2" 2>/dev/null || cp -p "$1" "$2" || return
  if labelled && command -v chcon >/dev/null 2>&1; then chcon --reference="$1" "$2"; fi
}
labelled() { [ -d /sys/fs/selinux ] || [ -d /selinux ]; }
made() {
  umask 022
  folder "$D" "$2" &&
    (umask 077; set -C; : >"$T") &&
    if [ -e "$R" ]; then alike "$R" "$T"; else chmod "$3" "$T"; fi &&
    "new$1" | cat >"$T" &&
    "new$1" | cmp - "$T" &&
    flush "$T"
}
moved() {
  [ -e "$R" ] && known=1 || known=
  mv -f "$T" "$R" || return
  if [ -z "$known" ] && labelled && command -v restorecon >/dev/null 2>&1; then restorecon "$R"; fi
  flush "$D"
}
kept() {
  copy=
  [ -n "$1" ] && [ -e "$R" ] || return 0
  copy=$R.$$.$(date +%Y-%m-%d@%H:%M:%S)~
  why=$(cp -p "$R" "$copy" 2>&1)
}
usable() {
  real "$2"
  why=
  [ -r "$R" ] || why=$(cat "$R" 2>&1 >/dev/null)
  case $why in
  '' | *'No such file'*) ;;
  *) refused "$1" '?' "$why"; return 1 ;;
  esac
  if [ -e "$R" ] && [ ! -f "$R" ]; then
    refused "$1" EINVAL 'not a regular file'
  elif same "$1" "$2" "$3"; then
    D=${R%/*}
    return 0
  else
    refused "$1" ESTALE ''
  fi
  return 1
}
replace() {
  usable "$1" "$2" "$3" || return
  T=$D/.netops-conntrack-$token-$1~
  if why=$(made "$1" "$4" "$5" 2>&1); then :; else refused "$1" '?' "$why"; return; fi
  if why=$("check$1"); then :; else complain "$1" '!' "$?" @SECONDS@ "$7"; return; fi
  if kept "$6" && why=$(moved 2>&1); then
    T=
    acted "$1"
    [ -z "$copy" ] || printf "$F%s" g "$copy"
  else
    refused "$1" '?' "$why"
  fi
}
remove() {
  usable "$1" "$2" there || return
  if kept "$4" && why=$(rm -f "$R" 2>&1); then
    flush "$D"
    [ -z "$3" ] || rmdir "$D" 2>/dev/null
    acted "$1"
    [ -z "$copy" ] || printf "$F%s" g "$copy"
  else
    refused "$1" '?' "$why"
  fi
}
"""
LIBRARY = _REAL + _REPLACE.replace("@SECONDS@", str(CHECK_SECONDS))

_SWEEP = r"""
swept='' f=''
sweep() {
  for t in "$1"/.netops-conntrack-*~; do
    [ -f "$t" ] || continue
    [ -n "$swept" ] || lock
    swept=1
    rm -f "$t"
  done
}
for p in @PATHS@; do
  [ "${p%/*}" = "$f" ] || { f=${p%/*}; sweep "$f"; }
  [ ! -h "$p" ] || { real "$p"; sweep "${R%/*}"; }
done
[ -z "$swept" ] || rmdir /var/lib/netops-conntrack 2>/dev/null
"""


def sweeping(paths: t.Iterable[str]) -> str:
    """Takes away what killed runs left beside these files and beside what they lead to. Needs shell_lock.

    ``paths`` are words and patterns of the shell. The lock is taken only where there is something to take away.
    """
    return _REAL + _SWEEP.replace("@PATHS@", " ".join(dict.fromkeys(paths)))


def texts(number: int, step: Step) -> str:
    """The functions that a file's step needs."""
    lines = []
    if step.before is not None:
        lines.append("old%d() { %s; }" % (number, shell_quoting.printing(step.before)))
    if step.after is not None:
        lines.append("new%d() { %s; }" % (number, shell_quoting.printing(step.after)))
        argv = ['"$T"'.join(map(shell_quoting.word, word.split("%s"))) for word in step.validate]
        check = "aloud %d %s" % (CHECK_SECONDS, " ".join(argv)) if argv else ":"
        lines.append("check%d() { %s; }" % (number, check))
    return "\n".join(lines)


def fits(number: int, step: Step) -> str:
    """Whether what is there is what the step was planned for."""
    return "same %d %s %s" % (number, shell_quoting.word(step.path), _was(step))


def act(number: int, step: Step, backup: bool) -> str:
    path, keep = shell_quoting.word(step.path), "keep" if backup and not step.private else "''"
    if step.after is None:
        return "remove %d %s %s %s" % (number, path, "private" if step.private else "''", keep)
    # What only root may read lies in a directory that only root may enter.
    above = "755" if step.mode & 0o044 else "700"
    check = shell_quoting.word(step.validate[0]) if step.validate else ""
    return "replace %d %s %s %s %o %s %s" % (number, path, _was(step), above, step.mode, keep, check)


def _was(step: Step) -> str:
    return "absent" if step.before is None else "there"
