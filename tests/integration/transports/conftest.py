# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a file's tests, and plays on them as users run plays."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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


class Played:
    """``told`` are the results of the tasks, ``shown`` what the user saw."""

    def __init__(self, told, shown, status):
        self.told, self.shown, self.status = told, shown, status


@pytest.fixture(scope="session")
def tell(tmp_path_factory):
    """tell(inventory, host, tasks, *arguments, **variables): the results of a play of these tasks."""

    def run(inventory, host, tasks, *arguments, **variables):
        folder = tmp_path_factory.mktemp("play")
        tasks = [{"register": f"task_{number}", **task} for number, task in enumerate(tasks)]
        told = "{{ [%s] | to_json }}" % ", ".join("%s | default({})" % task["register"] for task in tasks)
        kept = {
            "name": "Keep what was told",
            "ansible.builtin.copy": {"content": told, "dest": str(folder / "told.json"), "mode": "0600"},
            "delegate_to": "localhost",
            "connection": "local",
            "become": False,
            "check_mode": False,
            "vars": {"ansible_python_interpreter": sys.executable, "ansible_shell_executable": "/bin/sh"},
        }
        play = {
            "name": "A play", "hosts": host, "gather_facts": False, "ignore_errors": True, "ignore_unreachable": True,
            "vars": variables, "tasks": [*tasks, kept],
        }  # fmt: skip
        book = folder / "play.yml"
        book.write_text(json.dumps([play]), encoding="utf-8")
        command = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", inventory, str(book)]
        environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0"}
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False, env=environment,
            cwd=folder,
        )  # fmt: skip
        assert (folder / "told.json").exists(), done.stdout[-4000:] + done.stderr[-4000:]
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        played = Played(told, done.stdout + done.stderr, done.returncode)
        played.folder = folder
        return played

    return run
