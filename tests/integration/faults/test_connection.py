# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a host is cut in the middle of a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
LOCK = "/run/netops-conntrack.lock"
WANTED = {"settings": {"udp_timeout": 41, "generic_timeout": 611}}
ENVIRONMENT = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
# What a run changes, and what there is besides.
STATE = """
find /etc /var/lib -xdev | sort
cat /etc/sysctl.d/* /etc/sysctl.conf 2>/dev/null
grep . /proc/sys/net/netfilter/nf_conntrack_*timeout*
"""
HOLDERS = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c %s || true" % LOCK
# The sessions, not the daemon that listens.
CUT = """
for each in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < $each/cmdline 2>/dev/null) in
    *listener*) ;;
    sshd*) kill -9 ${each#/proc/} ;;
  esac
done
true
"""


class Node:
    """A lab's host that Ansible reaches over SSH."""

    def __init__(self, state):
        self.state = state
        made = self.lab("up", "--hosts", "1")
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr
        self.inventory = os.path.join(state, "inventory.yml")

    def lab(self, command, *arguments):
        argv = [LAB, command, "--state", self.state, *arguments]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)

    def shell(self, script):
        done = self.lab("run", "node1", "--", "sh", "-c", script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, arguments):
        """Ansible at work on the host, in a process group of its own."""
        ansible = os.path.join(os.path.dirname(sys.executable), "ansible")
        module = ["-m", "netops.conntrack.conntrack_settings", "-a", json.dumps(arguments)]
        return subprocess.Popen(
            [ansible, "node1", "-i", self.inventory, *module],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip

    def run(self, arguments):
        """The result of a run that must succeed."""
        process = self.start(arguments)
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 0, output
        return json.loads(output[output.index("{") :])

    def wait(self, holders):
        """Until so many processes have the lock file open."""
        end = time.monotonic() + 30
        while int(self.shell(HOLDERS)) != holders:
            assert time.monotonic() < end, "there are %s instead of %d" % (self.shell(HOLDERS), holders)


@pytest.fixture
def node(root, tmp_path):
    for program in ("ssh", "sshd", "flock"):
        if not shutil.which(program):
            pytest.skip("not run: there is no %s here" % program)
    made = Node(str(tmp_path / "lab"))
    try:
        yield made
    finally:
        made.lab("down")


def test_a_connection_that_is_cut_needs_no_human(node):
    first = node.shell(STATE)
    for end in ("host", "controller"):
        cut(node, end)
        result = node.run(WANTED)
        assert {name: row["after"] for name, row in result["settings"].items()} == WANTED["settings"]
        assert node.run(WANTED)["changed"] is False
        node.run({"state": "restored"})
        assert node.shell(STATE) == first, "cut by the %s" % end


def cut(node, end):
    """A run whose connection ends while it waits at a known point: for the lock that another one holds."""
    argv = [LAB, "run", "--state", node.state, "node1", "--", "flock", "-o", LOCK, "cat"]
    holder = subprocess.Popen(argv, stdin=subprocess.PIPE)
    try:
        node.wait(1)
        process = node.start(WANTED)
        node.wait(2)
        if end == "host":
            node.shell(CUT)
        else:
            os.killpg(process.pid, signal.SIGKILL)
        output = process.communicate(timeout=60)[0]
        assert process.returncode != 0, output
    finally:
        holder.communicate(b"")
    node.wait(0)
