# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded host: a folder of text files that a lab host shows as its own, to real programs over real SSH.

  FOLDER/root/proc, sys       all that this host has under /proc and /sys; writable, so that settings take
  FOLDER/root/...             everything else is copied over a root freed of the machine's own sysctl, module,
                              release and service files
  FOLDER/commands/NAME        what a command prints; NAME is the command line with blanks as "_" (uname_-r)
  FOLDER/host.yml             of this: "names", paths that exist without recorded content, and files' "modes"

The copy in the state directory is what the host shows under /proc and /sys: tests compare its bytes.
Runs on both sides: copy() on the machine, show() inside the host before its root is in place.
"""

from __future__ import annotations

import os
import re
import shutil

COMMANDS = "/usr/local/lib/recorded"

# The machine's files that say what system this is and how its kernel is set up.
HIDDEN = (
    "boot",
    "etc/debian_version",
    "etc/modprobe.conf",
    "etc/modprobe.d",
    "etc/modules",
    "etc/modules-load.d",
    "etc/os-release",
    "etc/redhat-release",
    "etc/sysconfig",
    "etc/sysctl.conf",
    "etc/sysctl.d",
    "etc/systemd",
    "etc/tuned",
    "etc/ufw",
    "etc/firewalld",
    "etc/rsyslog.conf",
    "etc/rsyslog.d",
    "etc/docker",
    "etc/kubernetes",
    "etc/cni",
    "usr/lib/modprobe.d",
    "usr/lib/modules",
    "usr/lib/modules-load.d",
    "usr/lib/os-release",
    "usr/lib/sysctl.d",
    "usr/lib/systemd",
    "usr/lib/tuned",
    "usr/local/lib/sysctl.d",
    "usr/share/doc/kernel-doc",
    "lib/modprobe.d",
    "lib/modules",
    "lib/systemd",
)
# Commands that would show this machine's kernel; a host has them only as far as they are recorded.
KERNEL_COMMANDS = (
    "conntrack",
    "dmesg",
    "iptables",
    "iptables-save",
    "ip6tables",
    "ip6tables-save",
    "journalctl",
    "lsmod",
    "modinfo",
    "modprobe",
    "nft",
    "systemctl",
    "systemd-detect-virt",
    "tuned-adm",
)

# Prints what was recorded for exactly this command line; another one goes to the real command, if that is left.
SCRIPT = """\
#!/bin/sh
name=${0##*/}
line=$(printf '%%s' "$name${1+ }$*" | tr ' ' _)
if [ -f "%(folder)s/recorded/$line" ]; then exec cat "%(folder)s/recorded/$line"; fi
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if command -v "$name" >/dev/null; then exec "$name" "$@"; fi
echo "$line: not recorded for this host" >&2
exit 127
"""


def copy(fixture, folder):
    """Copy a recording for one host to use up."""
    shutil.copytree(fixture, folder, symlinks=True)
    root = os.path.join(folder, "root")
    names, modes = described(os.path.join(folder, "host.yml"))
    for path in names:
        os.makedirs(root + path, exist_ok=True)
    for path, mode in modes.items():
        if os.path.isfile(root + path):
            os.chmod(root + path, mode)


def described(path):
    """The lists `names` and `modes` of a host.yml: plain enough to be read without a YAML library."""
    names, modes, section = [], {}, ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if re.match(r"\w+:", line):
                    section = line.split(":")[0]
                name, mode = (
                    re.match(r"\s+- \"?(/[^\s\"]+)\"?$", line),
                    re.match(r"\s+(/\S+): \"?(0\d+)\"?$", line),
                )
                if section == "names" and name:
                    names.append(name.group(1))
                elif section == "modes" and mode:
                    modes[mode.group(1)] = int(mode.group(2), 8)
    return names, modes


def show(recorded, root, mount):
    """Make what will be the host's root look as recorded. mount: runs mount(8) with the given arguments."""
    for path in HIDDEN:
        _remove(os.path.join(root, path))
    for folder in ("usr/bin", "usr/sbin", "bin", "sbin"):
        for name in KERNEL_COMMANDS:
            _remove(os.path.join(root, folder, name))
    files = os.path.join(recorded, "root")
    for name in os.listdir(files):
        if name not in ("proc", "sys"):
            _make_room(os.path.join(files, name), os.path.join(root, name))
            shutil.copytree(os.path.join(files, name), os.path.join(root, name), symlinks=True, dirs_exist_ok=True)
    _proc(os.path.join(files, "proc"), root, mount)
    os.makedirs(os.path.join(files, "sys"), exist_ok=True)
    mount("--bind", os.path.join(files, "sys"), f"{root}/sys")
    _commands(os.path.join(recorded, "commands"), root)


def _make_room(source, target):
    """Take away the machine's own files and links where recorded ones go: a link is not put over another."""
    for folder, folders, names in os.walk(source):
        for name in [*folders, *names]:
            there = os.path.join(target, os.path.relpath(os.path.join(folder, name), source))
            if name in names or os.path.islink(os.path.join(folder, name)) or not os.path.isdir(there):
                _remove(there)


def _proc(recorded, root, mount):
    """/proc holds what was recorded; from the real one comes only a process's view of itself and its mounts."""
    real = "/run/lab/proc"
    os.makedirs(root + real)
    mount("-t", "proc", "proc", root + real)
    mount("-t", "tmpfs", "-o", "mode=555", "lab", f"{root}/proc")
    for name in sorted(os.listdir(recorded)) if os.path.isdir(recorded) else []:
        source, target = os.path.join(recorded, name), f"{root}/proc/{name}"
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            open(target, "wb").close()
        mount("--bind", source, target)
    for name in ("self", "thread-self", "mounts"):
        if not os.path.lexists(f"{root}/proc/{name}"):
            os.symlink(f"{real}/{name}", f"{root}/proc/{name}")


def _commands(recorded, root):
    folder = root + COMMANDS
    os.makedirs(folder)
    if not os.path.isdir(recorded):
        return
    shutil.copytree(recorded, os.path.join(folder, "recorded"))
    for name in {line.split("_")[0] for line in os.listdir(recorded)}:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(SCRIPT % {"folder": COMMANDS})
        os.chmod(path, 0o755)


def _remove(path):
    if os.path.islink(path) or os.path.isfile(path):
        os.remove(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)
