# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether conntrack is there when the sysctls are set at boot, and if not, what sets them once it is loaded.

From modules-load.d(5), systemd's modules-load.c and module-util.c, Debian's init script of kmod, initscripts'
rc.sysinit, initramfs-tools(7), dracut.conf(5); sysctl.d(5) and udev(7) for the rule that sets them again.
"""

from __future__ import annotations

import functools
import typing as t

from ..formats import modules_load
from ..snapshot import Snapshot
from . import boot_files, conntrack_modules, modprobe
from .boot_words import Again, read
from .identity import Identity

BUILT_IN = "built in"

_MODULES_LOAD = (
    "/etc/modules-load.d/*.conf",
    "/usr/local/lib/modules-load.d/*.conf",
    "/usr/lib/modules-load.d/*.conf",
    "/lib/modules-load.d/*.conf",
)
_DRACUT = ("/etc/dracut.conf.d/*.conf", "/usr/lib/dracut/dracut.conf.d/*.conf")
_MODULES = "/etc/modules"
_INITRAMFS = ("/etc/initramfs-tools/modules", "/usr/share/initramfs-tools/modules")
_SCRIPTS = "/etc/sysconfig/modules/*.modules"
_RC_MODULES = "/etc/rc.modules"
_NETWORK = "/etc/rc.d/init.d/network"

# Keys that came with a module of their own before it was merged with the core.
_HOMES = (
    ("net.ipv4.netfilter.ip_conntrack_", "nf_conntrack_ipv4"),
    ("net.ipv4.ip_conntrack_max", "nf_conntrack_ipv4"),
    ("net.netfilter.nf_conntrack_icmp_", "nf_conntrack_ipv4"),
    ("net.netfilter.nf_conntrack_icmpv6_", "nf_conntrack_ipv6"),
    ("net.netfilter.nf_conntrack_frag6_", "nf_defrag_ipv6"),
    ("net.netfilter.nf_conntrack_sctp_", "nf_conntrack_proto_sctp"),
    ("net.netfilter.nf_conntrack_dccp_", "nf_conntrack_proto_dccp"),
    ("net.netfilter.nf_conntrack_udplite_", "nf_conntrack_proto_udplite"),
    ("net.netfilter.nf_conntrack_gre_", "nf_conntrack_proto_gre"),
)


def early(snapshot: Snapshot, identity: Identity, key: str = "") -> str | None:
    """What puts conntrack there before the sysctl files are read: a file, ``built in``, or None if nothing does.

    With ``key``, what puts that sysctl there: some come with a module of their own.
    """
    if identity.state == "built_in":
        return BUILT_IN
    module = home(snapshot, identity, key)
    for source, name, blacklist in named(snapshot, boot_files.reader(snapshot)):
        name = _current_name(name, identity)
        if _brings(snapshot, identity, name, module) and not (
            modprobe.denied(snapshot, identity, name, blacklist)
            or modprobe.denied(snapshot, identity, module, blacklist=False)
        ):
            return source
    return None


def reapplied(snapshot: Snapshot, identity: Identity, key: str) -> str | None:
    """The file by which this sysctl is set again when its module is loaded, or None."""
    if identity.state == "built_in":
        return None
    found = on_load(snapshot, identity, key, (key,))
    return found[0].source if found else None


def on_load(snapshot: Snapshot, identity: Identity, key: str, names: t.Collection[str]) -> list[Again]:
    """Everything that sets a setting with ``names`` again whenever the module of ``key`` is loaded, in its order."""
    if not _rules(snapshot):
        return []
    from . import reapplying  # rarely needed, and slow to load

    return reapplying.passes(snapshot, identity, home(snapshot, identity, key), names)


def after_load(snapshot: Snapshot, identity: Identity, key: str, names: t.Collection[str]) -> list[Again]:
    """Also what does so only at boot, after something else has loaded the module."""
    found = on_load(snapshot, identity, key, names)
    by = boot_files.reader(snapshot)
    old = by in (boot_files.RC_SYSINIT, boot_files.SYSCTL_CONF)
    # RHEL 6 and older: networking starts after iptables, which has loaded conntrack by then.
    if old and identity.state == "loaded" and "sysctl" in (snapshot.text(_NETWORK) or ""):
        found.append(Again(_NETWORK, read(snapshot, by, names), waits=True))
    return found


def home(snapshot: Snapshot, identity: Identity, key: str) -> str:
    """The module that brings a sysctl."""
    core = modprobe.module_name(identity)
    if core == "nf_conntrack":
        for prefix, module in _HOMES:
            if key.startswith(prefix) and _exists(snapshot, identity, module):
                return module
    return core


def initramfs(snapshot: Snapshot, identity: Identity) -> dict[str, t.Any] | None:
    """What is loaded in the initramfs that concerns conntrack, as far as its configuration tells."""
    core = modprobe.module_name(identity)
    for source, name in in_initramfs(snapshot):
        if _brings(snapshot, identity, _current_name(name, identity), core):
            return {
                "loads": name,
                "source": source,
                "note": "The initramfs holds copies of this file and of modprobe.d as of when it was built last: "
                "changes count after update-initramfs -u or dracut -f.",
            }
    return None


# Asked for each setting.
@functools.lru_cache(maxsize=4)
def _rules(snapshot: Snapshot) -> bool:
    """Whether there is anything at all that speaks of sysctl when a module is loaded."""
    for path, reading in snapshot.items():
        text = reading.text or ""
        if "sysctl" in text or "/proc/sys" in text:
            if "/udev/rules.d/" in path and '"module"' in text:
                return True
            if ("/modprobe.d/" in path or path == "/etc/modprobe.conf") and "conntrack" in text:
                return True
    return False


def loads_core(snapshot: Snapshot, identity: Identity, name: str, blacklist: bool = False) -> bool:
    """Whether a request for a module by this name, an old one perhaps, ends with the core loaded."""
    core, current = modprobe.module_name(identity), _current_name(name, identity)
    known = _dependencies(snapshot, identity.kernel.release)
    if known and current not in known and current.startswith(("ipt_", "ip6t_")):
        current = "xt_" + current.split("_", 1)[1]  # what took its place keeps the old name as an alias
    if not _brings(snapshot, identity, current, core) and (known or not conntrack_modules.is_own(current)):
        return False
    # What modprobe finds by an alias it does not load where it is blacklisted, whoever asks.
    refused = {core: False, name: blacklist, current: blacklist or current != name}
    return not any(modprobe.denied(snapshot, identity, each, listed) for each, listed in refused.items())


def needs_core(snapshot: Snapshot, identity: Identity, module: str) -> bool:
    """Whether a module that also works without conntrack was built to need it; without modules.dep, that it may."""
    known = _dependencies(snapshot, identity.kernel.release)
    return not known or modprobe.module_name(identity) in known.get(module, ())


@functools.lru_cache(maxsize=8)
def named(snapshot: Snapshot, by: str) -> tuple[tuple[str, str, bool], ...]:
    """What loads modules early: the source, the module, and whether modprobe's blacklist counts there."""
    found: list[tuple[str, str, bool]] = [(source, name, False) for source, name in in_initramfs(snapshot)]
    if by == boot_files.SYSTEMD:
        found += [(modprobe.CMDLINE, name, True) for name in modprobe.command_line(snapshot, "modules_load")]
    if by in (boot_files.SYSTEMD, boot_files.PROCPS):
        systemd = by == boot_files.SYSTEMD
        paths = boot_files.by_name(snapshot, _MODULES_LOAD)
        if not systemd and not any((snapshot.reading(path).link or "").endswith("etc/modules") for path in paths):
            paths.append(_MODULES)
        for path in paths:
            text = snapshot.text(path) or ""
            names = modules_load.lines(text) if systemd else modules_load.first_words(text)
            found += [(path, name, systemd) for name in names]
    else:
        for path in (*snapshot.glob(_SCRIPTS), _RC_MODULES):
            reading = snapshot.reading(path)
            if reading.text and (reading.mode or 0) & 0o111:
                found += [(path, name, False) for name in modules_load.script(reading.text)]
    return tuple(found)


