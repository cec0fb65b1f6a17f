# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays as users run them, and what their tasks told."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing


class Played(typing.NamedTuple):
    """``told`` are the results of the tasks, ``shown`` what the user saw, ``folder`` where the play was run."""

    told: list
    shown: str
    folder: pathlib.Path


def play(folder, inventory, host, tasks, *arguments, **variables):
    """A play of these tasks on a host of an inventory; one that fails is followed by the next."""
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
    written = {
        "name": "A play", "hosts": host, "gather_facts": False, "ignore_errors": True, "ignore_unreachable": True,
        "vars": variables, "tasks": [*tasks, kept],
    }  # fmt: skip
    book = folder / "play.yml"
    book.write_text(json.dumps([written]), encoding="utf-8")
    command = [
        os.path.join(os.path.dirname(sys.executable), "ansible-playbook"),
        "-i",
        inventory,
        str(book),
        *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900, check=False, cwd=folder,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
    )  # fmt: skip
    assert (folder / "told.json").exists(), done.stdout[-4000:] + done.stderr[-4000:]
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    return Played(told, done.stdout + done.stderr, folder)
