# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs on the host that write conntrack settings after boot, and the knob that each of them has."""

from __future__ import annotations

import functools
import typing as t

from ..formats.sysctl_conf import normalize_key
from ..probe import TUNED_ACTIVE
from ..snapshot import Snapshot
from . import tuned


class Writer(t.NamedTuple):
    """``commands`` are names in /proc/PID/comm, ``paths`` files or patterns that tell of it where it does not run."""

    name: str
    commands: tuple[str, ...]
    paths: tuple[str, ...]
    writes: tuple[str, ...]
    knob: str


KUBE_PROXY = Writer(
    "kube-proxy",
    ("kube-proxy", "k3s-server", "k3s-agent", "k3s", "rke2"),
    ("/var/lib/kube-proxy/*",),
    ("max", "buckets", "tcp_timeout_established", "tcp_timeout_close_wait"),
    "conntrack.maxPerCore, conntrack.min, tcpEstablishedTimeout and tcpCloseWaitTimeout in its configuration "
    "(--conntrack-max-per-core=0 leaves max alone)",
)

WRITERS = (
    KUBE_PROXY,
    Writer(
        "TuneD",
        ("tuned",),
        (TUNED_ACTIVE,),
        (),
        "the [sysctl] section of the active profile; reapply_sysctl in /etc/tuned/tuned-main.conf",
    ),
    Writer(
        "Docker",
        ("dockerd",),
        ("/etc/docker/daemon.json",),
        (),
        "it writes no size itself; its NAT rules load conntrack and keep it in use, unless iptables is false in "
        "/etc/docker/daemon.json",
    ),
    Writer(
        "firewalld",
        ("firewalld",),
        (),
        (),
        "CleanupModulesOnExit in /etc/firewalld/firewalld.conf: with yes a restart unloads the modules, and all "
        "values are lost",
    ),
    Writer(
        "CNI plugin",
        ("calico-node", "cilium-agent", "flanneld", "kube-router", "antrea-agent", "ovnkube", "weaver"),
        ("/etc/cni/net.d/*",),
        (),
        "the plugin's own settings, such as Calico's felix configuration for conntrack",
    ),
)


def facts(snapshot: Snapshot) -> list[dict[str, t.Any]]:
    """The writers seen on this host: ``{name, running, seen, writes, knob, settings}``."""
    found = []
    for writer in WRITERS:
        processes, traces = _processes(snapshot, writer), _traces(snapshot, writer)
        if not processes and not traces:
            continue
        found.append(
            {
                "name": writer.name,
                "running": bool(processes),
                "seen": [*processes, *traces],
                "writes": list(writer.writes),
                "knob": writer.knob,
                "settings": _tuned(snapshot) if writer.name == "TuneD" else {},
            }
        )
    return found


def seen(snapshot: Snapshot, writer: Writer) -> bool:
    return bool(_processes(snapshot, writer) or _traces(snapshot, writer))


def _processes(snapshot: Snapshot, writer: Writer) -> list[str]:
    return sorted(_commands(snapshot).intersection(writer.commands))


def _traces(snapshot: Snapshot, writer: Writer) -> list[str]:
    return [path for pattern in writer.paths for path in snapshot.glob(pattern)]


# Asked for each setting.
@functools.lru_cache(maxsize=4)
def _commands(snapshot: Snapshot) -> frozenset[str]:
    return frozenset((snapshot.text(path) or "").strip() for path in snapshot.glob("/proc/[0-9]*/comm"))


def _tuned(snapshot: Snapshot) -> dict[str, str]:
    """conntrack keys in the [sysctl] sections of the active profiles, as they are spelled in dots."""
    profile = tuned.active(snapshot)
    options = profile.sysctls() if profile else {}
    return {normalize_key(key): option.value for key, option in options.items() if "_conntrack_" in key}