def in_initramfs(snapshot: Snapshot) -> t.Iterator[tuple[str, str]]:
    """What the initramfs loads: the file that says so, and the module."""
    for path in _INITRAMFS:
        for name in modules_load.first_words(snapshot.text(path) or ""):
            yield path, name
    for path in ("/etc/dracut.conf", *boot_files.by_name(snapshot, _DRACUT)):
        for name in modules_load.forced(snapshot.text(path) or ""):
            yield path, name


def _current_name(name: str, identity: Identity) -> str:
    """ip_conntrack and the like are aliases of what took their place."""
    if modprobe.module_name(identity) == "nf_conntrack" and name.startswith(("ip_conntrack", "ip_nat")):
        return "nf" + name[2:]
    return name


def _brings(snapshot: Snapshot, identity: Identity, name: str, module: str) -> bool:
    if name == module:
        known = _dependencies(snapshot, identity.kernel.release)
        return not known or module in known or _exists(snapshot, identity, module)
    known = _dependencies(snapshot, identity.kernel.release)
    if known:
        return module in known.get(name, ())
    # Without modules.dep: whatever is named after the core depends on it.
    return name.startswith(module + "_") and not name.endswith(("_ipv4", "_ipv6"))


def _exists(snapshot: Snapshot, identity: Identity, module: str) -> bool:
    """Whether this kernel has such a module, rather than having it in the core."""
    known = _dependencies(snapshot, identity.kernel.release)
    if known:
        return module in known or any(module in needed for needed in known.values())
    return module == modprobe.module_name(identity) or module + " " in (snapshot.text("/proc/modules") or "")


@functools.lru_cache(maxsize=4)
def _dependencies(snapshot: Snapshot, release: str) -> dict[str, frozenset[str]]:
    """modules.dep of the running kernel; empty where it cannot be read."""
    return modules_load.dependencies(snapshot.text("/lib/modules/%s/modules.dep" % release) or "")
