# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One story on every kind of host, by every way to it, from the ansible-core whose programs lie in CORE_PROGRAMS.

The story is what a user does: diagnose, look what tune would change, tune, look for drift, restore; and unload where
there are modules.
"""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
PROGRAMS = os.environ["CORE_PROGRAMS"]
RHEL5 = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts", "rhel5-origin")

HERE, GUESTS = "here", ("debian11", "debian12", "debian13")
# A host that shows a recording, as its kernel cannot be had.
RECORDED = "rhel5"
# A host, its Python (None is its own), and how it is to be served.
WAYS = [
    (HERE, None, "python"),
    (HERE, None, "shell"),
    (HERE, "3.8", "auto"),
    (HERE, "2.7", "auto"),
    *((guest, None, transport) for guest in GUESTS for transport in ("python", "shell")),
    (RECORDED, None, "auto"),
]
WANTED = 44
SETTING = (
    "f=$(ls /proc/sys/net/netfilter/nf_conntrack_udp_timeout /proc/sys/net/ipv4/netfilter/ip_conntrack_udp_timeout "
)
SETTING += "2>/dev/null | head -n 1)"


class Host:
    """A host of the lab, and one way to it."""

    def __init__(self, state, name, variables):
        self.state, self.name, self.variables = state, name, variables

    def inside(self, script):
        command = [LAB, "run", "--state", self.state, self.name, "--", "sh", "-c", script]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout

    def live(self):
        return self.inside(f'{SETTING}; cat "$f"').strip()

    def ansible(self, program, *arguments, **variables):
        """The exit status, and what is printed."""
        command = [os.path.join(PROGRAMS, program), "-i", os.path.join(self.state, "inventory.yml"), *arguments]
        command += ["--limit", self.name, "-e", json.dumps({**self.variables, **variables})]
        environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600, env=environment
        )
        return done.returncode, done.stdout + done.stderr

    def play(self, playbook, *arguments, **variables):
        """How many tasks changed something; the playbook must succeed."""
        status, shown = self.ansible("ansible-playbook", "netops.conntrack." + playbook, *arguments, **variables)
        assert status == 0, shown
        return int(re.search(r"changed=(\d+)", shown).group(1)), shown


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    state = str(tmp_path_factory.mktemp("lab"))
    guests = [word for name in GUESTS for word in ("--guest", f"{name}={name}")]
    bare = ["--bare", f"{RECORDED}=busybox", "--fixture", f"{RECORDED}={RHEL5}"]
    try:
        up = subprocess.run([LAB, "up", "--state", state, HERE, *guests, *bare], text=True, check=False, timeout=1800)
        assert up.returncode == 0
        yield state
    finally:
        subprocess.run([LAB, "down", "--state", state], stdin=subprocess.DEVNULL, timeout=120, check=True)


def python_of(version):
    """The path of a Python of this machine, whose files the host shares; None where it is not there."""
    folders = [*os.environ["PATH"].split(os.pathsep), *sorted(glob.glob("/root/.pyenv/versions/*/bin"))]
    for path in (os.path.join(folder, "python" + version) for folder in folders):
        # A shim of pyenv is there for versions that are not.
        if (
            os.access(path, os.X_OK)
            and not subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode
        ):
            return os.path.realpath(path)
    return None


@pytest.mark.parametrize("name, python, transport", WAYS)
def test_a_host_is_diagnosed_tuned_and_brought_back(lab, name, python, transport, record_property):
    variables = {"conntrack_transport": transport}
    if python:
        path = python_of(python)
        if not path:
            pytest.skip(f"not run: there is no Python {python} here")
        variables["ansible_python_interpreter"] = path
    host = Host(lab, name, variables)
    if name in GUESTS:
        host.inside("modprobe nf_conntrack")
    status, shown = host.ansible(
        "ansible", name, "-m", "netops.conntrack.conntrack_facts", "-a", "gather_subset=limits"
    )
    assert status == 0, shown
    served = re.search(r'"transport": "(\w+)"', shown).group(1)
    record_property("kernel", re.search(r'"release": "([^"]+)"', shown).group(1))
    record_property("served", served)
    own = "none" if name == RECORDED else host.inside("/usr/bin/python3 -V").split()[1]
    record_property("python", python or own)
    assert transport in (served, "auto")

    assert re.search(r"\b(OK|FULL|HOST OWNED): ", host.play("diagnose")[1])
    first = host.live()
    wish = {"conntrack_settings": {"udp_timeout": WANTED}}
    assert host.play("tune", "--check", **wish)[0] == 1
    assert host.live() == first
    assert host.play("tune", **wish)[0] == 1
    assert host.live() == str(WANTED)
    assert host.play("tune", **wish)[0] == 0
    assert host.play("drift")[0] == 0
    assert host.play("restore")[0] == 1
    assert host.live() == first
    assert host.play("restore")[0] == 0
    if name in GUESTS:
        assert host.play("unload")[0] == 1
        assert "nf_conntrack" not in host.inside("cut -d' ' -f1 /proc/modules").split()
        assert host.play("restore")[0] == 1
