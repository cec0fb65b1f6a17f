# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory that the guide shows for very old hosts, against an SSH server that offers no more than theirs did."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
HOSTS = ("--bare", "old=busybox")
# What RHEL 5's OpenSSH 4.3 had of what a server of today still can. The signatures of keys are those of today:
# unlike an old one, this server lets the client know that it takes them.
SSHD = """\
Port %s
HostKey /etc/ssh/old_host_key
AuthorizedKeysFile /etc/ssh/old_key.pub
StrictModes no
UsePAM no
PidFile /run/old_sshd.pid
KexAlgorithms %s
HostKeyAlgorithms ssh-rsa
PubkeyAcceptedAlgorithms ssh-rsa,rsa-sha2-256,rsa-sha2-512
Ciphers %s
MACs hmac-sha1
"""


def example():
    """The inventory in the guide, as a reader would copy it."""
    with open(os.path.join(CHECKOUT, "docs", "guides", "without-python.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```yaml\n(legacy:\n.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return yaml.safe_load(blocks[0])


@pytest.mark.parametrize(
    # A port for each, as the client keeps its connections for a while.
    ("kex", "cipher", "port"),
    [("diffie-hellman-group1-sha1", "3des-cbc", 2222), ("diffie-hellman-group14-sha1", "aes128-cbc", 2223)],
)
def test_the_guides_inventory_reaches_a_very_old_host(lab, tmp_path, kex, cipher, port):
    key = tmp_path / "id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)], check=True)
    lab.inside("old", "cat >/etc/ssh/old_key.pub", (tmp_path / "id_rsa.pub").read_text())
    lab.inside("old", "umask 077; cat >/etc/ssh/old_host_key", key.read_text())
    lab.inside("old", "cat >/etc/ssh/old_sshd_config", SSHD % (port, kex, cipher))
    lab.inside("old", "mkdir -p /run/sshd; $(command -v sshd) -f /etc/ssh/old_sshd_config")
    try:
        inventory = example()
        # What a reader puts in too: the own host, and the own key.
        address = lab.variables("old")["ansible_host"]
        (name,) = inventory["legacy"]["hosts"]
        inventory["legacy"]["hosts"][name] = {"ansible_host": address, "ansible_port": port}
        inventory["legacy"]["vars"]["ansible_ssh_private_key_file"] = str(key)
        options = inventory["legacy"]["vars"]["ansible_ssh_common_args"]
        bare = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        assert not reached(tmp_path, inventory, bare), (
            "the server is to refuse a client that offers nothing of that age"
        )
        assert reached(tmp_path, inventory, "%s %s" % (bare, options))
    finally:
        lab.inside("old", "kill $(cat /run/old_sshd.pid)")


def reached(folder, inventory, options):
    """Whether conntrack_facts gets an answer by the shell."""
    inventory["legacy"]["vars"]["ansible_ssh_common_args"] = options
    path = folder / "inventory.yml"
    path.write_text(json.dumps(inventory), encoding="utf-8")
    ansible = os.path.join(os.path.dirname(sys.executable), "ansible")
    argv = [ansible, "-i", str(path), "legacy", "-m", "netops.conntrack.conntrack_facts"]
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False, env=environment
    )
    return done.returncode == 0 and '"transport": "shell"' in done.stdout
