# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first process of a namespace host: builds the host's root around itself, then becomes its sshd.

Started by namespace_host.py under unshare(1) with new mount, network, process, name and IPC namespaces; its
one argument is the JSON written there. All mounts are made in the private mount namespace: they end with it.
"""

from __future__ import annotations

import json
import os
import sys

import bare_root
import busybox_root
import recorded_host
from inside import mount, read, run, write

SSHD_CONFIG = """\
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
PrintMotd no
MaxStartups 100
MaxSessions 100
SetEnv PATH={path}
"""
SFTP_LINES = "Subsystem sftp internal-sftp\n"


def main():
    settings = json.loads(sys.argv[1])
    # /proc is still the machine's, so this is our number as the machine counts.
    print(os.readlink("/proc/self"), flush=True)
    if sys.stdin.readline() != "go\n":
        return 1
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", settings["address"], "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "route", "add", "default", "via", settings["gateway"])
    run("hostname", settings["name"])

    scratch = os.path.join(settings["folder"], "root")
    root = busybox_root.make(scratch, settings["sshd"]) if settings["bare"] == "busybox" else overlay(scratch)
    if settings["bare"] == "dash":
        bare_root.strip(root)
    file_systems(root)
    if settings["recorded"]:
        recorded_host.show(settings["recorded"], root, mount)
    else:
        mount("-t", "proc", "proc", f"{root}/proc")
        # Kernel settings are shared with the machine: only those of the network may be written here.
        mount("--bind", f"{root}/proc/sys", f"{root}/proc/sys")
        mount("--bind", f"{root}/proc/sys/net", f"{root}/proc/sys/net")
        mount("-o", "remount,bind,ro", f"{root}/proc/sys")
        mount("-t", "sysfs", "sysfs", f"{root}/sys")
    identity(root, settings)

    # The umount is the host's own already: BusyBox's wants a path that means one thing, and the short option.
    os.mkdir(f"{root}/run/machine")
    os.chdir(root)
    run("pivot_root", ".", "run/machine")
    os.chdir("/")
    run("umount", "-l", "/run/machine")
    os.rmdir("/run/machine")
    print("ready", flush=True)
    silence = os.open("/dev/null", os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    os.execv(settings["sshd"], [settings["sshd"], "-D", "-e", "-f", "/etc/ssh/lab_sshd_config"])
    return 1


def overlay(scratch):
    """The machine's root below, a tmpfs above; returns where the two are seen as one."""
    mount("-t", "tmpfs", "-o", "mode=755", "lab", scratch)
    upper, work, root = (os.path.join(scratch, name) for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        os.mkdir(folder, 0o755)
    mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "lab", root)
    return root


def file_systems(root):
    """Fresh file systems where the machine's own content would be wrong: logs, services, root's own files."""
    for folder, mode in (
        ("run", "755"),
        ("tmp", "1777"),
        ("var/log", "755"),
        ("root", "700"),
        ("dev", "755"),
    ):
        mount("-t", "tmpfs", "-o", f"mode={mode}", "lab", f"{root}/{folder}")
    for name in ("null", "zero", "full", "random", "urandom", "tty", "kmsg"):
        if os.path.exists(f"/dev/{name}"):
            open(f"{root}/dev/{name}", "wb").close()
            mount("--bind", f"/dev/{name}", f"{root}/dev/{name}")
    for name in ("pts", "shm"):
        os.mkdir(f"{root}/dev/{name}")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5", "devpts", f"{root}/dev/pts")
    mount("-t", "tmpfs", "-o", "mode=1777", "lab", f"{root}/dev/shm")
    for target, name in (
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ):
        os.symlink(target, f"{root}/dev/{name}")
    write(f"{root}/var/log/lastlog", "")  # sshd complains on the terminal where it is missing
    os.mkdir(f"{root}/run/sshd", 0o755)
    os.mkdir(f"{root}/run/lock", 0o1777)


def identity(root, settings):
    """The host's name, its sshd's key and settings, and who may come in."""
    name = settings["name"]
    write(f"{root}/etc/hostname", f"{name}\n")
    write(
        f"{root}/etc/hosts",
        f"127.0.0.1 localhost\n::1 localhost\n{settings['address'].split('/')[0]} {name}\n",
    )
    os.mkdir(f"{root}/root/.ssh", 0o700)
    write(f"{root}/root/.ssh/authorized_keys", read(settings["public_key"]), 0o600)
    write(f"{root}/etc/ssh/lab_host_key", read(os.path.join(settings["folder"], "host_key")), 0o600)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if settings["recorded"]:
        path = f"{recorded_host.COMMANDS}:{path}"
    config = SSHD_CONFIG.format(path=path) + (bare_root.SSHD_LINES if settings["bare"] else SFTP_LINES)
    write(f"{root}/etc/ssh/lab_sshd_config", config)
    write(f"{root}/etc/environment", f"PATH={path}\n")
    # An account locked with "!" is refused by sshd even with a key; "*" only has no password.
    shadow = read(f"{root}/etc/shadow")
    write(f"{root}/etc/shadow", "".join(unlocked(line) for line in shadow.splitlines(True)), 0o640)
    if settings["bare"]:
        bare_root.accounts(root, settings, path)


def unlocked(line):
    fields = line.split(":")
    if fields[0] == "root" and fields[1].startswith("!"):
        fields[1] = "*"
    return ":".join(fields)


if __name__ == "__main__":
    sys.exit(main())
