# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bare hosts: namespace hosts without Python, perl, sftp, scp and the tools that a small old system often lacks.

  busybox  a root with nothing but BusyBox and the machine's sshd (busybox_root.py)
  dash     the machine's root as other hosts have it, less all of that, with dash as /bin/sh (bare_root.py)

With a recording such a host shows what was recorded, as others do.
"""

from __future__ import annotations

import shutil
import subprocess

import namespace_host
from processes import PATH
from state import Unavailable

COMMANDS = {"busybox": "busybox", "dash": "dash", "ldd": "libc-bin"}
ROOTS = ("busybox", "dash")

stop, enter = namespace_host.stop, namespace_host.enter


def require():
    """Raise Unavailable with a plain sentence where this machine cannot make such hosts."""
    namespace_host.require()
    missing = {package for command, package in COMMANDS.items() if not shutil.which(command, path=PATH)}
    if missing:
        raise Unavailable(f"bare hosts take these Debian packages: {', '.join(sorted(missing))}")
    # Such a one would know what is removed, and never ask for a recorded command.
    asked = ["busybox", "sh", "-c", "PATH=/nowhere; command -v cat"]
    if subprocess.run(asked, capture_output=True, check=False, env={"PATH": PATH}).stdout:
        raise Unavailable("bare hosts take a BusyBox that looks at PATH, as in Debian's package busybox")


def start(state, name, what):
    """Start one host, whose number is claimed. what: the kind of its root, and a recording's folder or None."""
    bare, fixture = what
    namespace_host.start(state, name, fixture, bare)
