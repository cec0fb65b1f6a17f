# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are namespaces of this machine: own network, mounts, processes and name, an sshd, and an overlay
over the machine's root. Up in under a second, and gone, mounts included, as soon as their first process ends.

This file is the machine's side: start, stop, look, enter. namespace_init.py is what runs inside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import network
import processes
import recorded_host
from processes import PATH
from state import LabError, Unavailable, make_key

COMMANDS = ("ip", "unshare", "nsenter", "mount", "umount", "pivot_root", "ssh-keygen", "sshd")
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")
START_SECONDS = 30


def require():
    """Raise Unavailable with a plain sentence where this machine cannot make such hosts."""
    if os.geteuid() != 0:
        raise Unavailable("making hosts takes root: namespaces, mounts and a bridge")
    missing = [command for command in COMMANDS if not shutil.which(command, path=PATH)]
    if missing:
        raise Unavailable(f"these commands are missing: {', '.join(missing)}")
    # Tried for real: a kernel may have overlay as a module, and a container may forbid what root may do.
    probe = (
        "mount -t tmpfs lab /mnt && mkdir /mnt/upper /mnt/work /mnt/root && "
        "mount -t overlay lab -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root && "
        "test -x /mnt/root/usr/bin/python3 && test -x /mnt/root/usr/sbin/sshd"
    )
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "--fork", "--propagation", "private", "sh", "-c", probe],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        env={"PATH": PATH},
    )
    if tried.returncode:
        reason = tried.stderr.strip() or "its /usr is not on the root file system, or lacks python3 or sshd"
        raise Unavailable(f"this machine cannot make hosts of namespaces and an overlay root: {reason}")


def start(state, name, fixture, bare=None):
    """Start one host, whose number is claimed, and wait until its sshd answers.

    fixture: a recorded host's folder, or None. bare: the kind of a bare host (bare_host.py), or None.
    """
    folder = state.path("hosts", name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "root"))
    number = state.hosts[name]["number"]
    make_key(os.path.join(folder, "host_key"))
    if fixture:
        recorded_host.copy(fixture, os.path.join(folder, "recorded"))
    record = {
        "kind": "bare" if bare else "namespace",
        "number": number,
        "address": f"{state.bridge['network']}.{number}",
        "port": network.port_name(state, number),
        "fixture": fixture,
        "bare": bare,
    }
    settings = {
        "name": name,
        "folder": folder,
        "address": f"{record['address']}/{network.PREFIX_LENGTH}",
        "gateway": f"{state.bridge['network']}.1",
        "public_key": state.path("key.pub"),
        "recorded": os.path.join(folder, "recorded") if fixture else None,
        "bare": bare,
        "sshd": shutil.which("sshd", path=PATH),
    }
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "namespace_init.py")
    with open(os.path.join(folder, "log"), "ab") as log:
        launcher = subprocess.Popen(
            [
                "unshare",
                *NAMESPACES,
                "--fork",
                "--propagation",
                "private",
                sys.executable,
                "-B",
                inside,
                json.dumps(settings),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            env={"PATH": PATH},
            cwd="/",
            text=True,
        )
    # The new process says its number and waits; should this command die before the number is on record,
    # the pipe closes and the process ends by itself.
    line = launcher.stdout.readline().strip()
    if not line.isdigit():
        raise LabError(f"{name} did not start: {processes.tail(folder)}")
    record.update(pid=int(line), born=processes.born(int(line)), launcher=launcher.pid)
    state.set_host(name, record)
    network.link(state.bridge, record["port"], number, record["pid"])
    launcher.stdin.write("go\n")
    launcher.stdin.close()
    if launcher.stdout.readline() != "ready\n":
        raise LabError(f"{name} did not start: {processes.tail(folder)}")
    processes.wait_for_sshd(record, name, folder, START_SECONDS)


def stop(state, name):
    """End one host: its first process, with which the kernel ends all others and drops mounts and network."""
    record = state.hosts[name]
    processes.end(record, name, _is_launcher)
    if record.get("port"):
        network.unlink(record["port"])
    state.set_host(name, None)
    shutil.rmtree(state.path("hosts", name), ignore_errors=True)


def enter(_state, record, argv):
    """Run a command inside; returns its exit status."""
    path = f"{recorded_host.COMMANDS}:{PATH}" if record["fixture"] else PATH
    environment = {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    command = ["nsenter", "--target", str(record["pid"]), *NAMESPACES, "--root", "--wd", "--"]
    # env(1), so that the command is looked for on the host's PATH and not on ours.
    return subprocess.run(
        [shutil.which("nsenter", path=PATH), *command[1:], "/usr/bin/env", *argv], env=environment, check=False
    ).returncode


def _is_launcher(record):
    """Whether unshare(1), which waits for the host's first process, is still about to end."""
    try:
        with open(f"/proc/{record['launcher']}/cmdline", "rb") as file:
            return file.read().startswith(b"unshare\0--mount\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
