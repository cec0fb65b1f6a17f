# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts, and the folder, that the commands of a document are typed in; scenes.yml says which."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

import yaml

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
RECORDED = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts")
# Nothing listens there.
NOWHERE = {"ansible_host": "127.0.0.1", "ansible_port": 1}


def arguments(hosts: dict[str, dict[str, t.Any]]) -> list[str]:
    """Those of `lab up` for the hosts of a scene."""
    words: list[str] = []
    for name, kind in hosts.items():
        if kind.get("nowhere"):
            continue
        if not {"recorded", "bare", "guest"} & set(kind):
            words.append(name)
        for option in ("bare", "guest"):
            if option in kind:
                words += ["--" + option, "%s=%s" % (name, kind[option])]
        if "recorded" in kind:
            words += ["--fixture", "%s=%s" % (name, os.path.join(RECORDED, kind["recorded"]))]
    return words


def lay_out(folder: str, state: str, scene: dict[str, t.Any], files: dict[str, str]) -> None:
    """Writes the inventory, under the names that the documents use, and the files of the document."""
    with open(os.path.join(state, "inventory.yml"), encoding="utf-8") as file:
        inventory = yaml.safe_load(file)
    # In the order of the scene, which is the one that batches go by.
    inventory["all"]["hosts"] = {name: NOWHERE if kind.get("nowhere") else {} for name, kind in scene["hosts"].items()}
    for group, names in scene.get("groups", {}).items():
        inventory["all"]["children"][group] = {"hosts": {name: {} for name in names}}
    inventory["all"]["vars"] = scene.get("variables", {})
    for name in ("inventory", "hosts.yml"):
        write(os.path.join(folder, name), json.dumps(inventory))
    for name, content in files.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        write(os.path.join(folder, name), content)


def write(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def prepare(state: str, scene: dict[str, t.Any]) -> None:
    """Runs on each host what the scene has for it."""
    for name, kind in scene["hosts"].items():
        if "prepare" in kind:
            command = [LAB, "run", "--state", state, name, "--", "sh", "-ec", kind["prepare"]]
            subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=120)


def run(folder: str, typed: str) -> tuple[int, str]:
    """The exit status of a command and what it printed, as one who has the collection installed would see it."""
    programs = os.path.dirname(sys.executable)
    environment = {
        **os.environ,
        "PATH": programs + os.pathsep + os.environ["PATH"],
        "ANSIBLE_FORCE_COLOR": "0",
        "CHECKOUT": CHECKOUT,
        "COLUMNS": "100",
    }
    done = subprocess.run(
        ["bash", "-c", typed], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=600, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout
