# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of a bare host that is nothing but BusyBox and an sshd, made inside it.

Debian's BusyBox is built so that its shell finds every applet without a look at PATH, links or not. Most are built
otherwise, a tool would not be gone with its link, and a recorded command would never be asked. So two copies of it
are made, each with names crossed out in its table of applets: the shell knows the shell only, and finds everything
else on PATH; the other does not know what is removed.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess

import bare_root
from inside import mount, write
from processes import PATH

FOLDERS = (
    *("bin", "dev", "etc/ssh", "home", "lib", "mnt", "proc", "root", "run", "sbin", "sys", "tmp"),
    *("usr/bin", "usr/lib", "usr/local/bin", "usr/local/sbin", "usr/sbin", "var/lib", "var/log", "var/tmp"),
)
SHELLS = ("ash", "sh")
# OpenSSH from 9.8 on is several programs, each named by the one before.
SSHD_HELPERS = ("/usr/lib/openssh/sshd-*", "/usr/lib/ssh/sshd-*", "/usr/libexec/sshd-*", "/usr/libexec/openssh/sshd-*")
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "sshd:x:101:65534::/run/sshd:/bin/false\n"
    "nobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "shadow": "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
}


def make(root, sshd):
    """Build it on a tmpfs at root; returns root. sshd: the machine's, which keeps its path."""
    mount("-t", "tmpfs", "-o", "mode=755", "lab", root)
    for folder in FOLDERS:
        os.makedirs(os.path.join(root, folder))
    os.symlink("/run", f"{root}/var/run")
    for name, text in ACCOUNTS.items():
        write(f"{root}/etc/{name}", text)
    _busybox(root)
    for path in (sshd, *(path for pattern in SSHD_HELPERS for path in glob.glob(pattern))):
        _program(root, path)
    return root


def _busybox(root):
    machine = shutil.which("busybox", path=PATH)
    with open(machine, "rb") as file:
        binary = file.read()
    paths = _said_by(machine, "--list-full")
    applets = _said_by(machine, "--list")
    shell = _without(binary, applets, [name for name in applets if name not in SHELLS])
    others = _without(binary, applets, [name for name in applets if bare_root.is_removed(name)])
    for path, content, mode in (("bin/ash", shell, 0o755), ("bin/busybox", others, 0o4755)):
        with open(os.path.join(root, path), "wb") as file:
            file.write(content)
        # BusyBox gives up root's rights for every applet but the few, such as su, that need them.
        os.chmod(os.path.join(root, path), mode)
    os.symlink("ash", f"{root}/bin/sh")
    _libraries(root, machine)
    for path in paths:
        folder, name = os.path.split(path)
        target = os.path.join(root, path)
        if folder and not bare_root.is_removed(name) and not os.path.lexists(target):
            os.symlink("/bin/busybox", target)


def _said_by(machine, option):
    return subprocess.run([machine, option], check=True, capture_output=True, text=True).stdout.split()


def _without(binary, applets, crossed_out):
    """A copy of BusyBox that does not know these applets: their last letter becomes one that no name has.

    It comes after all letters, as a search that starts in the middle of the table must not start too late.
    """
    table = "".join(f"{name}\0" for name in applets).encode()
    if binary.count(table) != 1:
        raise RuntimeError("this machine's busybox has no table of its applets' names where one was looked for")
    names = [f"{name[:-1]}~" if name in crossed_out else name for name in applets]
    return binary.replace(table, "".join(f"{name}\0" for name in names).encode())


def _program(root, path):
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    shutil.copy(path, root + path)
    _libraries(root, path)


def _libraries(root, program):
    """The shared libraries of a program, by the names under which its loader looks for them."""
    said = subprocess.run(["ldd", program], check=False, capture_output=True, text=True).stdout
    for path in re.findall(r"(/\S+) \(0x", said):
        # Up to glibc 2.33 reading /etc/passwd is a library of its own, which ldd does not know of.
        for each in (path, f"{os.path.dirname(path)}/libnss_files.so.2"):
            if os.path.exists(each) and not os.path.exists(root + each):
                os.makedirs(os.path.dirname(root + each), exist_ok=True)
                shutil.copy(each, root + each)
