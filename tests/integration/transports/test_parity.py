# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both transports on the same hosts tell the same, field for field, and leave the same behind."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.netops.conntrack.tests.integration.transports.story import CHANGES, REFUSED, left, tell

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
FIXTURES = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts")
# Recorded hosts of each naming and each kind of boot. One with nothing but BusyBox lacks the services that a Debian
# has, so it is compared where the recording says all that counts.
RECORDED = {"rhel5-origin": ("busybox", "dash"), "rhel6": ("busybox",), "debian11": ("dash",)}
OWN = "/etc /var/lib/netops-conntrack"


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    state = str(tmp_path_factory.mktemp("lab"))
    up = [LAB, "up", "--state", state, "node"]
    for name in RECORDED:
        up += ["--fixture", f"py-{name}={os.path.join(FIXTURES, name)}"]
        for kind in RECORDED[name]:
            up += ["--bare", f"{kind}-{name}={kind}", "--fixture", f"{kind}-{name}={os.path.join(FIXTURES, name)}"]
    try:
        made = subprocess.run(up, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr
        yield state
    finally:
        subprocess.run([LAB, "down", "--state", state], stdin=subprocess.DEVNULL, timeout=120, check=True)


@pytest.fixture
def story(lab, tmp_path):
    def told(host, transport, chapters):
        return tell(os.path.join(lab, "inventory.yml"), host, transport, chapters, tmp_path)

    return told


def inside(lab, host, script):
    command = [LAB, "run", "--state", lab, host, "--", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True).stdout


def files(lab, host):
    """What a transport could have changed, each with its mode, owner and sum."""
    listed = "find %s -name 'ssh*' -prune -o -type f -exec ls -ln {} + 2>/dev/null; :" % OWN
    words = [line.split() for line in inside(lab, host, listed).splitlines()]
    sums = inside(lab, host, "find %s -type f -exec md5sum {} + 2>/dev/null; :" % OWN)
    return (
        sorted((row[-1], row[0], *row[2:4]) for row in words if len(row) > 8 and not row[-1].endswith("~")),
        sorted(line for line in sums.splitlines() if not line.endswith("~")),
    )


def same(one, other):
    assert [each["transport"] for each in one] != [each["transport"] for each in other]
    for number, (this, that) in enumerate(zip(one, other)):
        assert left(this) == left(that), "chapter %d" % number
    assert len(one) == len(other)


def test_on_the_same_real_host(story, lab):
    first = files(lab, "node")
    by_python = story("node", "python", CHANGES)
    assert any(each["changed"] for each in by_python)
    assert files(lab, "node") == first
    by_shell = story("node", "shell", CHANGES)
    assert files(lab, "node") == first
    same(by_python, by_shell)


def test_what_is_refused_is_refused_in_the_same_words(story):
    by_python, by_shell = story("node", "python", REFUSED), story("node", "shell", REFUSED)
    assert all(each["failed"] for each in by_python)
    same(by_python, by_shell)


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in RECORDED.items() for kind in kinds])
def test_on_a_host_without_python(story, lab, name, kind, told_by_python):
    host = f"{kind}-{name}"
    first = files(lab, host)
    by_shell = story(host, "shell", (*CHANGES, *REFUSED))
    same(told_by_python(name), by_shell)
    assert files(lab, host) == first


@pytest.fixture(scope="module")
def told_by_python(lab, tmp_path_factory):
    told = {}

    def of(name):
        if name not in told:
            inventory, chapters = os.path.join(lab, "inventory.yml"), (*CHANGES, *REFUSED)
            told[name] = tell(inventory, f"py-{name}", "python", chapters, tmp_path_factory.mktemp("told"))
        return told[name]

    return of
