# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who loads connection tracking again at the next boot, and what the operator does to stop each of them.

A function of texts alone, so that a planner sees what is left once it has changed some of them. What loads a module by
its name is stopped by modprobe.d and then is not named; rules and services that need it are named all the same, as
they would fail. From iptables.init of RHEL 5 to 8, modules-load.d(5), modprobe.d(5), and rc.local.
"""

from __future__ import annotations

import re
import typing as t

from ..formats import modprobe_conf, modules_load, shell_assignments
from ..probe import IPTABLES_SCRIPTS, Item, Names
from ..snapshot import Snapshot
from . import (
    boot_files,
    boot_scripts,
    boot_services,
    conntrack_modules,
    iptables_service,
    loading,
    modprobe,
    tracking_services,
)
from .identity import Identity

IPTABLES_MODULES = "iptables_modules"
MODULES_LOAD = "modules_load"
INITRAMFS = "initramfs"
MODPROBE = "modprobe"

# The file, its list, the init script or unit that loads it.
_LISTS = (
    (iptables_service.CONFIG, "IPTABLES_MODULES", "iptables"),
    ("/etc/sysconfig/ip6tables-config", "IP6TABLES_MODULES", "ip6tables"),
)
_IP6TABLES_SCRIPTS = tuple(
    path.replace("iptables/iptables.", "iptables/ip6tables.").replace("init.d/iptables", "init.d/ip6tables")
    for path in IPTABLES_SCRIPTS
)
_MODULES = "/etc/modules"
_TEMPLATE = "modprobe@"
_OUT_COMMENTED = "comment out this line of %s"
_REBUILD = ", then rebuild the initramfs (update-initramfs -u or dracut -f), which holds a copy of it"

ITEMS: tuple[Item, ...] = (
    *tracking_services.ITEMS,
    *(Names(path) for path in _IP6TABLES_SCRIPTS),
    *boot_scripts.ITEMS,
)


class Bringer(t.NamedTuple):
    """``source``: the file or service. ``loads``: a module, or "rules that need connection tracking".

    ``evidence``: the line that says so, or by what the service starts. ``change``: what stops it. ``kind``:
    iptables_modules, modules_load, initramfs, modprobe, rules, container_engine, ipvs or openvswitch.
    """

    source: str
    loads: str
    evidence: str
    change: str
    kind: str


def find(snapshot: Snapshot, identity: Identity) -> list[Bringer]:
    """Where the core is built in, only what will make it track again: the others have nothing to load."""
    snapshot = _followed(snapshot)
    by_name = (
        []
        if identity.state == "built_in"
        else [
            *_from_lists(snapshot, identity),
            *_from_modules_load(snapshot, identity),
            *_from_modprobe(snapshot, identity),
        ]
    )
    return [*by_name, *_from_services(snapshot, identity)]


def module_lists(snapshot: Snapshot) -> dict[str, list[str]]:
    """Of each iptables config file that can be understood: the words of its list that are conntrack's own modules."""
    found = {}
    for path, name, _service in _LISTS:
        value, _reason = shell_assignments.effective(snapshot.text(path) or "", name)
        own = [word for word in shell_assignments.words(value or "") if conntrack_modules.is_own(word)]
        if own:
            found[path] = own
    return found


def _followed(snapshot: Snapshot) -> Snapshot:
    """Debian's modules-load.d/modules.conf is a link to /etc/modules; a plan may have predicted either of them."""
    text = snapshot.text(_MODULES)
    if text is None:
        return snapshot
    lines = text.split("\n")
    for path in snapshot.glob("/etc/modules-load.d/*.conf"):
        if _is_modules(snapshot, path):
            both = [line for line in (snapshot.text(path) or "").split("\n") if line in lines]
            snapshot = snapshot.with_text(path, "\n".join(both))
    return snapshot


def _is_modules(snapshot: Snapshot, path: str) -> bool:
    return (snapshot.reading(path).link or "") in ("../modules", _MODULES)


def _from_lists(snapshot: Snapshot, identity: Identity) -> t.Iterator[Bringer]:
    for path, name, service in _LISTS:
        started = _started(snapshot, service)
        text = snapshot.text(path)
        if not started or not text:
            continue
        change = "take it out of %s in %s" % (name, path)
        value, reason = shell_assignments.effective(text, name)
        if value is None:
            # Whatever stands there may be loaded.
            evidence = "%s; %s" % (reason, started)
            yield Bringer(path, "modules that only a running shell can tell", evidence, change, IPTABLES_MODULES)
            continue
        for word in shell_assignments.words(value):
            if _loads(snapshot, identity, word):
                yield Bringer(path, word, '%s="%s"; %s' % (name, value, started), change, IPTABLES_MODULES)


