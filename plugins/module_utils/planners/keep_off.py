# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that keep connection tracking, or its helpers alone, from being loaded at the next boot.

From the iptables scripts of RHEL, modules-load.d(5), modules(5) and modprobe.d(5). What belongs to others is edited
only where it was asked for, and what is brought back by none of these files is not for us to stop.
"""

from __future__ import annotations

import re
import typing as t

from ..facts import access, boot_files, conntrack_modules
from ..facts.identity import Identity
from ..formats import modules_load, shell_assignments
from ..plan import FILE, Step
from ..snapshot import Snapshot
from . import iptables_config
from .loading import MODULES_LOAD, MODULES_SCRIPT

NONE = "none"
BLACKLIST = "blacklist"
INSTALL = "install"
DENY = (NONE, BLACKLIST, INSTALL)

MODPROBE = "/etc/modprobe.d/zz-netops-conntrack-off.conf"
_MODPROBE_CONF = "/etc/modprobe.conf"

_HEADER = "# Written by the Ansible collection netops.conntrack: %s\n"
EDITABLE = re.compile(r"/etc/modules(?:-load\.d/[^/]+\.conf)?\Z")
_WORD = re.compile(r"[\w-]+")


class Refused(ValueError):
    """Why no file was changed; a sentence for each obstacle."""


class Options(t.NamedTuple):
    """``iptables_modules``: None for every module of the kind that the files list, empty for the whole line.

    ``modules_load`` are files of others to edit; ``deny`` is one of DENY.
    """

    helpers_only: bool = False
    iptables_modules: tuple[str, ...] | None = None
    modules_load: tuple[str, ...] = ()
    deny: str = NONE


def check(options: Options) -> None:
    """Raises Refused for a request that makes no sense, before anything is read."""
    for path in options.modules_load:
        if not EDITABLE.match(path):
            allowed = "/etc/modules and /etc/modules-load.d/*.conf"
            raise Refused("modules_load: %s is not a file that can be edited here; allowed: %s" % (path, allowed))
    if options.iptables_modules:
        try:
            iptables_config.check_request(options.iptables_modules, iptables_config.COMMENTED)
        except iptables_config.Refused as error:
            raise Refused("iptables_%s" % error) from error


def lists_modules(path: str) -> bool:
    """Whether a boot loads what this file lists."""
    return path in iptables_config.PATHS or bool(EDITABLE.match(path))


class Files(t.NamedTuple):
    """``left_alone`` says of each file why it is not edited: one that nobody asked for by name, and that could not be
    edited safely, or one that was asked for, and is not there."""

    steps: tuple[Step, ...]
    left_alone: tuple[str, ...]


def steps(snapshot: Snapshot, identity: Identity, options: Options) -> Files:
    """Raises Refused where what was asked for cannot be edited safely, before any file is changed."""
    unwanted = conntrack_modules.is_helper if options.helpers_only else conntrack_modules.is_own
    found, problems = _iptables(snapshot, options, unwanted)
    if problems and options.iptables_modules is not None:
        raise Refused("; ".join(problems))
    found += _asked_for(snapshot, options, unwanted)
    if not options.helpers_only:
        found += _ours(snapshot)
    if options.deny != NONE:
        found.append(_deny(snapshot, identity, options, unwanted))
    found = [step for step in found if step.before != step.after]
    for step in found:
        mount = access.read_only_mount(snapshot, step.path)
        if mount:
            raise Refused("%s lies on a read-only file system (%s)" % (step.path, mount))
    hint = "left alone: %s; take the modules out of it yourself"
    missing = ["modules_load: there is no %s here" % path for path in options.modules_load if not snapshot.exists(path)]
    return Files(tuple(found), (*missing, *(hint % problem for problem in problems)))


def _iptables(snapshot: Snapshot, options: Options, unwanted: t.Callable[[str], bool]) -> tuple[list[Step], list[str]]:
    """The steps, and the files that cannot be read as the shell reads them."""
    found: list[Step] = []
    problems: list[str] = []
    for path in iptables_config.PATHS:
        text = snapshot.text(path)
        if text is None:
            if snapshot.exists(path):
                problems.append("%s cannot be read: %s" % (path, snapshot.reason(path)))
            continue
        modules: t.Sequence[str] | None = options.iptables_modules
        if modules is None:
            modules = sorted({word for word in _WORD.findall(text) if unwanted(word)})
            if not modules:
                continue
        edit = shell_assignments.comment_out(text, iptables_config.variable(path), modules or None)
        problems += ["%s: %s" % (path, problem) for problem in edit.problems]
        if not edit.problems:
            why = "so that the script loads them no more"
            found.append(Step(FILE, path, text, edit.text, why, validate=("sh", "-n", "%s")))
    return found, problems


def _asked_for(snapshot: Snapshot, options: Options, unwanted: t.Callable[[str], bool]) -> t.Iterator[Step]:
    for path in dict.fromkeys(options.modules_load):
        text = snapshot.text(path)
        if text is not None:
            yield Step(FILE, path, text, modules_load.commented(text, unwanted), "so that it loads them no more")
        elif snapshot.exists(path):
            raise Refused("%s cannot be read: %s" % (path, snapshot.reason(path)))


def _ours(snapshot: Snapshot) -> t.Iterator[Step]:
    for path in (MODULES_LOAD, MODULES_SCRIPT):
        if snapshot.exists(path):
            yield Step(FILE, path, snapshot.text(path), None, "so that it is not loaded at boot any more")


def _deny(snapshot: Snapshot, identity: Identity, options: Options, unwanted: t.Callable[[str], bool]) -> Step:
    if boot_files.reader(snapshot) == boot_files.SYSCTL_CONF and not snapshot.exists("/etc/modprobe.d"):
        raise Refused("deny: this host reads no /etc/modprobe.d; add the lines to %s yourself" % _MODPROBE_CONF)
    cores = [] if options.helpers_only else list(conntrack_modules.CORES)
    if options.deny == INSTALL and cores:
        # The install command of a module is also run where another module needs it.
        names = cores
    else:
        names = list(dict.fromkeys([*cores, *filter(unwanted, _of_this_kernel(snapshot, identity))]))
    line, what = {
        INSTALL: ("install %s /bin/false\n", "what needs these modules cannot be loaded"),
        # It stops what is loaded by an alias, as for a rule, so all that rules ask for stands here.
        BLACKLIST: ("blacklist %s\n", "these modules are not loaded by themselves"),
    }[options.deny]
    text = _HEADER % what + "".join(line % name for name in names)
    return Step(FILE, MODPROBE, snapshot.text(MODPROBE), text, "so that modprobe does not load them")


def _of_this_kernel(snapshot: Snapshot, identity: Identity) -> list[str]:
    path = "/lib/modules/%s/modules.dep" % identity.kernel.release
    known = modules_load.dependencies(snapshot.text(path) or "")
    if not known:
        raise Refused("deny: which modules there are cannot be read from %s: %s" % (path, snapshot.reason(path)))
    return sorted({*known, *(name for needed in known.values() for name in needed)})
