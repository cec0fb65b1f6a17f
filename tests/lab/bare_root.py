# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a host bare, inside it: what is taken from the machine's root, and who may come in.

User admin (uid 1000) has no password and the lab's key. Where the host has su, it becomes root by that with root's
password, which is "lab", and where it has sudo, without a password.
"""

from __future__ import annotations

import fnmatch
import os

from inside import mount, read, write

FOLDERS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
# Convenient, and missing from many a small or old system: what leans on them is found out here.
REMOVED = (
    "base64",
    "flock",
    "hexdump",
    "mktemp",
    "od",
    "readlink",
    "realpath",
    "setsid",
    "sha*sum",
    "stat",
    "timeout",
    "xxd",
)
# Interpreters, ways of copying files that want a program here, and BusyBox, which would bring back what is removed.
ALSO_NOT_IN_DASH = ("busybox", "hd", "perl*", "pypy*", "python*", "scp", "sftp*")
ELSEWHERE = (
    "usr/lib/openssh/sftp-server",
    "usr/lib/sftp-server",
    "usr/lib/ssh/sftp-server",
    "usr/libexec/openssh/sftp-server",
    "usr/libexec/platform-python",
    "usr/libexec/sftp-server",
)
# Each may hold a Python that a person installed.
EMPTY = ("home", "opt")
BANNER = "This is {name}, a host of the lab.\nAll that is done here is thrown away.\n"
SSHD_LINES = "Banner /etc/ssh/lab_banner\n"
PASSWORD = "$6$lab$8Didkn.UcNG/jLg7V7QIVX8TXEUMaHiIjiDSTr0wAgIU0I3PLx3iJU9IWSsHB2a53VxKmQZAq1Hyy09qF/fXn1"
SUDOERS = """\
Defaults secure_path="{path}"
root ALL=(ALL:ALL) ALL
admin ALL=(ALL:ALL) NOPASSWD: ALL
"""


def is_removed(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in REMOVED)


def strip(root):
    """Take from a copy of the machine's root what a bare host has not."""
    for folder in FOLDERS:
        folder = os.path.join(root, folder)
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in (*REMOVED, *ALSO_NOT_IN_DASH)):
                os.remove(os.path.join(folder, name))
    for path in ELSEWHERE:
        if os.path.lexists(os.path.join(root, path)):
            os.remove(os.path.join(root, path))
    for folder in EMPTY:
        if os.path.isdir(os.path.join(root, folder)):
            mount("-t", "tmpfs", "-o", "mode=755", "lab", os.path.join(root, folder))
    shell = os.path.join(root, "bin/sh")
    os.remove(shell)
    os.symlink("dash", shell)


def accounts(root, settings, path):
    """The banner, root's shell and password, and admin. path: where the host looks for commands."""
    write(f"{root}/etc/ssh/lab_banner", BANNER.format(name=settings["name"]))
    _edit(f"{root}/etc/passwd", {"root": {6: "/bin/sh"}}, "admin:x:1000:1000:admin:/home/admin:/bin/sh")
    _edit(f"{root}/etc/group", {}, "admin:x:1000:")
    _edit(f"{root}/etc/shadow", {"root": {1: PASSWORD}}, "admin:*:19000:0:99999:7:::")
    os.chmod(f"{root}/etc/shadow", 0o640)
    for folder in ("home/admin", "home/admin/.ssh"):
        os.makedirs(os.path.join(root, folder), 0o700)
        os.chown(os.path.join(root, folder), 1000, 1000)
    keys = f"{root}/home/admin/.ssh/authorized_keys"
    write(keys, read(settings["public_key"]), 0o600)
    os.chown(keys, 1000, 1000)
    if os.path.exists(f"{root}/usr/bin/sudo"):
        write(f"{root}/etc/sudoers", SUDOERS.format(path=path), 0o440)


def _edit(path, changes, added):
    """Change fields of accounts, and add one in the place of any other with its name or number."""
    name, _password, number, *_rest = added.split(":")
    lines = []
    for line in read(path).splitlines():
        fields = line.split(":")
        # The third field of shadow is a day.
        if fields[0] == name or (not path.endswith("shadow") and fields[2:3] == [number]):
            continue
        for position, value in changes.get(fields[0], {}).items():
            fields[position] = value
        lines.append(":".join(fields))
    write(path, "\n".join([*lines, added, ""]))
