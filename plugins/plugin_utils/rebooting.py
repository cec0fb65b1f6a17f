# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is rebooted by its shell: told to, asked again and again until it is back, and compared with before.

Each boot has an identity. What a host that goes down or comes up answers, or that it does not, proves nothing else.
"""

from __future__ import annotations

import os
import time
import typing as t

from ..module_utils.hosts import shell_answer, shell_quoting

PAUSE = 2
# What systemd says of itself once it has done all that a boot begins.
_BOOTED = ("running", "degraded")


class Seen(t.NamedTuple):
    """What a host says: which boot this is, empty where that cannot be told; of systemd, where it is there, its state
    and which units have failed; why it could not be told to reboot."""

    boot: str
    state: str | None = None
    failed: tuple[str, ...] = ()
    refused: str | None = None


def reboot(send: t.Callable[[str], bytes], anew: t.Callable[[], None], timeout: int) -> dict[str, t.Any]:
    """The result of the module.

    ``send`` has a script run by a shell on the host and gives what it printed, ``anew`` ends the connection, so that
    the next script is sent over another one. Raises what ``send`` raises, and shell_answer.Unanswered, only where the
    host was not told to reboot, or its answer to that was lost.
    """
    note = ".netops-conntrack-%s~" % os.urandom(16).hex()
    before = _ask(send, _LOOK + _START, note)
    if not before.boot:
        unknown = (
            "not rebooted: the host does not tell one boot from another (/proc/sys/kernel/random/boot_id, /proc/stat)"
        )
        return _result(before, before, 0, unknown)
    began = time.monotonic()
    now, error = before, None
    while not _is_over(before, now):
        left = timeout - (time.monotonic() - began)
        if left <= 0:
            break
        time.sleep(min(PAUSE, left))
        try:
            anew()
            now, error = _ask(send, _LOOK, note), None
        except Exception as caught:  # A connection that breaks off does so in many ways.
            error = caught
    return _result(before, now, int(time.monotonic() - began), failure(before, now, timeout, error))


def seen(parts: t.Iterable[tuple[str, bytes]]) -> Seen:
    """What the answer to the script below says."""
    said = {tag: content.decode("utf-8", "replace").strip() for tag, content in parts}
    # The name of the unit is the first word of each line.
    failed = [line.split()[0] for line in said.get("f", "").splitlines() if line.strip()]
    return Seen(said.get("i", ""), said.get("s"), tuple(failed), said.get("x"))


def failure(before: Seen, now: Seen, timeout: int, error: Exception | None = None) -> str | None:
    """Why a reboot did not succeed; None where it did. ``error`` is why the host gave no answer when asked last."""
    if _is_refused(before, now):
        said = "; ".join(dict.fromkeys((now.refused or "").splitlines()))
        return "not rebooted: %s" % (said or "the command for it failed and said nothing")
    if _is_over(before, now):
        units = newly_failed(before, now)
        return "failed since the reboot, and not before: %s" % ", ".join(units) if units else None
    why = " (%s)" % str(error).strip() if error else ""
    if _is_another(before, now):
        state = ": systemctl is-system-running says '%s'" % now.state if now.state else ""
        return "rebooted, but it has not finished booting within %d seconds%s%s" % (timeout, state, why)
    if error:
        return "it was told to reboot, and has not come back within %d seconds%s" % (timeout, why)
    return "it was told to reboot, and %d seconds later it has not: it answers, and its boot is the same" % timeout


def newly_failed(before: Seen, now: Seen) -> list[str]:
    """The units that have failed since another boot."""
    return [unit for unit in now.failed if unit not in before.failed] if _is_another(before, now) else []


def _is_another(before: Seen, now: Seen) -> bool:
    return now.boot not in ("", before.boot)


def _is_refused(before: Seen, now: Seen) -> bool:
    # On its way down systemd may cut off the command that told it to go there.
    return now.refused is not None and now.boot == before.boot and now.state != "stopping"


def _is_over(before: Seen, now: Seen) -> bool:
    """Whether there is nothing left to wait for."""
    # An initial RAM disk may have an sshd too, and no systemd yet. Those before 215 do not say how far they are.
    booted = now.state in _BOOTED or not (before.state or now.state)
    return _is_refused(before, now) or (_is_another(before, now) and booted)


def _result(before: Seen, now: Seen, elapsed: int, msg: str | None) -> dict[str, t.Any]:
    result = {
        "changed": bool(before.boot) and not _is_refused(before, now),
        "rebooted": _is_another(before, now),
        "elapsed": elapsed,
        "failed_units": newly_failed(before, now),
    }
    return {**result, "failed": True, "msg": msg} if msg else result


def _ask(send: t.Callable[[str], bytes], body: str, note: str) -> Seen:
    request = os.urandom(16).hex()
    script = shell_answer.frame(request, body.replace("@NOTE@", shell_quoting.word(note)))
    return seen(shell_answer.parts(request, send(script)))


# Parts: i which boot this is; s what systemd says of itself, f its failed units; x why it could not be told to reboot.
_LOOK = r"""
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || sed -n 's/^btime //p' /proc/stat 2>/dev/null)
printf "$F%s" i "$boot"
if [ -d /run/systemd/system ]; then
  printf "$F%s" s "$(systemctl is-system-running 2>/dev/null)"
  printf "$F%s" f "$(systemctl list-units --state=failed --plain --no-legend --full 2>/dev/null)"
fi
noted() {
  for f in /run /dev/shm /tmp /var/tmp; do
    f=$f/@NOTE@
    "$@" && return
  done
}
told() { [ -f "$f" ] && printf "$F%s" x "$(cat "$f")" && rm -f "$f"; }
noted told
"""
# It waits until the answer is on its way, and outlives the end of the session: a hangup, and a logind that ends what a
# session leaves behind. A command that fails leaves a note, for whoever asks next.
_START = r"""
reboots() {
  there=
  if command -v shutdown >/dev/null 2>&1; then
    there=1
    shutdown -r now && return
  fi
  if command -v reboot >/dev/null 2>&1; then
    there=1
    reboot && return
  fi
  if [ -d /run/systemd/system ]; then
    there=1
    systemctl reboot && return
  fi
  [ -n "$there" ] || echo 'the host has neither shutdown nor reboot'
  return 1
}
note() { (umask 077; set -C; printf '%s\n' "$said" >"$f") 2>/dev/null; }
if [ -n "$boot" ]; then
  trap '' 1 15
  (sleep 1; said=$(reboots 2>&1) || noted note) </dev/null >/dev/null 2>&1 &
fi
"""
