# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of a bare host that is nothing but BusyBox and an sshd, made inside it."""

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
    _program(root, machine, "/bin/busybox")
    for path in subprocess.run([machine, "--list-full"], check=True, capture_output=True, text=True).stdout.split():
        folder, name = os.path.split(path)
        target = os.path.join(root, path)
        # linuxrc has no folder: it is for the first process of an initrd.
        if folder and not bare_root.is_removed(name) and not os.path.lexists(target):
            os.symlink("/bin/busybox", target)


def _program(root, path, target=None):
    target = root + (target or path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(path, target)
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
