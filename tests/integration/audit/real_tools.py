# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays combinations into a copy of a root, lets the real program read them, and asks the model about the same files.

Run as root in mount and network namespaces of its own: unshare -m -n python real_tools.py READER [ROOT]. READER is
systemd or procps; ROOT, / by default, is where the programs are. Prints one JSON list: for each combination its name,
what the real program set, what the model says, and the kernel's default.

The root is an overlay, so that nothing reaches the machine, and the settings are those of the new network namespace.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PROC = "/proc/sys/net/netfilter/nf_conntrack_"
CLONE_NEWNET = 0x40000000

PROGRAMS = {
    "systemd": (("/usr/lib/systemd/systemd-sysctl",), ("/lib/systemd/systemd-sysctl",)),
    "procps": (("/usr/sbin/sysctl", "--system"), ("/sbin/sysctl", "--system")),
}


def main() -> int:
    reader, base = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "/"
    with tempfile.TemporaryDirectory() as folder:
        core = Core(folder)
        found = [row for chunk in core.combinations.chunks() for row in played(core, reader, base, chunk)]
        subprocess.run(["umount", "-l", folder], check=False, capture_output=True)
    print(json.dumps(found))
    return 0


class Core:
    """The collection's own code and the table, from this checkout."""

    def __init__(self, folder: str) -> None:
        os.makedirs(os.path.join(folder, "ansible_collections", "netops"))
        os.symlink(CHECKOUT, os.path.join(folder, "ansible_collections", "netops", "conntrack"))
        sys.path[:0] = [folder, HERE]
        sys.dont_write_bytecode = True
        import combinations
        from ansible_collections.netops.conntrack.plugins.module_utils import catalogue, probe
        from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot, identity
        from ansible_collections.netops.conntrack.plugins.module_utils.hosts import local

        self.combinations, self.catalogue, self.probe = combinations, catalogue, probe
        self.boot, self.identity, self.local = boot, identity, local


def played(core: Core, reader: str, base: str, chunk) -> list[dict]:
    """What became of one list of combinations, all laid into one root."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace")
    with tempfile.TemporaryDirectory() as folder:
        root = overlay(folder, base)
        try:
            prepare(root, reader)
            for combination, leaf in chunk:
                core.combinations.lay(root, combination, leaf)
            host = core.local.LocalHost(root=root)
            snapshot = host.read(core.probe.items(["persistence"]))
            identity = core.identity.identify(snapshot)
            default = {leaf: value(leaf) for _combination, leaf in chunk}
            shutil.rmtree(root + "/run/sysctl.d")  # as a boot does
            program = next(argv for argv in PROGRAMS[reader] if os.path.lexists(root + argv[0]))
            done = subprocess.run(["chroot", root, *program], capture_output=True, check=False)
            rows = []
            for combination, leaf in chunk:
                then = core.boot.after_boot(snapshot, core.catalogue.BY_NAME[leaf], identity)
                rows.append(
                    {
                        "name": combination.name,
                        "model": then.value,
                        "source": then.source,
                        "real": value(leaf),
                        "default": default[leaf],
                        "said": done.stderr.decode("utf-8", "replace")[-2000:],
                    }
                )
            return rows
        finally:
            for mount in (root + "/proc", root, folder):
                subprocess.run(["umount", "-l", mount], check=False, capture_output=True)


def overlay(folder: str, base: str) -> str:
    """A root that can be written to, over ``base``."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    for name in ("upper", "work", "root"):
        os.mkdir(os.path.join(folder, name))
    root = os.path.join(folder, "root")
    options = "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (base, folder, folder)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, root], check=True)
    os.makedirs(root + "/proc", exist_ok=True)
    subprocess.run(["mount", "--rbind", "/proc", root + "/proc"], check=True)
    return root


def prepare(root: str, reader: str) -> None:
    """Makes the root that of a host with this reader, whatever the machine has."""
    for directory in ("etc", "run", "usr/local/lib", "usr/lib"):
        os.makedirs(os.path.join(root, directory, "sysctl.d"), exist_ok=True)
    os.makedirs(root + "/dev", exist_ok=True)
    if not os.path.exists(root + "/dev/null"):
        os.mknod(root + "/dev/null", 0o020666, os.makedev(1, 3))
    if reader == "procps":
        for path in PROGRAMS["systemd"]:
            if os.path.lexists(root + path[0]):
                os.unlink(root + path[0])
        os.makedirs(root + "/etc/init.d", exist_ok=True)
        with open(root + "/etc/init.d/procps", "w", encoding="ascii") as stream:
            stream.write("#!/bin/sh\n")


def value(leaf: str) -> int:
    with open(PROC + leaf, encoding="ascii") as stream:
        return int(stream.read())


if __name__ == "__main__":
    sys.exit(main())
