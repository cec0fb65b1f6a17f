# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the planners share: snapshots made up in a few words, and hosts that act or fail like kernels."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.netops.conntrack.plugins.module_utils import catalogue
from ansible_collections.netops.conntrack.plugins.module_utils.facts.settings import HASHSIZE
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.host import Host
from ansible_collections.netops.conntrack.plugins.module_utils.plan import SYSCTL, Outcome, Step
from ansible_collections.netops.conntrack.plugins.module_utils.planners import record
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Item
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading, Snapshot
from ansible_collections.netops.conntrack.tests.unit import recorded

NF = "/proc/sys/net/netfilter/nf_conntrack_"
IP = "/proc/sys/net/ipv4/netfilter/ip_conntrack_"
HOST_ALIAS = "/proc/sys/net/nf_conntrack_max"

KEYS = {
    "max": 65536,
    "count": 1000,
    "buckets": 16384,
    "expect_max": 256,
    "tcp_timeout_established": 432000,
    "udp_timeout": 30,
    "tcp_loose": 1,
    "frag6_high_thresh": 4194304,
    "frag6_low_thresh": 3145728,
}


def readings(
    release: str = "6.1.0-18-amd64",
    keys: t.Mapping[str, t.Any] | None = None,
    files: t.Mapping[str, t.Any] | None = None,
) -> dict[str, Reading]:
    """A host with systemd and nf_conntrack as a module that is loaded early, 8 GiB of RAM, read by root.

    ``keys`` are values of settings, ``files`` whole files; a Reading is taken as it is, None takes a thing away.
    """
    texts: dict[str, t.Any] = {
        "/proc/sys/kernel/osrelease": release + "\n",
        "/proc/meminfo": "MemTotal:        8388608 kB\n",
        "/proc/modules": "nf_conntrack 172032 1 xt_conntrack, Live 0x0000000000000000\n",
        "/proc/self/status": "Name:\tpython3\nUid:\t0\t0\t0\t0\n",
        "/proc/mounts": "proc /proc proc rw,nosuid 0 0\nsysfs /sys sysfs rw,nosuid 0 0\n",
        "/sys/module/nf_conntrack": "",
        "/run/systemd/system": "",
        "/etc/sysctl.d": "",
        "/etc/modprobe.d": "",
        "/etc/modules-load.d/firewall.conf": "nf_conntrack\n",
        "$ uname -m": "x86_64\n",
        "$ getconf PAGESIZE": "4096\n",
        HASHSIZE[0]: Reading(text="16384\n", mode=0o600),
        HOST_ALIAS: "65536\n",
    }
    for name, value in {**KEYS, **(keys or {})}.items():
        texts[NF + name] = "%d\n" % value if isinstance(value, int) else value
    texts.update(files or {})
    return {
        path: value if isinstance(value, Reading) else Reading(text=value, mode=0o644)
        for path, value in texts.items()
        if value is not None
    }


def snapshot(*args: t.Any, **rest: t.Any) -> Snapshot:
    return Snapshot(readings(*args, **rest))


def copy(name: str, folder: t.Any) -> KernelHost:
    """A recorded host over a copy that can be written to, whose values have all their names."""
    host = recorded.copy(name, folder)
    return KernelHost(host.folder, host.root)


class KernelHost(recorded.RecordedHost):
    """Files below /proc and /sys that show one value change together, as they do on a kernel."""

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]:
        outcomes = []
        for step in steps:
            outcomes += super().carry_out([step])
            if step.kind == SYSCTL and not outcomes[-1].error:
                for path in _same(step.path):
                    if os.path.exists(self.root + path):
                        overwrite(self.root + path, "%s\n" % step.after)
        return outcomes


class FaultyHost(Host):
    """A host on which writing some paths fails: ``faults`` maps each to the name of the error."""

    def __init__(self, host: t.Any, faults: t.Mapping[str, str]) -> None:
        self._host = host
        self._faults = faults

    def read(self, items: t.Iterable[Item]) -> Snapshot:
        return self._host.read(items)

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]:
        return [
            Outcome(step, self._faults[step.path], "%s: the test says no" % step.path)
            if step.path in self._faults
            else self._host.carry_out([step])[0]
            for step in steps
        ]


def tree(root: str, leave_out: t.Collection[str] = (record.PATH,)) -> dict[str, t.Any]:
    """Every file below a folder: its bytes, or where a link points to."""
    found: dict[str, t.Any] = {}
    for folder, _folders, names in os.walk(root):
        for name in names:
            real = os.path.join(folder, name)
            path = real[len(root.rstrip("/")) :]
            if path in leave_out:
                continue
            if os.path.islink(real):
                found[path] = "-> " + os.readlink(real)
            else:
                with open(real, "rb") as stream:
                    found[path] = stream.read()
    return found


def changes(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any]) -> dict[str, tuple[t.Any, t.Any]]:
    """The paths in which two trees differ: what was there, and what is."""
    return {
        path: (before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    }


def overwrite(path: str, text: str) -> None:
    """Replaces the text of a file, be it read-only as many below /proc are, which stops everybody but root."""
    mode = os.stat(path).st_mode
    os.chmod(path, 0o600)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(path, mode)


def _same(path: str) -> list[str]:
    if path in HASHSIZE:
        names = [catalogue.path(key) for key in catalogue.BY_NAME["buckets"].keys]
        return [*HASHSIZE, *names]
    setting = catalogue.find(path)
    names = [catalogue.path(key) for key in setting.keys] if setting else []
    return [*names, *HASHSIZE] if setting and setting.name == "buckets" else names
