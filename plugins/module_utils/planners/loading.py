# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes sysctl files count where conntrack is a module: it is there before they are read, or they are read again
whenever it is loaded.

From modules-load.d(5), sysctl.d(5), udev(7) and, for RHEL 6 and older, rc.sysinit of initscripts. A host that does not
track is never made to: its values wait for whatever loads the module.
"""

from __future__ import annotations

import typing as t

from ..catalogue import Setting
from ..facts import access, boot_files, loading, modprobe
from ..facts.identity import Identity
from ..plan import FILE, Step
from ..snapshot import Snapshot

MODULES_LOAD = "/etc/modules-load.d/netops-conntrack.conf"
MODULES_SCRIPT = "/etc/sysconfig/modules/netops-conntrack.modules"
UDEV_RULE = "/etc/udev/rules.d/90-netops-conntrack.rules"

_HEADER = "# Written by the Ansible collection netops.conntrack.\n"
_SYSTEMD_SYSCTL = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
_UDEV = ("/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/sbin/udevd", "/usr/sbin/udevd")
# The protocols' and IPv4's own modules bring keys of theirs, up to 4.19.
_MODULES = "nf_conntrack|nf_conntrack_ipv4|nf_conntrack_ipv6|nf_conntrack_proto_*|nf_defrag_ipv6|ip_conntrack"
_PREFIXES = ("/net/netfilter", "/net/nf_conntrack_max", "/net/ipv4/netfilter", "/net/ipv4/ip_conntrack_max")


def steps(snapshot: Snapshot, identity: Identity, settings: t.Iterable[Setting], load: bool) -> list[Step]:
    """``load``: also on a host that does not track today."""
    if not is_module(identity):
        return []
    found = [_rule(snapshot, identity, settings)]
    if identity.state == "loaded" or load:
        found.append(_early(snapshot, identity))
    return [
        step for step in found if step and step.before != step.after and not access.read_only_mount(snapshot, step.path)
    ]


def mode(path: str) -> int:
    """The mode of one of our files: rc.sysinit runs the scripts that may be executed, and passes over the others."""
    return 0o755 if path == MODULES_SCRIPT else 0o644


def is_module(identity: Identity) -> bool:
    return identity.state in ("loaded", "absent") and identity.namespace != "child"


def _early(snapshot: Snapshot, identity: Identity) -> Step | None:
    if loading.early(snapshot, identity):
        return None
    module = modprobe.module_name(identity)
    why = "so that the module is there when the sysctls are set"
    by = boot_files.reader(snapshot)
    if by in (boot_files.RC_SYSINIT, boot_files.SYSCTL_CONF):
        if "/etc/sysconfig/modules" not in (snapshot.text("/etc/rc.d/rc.sysinit") or ""):
            return None
        text = "#!/bin/sh\n%sexec /sbin/modprobe %s >/dev/null 2>&1\n" % (_HEADER, module)
        return Step(FILE, MODULES_SCRIPT, snapshot.text(MODULES_SCRIPT), text, why, mode=mode(MODULES_SCRIPT))
    if by == boot_files.NONE:
        return None
    return Step(FILE, MODULES_LOAD, snapshot.text(MODULES_LOAD), "%s%s\n" % (_HEADER, module), why)


def _rule(snapshot: Snapshot, identity: Identity, settings: t.Iterable[Setting]) -> Step | None:
    by = boot_files.reader(snapshot)
    if by not in (boot_files.SYSTEMD, boot_files.PROCPS) or not any(snapshot.exists(path) for path in _UDEV):
        return None
    before = snapshot.text(UDEV_RULE)
    if before is None and all(_reapplied(snapshot, identity, setting) for setting in settings):
        return None  # somebody else's rule does it
    why = "so that the values are set again whenever the module is loaded"
    return Step(FILE, UDEV_RULE, before, _rule_text(snapshot, by), why)


def _reapplied(snapshot: Snapshot, identity: Identity, setting: Setting) -> bool:
    return all(loading.reapplied(snapshot, identity, key) for key in setting.keys if key.startswith("net.netfilter."))


def _rule_text(snapshot: Snapshot, by: str) -> str:
    if by == boot_files.SYSTEMD:
        program = next((path for path in _SYSTEMD_SYSCTL if snapshot.exists(path)), _SYSTEMD_SYSCTL[0])
        command = " ".join((program, *("--prefix=" + prefix for prefix in _PREFIXES)))
    else:
        command = "sysctl -q -e --system --pattern nf_"  # a pattern that needs no quotes within udev's and the shell's
    # Up to 5.9, and in vendors' kernels, the event comes before the module has made its keys.
    wait = "for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /proc/sys/net/netfilter/nf_conntrack_max ] && break; sleep 0.1; done"
    return '%sACTION=="add", SUBSYSTEM=="module", KERNEL=="%s", RUN+="/bin/sh -c \'%s; exec %s\'"\n' % (
        _HEADER,
        _MODULES,
        wait,
        command,
    )
