# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What diagnose and the role take for conntrack_table and conntrack_table_options, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PLAYBOOK = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")


@pytest.fixture
def shown(tmp_path):
    """shown(playbook, variable=value...): how it ended on this machine, and what it showed, as one line."""

    def run(playbook, **variables):
        given = tmp_path / "variables.json"
        given.write_text(json.dumps({**variables, "ansible_python_interpreter": sys.executable}), encoding="utf-8")
        done = subprocess.run(
            [PLAYBOOK, "-i", "localhost,", "-c", "local", str(playbook), "-e", "@%s" % given],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        )  # fmt: skip
        return done.returncode, " ".join((done.stdout + done.stderr).split()).replace('\\"', '"')

    return run


@pytest.fixture
def diagnose(shown):
    return lambda **variables: shown("netops.conntrack.diagnose", **variables)


@pytest.mark.parametrize("given", ["maybe", {"sample": 0}, 2])
def test_what_is_no_boolean_is_refused(diagnose, given):
    code, said = diagnose(conntrack_table=given)
    assert code and "conntrack_table: %s is no boolean; allowed: true or false." % json.dumps(given) in said, said
    assert "Read the state" not in said


@pytest.mark.parametrize("given", ["sample=0", ["sample"]])
def test_options_that_are_no_dict_are_refused(diagnose, given):
    code, said = diagnose(conntrack_table=True, conntrack_table_options=given)
    assert code and "conntrack_table_options: %s is no dict; allowed: options of" % json.dumps(given) in said, said
    assert "TASK [netops.conntrack.conntrack : Look who fills the table]" not in said


@pytest.mark.parametrize("given", [None, {"sample": 10}])
def test_null_and_nothing_are_no_options(diagnose, given):
    code, said = diagnose(conntrack_table="yes", conntrack_table_options=given)
    assert code == 0 and "Show who fills the table" in said, said


@pytest.mark.parametrize("given", [{}, {"conntrack_table": None}, {"conntrack_table": "no"}])
def test_a_table_that_is_not_asked_for_is_not_shown(diagnose, given):
    code, said = diagnose(**given, conntrack_table_options="sample=0")
    assert code == 0 and "Show who fills the table" not in said, said


def test_a_playbook_that_imports_it_may_ask_for_the_table(shown, tmp_path):
    book = tmp_path / "imports.yml"
    given = {"conntrack_table": True, "conntrack_fail_on": "full"}
    book.write_text(json.dumps([{"import_playbook": "netops.conntrack.diagnose", "vars": given}]), encoding="utf-8")
    code, said = shown(book)
    assert code == 0 and "Show who fills the table" in said, said
    book.write_text(
        json.dumps([{"import_playbook": "netops.conntrack.diagnose", "vars": {"conntrack_fail_on": "fill"}}]),
        encoding="utf-8",
    )
    code, said = shown(book)
    assert code and "conntrack_fail_on: fill is not a verdict" in said and "Read the state" not in said, said


def test_the_tasks_of_the_role_refuse_the_same(shown, tmp_path):
    role = {"name": "netops.conntrack.conntrack", "tasks_from": "table"}
    task = {"name": "Ask", "ansible.builtin.include_role": role, "vars": {"conntrack_table_options": "a=b"}}
    book = tmp_path / "play.yml"
    play = {"name": "A play", "hosts": "all", "gather_facts": False, "tasks": [task]}
    book.write_text(json.dumps([play]), encoding="utf-8")
    code, said = shown(book)
    assert code and 'conntrack_table_options: "a=b" is no dict' in said, said
