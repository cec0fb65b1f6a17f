# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of hosts/lock.py, taken by a POSIX shell: the same flock(2) where there is a command for it.

A host without flock(1) has a directory beside the lock file instead, which keeps shells apart from each other. (One
that has Python and no flock(1) is rare; there a file that changed after it was read is still noticed.)
"""

from __future__ import annotations

import typing as t

from . import shell_words
from .lock import FOLDERS, NAME

WAIT_SECONDS = 60

# Parts: k the process that holds the lock. `leave` is run at the end, whatever that is.
_LIBRARY = r"""
locked= T=
lock() {
  for D in @FOLDERS@; do
    [ -d "$D" ] && [ -w "$D" ] || continue
    L=$D/@NAME@ turns=0
    if command -v flock >/dev/null 2>&1; then
      (umask 077; : >>"$L") 2>/dev/null || continue
      exec 9<>"$L"
      until flock -n 9; do wait_for "$L"; done
      echo $$ >"$L"
    else
      until mkdir "$L.d" 2>/dev/null; do
        [ -d "$L.d" ] || continue 2
        if gone "$L.d/pid"; then
          rm -f "$L.d/pid"
          rmdir "$L.d" 2>/dev/null
        else
          wait_for "$L.d/pid"
        fi
      done
      locked=$L.d
      echo $$ >"$L.d/pid"
    fi
    return
  done
}
holder() {
  holder=
  { IFS= read -r holder <"$1"; } 2>/dev/null
}
gone() {
  holder "$1"
  [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null
}
wait_for() {
  if [ "$turns" -ge @WAIT@ ]; then
    holder "$1"
    stop k "$holder"
  fi
  turns=$((turns + 1))
  sleep 1
}
stop() {
  printf "$F%s" "$1" "$2"
  printf "$F\n" .
  exit 0
}
leave() {
  [ -z "$T" ] || rm -f "$T"
  [ -z "$locked" ] || { rm -f "$locked/pid"; rmdir "$locked"; }
}
trap leave 0
trap 'exit 1' 1 2 13 15
"""
LIBRARY = _LIBRARY.replace("@FOLDERS@", " ".join(FOLDERS)).replace("@NAME@", NAME).replace("@WAIT@", str(WAIT_SECONDS))


def sweeping(folders: t.Iterable[str]) -> str:
    """Takes away what killed runs left in these folders, which may be patterns. Needs the library.

    The lock is taken only where there is something to take away.
    """
    left = " ".join("%s/.netops-conntrack-*~" % folder for folder in folders)
    return "\n".join(
        (
            "swept=",
            "for t in %s; do" % left,
            '  [ -f "$t" ] || continue',
            '  [ -n "$swept" ] || lock',
            "  swept=1",
            '  rm -f "$t"',
            "done",
            '[ -z "$swept" ] || rmdir %s 2>/dev/null' % shell_words.word("/var/lib/netops-conntrack"),
        )
    )
