# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as a POSIX shell carries them out, stage by stage, and its answer as outcomes.

Beside what shell_reading takes: cmp, cp, mv, rm, mkdir, rmdir, chmod, and what the steps are about (modprobe, rmmod,
nft).
"""

from __future__ import annotations

import re
import typing as t

from ..plan import CHAIN, FILE, MODULE, START, SYSCTL, UNLOAD, Outcome, Step, module_of
from . import commands, shell_answer, shell_quoting, shell_replacing

COMMAND_SECONDS = 30

# Parts: z a path that is not as it was read; o a step that was done, n one that was not; e why, an error's name and
# a text, where "?" is an error that the text tells of and "!" a file that a check refused; g a copy that was kept;
# r where the reading begins, whose parts are those of shell_reading.
_LIBRARY = r"""
failed=
acted() { printf "$F%s" o "$1"; }
refused() {
  failed=1
  [ -z "$T" ] || rm -f "$T"
  T=
  printf "$F%s" n "$1"
  printf "$F%s" e "$2 $3"
}
put() {
  if [ ! -e "$2" ]; then
    refused "$1" '?' "$(cat "$2" 2>&1 >/dev/null)"
  elif { printf '%s\n' "$3" >"$2"; } 2>/dev/null; then
    acted "$1"
  elif why=$(printf '%s\n' "$3" | dd of="$2" conv=notrunc 2>&1); then
    acted "$1"
  else
    refused "$1" '?' "$why"
  fi
}
complain() {
  case $3 in
  127) refused "$1" '?' 'No such file or directory' ;;
  137) refused "$1" ETIMEDOUT "$5: no answer within $4 seconds" ;;
  *) refused "$1" "$2" "${why:-$5: exit status $3}" ;;
  esac
}
aloud() {
  { complaint=$(watched "$@" 2>&1 >&3); code=$?; } 3>&1
  [ "$code" = 0 ] || printf '%s' "$complaint"
  return "$code"
}
does() {
  n=$1 name=$2
  shift 2
  why=$(aloud @SECONDS@ "$@") && return
  complain "$n" "$name" "$?" @SECONDS@ "$1"
  return 1
}
load() {
  this=$1
  shift
  does "$this" ENODEV modprobe -- "$@" || return
  watched @SECONDS@ udevadm settle --timeout=10 >/dev/null 2>&1
  acted "$this"
}
unload() {
  turns=0
  until why=$(aloud @SECONDS@ rmmod "$2"); do
    code=$?
    turns=$((turns + 1))
    case $why in
    *'in use'* | *busy* | *unavailable*) [ "$turns" -ge 10 ] || { sleep 0.2 2>/dev/null || sleep 1; continue; } ;;
    esac
    complain "$1" EBUSY "$code" @SECONDS@ rmmod
    return
  done
  acted "$1"
}
chain() {
  this=$1 family=$2 table=$3 want=$5
  shift 3
  if why=$(aloud @SECONDS@ nft list chain "$family" "$table" "$1"); then :; else
    code=$?
    why=${why:-exit status $code}
    complain "$this" EIO "$code" @SECONDS@ nft
    return
  fi
  name=$1
  set -f
  set -- $why
  set +f
  [ "$*" = "$want" ] || { refused "$this" ESTALE ''; return; }
  does "$this" EBUSY nft delete chain "$family" "$table" "$name" && acted "$this"
}
start() {
  if [ -d /run/systemd/system ]; then
    does "$1" EIO systemd-run --quiet --collect sh "$2" || return
  elif command -v setsid >/dev/null 2>&1; then
    setsid sh "$2" </dev/null >/dev/null 2>&1 9>&- &
  else
    (trap '' 1; exec sh "$2") </dev/null >/dev/null 2>&1 9>&- &
  fi
  acted "$1"
}
"""
LIBRARY = _LIBRARY.replace("@SECONDS@", str(COMMAND_SECONDS)) + shell_replacing.LIBRARY


def script(
    token: str, stages: t.Sequence[t.Sequence[Step]], backup: bool, seen: t.Mapping[str, str], reading: str
) -> str:
    """The body of a script for shell_answer.frame; it needs the functions of shell_reading and shell_lock too.

    ``seen`` are the texts that the steps were planned on, by their paths, empty where they were not planned just now:
    nothing is done where one of them has changed. ``reading`` reads afterwards, where no stage was left out.
    """
    steps = [step for stage in stages for step in stage]
    lines = ["token=%s" % token, LIBRARY]
    lines += [shell_replacing.texts(number, step) for number, step in enumerate(steps) if step.kind == FILE]
    lines.append("lock")
    lines += _unchanged(steps, seen) if seen else ()
    number = 0
    for stage in stages:
        for step in stage:
            lines.append(_act(number, step, backup))
            number += 1
        lines.append('if [ -z "$failed" ]; then :')
    # The last stage is followed by the reading in any case.
    lines[-1] = 'printf "$F" r\n' + reading
    return "\n".join([*lines, *["fi"] * (len(stages) - 1)])


def _unchanged(steps: t.Sequence[Step], seen: t.Mapping[str, str]) -> t.Iterator[str]:
    """Where what is there is not what the steps were planned on, this is the end."""
    first = {step.path: number for number, step in reversed(list(enumerate(steps)))}
    values = [path for path, number in first.items() if steps[number].kind == SYSCTL and path in seen]
    if values:
        # As the reading printed them.
        lines = ["%s:%s" % (path, line) for path in values for line in re.findall(r"[^\n]*\n|[^\n]+", seen[path])]
        paths = " ".join(map(shell_quoting.word, values))
        now = "grep '' %s /dev/null 2>/dev/null" % paths
        before = shell_quoting.word("\n".join(line.rstrip("\n") for line in lines))
        yield '[ "$(%s)" = %s ] || stop z %s' % (now, before, shell_quoting.word(values[0]))
    for number in sorted(first.values()):
        if steps[number].kind == FILE:
            path = shell_quoting.word(steps[number].path)
            yield "%s || stop z %s" % (shell_replacing.fits(number, steps[number]), path)


def _act(number: int, step: Step, backup: bool) -> str:
    path = shell_quoting.word(step.path)
    if step.kind == FILE:
        return shell_replacing.act(number, step, backup)
    if step.kind == SYSCTL:
        return "put %d %s %s" % (number, path, shell_quoting.word(step.after or ""))
    if step.kind == MODULE:
        return "load %d %s" % (number, " ".join(map(shell_quoting.word, (step.after or "").split())))
    if step.kind == UNLOAD:
        return "unload %d %s" % (number, shell_quoting.word(module_of(step.path)))
    if step.kind == START:
        return "start %d %s" % (number, path)
    if step.after is not None:
        return "does %d ENODEV nft %s && acted %d" % (number, shell_quoting.word(commands.added(step)), number)
    family, table, name = step.path.split(" ")
    shown = " ".join(("table %s %s { chain %s %s }" % (family, table, name, step.before)).split())
    return "chain %d %s" % (number, " ".join(map(shell_quoting.word, (family, table, name, shown))))


def outcomes(
    steps: t.Sequence[Step], parts: t.Sequence[tuple[str, bytes]], backups: dict[str, str]
) -> dict[int, Outcome]:
    """By the steps' numbers; those of stages that were left out are not in it. ``backups`` takes the copies kept."""
    found: dict[int, Outcome] = {}
    number = 0
    for tag, content in parts:
        if tag == "r":
            break
        if tag in ("o", "n"):
            number = int(content)
            found[number] = Outcome(steps[number])
        elif tag == "e" and number in found:
            found[number] = _refused(steps[number], *content.decode("utf-8", "replace").split(" ", 1))
        elif tag == "g":
            backups[steps[number].path] = shell_answer.text(content)
    return found


def _refused(step: Step, name: str, said: str) -> Outcome:
    """In the words that the local host has for it."""
    said = said.strip()
    if name == "?":
        name, wording = shell_answer.error(said)
        return Outcome(step, name, "%s: %s" % (step.path, wording))
    if name == "!":
        plain = re.sub(r"\S*/\.netops-conntrack-[0-9a-f]+-\d+~", "the new text", said)
        return Outcome(step, "EINVAL", "%s: %s refuses the new text: %s" % (step.path, step.validate[0], plain))
    if name == "ESTALE":
        what, left = ("nft ", "it was not deleted") if step.kind == CHAIN else ("", "nothing was written to it")
        return Outcome(step, name, "%s%s changed after it was read; %s" % (what, step.path, left))
    if step.kind == FILE or name == "ETIMEDOUT" or (step.kind == CHAIN and name == "EIO"):
        return Outcome(step, name, "%s: %s" % (step.path, said))
    return Outcome(step, name, said)
