# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python of a host is good enough, and how a module that could not begin is told from one that failed."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils import host_python


@pytest.mark.parametrize(
    ("told", "least"),
    # As ansible-core 2.16, 2.17 and 2.21 have it, and as one may that has it no more.
    [(True, (3, 8)), ((3, 7), (3, 8)), ((3, 9), (3, 9)), (None, (3, 8))],
)
def test_what_ansible_needs_counts_where_it_is_more(told, least):
    assert host_python.least(told) == least


class Answering:
    """An action whose host answers so."""

    def __init__(self, said):
        self._said = said

    def _low_level_execute_command(self, command, sudoable):
        return {"stdout": self._said}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("netops-conntrack-python 3.13 /usr/bin/python3.13\n", "/usr/bin/python3.13"),
        ("Welcome!\r\nnetops-conntrack-python 3.11 /opt/c++/python-3\r\n", "/opt/c++/python-3"),
        ("netops-conntrack-python 3.6 /usr/bin/python3\n", None),
        ("", None),
        # It becomes a variable of Ansible, so nothing in it may be a template.
        ("netops-conntrack-python 3.13 /tmp/{{ lookup('pipe', 'id') }}/python3\n", ""),
        ("netops-conntrack-python 3.13 python3\n", ""),
    ],
)
def test_where_python_is(said, found):
    assert host_python.look(Answering(said), {}) == found


# Made up after what shells, old Pythons and ansible-core say; real old Pythons are tried by test_choosing.py.
def failed(rc, said):
    return {"failed": True, "msg": "", "rc": rc, "module_stdout": "", "module_stderr": said}


NO_USE = (
    failed(127, "/bin/sh: 1: /usr/bin/python3: not found"),
    failed(1, "SyntaxError: future feature annotations is not defined"),
    {"failed": True, "msg": "ansible-core requires a minimum of Python version 3.9. Current version: 3.6.15"},
)
OF_USE = (
    {"failed": False, "changed": False},
    {"failed": True, "msg": "settings: 'maximum' is no setting"},
    {"failed": True, "msg": "/etc/x: not found"},
    failed(1, "MemoryError"),
)


@pytest.mark.parametrize("result", NO_USE)
def test_a_module_that_could_not_begin(result):
    assert host_python.is_of_no_use(result)


@pytest.mark.parametrize("result", OF_USE)
def test_a_module_that_ran(result):
    assert not host_python.is_of_no_use(result)
