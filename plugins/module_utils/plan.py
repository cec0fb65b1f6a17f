# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is a list of steps. Check mode prints it, diff mode shows it, a host carries it out."""

from __future__ import annotations

import typing as t

from .formats import modules as module_list
from .snapshot import ABSENT, Reading, Snapshot

SYSCTL = "sysctl"
FILE = "file"
MODULE = "module"
UNLOAD = "unload"
CHAIN = "chain"
START = "start"

LOADED = "/proc/modules"


class Step(t.NamedTuple):
    """One act.

    ``kind`` is ``sysctl`` (write a value into a file below /proc or /sys), ``file`` (replace a whole file
    atomically), ``module`` (load the kernel module whose ``path`` is below /sys/module; the text is its name, and the
    parameters that it is loaded with), ``unload`` (unload it), ``chain`` (delete the empty chain of nftables whose
    family, table and name are ``path``, or add it; the text is its definition) or ``start`` (run the shell script at
    ``path`` by itself, beyond the end of this run).
    ``before`` and ``after`` are texts; None means that the file is not there. ``mode`` is for a file that is new.
    ``setting`` names what the step is for, ``reason`` says why in one sentence.
    """

    kind: str
    path: str
    before: str | None
    after: str | None
    reason: str
    setting: str | None = None
    mode: int = 0o644
    validate: tuple[str, ...] = ()

    @property
    def private(self) -> bool:
        """Whether it is a file that only root may read: it is neither shown in a diff nor copied to a backup."""
        return self.kind == FILE and not self.mode & 0o077


class Outcome(t.NamedTuple):
    """What a host says of a step: ``error`` is None, or the symbolic errno such as EINVAL; ``detail`` is for people."""

    step: Step
    error: str | None = None
    detail: str | None = None


def predict(snapshot: Snapshot, steps: t.Iterable[Step]) -> Snapshot:
    """The snapshot that a successful run of the steps would leave behind."""
    readings = {}
    for step in steps:
        if step.kind in (START, CHAIN):
            continue
        known = snapshot.reading(step.path)
        listed = readings.get(LOADED) or snapshot.reading(LOADED)
        if step.kind == UNLOAD and listed.text is not None:
            readings[LOADED] = listed._replace(text=module_list.without(listed.text, module_of(step.path)))
        if step.kind == MODULE:
            readings[step.path] = Reading(text="")
            if listed.text is not None:
                readings[LOADED] = listed._replace(text=module_list.with_one(listed.text, module_of(step.path)))
        elif step.after is None:
            readings[step.path] = Reading(reason=ABSENT)
        else:
            mode = known.mode if known.mode is not None else step.mode
            readings[step.path] = Reading(text=step.after, mode=mode)
    return snapshot.with_readings(readings)


def diff(steps: t.Iterable[Step]) -> list[dict[str, str]]:
    """Ansible's diff structure: the live values as one list, then each file."""
    steps = list(steps)
    live = [step for step in steps if step.kind == SYSCTL]
    shown = []
    if live:
        shown.append(
            {
                "before_header": "live values",
                "after_header": "live values",
                "before": "".join("%s = %s\n" % (step.path, (step.before or "").strip()) for step in live),
                "after": "".join("%s = %s\n" % (step.path, (step.after or "").strip()) for step in live),
            }
        )
    modules = [step for step in steps if step.kind in (MODULE, UNLOAD, CHAIN)]
    if modules:
        shown.append(
            {
                "before_header": "kernel modules and chains",
                "after_header": "kernel modules and chains",
                "before": "".join("%s\n" % _named(step) for step in modules if step.before is not None),
                "after": "".join("%s\n" % _named(step) for step in modules if step.after is not None),
            }
        )
    for step in steps:
        if step.kind == FILE:
            shown.append(
                {
                    "before_header": step.path if step.before is not None else "%s (absent)" % step.path,
                    "after_header": step.path if step.after is not None else "%s (absent)" % step.path,
                    "before": step.before or "",
                    "after": step.after or "",
                }
            )
    return shown


def module_of(path: str) -> str:
    """The module whose folder below /sys/module this is."""
    return path.rsplit("/", 1)[-1]


def _named(step: Step) -> str:
    return "nft " + step.path if step.kind == CHAIN else "module " + module_of(step.path)


def describe(steps: t.Iterable[Step]) -> list[dict[str, str | None]]:
    """The plan as data for a result: what each step does and why, without the bytes."""
    return [{"kind": step.kind, "path": step.path, "setting": step.setting, "reason": step.reason} for step in steps]
