# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian guest that the tests of this folder share, reached as users reach hosts: by ansible over SSH."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")


class Guest:
    """A virtual machine of the lab."""

    name = "guest"

    def __init__(self, state):
        self.state = state
        self.variables = json.loads(self._lab("inventory").stdout)["_meta"]["hostvars"][self.name]
        self.address = self.variables["ansible_host"]

    def module(self, name, check=False, **arguments):
        """The result of a module of this collection. SSH's connection is kept, as a full table lets no new one in."""
        argv = ["ansible", "-i", os.path.join(self.state, "inventory.yml"), self.name]
        argv += ["-m", "netops.conntrack." + name, *(["-a", json.dumps(arguments)] if arguments else [])]
        argv += ["--check"] if check else []
        environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180, env=environment
        )
        _head, arrow, result = done.stdout.partition(" => ")
        assert arrow, done.stdout + done.stderr
        return {"failed": done.returncode != 0, **json.loads(result)}

    def facts(self, **arguments):
        result = self.module("conntrack_facts", **arguments)
        assert not result["failed"], result
        return result["ansible_facts"]["conntrack"]

    def run(self, script):
        """What a shell script prints, run inside."""
        return self._lab("run", self.name, "--", "sh", "-c", script).stdout

    def write(self, path, text, mode="644"):
        self.feed(f"cat > {path} && chmod {mode} {path}", text.encode())

    def feed(self, script, data):
        """Runs a shell script inside that reads these bytes."""
        command = [LAB, "run", "--state", self.state, self.name, "--", "sh", "-c", script]
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def reboot(self):
        """Boots it anew, and waits until it can be reached again."""
        before = self.run("cat /proc/sys/kernel/random/boot_id")
        self.run("systemd-run --quiet --on-active=0 systemctl reboot")
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            time.sleep(1)
            command = [LAB, "run", "--state", self.state, self.name, "--", "cat", "/proc/sys/kernel/random/boot_id"]
            seen = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if seen.returncode == 0 and seen.stdout != before:
                return
        pytest.fail("the guest did not come back from a reboot")

    def ssh_is_closed(self):
        """Whether a new connection gets no answer."""
        try:
            socket.create_connection((self.address, 22), timeout=2).close()
        except OSError:
            return True
        return False

    def value(self, key):
        return int(self.run(f"cat /proc/sys/net/netfilter/nf_conntrack_{key}"))

    def _lab(self, command, *arguments):
        done = subprocess.run(
            [LAB, command, "--state", self.state, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="session")
def guest(tmp_path_factory):
    state = str(tmp_path_factory.mktemp("guests"))
    up = [LAB, "up", "--state", state, "--guest", "guest=debian12"]
    try:
        made = subprocess.run(up, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900)
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr.strip())
        assert made.returncode == 0, made.stderr
        yield Guest(state)
    finally:
        subprocess.run([LAB, "down", "--state", state], stdin=subprocess.DEVNULL, check=True, timeout=120)
