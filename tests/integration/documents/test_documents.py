# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documents is run, and prints what the document says (scenes.yml says on which hosts)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import reading  # noqa: E402  (both are of these tests alone)
import scene  # noqa: E402

with open(os.path.join(HERE, "scenes.yml"), encoding="utf-8") as file:
    SCENES = yaml.safe_load(file)
ELSEWHERE = {
    name: {command: each["by"] for each in rows for command in each["commands"]}
    for name, rows in SCENES["elsewhere"].items()
}
DOCUMENTS = sorted(
    name
    for name in subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=scene.CHECKOUT, text=True
    ).split()
    if name.endswith(".md") and not name.startswith("tests/")
)


def document(name):
    return reading.read(os.path.join(scene.CHECKOUT, name))


def sections(each):
    """The sections that a scene is for; None is all of its document."""
    return each.get("sections")


def is_of(each, name, section):
    return each["document"] == name and (sections(each) is None or section in sections(each))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_is_run_somewhere(name):
    told = document(name)
    elsewhere = ELSEWHERE.get(name, {})
    for command in told.commands:
        here = any(is_of(each, name, command.section) for each in SCENES["scenes"])
        assert here or command.typed in elsewhere, f"no scene runs: {command.typed}"
    assert set(elsewhere) <= {command.typed for command in told.commands}
    for place in elsewhere.values():
        assert place.startswith("not run: ") or os.path.exists(os.path.join(scene.CHECKOUT, place)), place


@pytest.mark.parametrize("name", sorted(set(DOCUMENTS) - set(SCENES["playbooks_elsewhere"])))
def test_every_playbook_is_one(name, tmp_path):
    """Lists in YAML are plays or tasks; names of modules, their options and the syntax are looked at."""
    for number, (_section, content) in enumerate(document(name).yaml):
        parsed = yaml.safe_load(content)
        if not isinstance(parsed, list) or not all(isinstance(each, dict) for each in parsed):
            continue
        plays = all("hosts" in each or any(key.endswith("import_playbook") for key in each) for each in parsed)
        if not plays and not all("name" in each for each in parsed):
            continue
        path = tmp_path / f"{number}.yml"
        path.write_text(content if plays else yaml.safe_dump([{"hosts": "all", "tasks": parsed}]), encoding="utf-8")
        status, printed = scene.run(str(tmp_path), f"ansible-playbook -i localhost, --syntax-check {path}")
        assert status == 0, printed


@pytest.mark.parametrize("play", [pytest.param(play, id=play["name"]) for play in SCENES["scenes"]])
def test_what_is_typed_prints_what_is_said(root, play, tmp_path):
    told = document(play["document"])
    elsewhere = ELSEWHERE.get(play["document"], {})
    commands = [
        command
        for command in told.commands
        if is_of(play, play["document"], command.section) and command.typed not in elsewhere
    ]
    assert commands, "there is nothing of this in the document any more"
    state = str(tmp_path / "lab")
    folder = tmp_path / "folder"
    folder.mkdir()
    up = [scene.LAB, "up", "--state", state, *scene.arguments(play["hosts"])]
    try:
        made = subprocess.run(up, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900, check=False)
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr
        scene.lay_out(str(folder), state, play, {**told.files, **play.get("files", {})})
        scene.prepare(state, play)
        for typed in play.get("first", []):
            status, printed = scene.run(str(folder), typed)
            assert status == 0, printed
        for command in commands:
            type_it(play, command, str(folder))
    finally:
        subprocess.run([scene.LAB, "down", "--state", state], stdin=subprocess.DEVNULL, timeout=120, check=True)


def type_it(play, command, folder):
    typed = play.get("instead", {}).get(command.typed, command.typed)
    status, printed = scene.run(folder, typed)
    assert status == play.get("status", {}).get(command.typed, 0), f"{typed}\n{printed}"
    for text in command.shown:
        missing = reading.missing(text, printed, bool(play.get("any_number")))
        assert not missing, f"{typed}\n{missing}\n\nit printed:\n{printed}"
