# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hosts in numbers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
ANSIBLE = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")


class Fleet:
    """Hosts of the lab, node1 and on, and playbooks that are run over them."""

    # Connections that Ansible still has open end too.
    CUT_OFF = """
nft -f - <<'RULES'
add table inet cut_off
add chain inet cut_off in { type filter hook input priority 0; }
add rule inet cut_off in tcp dport 22 reject with tcp reset
RULES
"""
    REACHABLE = "nft delete table inet cut_off"

    def __init__(self, folder, hosts):
        self.folder = folder
        made = self.lab("up", "--hosts", str(hosts))
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr

    def lab(self, command, *arguments):
        argv = [LAB, command, "--state", str(self.folder / "lab"), *arguments]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)

    def shell(self, node, script):
        done = self.lab("run", node, "--", "sh", "-c", script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def play(self, book, *arguments, **variables):
        """A playbook of ours, or a file: the exit status, what was shown, and the recap: host to its counts."""
        book = book if "/" in book else "netops.conntrack." + book
        inventory = str(self.folder / "lab" / "inventory.yml")
        argv = [ANSIBLE, "-i", inventory, "-T", "5", book, "-e", json.dumps(variables), *arguments]
        done = subprocess.run(
            argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=400, check=False, cwd=self.folder,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
        )  # fmt: skip
        recap = {}
        for line in done.stdout.partition("PLAY RECAP")[2].splitlines():
            if ":" in line:
                host, _colon, counts = line.partition(":")
                recap[host.strip()] = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", counts)}
        return done.returncode, done.stdout + done.stderr, recap


@pytest.fixture(scope="module")
def make_fleet(root, tmp_path_factory):
    """make_fleet(hosts): as many hosts of the lab."""
    folder = tmp_path_factory.mktemp("fleet")
    try:
        yield lambda hosts: Fleet(folder, hosts)
    finally:
        subprocess.run([LAB, "down", "--state", str(folder / "lab")], stdin=subprocess.DEVNULL, check=False)
