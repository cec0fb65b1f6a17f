# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX would have: what configure.yml made, this checkout as a project, the collection that it installed, hosts."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
GALAXY = os.path.join(os.path.dirname(sys.executable), "ansible-galaxy")

RULE = "ct state new accept"


def run(*argv, **keywords):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **keywords)
    assert done.returncode == 0, "%s: %s" % (argv, done.stdout + done.stderr)
    return done.stdout


@pytest.fixture(scope="session")
def configured(tmp_path_factory):
    from ansible_collections.netops.conntrack.tests.integration.awx import configured as configuring

    made = configuring.configure(tmp_path_factory.mktemp("configure"))
    assert made.status == 0, made.output
    return made


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The files that git knows, new ones too, as a project that nobody may write to."""
    folder = tmp_path_factory.mktemp("project")
    for name in run("git", "-C", CHECKOUT, "ls-files", "-z", "-co", "--exclude-standard").split("\0"):
        source = os.path.join(CHECKOUT, name)
        if name and os.path.isfile(source):
            os.makedirs(os.path.dirname(folder / name), exist_ok=True)
            shutil.copy2(source, folder / name)
    run("chmod", "-R", "a-w,a+rX", str(folder))
    return folder


@pytest.fixture(scope="session")
def collections(project, tmp_path_factory):
    """The collection as the update of a project installs it, from what galaxy.yml has built."""
    folder = tmp_path_factory.mktemp("collections")
    run(GALAXY, "collection", "build", "--output-path", str(folder), str(project))
    (artifact,) = glob.glob(str(folder / "*.tar.gz"))
    # The one in this checkout would do for ansible-galaxy otherwise.
    searched = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder)}
    run(GALAXY, "collection", "install", "--offline", "--collections-path", str(folder), artifact, env=searched)
    run("chmod", "-R", "a-w,a+rX", str(folder))
    return folder


class Hosts:
    """Two of them, which track connections; ``variables`` are those of the inventory."""

    def __init__(self, state):
        self.state = state
        done = subprocess.run(
            [LAB, "up", "--state", state, "--hosts", "2"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode == 3:
            pytest.skip("not run: " + done.stderr)
        assert done.returncode == 0, done.stderr
        self.variables = json.loads(run(LAB, "inventory", "--state", state))["_meta"]["hostvars"]
        for name in self.variables:
            # Of this machine, should it be managed.
            self.inside(name, "rm -rf /var/lib/netops-conntrack /etc/sysctl.d/99-zz-netops-conntrack.conf")
            self.inside(
                name, "nft 'table inet track { chain input { type filter hook input priority 0; %s; }; }'" % RULE
            )

    def inside(self, host, script):
        """What a shell script prints that runs on a host, and not over the network."""
        return run(LAB, "run", "--state", self.state, host, "--", "sh", "-c", script)


@pytest.fixture(scope="module")
def hosts(root, tmp_path_factory):
    state = str(tmp_path_factory.mktemp("lab"))
    try:
        yield Hosts(state)
    finally:
        run(LAB, "down", "--state", state)


@pytest.fixture(scope="module")
def awx(hosts, project, collections, tmp_path_factory):
    from ansible_collections.netops.conntrack.tests.integration.awx.jobs import Awx

    reached = ("ansible_host", "ansible_port")
    inventory = {name: {each: found[each] for each in reached} for name, found in hosts.variables.items()}
    with open(os.path.join(hosts.state, "key"), encoding="ascii") as stream:
        return Awx(tmp_path_factory.mktemp("awx"), project, collections, inventory, stream.read())
