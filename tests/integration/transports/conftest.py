# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a file's tests."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")


class Hosts:
    """A lab; ``inventory`` is the path of its inventory."""

    def __init__(self, state):
        self.state = state
        self.inventory = os.path.join(state, "inventory.yml")

    def inside(self, host, script, data=""):
        """What a shell script prints that runs on a host, and not over the network."""
        command = [LAB, "run", "--state", self.state, host, "--", "sh", "-c", script]
        return subprocess.run(command, input=data, capture_output=True, text=True, check=True).stdout

    def variables(self, host):
        return json.loads(subprocess.check_output([LAB, "inventory", "--state", self.state]))["_meta"]["hostvars"][host]


@pytest.fixture(scope="module")
def lab(root, request, tmp_path_factory):
    """The hosts that the file's HOSTS, arguments of `lab up`, name."""
    state = str(tmp_path_factory.mktemp("lab"))
    up = [LAB, "up", "--state", state, *request.module.HOSTS]
    try:
        made = subprocess.run(up, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr
        yield Hosts(state)
    finally:
        subprocess.run([LAB, "down", "--state", state], stdin=subprocess.DEVNULL, timeout=120, check=True)
