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
from . import shell_answer, shell_replacing, shell_words

COMMAND_SECONDS = 30

# Parts: z a path that is not as it was read; o a step that was done, n one that was not; e why, an error's name and
# a text, where "?" is an error that the text tells of and "!" a file that a check refused; g a copy that was kept.
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
    refused "$1" '?' 'No such file or directory'
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
  137) refused "$1" ETIMEDOUT "$4: no answer within @SECONDS@ seconds" ;;
  *) refused "$1" "$2" "${why:-$4: exit status $3}" ;;
  esac
}
does() {
  n=$1 name=$2
  shift 2
  why=$(watched @SECONDS@ "$@" 2>&1) && return
  complain "$n" "$name" "$?" "$1"
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
  until why=$(watched @SECONDS@ rmmod "$2" 2>&1); do
    code=$?
    turns=$((turns + 1))
    case $why in
    *'in use'* | *busy* | *unavailable*) [ "$turns" -ge 10 ] || { sleep 0.2 2>/dev/null || sleep 1; continue; } ;;
    esac
    complain "$1" EBUSY "$code" rmmod
    return
  done
  acted "$1"
}
chain() {
  this=$1 family=$2 table=$3 want=$5
  shift 3
  if shown=$(watched @SECONDS@ nft list chain "$family" "$table" "$1" 2>/dev/null); then :; else
    why=$(watched @SECONDS@ nft list chain "$family" "$table" "$1" 2>&1)
    complain "$this" EIO "$?" nft
    return
  fi
  name=$1
  set -f
  set -- $shown
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


def script(token: str, stages: t.Sequence[t.Sequence[Step]], backup: bool, fresh: bool, reading: str) -> str:
    """The body of a script for shell_answer.frame; it needs the functions of shell_reading and shell_lock too.

    ``fresh``: the steps were planned on what was just read, so nothing is done where one of them does not fit any more.
    ``reading`` reads afterwards, where no stage was left out.
    """
    steps = [step for stage in stages for step in stage]
    lines = ["token=%s" % token, LIBRARY]
    lines += [shell_replacing.texts(number, step) for number, step in enumerate(steps) if step.kind == FILE]
    lines.append("lock")
    if fresh:
        lines += _fits(steps)
    number = 0
    for stage in stages:
        for step in stage:
            lines.append(_act(number, step, backup))
            number += 1
        lines.append('if [ -z "$failed" ]; then :')
    # The last stage is followed by the reading in any case.
    lines[-1] = reading or ":"
    return "\n".join([*lines, *["fi"] * (len(stages) - 1)])


def _fits(steps: t.Sequence[Step]) -> t.Iterator[str]:
    """Where what is there is not what the steps were planned for, this is the end."""
    first = {step.path: number for number, step in reversed(list(enumerate(steps)))}
    numbers = sorted(first.values())
    values = [steps[number] for number in numbers if steps[number].kind == SYSCTL and steps[number].before is not None]
    if values:
        paths = [shell_words.word(step.path) for step in values]
        before = shell_words.word("\n".join((step.before or "").strip() for step in values))
        yield '[ "$(cat %s 2>/dev/null)" = %s ] || stop z %s' % (" ".join(paths), before, paths[0])
    for number in numbers:
        if steps[number].kind == FILE:
            path = shell_words.word(steps[number].path)
            yield "%s || stop z %s" % (shell_replacing.fits(number, steps[number]), path)


def _act(number: int, step: Step, backup: bool) -> str:
    path = shell_words.word(step.path)
    if step.kind == FILE:
        return shell_replacing.act(number, step, backup)
    if step.kind == SYSCTL:
        return "put %d %s %s" % (number, path, shell_words.word(step.after or ""))
    if step.kind == MODULE:
        return "load %d %s" % (number, " ".join(map(shell_words.word, (step.after or "").split())))
    if step.kind == UNLOAD:
        return "unload %d %s" % (number, shell_words.word(module_of(step.path)))
    if step.kind == START:
        return "start %d %s" % (number, path)
    if step.after is not None:
        added = shell_words.word("add chain %s %s" % (step.path, step.after))
        return "does %d ENODEV nft %s && acted %d" % (number, added, number)
    family, table, name = step.path.split(" ")
    shown = " ".join(("table %s %s { chain %s %s }" % (family, table, name, step.before)).split())
    return "chain %d %s" % (number, " ".join(map(shell_words.word, (family, table, name, shown))))


def outcomes(
    steps: t.Sequence[Step], parts: t.Sequence[tuple[str, bytes]], backups: dict[str, str]
) -> dict[int, Outcome]:
    """By the steps' numbers; those of stages that were left out are not in it. ``backups`` takes the copies kept."""
    found: dict[int, Outcome] = {}
    number = 0
    for tag, content in parts:
        said = shell_answer.text(content)
        if tag in ("o", "n"):
            number = int(said)
            found[number] = Outcome(steps[number])
        elif tag == "e" and number in found:
            found[number] = _refused(steps[number], *said.split(" ", 1))
        elif tag == "g":
            backups[steps[number].path] = said
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
    if step.kind == FILE or name in ("EIO", "ETIMEDOUT") and step.kind != START:
        return Outcome(step, name, "%s: %s" % (step.path, said))
    return Outcome(step, name, said)
