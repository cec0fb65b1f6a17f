# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a plan in one question: in stages, each on the success of the one before, and only on what was read."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote import RemoteHost, Stale
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.shell_answer import Unanswered
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Command, File, Glob
from ansible_collections.netops.conntrack.tests.unit.shells import (
    Connection,
    alike,
    every_shell,
    local,
    one_shell,
    put,
    remote,
    state,
    step,
    told,
    value,
)


@pytest.fixture
def host(tmp_path):
    folder = tmp_path / "host"
    for name in ("a", "b", "c"):
        put(folder / name, b"1\n")
    put(folder / "file", b"old\n")
    return folder


def good(host, name):
    return value("1", "2", host / name)


def bad(host):
    return value("1", "2", host / "none")


STAGES = {
    "all succeed": ("ab", "c", ""),
    "the first fails": ("xa", "b", "c"),
    "the second fails": ("a", "bx", "c"),
    "the last fails": ("a", "b", "xc"),
    "one that does nothing": ("", "a", "", "b"),
    "nothing at all": (),
    "nothing but failure": ("x",),
}


@every_shell
@pytest.mark.parametrize("case", STAGES)
def test_stages(shell, case, host, tmp_path):
    stages = [[good(host, name) if name in "abc" else bad(host) for name in stage] for stage in STAGES[case]]
    items = [Glob(str(host) + "/*"), Command(("uname", "-s"))]
    found = []
    for each in (remote(shell, tmp_path), local()):
        for name in "abc":
            put(host / name, b"1\n")
        outcomes, snapshot = each.in_stages(stages, items)
        found.append(([told(stage) for stage in outcomes], state(host), snapshot))
    assert found[0][:2] == found[1][:2]
    assert (found[0][2] is None) == (found[1][2] is None)
    if found[0][2]:
        alike(found[0][2], found[1][2])


@every_shell
def test_one_question_for_everything(shell, host, tmp_path):
    connection = Connection(shell, tmp_path)
    there = RemoteHost(connection.send)
    there.read([Glob(str(host) + "/*")])
    there.in_stages(
        [[good(host, "a")], [good(host, "b"), step("old\n", "new\n", host / "file")]], [File("/proc/version")]
    )
    assert len(connection.answers) == 2
    assert there.carry_out([]) == []
    assert len(connection.answers) == 2


def plan(host):
    return [
        [value("1", "2", host / "a"), value("2", "3", host / "a"), value("1\n", "4", host / "b")],
        [step("old\n", "new\n", host / "file"), step("new\n", "newer\n", host / "file"), step(None, "x", host / "new")],
        [value(None, "5", host / "later"), value("1", "2", host / "c")],
    ]


@every_shell
def test_what_is_as_it_was_read_is_changed(shell, host, tmp_path):
    there = remote(shell, tmp_path)
    there.read([Glob(str(host) + "/*")])
    outcomes, _snapshot = there.in_stages(plan(host), [])
    assert [outcome.error for stage in outcomes for outcome in stage] == [None] * 6 + ["ENOENT", None]
    assert (host / "file").read_text(encoding="utf-8") == "newer\n"


CHANGES = {
    "a value": ("a", b"7\n"),
    "a value that comes late": ("c", b"7\n"),
    "a value by its end": ("b", b"1 \n2\n"),
    "a value that is gone": ("b", None),
    "a file": ("file", b"somebody else's\n"),
    "a file by its last byte": ("file", b"old"),
    "a file that is gone": ("file", None),
    "a file that is there now": ("new", b"x"),
}


@every_shell
@pytest.mark.parametrize("case", CHANGES)
def test_what_changed_after_it_was_read_ends_all_of_it(shell, case, host, tmp_path):
    there = remote(shell, tmp_path)
    there.read([Glob(str(host) + "/*")])
    name, content = CHANGES[case]
    if content is None:
        (host / name).unlink()
    else:
        put(host / name, content)
    before = state(host)
    with pytest.raises(Stale) as raised:
        there.in_stages(plan(host), [])
    assert raised.value.args[0].startswith(str(host))
    assert state(host) == before


@every_shell
def test_what_was_not_just_read_is_judged_step_by_step(shell, host, tmp_path):
    there = remote(shell, tmp_path)
    there.read([])
    assert told(there.carry_out([good(host, "a")])) == [(None, None)]
    stale = step("stale", "new\n", host / "file")
    assert [outcome.error for outcome in there.carry_out([value("stale", "9", host / "a"), stale])] == [None, "ESTALE"]


@every_shell
def test_what_was_read_counts_up_to_the_next_change(shell, host, tmp_path):
    there = remote(shell, tmp_path)
    there.read([Glob(str(host) + "/*")])
    there.carry_out([good(host, "a")])
    put(host / "b", b"7\n")
    steps = [value("2", "3", host / "a"), value("1", "2", host / "b")]
    assert told(there.carry_out(steps)) == [(None, None)] * 2


@one_shell
def test_an_answer_that_leaves_a_step_out_is_none(shell, host, tmp_path):
    there = remote(shell, tmp_path, edits={'printf "$F%s" o "$1"': ":"})
    with pytest.raises(Unanswered) as raised:
        there.carry_out([good(host, "a")])
    assert raised.value.begun


@one_shell
@pytest.mark.parametrize("number", ["7", "-1", "x", "$(:)", "99999999999999999999"])
def test_an_answer_about_other_steps_is_none(shell, number, host, tmp_path):
    there = remote(shell, tmp_path, edits={'printf "$F%s" o "$1"': 'printf "$F%%s" o "%s"' % number})
    with pytest.raises(Unanswered) as raised:
        there.carry_out([good(host, "a")])
    assert raised.value.begun
