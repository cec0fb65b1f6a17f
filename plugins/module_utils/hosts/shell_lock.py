# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of hosts/lock.py, taken by a POSIX shell: the same flock(2) where there is a command for it.

A host without flock(1) has a link beside the lock file instead, which names the process that holds it from the moment
that it is there, and keeps shells apart from each other. (One that has Python and no flock(1) is rare; there a file
that changed after it was read is still noticed.)
"""

from __future__ import annotations

from .lock import FOLDERS, NAME

WAIT_SECONDS = 60

# Parts: k the process that holds the lock. `leave` is run at the end, whatever that is.
_LIBRARY = r"""
locked='' T=''
lock() {
  for D in @FOLDERS@; do
    L=$D/@NAME@ turns=0
    if [ ! -d "$D" ] || [ ! -w "$D" ] || [ -h "$L" ]; then continue; fi
    if command -v flock >/dev/null 2>&1; then
      (umask 077; : >>"$L") 2>/dev/null || continue
      exec 9<>"$L"
      # Named once more: ksh and mksh hand on no other descriptors.
      until flock -n 9 9<&9; do wait_for "$L"; done
      echo $$ >"$L"
    else
      until why=$(ln -s "pid-$$" "$L.pid" 2>&1) || inherited "$L.pid"; do
        case $why in *exists*) ;; *) continue 2 ;; esac
        wait_for "$L.pid"
      done
      locked=$L.pid
    fi
    return
  done
}
holder() {
  holder=
  if [ -h "$1" ]; then
    holder=$(ls -ld "$1" 2>/dev/null)
    holder=${holder##*" -> pid-"}
  else
    { IFS= read -r holder <"$1"; } 2>/dev/null
  fi
  case $holder in *[!0-9]*) holder= ;; esac
}
gone() {
  holder "$1"
  [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null
}
inherited() {
  gone "$1" || return
  if ln -s "pid-$$" "$1.heir" 2>/dev/null; then
    # Nobody else takes it over now; somebody may have before.
    gone "$1" && rm -f "$1" && ln -s "pid-$$" "$1" 2>/dev/null
    heir=$?
    rm -f "$1.heir"
    return "$heir"
  fi
  gone "$1.heir" && rm -f "$1.heir"
  return 1
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
  [ -z "$locked" ] || rm -f "$locked"
}
trap leave EXIT
trap 'exit 1' HUP INT PIPE TERM
"""
LIBRARY = _LIBRARY.replace("@FOLDERS@", " ".join(FOLDERS)).replace("@NAME@", NAME).replace("@WAIT@", str(WAIT_SECONDS))