def _started(snapshot: Snapshot, service: str) -> str | None:
    """By what the iptables script runs. One that is only there counts too: a firewall is easily started by hand."""
    unit = service + ".service"
    link = boot_services.starts(snapshot, (unit,), (service,))
    if link:
        return "%s starts at boot by %s" % (service, link)
    scripts = IPTABLES_SCRIPTS if service == "iptables" else _IP6TABLES_SCRIPTS
    script = next((path for path in scripts if snapshot.exists(path)), None)
    if script is None or boot_services.masked(snapshot, unit):
        return None
    return "%s loads them whenever it is started, though nothing starts it at boot" % script


def _from_modules_load(snapshot: Snapshot, identity: Identity) -> t.Iterator[Bringer]:
    in_initramfs = {path for path, _name in loading.in_initramfs(snapshot)}
    for source, name, blacklist in loading.named(snapshot, boot_files.reader(snapshot)):
        if not _loads(snapshot, identity, name, blacklist):
            continue
        if source in in_initramfs:
            change = "take %s out of %s%s" % (name, source, _REBUILD)
            yield Bringer(source, name, _line(snapshot, source, name), change, INITRAMFS)
        elif source == modprobe.CMDLINE:
            change = "take %s out of modules_load= on the kernel command line" % name
            yield Bringer("kernel command line", name, _word(snapshot, name), change, MODULES_LOAD)
        else:
            path = _MODULES if _is_modules(snapshot, source) else source
            yield Bringer(path, name, _line(snapshot, source, name), _OUT_COMMENTED % path, MODULES_LOAD)
    for link in boot_services.wanted(snapshot, _TEMPLATE):
        name = modprobe_conf.normalize_module(link.rsplit(_TEMPLATE, 1)[-1][: -len(".service")])
        if _loads(snapshot, identity, name, blacklist=True):
            change = "systemctl disable " + link.rsplit("/", 1)[-1]
            yield Bringer(link, name, "it starts at boot", change, MODULES_LOAD)
    for path, name in boot_scripts.modules(snapshot):
        if _loads(snapshot, identity, name):
            yield Bringer(path, name, _line(snapshot, path, name), _OUT_COMMENTED % path, MODULES_LOAD)


def _from_modprobe(snapshot: Snapshot, identity: Identity) -> t.Iterator[Bringer]:
    """Lines that load conntrack when another module is loaded."""
    for path in modprobe.files(snapshot, identity):
        for directive in modprobe_conf.parse(snapshot.text(path) or ""):
            if loading.loads_core(snapshot, identity, directive.module):
                continue
            if directive.command == "install":
                names = modules_load.script(directive.arguments)
            elif directive.command == "softdep":
                words = (word for word in directive.arguments.split() if not word.endswith(":"))
                names = [modprobe_conf.normalize_module(word) for word in words]
            else:
                continue
            evidence = " ".join((directive.command, directive.module, directive.arguments))
            for name in names:
                if name != directive.module and _loads(snapshot, identity, name):
                    change = "take it out of line %d of %s" % (directive.line, path)
                    yield Bringer(path, name, evidence, change, MODPROBE)


def _from_services(snapshot: Snapshot, identity: Identity) -> t.Iterator[Bringer]:
    core = modprobe.module_name(identity)
    denied = identity.state != "built_in" and modprobe.denied(snapshot, identity, core, blacklist=False)
    fails = "; it will fail, as modprobe does not load %s" % core if denied else ""
    for path, saved in boot_scripts.rules(snapshot):
        yield Bringer(path, saved.loads, saved.evidence + fails, saved.change, tracking_services.RULES)
    for service in tracking_services.SERVICES:
        link = boot_services.starts(snapshot, service.units, service.scripts)
        if not link:
            continue
        for need in service.needs(snapshot, identity):
            evidence = "%s; it starts at boot by %s%s" % (need.evidence, link, fails)
            change = ", or ".join(each for each in (need.change, service.change) if each)
            yield Bringer(need.source or service.name, need.loads, evidence, change, service.kind)


def _loads(snapshot: Snapshot, identity: Identity, name: str, blacklist: bool = False) -> bool:
    return loading.loads_core(snapshot, identity, modprobe_conf.normalize_module(name), blacklist)


def _line(snapshot: Snapshot, path: str, name: str) -> str:
    """The line of a file that names a module."""
    word = re.compile(r"(?<![\w-])%s(?![\w-])" % re.escape(name).replace("_", "[_-]"))
    lines = (line.strip() for line in (snapshot.text(path) or "").split("\n"))
    return next((line for line in lines if word.search(line) and not line.startswith(("#", ";"))), name)


def _word(snapshot: Snapshot, name: str) -> str:
    words = (snapshot.text(modprobe.CMDLINE) or "").split()
    return next((word for word in words if name in modprobe_conf.normalize_module(word)), name)
