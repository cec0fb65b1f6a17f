# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that answer badly, and hosts with bad things to tell: a right result or a clear error, and nothing is ever run.

The connection is Ansible's to this very machine; what a bad host would do to an answer is done by its shell.
"""

from __future__ import annotations

import os
import sys

import pytest

FACTS = {"netops.conntrack.conntrack_facts": {"gather_subset": ["limits", "timeouts", "persistence"]}}
SETTINGS = {"netops.conntrack.conntrack_settings": {"settings": {"udp_timeout": 41}}}
PERSISTENCE = {"netops.conntrack.conntrack_facts": {"gather_subset": ["persistence"]}}

# What a shell does before, with, and after an answer: $@ are the shell's arguments.
BAD = {
    "noise-before": 'printf "Welcome\\n\\033[1m@@0@1@\\n"; exec sh "$@"',
    "noise-after": 'sh "$@"; status=$?; printf "bye\\n\\000\\n@@"; exit $status',
    "noise-beside": 'echo "tcsetattr: Inappropriate ioctl" >&2; exec sh "$@"',
    "as-a-terminal-prints": "sh \"$@\" | sed 's/$/\\r/'",
    "slow": 'sleep 3; sh "$@" | { dd bs=4000 count=1 2>/dev/null; sleep 3; cat; }',
    "failing-after-it": 'sh "$@"; exit 3',
}
CUT = {
    "cut-in-the-middle": 'sh "$@" | dd bs=4000 count=1 iflag=fullblock 2>/dev/null',
    "cut-before-the-end": 'sh "$@" | { data=$(cat); printf "%s" "${data%?}"; }',
    "nothing": "cat >/dev/null; exit 0",
    "another-shell": 'cat >/dev/null; echo "Unknown command."; exit 1',
    "zeros": "cat >/dev/null; head -c 5000000 /dev/zero",
}


@pytest.fixture
def shell(tmp_path):
    """shell(script): variables of a host on this machine whose shell is this script."""

    def make(script):
        path = tmp_path / "shell"
        path.write_text("#!/bin/sh\n%s\n" % script, encoding="utf-8")
        path.chmod(0o755)
        return {"ansible_shell_executable": str(path), "conntrack_transport": "shell"}

    return make


@pytest.fixture
def here(tmp_path):
    path = tmp_path / "inventory.yml"
    path.write_text("all: {hosts: {here: {ansible_connection: local}}}\n", encoding="utf-8")
    return str(path)


def told(played):
    return [each.get("ansible_facts", each) for each in played.told]


@pytest.mark.parametrize("way", BAD)
def test_an_answer_in_noise_is_understood(machine, tell, shell, here, way):
    right = told(tell(here, "here", [FACTS], **shell('exec sh "$@"')))
    assert told(tell(here, "here", [FACTS], **shell(BAD[way]))) == right
    changed, again = tell(here, "here", [SETTINGS, SETTINGS], **shell(BAD[way])).told
    assert (changed["changed"], again["changed"]) == (True, False)
    assert machine.value("nf_conntrack_udp_timeout") == 41


@pytest.mark.parametrize("way", CUT)
def test_an_answer_that_is_none_is_a_clear_error(machine, tell, shell, here, way):
    for task in (FACTS, SETTINGS):
        (result,) = tell(here, "here", [task], **shell(CUT[way])).told
        assert result["failed"]
        assert "the host's shell gave no whole answer: " in result["msg"]
        assert "Traceback" not in str(result)
        assert "ansible_facts" not in result
    (result,) = tell(here, "here", [SETTINGS], **shell('exec sh "$@"')).told
    assert not result.get("failed"), "and the next run goes on from there"


def test_a_change_whose_answer_is_cut_off_is_whole_and_is_undone(machine, tell, shell, here):
    """Reading goes well, writing does not: the second time that the shell is asked its answer is lost."""
    once = shell('if [ -e "$0.asked" ]; then sh "$@" | head -c 900; else touch "$0.asked"; exec sh "$@"; fi')
    (result,) = tell(here, "here", [SETTINGS], **once).told
    assert result["failed"]
    assert "what was done up to then is whole and on record" in result["msg"]
    again, restored = tell(here, "here", [SETTINGS, {"netops.conntrack.conntrack_settings": {"state": "restored"}}],
                           **shell('exec sh "$@"')).told  # fmt: skip
    assert not again.get("failed")
    assert not restored.get("failed")
    assert machine.state() == machine.first


NAMES = (
    b"zz-{{ lookup('pipe', 'touch owned-by-a-name') }}.conf",
    b"zz-$(touch owned-by-a-shell).conf",
    b"zz-`touch owned-by-backquotes`.conf",
    b"zz-two\nlines.conf",
    b'zz-it\'s "quoted" \\ and * blank .conf',
    b"zz-\xff\xfe.conf",
    b"zz-!unsafe tag.conf",
)
TEXTS = (
    b"net.netfilter.nf_conntrack_udp_timeout = {{ lookup('pipe', 'touch owned-by-a-value') }}\n",
    b"net.netfilter.nf_conntrack_udp_timeout = 3\x003\n",
    b"net.netfilter.nf_conntrack_udp_timeout = 33\n" + b"# " + b"x" * 60000 + b"\n",
    b"\x00\x01\x1b[2J\x7f\r\n\xff",
    b"\n@@0@1@\n@0-1t\n@0-1.\n",
    b"x" * 3_000_000,
    b"",
)


@pytest.fixture
def odd(machine):
    paths = []
    for name in NAMES:
        for number, text in enumerate(TEXTS):
            path = b"/etc/sysctl.d/" + name.replace(b".conf", b"-%d.conf" % number)
            with open(path, "wb") as stream:
                stream.write(text)
            paths.append(path)
    yield
    for path in paths:
        os.unlink(path)


def test_what_a_host_tells_is_never_run(odd, machine, tell, here):
    """Both transports say the same of it, and a template that shows it shows it as it is."""
    show = {"ansible.builtin.debug": {"msg": "{{ task_0.ansible_facts.conntrack.persistence.files }}"}}
    keep = {"ansible.builtin.set_fact": {"kept": "{{ task_0.ansible_facts.conntrack.persistence }}"}}
    again = {"ansible.builtin.debug": {"msg": "{{ kept | to_json }}"}}
    tasks = [PERSISTENCE, show, keep, again, SETTINGS, {**SETTINGS, "diff": True}]
    said = {}
    for transport in ("python", "shell"):
        # Named, as what Ansible finds by itself would be among the facts.
        variables = {"conntrack_transport": transport, "ansible_python_interpreter": sys.executable}
        played = tell(here, "here", tasks, **variables)
        assert [each.get("failed", False) for each in played.told[:4]] == [False] * 4
        said[transport] = [played.told[0]["ansible_facts"], *played.told[1:4]]
        assert not [name for name in os.listdir(played.folder) if name.startswith("owned")]
        tell(here, "here", [{"netops.conntrack.conntrack_settings": {"state": "restored"}}])
    assert said["python"] == said["shell"]
    files = said["shell"][1]["msg"]
    assert any("{{ lookup('pipe'" in path for path in files)
    assert any("two\nlines" in path for path in files)


def test_facts_of_another_name_are_not_taken(tell, here, tmp_path):
    """The host's Python says what it likes in a module's place."""
    facts = '{"conntrack": {}, "conntrack_table": true, "ansible_become_user": "mallory"}'
    liar = tmp_path / "python3"
    liar.write_text('#!/bin/sh\ncat >/dev/null\necho \'{"changed": false, "ansible_facts": %s}\'\n' % facts)
    liar.chmod(0o755)
    show = {"ansible.builtin.debug": {"msg": "{{ conntrack_table | default('nothing') }}"}}
    variables = {"conntrack_transport": "python", "ansible_python_interpreter": str(liar), "ansible_pipelining": True}
    said, shown = tell(here, "here", [FACTS, show], **variables).told
    assert said["ansible_facts"] == {"conntrack": {}}
    assert shown["msg"] == "nothing"
