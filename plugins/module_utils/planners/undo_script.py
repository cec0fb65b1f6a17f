# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that waits on a host and puts values and modules back: written, and read again.

One file tells by its name how a trial stands: ``undo.sh`` waits, ``undo.running`` puts values back, ``undone`` has
done it. The script claims the end by renaming itself, a confirmation removes it: exactly one of the two succeeds. It
is for any POSIX shell (dash, bash, the ash of busybox) and needs no command but sleep and mv, and what puts modules
and chains back where some were taken away.
"""

from __future__ import annotations

import json
import typing as t

from ..formats import record_file
from ..plan import CHAIN, SYSCTL, UNLOAD, Step

_FOLDER = record_file.PATH.rpartition("/")[0]
SCRIPT = _FOLDER + "/undo.sh"
RUNNING = _FOLDER + "/undo.running"
UNDONE = _FOLDER + "/undone"

_NAME = "# netops.conntrack undo "
_DATA = "# data "
_FAILED = "# failed "


class Trial(t.NamedTuple):
    """What a script tells of itself. ``boot`` and ``since`` are the boot and the uptime at which it was made.

    ``numbers`` are the values wanted, by setting, so that the confirming run does not compute others.
    ``failed`` are the paths that could not be put back; ``verdict`` is what the host was like before.
    """

    token: str
    seconds: int
    boot: str | None
    since: int
    steps: tuple[Step, ...]
    numbers: dict[str, int]
    failed: tuple[str, ...] = ()
    verdict: str | None = None


def read(text: str | None) -> Trial | None:
    """None for a text that is not a whole script of ours."""
    lines = (text or "").split("\n")
    try:
        data = json.loads(lines[1][len(_DATA) :])
        return Trial(
            lines[0][len(_NAME) :],
            int(data["seconds"]),
            data["boot"],
            int(data["since"]),
            tuple(Step(*step) for step in data["steps"]),
            dict(data["numbers"]),
            tuple(line[len(_FAILED) :] for line in lines if line.startswith(_FAILED)),
            data.get("verdict"),
        )
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def script(trial: Trial) -> str:
    """The text of ``undo.sh``, for any POSIX shell.

    Its own path tells where the host's root is. What it must put back stands in it: it needs no free space to do so,
    and what it could not do is added to its end.
    """
    data = {
        "seconds": trial.seconds,
        "boot": trial.boot,
        "since": trial.since,
        "steps": [[step.kind, step.path, step.before, step.after, step.reason, step.setting] for step in trial.steps],
        "numbers": trial.numbers,
        "verdict": trial.verdict,
    }
    back = [_put_back(step) for step in reversed(trial.steps) if step.before is not None]
    return _TEXT % {
        "first": _NAME + trial.token,
        "data": _DATA + json.dumps(data, sort_keys=True),
        "seconds": trial.seconds,
        "script": SCRIPT,
        "folder": _FOLDER,
        "failed": _FAILED,
        "back": "\n".join(filter(None, back)) or "  :",
    }


# In a function, so that all of it was read by the time the file is renamed.
_TEXT = """\
%(first)s
%(data)s
# Puts these values back unless this file is removed within %(seconds)d seconds.
root=${0%%%(script)s}
mark='%(failed)s'
put() {
  printf '%%s\\n' "$2" >"$root$1" || failed="$failed
$mark$1"
}
again() {
  path=$1
  shift
  "$@" || failed="$failed
$mark$path"
}
main() {
  left=%(seconds)d
  while [ "$left" -gt 0 ]; do
    sleep 1
    left=$((left - 1))
    [ -e "$0" ] || exit 0
    read -r first <"$0"
    [ "$first" = "%(first)s" ] || exit 0
  done
  cd "$root%(folder)s" || exit 1
  # A file system that became read-only is no confirmation.
  mv -f undo.sh undo.running || [ -e undo.sh ] || exit 0
  failed=
%(back)s
  [ -z "$failed" ] || printf '%%s\\n' "$failed" >>undo.running
  mv -f undo.running undone
  exit 0
}
main
"""


def _put_back(step: Step) -> str:
    """The line that undoes a step; empty where there is nothing to undo."""
    from ..hosts.shell_quoting import word  # of use to a change on trial only

    path, before = word(step.path), word(step.before or "")
    if step.kind == SYSCTL:
        return "  put %s %s" % (path, before)
    if step.kind == UNLOAD:
        return "  again %s modprobe -- %s" % (path, " ".join(map(word, (step.before or "").split())))
    if step.kind == CHAIN:
        return "  again %s nft %s" % (path, word("add chain %s %s" % (step.path, step.before)))
    return ""
