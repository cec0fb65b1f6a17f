# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks on hosts of the lab: the Ansible that runs them, which has ansible.posix too, and the hosts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile


def environment_with_posix(checkout):
    """The virtual environment with the `ansible` package that goes with this Python; made on first use."""
    venv = os.path.join(checkout, ".cache", "bench-venv")
    release = "ansible~=14.5" if sys.version_info >= (3, 12) else "ansible~=12.3"
    mark = os.path.join(venv, "installed")
    if not os.path.exists(mark):
        print(f"installing {release} for ansible.posix into {os.path.relpath(venv)} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([os.path.join(venv, "bin", "pip"), "install", "--quiet", release], check=True)
        open(mark, "w").close()
    return venv


def variables(checkout, scratch):
    """The environment of a run: the checkout's own settings, and a home that nobody else uses."""
    return {
        **os.environ,
        "ANSIBLE_CONFIG": os.path.join(checkout, "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": os.path.join(checkout, ".cache", "collections"),
        "ANSIBLE_HOME": os.path.join(scratch, "home"),
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }


@contextlib.contextmanager
def folder_with_hosts(checkout, number):
    """A folder for a measurement, in it `lab` with node1 to nodeN; None where this machine cannot have such hosts."""
    lab = os.path.join(checkout, "tests", "lab", "lab")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        state = os.path.join(folder, "lab")
        up = [lab, "up", "--state", state, "--hosts", str(number)]
        # A run that is ended from outside takes its hosts down too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("no measurement: terminated"))
        try:
            yield None if subprocess.run(up, stdout=subprocess.DEVNULL, check=False).returncode else folder
        finally:
            subprocess.run([lab, "down", "--state", state], check=True)
