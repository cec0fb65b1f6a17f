# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables_config: which modules the iptables scripts load, taken out of their files and put back."""

from __future__ import annotations

import re
import typing as t

from ..facts import access
from ..formats import modules as module_list
from ..formats import shell_assignments
from ..plan import FILE, Step, describe, diff
from ..probe import LAST_CHANGE, MODULES, MOUNTS, RECORD, File, Item
from ..snapshot import Snapshot
from . import record, sequence

COMMENTED = "commented"
ABSENT = "absent"
PRESENT = "present"
STATES = (COMMENTED, ABSENT, PRESENT)

PATHS = ("/etc/sysconfig/iptables-config", "/etc/sysconfig/ip6tables-config")

_MODULE = re.compile(r"[A-Za-z0-9_.-]+\Z")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")


class Refused(ValueError):
    """Why nothing was edited, a sentence for each obstacle."""


class Result(t.NamedTuple):
    """``files``: for each path the modules listed ``before`` and ``after`` (None: no such file), and ``changed``.

    ``still_loaded`` are modules that the edit takes out and the kernel still holds.
    """

    changed: bool
    files: dict[str, dict[str, t.Any]]
    still_loaded: list[str]
    steps: list[dict[str, t.Any]]
    diff: list[dict[str, str]]
    warnings: list[str]


def variable(path: str) -> str:
    """IPTABLES_MODULES, or IP6TABLES_MODULES in ip6tables-config."""
    return "IP6TABLES_MODULES" if path.rsplit("/", 1)[-1].startswith("ip6") else "IPTABLES_MODULES"


def check_request(modules: t.Sequence[str] | None, state: str, paths: t.Sequence[str] = PATHS) -> None:
    """Raises Refused for a request that makes no sense, before anything is read."""
    for path in paths:
        if not path.startswith("/"):
            raise Refused("paths: '%s' does not begin with a slash; allowed: whole paths" % path)
    if modules is None:
        if state == ABSENT:
            raise Refused("modules: name the modules to take out; the whole line can only be commented")
        return
    if not modules:
        raise Refused("modules: the list is empty; leave it out to mean the whole line")
    for word in modules:
        if not _MODULE.match(word):
            raise Refused("modules: '%s' is not the name of a kernel module" % word)


def apply(
    host: sequence.Host, paths: t.Sequence[str], modules: t.Sequence[str] | None, state: str, check: bool
) -> Result:
    """Raises Refused where a file cannot be edited safely, before any is changed, or where one cannot be replaced.

    Raises record.Unusable.
    """
    items: tuple[Item, ...] = (
        *(File(path) for path in paths),
        MODULES,
        MOUNTS,
        RECORD,
        LAST_CHANGE,
    )
    before = host.read(items)
    steps = plan(before, paths, modules, state)
    done = sequence.carry_out(host, (), before, (), lambda failed: steps, check)
    if done.failures:
        raise Refused("; ".join(failure.detail or failure.step.path for failure in done.failures))
    files = {
        path: {
            "before": _listed(before, path),
            "after": _listed(done.after, path),
            "changed": before.text(path) != done.after.text(path),
        }
        for path in paths
    }
    return Result(
        bool(done.steps),
        files,
        [] if state == PRESENT else still_loaded(before, done.after, files, modules),
        describe(done.steps),
        diff(done.steps),
        [*done.warnings, *_unheard_of(before, paths, modules, state)],
    )


def plan(snapshot: Snapshot, paths: t.Sequence[str], modules: t.Sequence[str] | None, state: str) -> list[Step]:
    edits = {}
    for path in paths:
        text = snapshot.text(path)
        if text is None:
            if snapshot.exists(path):
                raise Refused("%s cannot be read: %s" % (path, snapshot.reason(path)))
            continue
        edits[path] = _edit(text, variable(path), modules, state)
    problems = ["%s: %s" % (path, problem) for path, edit in edits.items() for problem in edit.problems]
    if problems:
        raise Refused("; ".join(problems))
    if state == PRESENT and modules is not None:
        _only_where_known(snapshot, paths, modules, edits)
    for path, edit in edits.items():
        if edit.changed and access.read_only_mount(snapshot, path):
            raise Refused("%s lies on a read-only file system" % path)
    why = "so that the script loads %s" % ("them" if state == PRESENT else "them no more")
    return [
        Step(FILE, path, snapshot.text(path), edit.text, why, validate=("sh", "-n", "%s"))
        for path, edit in edits.items()
        if edit.changed
    ]


def still_loaded(
    snapshot: Snapshot,
    after: Snapshot,
    files: t.Mapping[str, t.Mapping[str, t.Any]],
    modules: t.Sequence[str] | None,
) -> list[str]:
    """Of the modules taken out, now or by an earlier run, those in /proc/modules, under either generation's name."""
    taken = list(modules or [])
    recorded = record.read(snapshot)
    for path, row in files.items():
        # Somebody else's comment is not of our making.
        earlier = _commented(after, path) if not modules and path in recorded else []
        taken += [word for word in (*(row["before"] or ()), *earlier) if word not in (row["after"] or ())]
    loaded = {module.name for module in module_list.parse(snapshot.text("/proc/modules") or "")}
    names = {word.replace("-", "_") for word in taken}
    # Old names are aliases of new modules: modprobe ip_conntrack_ftp loads nf_conntrack_ftp.
    names |= {"nf_" + name[3:] for name in names if name.startswith("ip_")}
    return sorted(loaded & names)


def _edit(text: str, name: str, modules: t.Sequence[str] | None, state: str) -> shell_assignments.Edit:
    if state == COMMENTED:
        return shell_assignments.comment_out(text, name, modules)
    if state == ABSENT:
        return shell_assignments.take_out(text, name, modules or ())
    return shell_assignments.put_back(text, name, modules)


def _only_where_known(
    snapshot: Snapshot,
    paths: t.Sequence[str],
    modules: t.Sequence[str],
    edits: dict[str, shell_assignments.Edit],
) -> None:
    """Modules go back to the files that speak of them, and only where none does to the first file."""
    if not edits:
        raise Refused("%s: no such file" % paths[0])
    knowing = [path for path in edits if any(word in (snapshot.text(path) or "") for word in modules)]
    for path in [path for path in edits if path not in (knowing or list(edits)[:1])]:
        del edits[path]


def _unheard_of(
    snapshot: Snapshot, paths: t.Sequence[str], modules: t.Sequence[str] | None, state: str
) -> t.Iterator[str]:
    texts = [snapshot.text(path) or "" for path in paths if snapshot.exists(path)]
    known = {word.replace("-", "_") for text in texts for word in _WORD.findall(text)}
    for word in modules or () if texts and state == COMMENTED else ():
        if word.replace("-", "_") not in known:
            yield "modules: no file speaks of %s" % word


def _commented(snapshot: Snapshot, path: str) -> list[str]:
    """What the latest commented line would bring back."""
    text = snapshot.text(path)
    if text is None:
        return []
    back = shell_assignments.put_back(text, variable(path), None).text
    return _listed(snapshot.with_text(path, back), path) or []


def _listed(snapshot: Snapshot, path: str) -> list[str] | None:
    text = snapshot.text(path)
    if text is None:
        return None
    value, _reason = shell_assignments.effective(text, variable(path))
    return None if value is None else shell_assignments.words(value)
