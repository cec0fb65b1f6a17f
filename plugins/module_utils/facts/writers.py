# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs on the host that write conntrack settings after boot, and the knob that each of them has."""

from __future__ import annotations

import re
import typing as t

from ..snapshot import Snapshot


class Writer(t.NamedTuple):
    """``commands`` are names in /proc/PID/comm, ``paths`` files or patterns that tell of it where it does not run."""

    name: str
    commands: tuple[str, ...]
    paths: tuple[str, ...]
    writes: tuple[str, ...]
    knob: str


WRITERS = (
    Writer(
        "kube-proxy",
        ("kube-proxy", "k3s-server", "k3s-agent", "k3s", "rke2"),
        ("/var/lib/kube-proxy/*",),
        ("max", "buckets", "tcp_timeout_established", "tcp_timeout_close_wait"),
        "conntrack.maxPerCore, conntrack.min, tcpEstablishedTimeout and tcpCloseWaitTimeout in its configuration "
        "(--conntrack-max-per-core=0 leaves max alone)",
    ),
    Writer(
        "TuneD",
        ("tuned",),
        ("/etc/tuned/active_profile",),
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

_SECTION = re.compile(r"^\s*\[([^\]]+)\]")
_CONNTRACK_LINE = re.compile(r"^\s*([\w./-]*(?:nf|ip)_conntrack\w*)\s*=\s*(.*?)\s*$")


def facts(snapshot: Snapshot) -> list[dict[str, t.Any]]:
    """The writers seen on this host: ``{name, running, seen, writes, knob, settings}``."""
    running = _commands(snapshot)
    found = []
    for writer in WRITERS:
        processes = sorted(running.intersection(writer.commands))
        traces = [path for pattern in writer.paths for path in snapshot.glob(pattern)]
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


def _commands(snapshot: Snapshot) -> set[str]:
    return {(snapshot.text(path) or "").strip() for path in snapshot.glob("/proc/[0-9]*/comm")}


def _tuned(snapshot: Snapshot) -> dict[str, str]:
    """conntrack keys in the [sysctl] sections of the active profiles."""
    settings: dict[str, str] = {}
    for profile in (snapshot.text("/etc/tuned/active_profile") or "").split():
        for pattern in (
            "/usr/lib/tuned/%s",
            "/usr/lib/tuned/profiles/%s",
            "/etc/tuned/%s",
            "/etc/tuned/profiles/%s",
        ):
            section = ""
            for line in (snapshot.text(pattern % profile + "/tuned.conf") or "").splitlines():
                head = _SECTION.match(line)
                section = head.group(1) if head else section
                match = _CONNTRACK_LINE.match(line)
                if match and section.startswith("sysctl"):
                    settings[match.group(1).replace("/", ".")] = match.group(2)
    return settings
