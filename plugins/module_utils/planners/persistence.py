# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where settings are written so that the next boot finds them: a drop-in or sysctl.conf, the module's options, and what
makes these count whenever the module is loaded.
"""

from __future__ import annotations

import typing as t

from ..catalogue import Setting, generation_of
from ..facts import access, boot, boot_files, modprobe, settings
from ..facts.identity import Identity
from ..formats import modprobe_conf, sysctl_conf
from ..plan import FILE, Step
from ..probe import INIT_NAMESPACE, OWN_NAMESPACE
from ..snapshot import Snapshot
from . import iptables_restart, loading

# Files are applied in the order of their names: this one comes after 99-sysctl.conf.
DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
MODPROBE_DROP_IN = "/etc/modprobe.d/zz-netops-conntrack.conf"

_HEADER = "# Written by the Ansible collection netops.conntrack; other settings here are kept.\n"


def sysctl_file(by: str) -> str | None:
    """The file that is read at boot by this reader and ranks highest; None where nothing reads any."""
    if by == boot_files.NONE:
        return None
    return boot_files.CONF if by == boot_files.SYSCTL_CONF else DROP_IN


def names(snapshot: Snapshot, setting: Setting, identity: Identity) -> tuple[str, ...]:
    """All names of a setting, first the one to write: as the kernel shows it, or as its generation would."""
    live = settings.live(snapshot, setting)
    if live:
        first = live.keys
    else:
        generation = "ip_conntrack" if identity.kernel.ip_only else "nf_conntrack"
        first = tuple(key for key in setting.keys if generation_of(key) == generation)
    return tuple(dict.fromkeys((*first, *setting.keys)))


def steps(snapshot: Snapshot, identity: Identity, values: t.Mapping[Setting, int], load: bool = False) -> list[Step]:
    """The file replacements that make these values stand; empty where they stand already.

    ``load``: the module is to be there from the next boot on, even if it is not today.
    """
    found = [_sysctl_step(snapshot, identity, values), _module_step(snapshot, identity, values)]
    in_sysctls = found[0] is not None
    found = [step for step in found if step and step.before != step.after]
    if in_sysctls or load:
        found += loading.steps(snapshot, identity, values if in_sysctls else (), load)
    if in_sysctls:
        file = sysctl_file(boot_files.reader(snapshot)) or ""
        generation = generation_of(names(snapshot, next(iter(values)), identity)[0])
        found += iptables_restart.steps(snapshot, file, generation)
    return found


def obstacle(snapshot: Snapshot, identity: Identity, setting: Setting) -> str | None:
    """Why nothing can make this setting stand after a boot, as a sentence; None where something can."""
    if setting.name == "buckets" and not _buckets_sysctl(identity):
        if not loading.is_module(identity):
            return "conntrack is built into this kernel: give %s.hashsize= on the kernel command line" % (
                modprobe.module_name(identity)
            )
        path: str | None = _modprobe_file(snapshot)
    else:
        path = sysctl_file(boot_files.reader(snapshot))
    if path is None:
        return "nothing on this host sets sysctls at boot: say persist: false"
    if foreign_namespace(snapshot):
        return "what is set at boot is not set in this network namespace, which is not that of init: say persist: false"
    if access.read_only_mount(snapshot, path):
        return "%s lies on a read-only file system" % path
    if _masked(snapshot, path):
        return "%s is masked by a link to /dev/null: remove the link, or say persist: false" % path
    if _closed(snapshot, path):
        return "%s cannot be read (%s), so nothing is written to it" % (path, snapshot.reason(path))
    return None


def lost(snapshot: Snapshot, identity: Identity, setting: Setting) -> str | None:
    """Why our file will have no effect although nobody overrules it, as a sentence; None where it has."""
    then = boot.after_boot(snapshot, setting, identity)
    ours = sysctl_file(boot_files.reader(snapshot))
    if then.through is None and any(said.path == ours and said.why == boot.NOT_LOADED for said in then.losers):
        return "conntrack is a module here, and nothing loads it before %s is read or reads it again then" % ours
    return None


def foreign_namespace(snapshot: Snapshot) -> str | None:
    """The name of this network namespace where it is not that of process 1, which sets sysctls at boot."""
    own, first = (snapshot.reading(item.pattern).link for item in (OWN_NAMESPACE, INIT_NAMESPACE))
    return own if own and first and own != first else None


def hashsize_side_effect(identity: Identity, values: t.Mapping[Setting, int]) -> bool:
    """Whether a hashsize will be written that changes a max nobody asked for (loading makes it 8 times that)."""
    by_name = {setting.name for setting in values}
    return (
        "max" not in by_name and "buckets" in by_name and loading.is_module(identity) and not _buckets_sysctl(identity)
    )


def _sysctl_step(snapshot: Snapshot, identity: Identity, values: t.Mapping[Setting, int]) -> Step | None:
    path = sysctl_file(boot_files.reader(snapshot))
    lines = [
        (names(snapshot, setting, identity), str(value))
        for setting, value in values.items()
        if setting.name != "buckets" or _buckets_sysctl(identity)
    ]
    if path is None or not lines or _closed(snapshot, path):
        return None
    before = snapshot.text(path)
    start = before if before is not None else _HEADER if path == DROP_IN else ""
    after = sysctl_conf.assign(start, lines)
    return Step(FILE, path, before, after, "so that the values stand after a boot")


def _module_step(snapshot: Snapshot, identity: Identity, values: t.Mapping[Setting, int]) -> Step | None:
    by_name = {setting.name: value for setting, value in values.items()}
    if "buckets" not in by_name or not loading.is_module(identity):
        return None
    # Loading with hashsize makes max 8 times that: only where max is set too, or where there is no other way.
    if "max" not in by_name and _buckets_sysctl(identity):
        return None
    path = _modprobe_file(snapshot)
    sysctls = sysctl_file(boot_files.reader(snapshot))
    if _closed(snapshot, path) or ("max" in by_name and sysctls and _closed(snapshot, sysctls)):
        return None
    before = snapshot.text(path)
    start = before if before is not None else _HEADER
    after = modprobe_conf.set_option(start, modprobe.module_name(identity), "hashsize", str(by_name["buckets"]))
    return Step(FILE, path, before, after, "so that the module is loaded with this many buckets", "buckets")


def _closed(snapshot: Snapshot, path: str) -> bool:
    """Whether a file may not be written by us: it cannot be read, is masked, or serves another network namespace."""
    unreadable = snapshot.exists(path) and snapshot.text(path) is None
    return bool(
        unreadable or _masked(snapshot, path) or access.read_only_mount(snapshot, path) or foreign_namespace(snapshot)
    )


def _masked(snapshot: Snapshot, path: str) -> bool:
    """Whether somebody said by a link that there is to be no such file."""
    return (snapshot.reading(path).link or "").endswith("dev/null")


def _modprobe_file(snapshot: Snapshot) -> str:
    """modprobe.d where there is one; before it, modprobe.conf (2.6) or modules.conf (2.4)."""
    if not snapshot.exists("/etc/modprobe.d"):
        for path in ("/etc/modprobe.conf", "/etc/modules.conf"):
            if snapshot.exists(path):
                return path
    return MODPROBE_DROP_IN


def _buckets_sysctl(identity: Identity) -> bool:
    """Whether net.netfilter.nf_conntrack_buckets takes a value: read-only before 4.8."""
    return not identity.kernel.ip_only and not identity.kernel.before(4, 8)
