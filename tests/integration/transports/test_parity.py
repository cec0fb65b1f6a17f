# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both transports on the same hosts tell the same, field for field, and leave the same behind."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.tests.integration.transports.story import (
    CHANGES,
    OF_THE_MACHINE,
    REFUSED,
    same,
    tasks,
)

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FIXTURES = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts")
# Recorded hosts of each naming and each kind of boot. One with nothing but BusyBox lacks the services that a Debian
# has, so it is compared where the recording says all that counts.
RECORDED = {"rhel5-origin": ("busybox", "dash"), "rhel6": ("busybox",), "debian11": ("dash",)}
OWN = "/etc /var/lib/netops-conntrack"


HOSTS = ["node"]
for _name, _kinds in RECORDED.items():
    HOSTS += ["--fixture", f"py-{_name}={os.path.join(FIXTURES, _name)}"]
    for _kind in _kinds:
        HOSTS += ["--bare", f"{_kind}-{_name}={_kind}", "--fixture", f"{_kind}-{_name}={os.path.join(FIXTURES, _name)}"]


@pytest.fixture(scope="module")
def story(lab, tell):
    def told(host, transport, chapters):
        arguments = {"conntrack_transport": transport, "ansible_pipelining": True}
        return tell(lab.inventory, host, tasks(chapters), **arguments).told

    return told


def files(lab, host):
    """What a transport could have changed, each with its mode, owner and sum; copies that were asked for stay."""
    listed = "find %s -name 'ssh*' -prune -o -type f -exec ls -ln {} + 2>/dev/null; :" % OWN
    words = [line.split() for line in lab.inside(host, listed).splitlines()]
    sums = lab.inside(host, "find %s -type f -exec md5sum {} + 2>/dev/null; :" % OWN)
    return (
        sorted((row[-1], row[0], *row[2:4]) for row in words if len(row) > 8 and not row[-1].endswith("~")),
        sorted(line for line in sums.splitlines() if not line.endswith("~")),
    )


def served_by(by_python, by_shell):
    assert {each["transport"] for each in by_python} == {"python"}
    assert {each["transport"] for each in by_shell} == {"shell"}


def test_on_the_same_real_host(story, lab):
    first = files(lab, "node")
    by_python = story("node", "python", CHANGES)
    assert any(each["changed"] for each in by_python)
    assert files(lab, "node") == first
    by_shell = story("node", "shell", CHANGES)
    assert files(lab, "node") == first
    served_by(by_python, by_shell)
    same(by_python, by_shell, without=OF_THE_MACHINE)


def test_what_is_refused_is_refused_in_the_same_words(story):
    by_python, by_shell = story("node", "python", REFUSED), story("node", "shell", REFUSED)
    assert all(each["failed"] for each in by_python)
    served_by(by_python, by_shell)
    same(by_python, by_shell)


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in RECORDED.items() for kind in kinds])
def test_on_a_host_without_python(story, lab, name, kind, told_by_python):
    host = f"{kind}-{name}"
    first = files(lab, host)
    by_shell = story(host, "shell", (*CHANGES, *REFUSED))
    served_by(told_by_python(name), by_shell)
    same(told_by_python(name), by_shell)
    assert files(lab, host) == first


@pytest.fixture(scope="module")
def told_by_python(story):
    told = {}

    def of(name):
        if name not in told:
            told[name] = story(f"py-{name}", "python", (*CHANGES, *REFUSED))
        return told[name]

    return of
