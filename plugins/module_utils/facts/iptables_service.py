# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The iptables service of RHEL-style hosts: whether a restart unloads conntrack, and which values it sets again.

From the iptables scripts of RHEL 5 to 8 (iptables.init): IPTABLES_MODULES_UNLOAD, and load_sysctl(), which takes the
lines of some files that hold an item of IPTABLES_SYSCTL_LOAD_LIST. From 1.4.21-29 on nothing is unloaded any more.
"""

from __future__ import annotations

import re
import typing as t

from ..formats import shell_assignments
from ..probe import IPTABLES_SCRIPTS
from ..snapshot import Snapshot

CONFIG = "/etc/sysconfig/iptables-config"

_SOURCES = re.compile(r"/etc/sysctl\.(?:conf|d)\b")


class Service(t.NamedTuple):
    """``load_list_from``: the file and the folder that it looks for listed items in; empty where it knows no list."""

    path: str
    unloads: bool
    load_list_from: tuple[str, ...]


class Restart(t.NamedTuple):
    """``keeps``: whether a restart leaves the values as they are; None where that cannot be told."""

    keeps: bool | None
    why: str


def service(snapshot: Snapshot) -> Service | None:
    for path in IPTABLES_SCRIPTS:
        text = snapshot.text(path)
        if text is None:
            continue
        code = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
        sources: tuple[str, ...] = ()
        if "_SYSCTL_LOAD_LIST" in code:
            greps = "\n".join(line for line in code.split("\n") if "grep" in line)
            sources = tuple(sorted(set(_SOURCES.findall(greps))))
        return Service(path, "_MODULES_UNLOAD" in code, sources)
    return None


def restart(snapshot: Snapshot, keys: t.Collection[str], source: str) -> Restart | None:
    """What a restart of the firewall does to a setting with these names whose value stands in ``source``."""
    found = service(snapshot)
    if found is None:
        return None
    if not found.unloads:
        return Restart(True, "%s unloads no modules" % found.path)
    config = snapshot.text(CONFIG) or ""
    unload, reason = shell_assignments.effective(config, "IPTABLES_MODULES_UNLOAD")
    if reason:
        return Restart(None, "%s: %s" % (CONFIG, reason))
    if (unload or "yes") != "yes":
        return Restart(True, "IPTABLES_MODULES_UNLOAD is %s" % unload)
    listed, reason = shell_assignments.effective(config, "IPTABLES_SYSCTL_LOAD_LIST")
    if reason:
        return Restart(None, "%s: %s" % (CONFIG, reason))
    looked_at = any(source == place or source.startswith(place + "/") for place in found.load_list_from)
    items = (listed or "").split()
    if looked_at and items and all(any(item in key for item in items) for key in keys):
        return Restart(True, "IPTABLES_SYSCTL_LOAD_LIST sets it again from %s" % source)
    return Restart(False, "%s unloads conntrack (IPTABLES_MODULES_UNLOAD) and does not set it again" % found.path)
