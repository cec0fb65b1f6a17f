# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change on trial: the host takes it back by itself unless it is confirmed in time.

Here is decided when the script that waits is written, when it is removed, and what one that is found means. The values
of a host that was restarted meanwhile are those of its boot; boot_id and uptime tell that (proc(5), random(4)).
"""

from __future__ import annotations

import typing as t

from .. import catalogue
from ..facts import clock
from ..facts.settings import HASHSIZE
from ..plan import FILE, START, SYSCTL, Outcome, Step, predict
from ..probe import File, Item
from ..snapshot import ABSENT, Reading, Snapshot
from . import persistence, sequence
from .undo_script import RUNNING, SCRIPT, UNDONE, Trial, read, script
from .wanted import AUTO, Wanted

LEAST, MOST = 5, 3600

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_LARGEST = 1 << 20

ITEMS: tuple[Item, ...] = (
    *(File(path, limit=_LARGEST) for path in (SCRIPT, RUNNING, UNDONE)),
    File(_BOOT_ID, limit=64),
    File("/proc/uptime", limit=256),
)

# What lies between reading the uptime and the start of the script, and what its turns take beyond their second.
_GRACE = 60


class Refused(ValueError):
    """Why nothing was changed, or not confirmed; a sentence.

    ``waits``: the seconds for which an earlier change may still wait for its confirmation, where that is the reason.
    """

    def __init__(self, said: str, waits: int | None = None) -> None:
        super().__init__(said)
        self.waits = waits


class Confirm(t.NamedTuple):
    """What a caller asks for: ``token`` names the trial; ``second`` says that this run is to confirm it."""

    seconds: int
    token: str
    second: bool = False


def check_seconds(seconds: int) -> None:
    """Raises Refused for a window that is not allowed."""
    if seconds and not LEAST <= seconds <= MOST:
        allowed = "0 (no confirmation) or from %d to %d seconds" % (LEAST, MOST)
        raise Refused("confirm: %d is out of range; allowed: %s" % (seconds, allowed))


def asked(seconds: int, token: str | None, fresh: str) -> Confirm | None:
    """What the options of a module ask for; ``fresh`` is the token of a new trial. Raises Refused."""
    check_seconds(seconds)
    return Confirm(seconds, token or fresh, bool(token)) if seconds or token else None


def told(confirm: Confirm | None, on_trial: bool, check: bool, done: bool = True) -> dict[str, t.Any]:
    """What the result of a module says of it; ``done``: a run that was to confirm came to its end."""
    if confirm and on_trial:
        return {"confirm": {"token": confirm.token, "seconds": confirm.seconds}}
    return {"confirmed": done} if confirm and confirm.second and not check else {}


def guard(
    snapshot: Snapshot,
    confirm: Confirm | None,
    trial: Trial | None,
    live: t.Sequence[Step],
    numbers: t.Mapping[str, int],
    lost: t.Sequence[Step] = (),
    verdict: str | None = None,
) -> sequence.Guard | None:
    """What must succeed first: for ``trial`` its confirmation, for live steps on trial the script that undoes them and
    puts the ``lost`` values back.

    None where neither is asked for, or where nothing would be there to be undone.
    """
    if trial:
        return _confirmation(snapshot, trial, live)
    if confirm and not confirm.second and live:
        return _arm(snapshot, confirm, [*lost, *live], numbers, verdict)
    return None


def _arm(
    snapshot: Snapshot, confirm: Confirm, live: t.Sequence[Step], numbers: t.Mapping[str, int], verdict: str | None
) -> sequence.Guard:
    if persistence.foreign_namespace(snapshot) and snapshot.exists("/run/systemd/system"):
        # systemd would run the script in its own network namespace, and put the values back there.
        raise Refused("confirm: not possible in a network namespace that is not that of init; leave it out there")
    made = (confirm.token, confirm.seconds, _boot(snapshot), _uptime(snapshot))
    trial = Trial(*made, tuple(live), dict(numbers), verdict=verdict)
    why = "so that the change is undone unless it is confirmed within %d seconds" % confirm.seconds
    write = Step(FILE, SCRIPT, snapshot.text(SCRIPT), script(trial), why, mode=0o600)
    return sequence.Guard((write, Step(START, SCRIPT, None, None, why)), trial=True)


def _confirmation(snapshot: Snapshot, trial: Trial, live: t.Sequence[Step]) -> sequence.Guard:
    """``live`` are steps that the trial could not do and that are tried again."""
    again = {step.path for step in live}
    remove = Step(FILE, SCRIPT, snapshot.text(SCRIPT), None, "so that the change stays", mode=0o600)
    return sequence.Guard((remove,), earlier=tuple(step for step in trial.steps if step.path not in again))


def begin(
    host: sequence.Host, before: Snapshot, confirm: Confirm | None, check: bool
) -> tuple[Snapshot, Trial | None, list[str]]:
    """The snapshot without what trials that are over left behind, the trial to confirm, and what is worth telling.

    Raises Refused where a change on trial stands in the way, or was to be confirmed and is over.
    """
    if confirm and confirm.second:
        return before, confirmable(before, confirm.token), []
    refuse_while_pending(before)
    over = leftovers(before)
    if over and not check:
        host.carry_out(over)
    return predict(before, over), None, news(before)


def confirmable(snapshot: Snapshot, token: str) -> Trial | None:
    """The trial that waits for this token; None where it was confirmed already. Raises Refused where it is over."""
    for path in (SCRIPT, RUNNING, UNDONE):
        trial = read(snapshot.text(path))
        if trial is None or trial.token != token:
            continue
        if trial.boot != _boot(snapshot):
            raise Refused("not confirmed: the host was restarted meanwhile, and with it went the change")
        if path == SCRIPT:
            return trial
        raise Refused("not confirmed within %d seconds: %s" % (trial.seconds, _told(trial)))
    return None


def refuse_while_pending(snapshot: Snapshot) -> None:
    """Raises Refused where an earlier change is still on trial."""
    for path in (SCRIPT, RUNNING):
        trial = read(snapshot.text(path))
        left = _left(snapshot, trial) if trial else None
        if left is not None:
            left = max(left, 1)
            raise Refused(
                "nothing was changed: an earlier change waits for its confirmation, for up to %d seconds from now; "
                "without one the host undoes it" % left,
                waits=left,
            )


def leftovers(snapshot: Snapshot) -> list[Step]:
    """The removal of what trials that are over left behind."""
    return [
        Step(FILE, path, snapshot.text(path), None, "because it is over", mode=0o600)
        for path in (SCRIPT, RUNNING, UNDONE)
        if snapshot.text(path) is not None
    ]


def news(snapshot: Snapshot) -> list[str]:
    """What the operator should know about trials that are over."""
    said = []
    for path in (UNDONE, RUNNING, SCRIPT):
        trial = read(snapshot.text(path))
        if trial is None:
            continue
        if path == UNDONE:
            said.append("an earlier change was not confirmed within %d seconds: %s" % (trial.seconds, _told(trial)))
        elif trial.boot == _boot(snapshot):
            said.append("an earlier change was neither confirmed nor undone: the script that waited was ended")
    return said


def as_before(snapshot: Snapshot, steps: t.Iterable[Step]) -> Snapshot:
    """The snapshot as it was before these steps."""
    readings = {}
    for step in steps:
        for path in _names(snapshot, step) if step.kind == SYSCTL else [step.path]:
            if step.before is None:
                readings[path] = Reading(reason=ABSENT)
            elif step.kind == SYSCTL:
                readings[path] = snapshot.reading(path)._replace(text=step.before + "\n", reason=None)
    return snapshot.with_readings(readings)


def pinned(wanted: t.Iterable[Wanted], trial: Trial) -> list[Wanted]:
    """The same with the numbers that the trial computed for ``auto``."""
    return [
        item._replace(value=trial.numbers.get(item.setting.name, item.value)) if item.value == AUTO else item
        for item in wanted
    ]


def unguarded(outcome: Outcome) -> Refused:
    """What it means that a step of the guard failed."""
    said = outcome.detail or outcome.error
    if outcome.step.kind == FILE and outcome.step.after is None:
        return Refused("not confirmed: %s; the host undoes the change by itself" % said)
    why = "nothing was changed, because the host could not undo it by itself: %s" % said
    return Refused(why + "; confirm: 0 (in the role conntrack_confirm) does without")


def _names(snapshot: Snapshot, step: Step) -> list[str]:
    """Every file in which the kernel shows the value that a step sets."""
    setting = catalogue.BY_NAME.get(step.setting or "")
    names = [catalogue.path(key) for key in setting.keys] if setting else []
    names += HASHSIZE if step.setting == "buckets" else ()
    return [step.path, *(path for path in names if path != step.path and snapshot.exists(path))]


def _boot(snapshot: Snapshot) -> str | None:
    return (snapshot.text(_BOOT_ID) or "").strip() or None


def _uptime(snapshot: Snapshot) -> int:
    return int(clock.uptime(snapshot) or 0)


def _left(snapshot: Snapshot, trial: Trial) -> int | None:
    """Seconds until a trial ends; negative within the grace after it, None where nothing waits any more."""
    if trial.boot != _boot(snapshot):
        return None
    left = trial.since + trial.seconds - _uptime(snapshot)
    return left if -_GRACE <= left <= trial.seconds else None


def _told(trial: Trial) -> str:
    if not trial.failed:
        return "the host has put the values back"
    return "the host has put the values back, except %s" % ", ".join(trial.failed)
