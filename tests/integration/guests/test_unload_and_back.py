# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways back from unloading: modules come again with their values and parameters.

On trial, a host that cannot be reached anew loads them by itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

WINDOW = 8
# Without connection tracking, as that is to go.
CUT = "table inet cut { chain input { type filter hook input priority 0; tcp dport 22 tcp flags syn drop; }; }"
UNDONE = "/var/lib/netops-conntrack/undone"
# Other tests on this guest may have left a module that uses it and that no rule needs.
UNLOAD = """
for turn in 1 2 3 4; do
    for name in $(awk '$1 ~ /^(nf_|nft_|xt_)/ { print $1 }' /proc/modules); do rmmod $name 2>/dev/null; done
done
true
"""
LOADED = "awk '$1 ~ /^(nf_conntrack|nf_conntrack_ftp)$/ { print $1 }' /proc/modules | sort | xargs"


@pytest.fixture(autouse=True)
def loaded(guest):
    guest.run("modprobe nf_conntrack_ftp ports=21,2121 && echo 23 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout")
    yield
    guest.run(UNLOAD)
    assert guest.run(LOADED) == "\n"


def test_a_host_that_cannot_be_reached_anew_loads_it_again(guest):
    guest.facts(gather_subset=["limits"])  # leaves a connection behind that the next task goes by
    wait = f"for i in $(seq 240); do test -e {UNDONE} && break; sleep 1; done"
    guest.run(f"nft '{CUT}'; systemd-run --quiet sh -c '{wait}; nft delete table inet cut'")
    result = guest.module("conntrack_unload", confirm=WINDOW)
    assert result["failed"]
    assert "not confirmed" in result["msg"], result
    deadline = time.monotonic() + 60
    while guest.ssh_is_closed() and time.monotonic() < deadline:
        time.sleep(1)
    assert guest.run(LOADED) == "nf_conntrack nf_conntrack_ftp\n"
    assert guest.value("udp_timeout") == 23


def test_a_host_that_is_reached_stays_without_until_it_is_restored(guest):
    result = guest.module("conntrack_unload", confirm=60)
    assert not result["failed"], result
    assert (result["confirmed"], result["answer"], result["loaded"]) == (True, "leftovers", False)
    assert guest.run(LOADED) == "\n"
    again = guest.module("conntrack_unload", confirm=60)
    assert (again["changed"], again["answer"]) == (False, "not_loaded")
    assert not guest.module("conntrack_settings", state="restored")["failed"]
    assert guest.run(LOADED) == "nf_conntrack nf_conntrack_ftp\n"
    assert guest.value("udp_timeout") == 23
    assert guest.run("cat /sys/module/nf_conntrack_ftp/parameters/ports") == "21,2121\n"


def test_what_is_denied_is_loaded_again_once_it_is_restored(guest):
    result = guest.module("conntrack_unload", deny="install")
    assert not result["failed"], result
    assert "install" in guest.run("modprobe nf_conntrack 2>&1; true")
    assert guest.run(LOADED) == "\n"
    restored = guest.module("conntrack_settings", state="restored")
    assert not restored["failed"], restored
    assert guest.run(LOADED) == "nf_conntrack nf_conntrack_ftp\n"
    assert guest.run("ls /etc/modprobe.d /var/lib/netops-conntrack 2>/dev/null | grep conntrack; true") == ""


def rollout(guest, *inventories, **variables):
    """The exit status of the playbook unload over these hosts in one batch, and what it showed."""
    argv = ["ansible-playbook", "netops.conntrack.unload", "-e", json.dumps({"conntrack_serial": "100%", **variables})]
    for inventory in (os.path.join(guest.state, "inventory.yml"), *inventories):
        argv += ["-i", str(inventory)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_rollout_that_fails_on_another_host_brings_it_back(guest, tmp_path):
    gone = tmp_path / "gone.yml"
    gone.write_text("all: {hosts: {gone: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n", encoding="utf-8")
    files = "ls /etc/modprobe.d /etc/modules-load.d /var/lib/netops-conntrack 2>/dev/null; true"
    before = guest.run(files)
    status, shown = rollout(guest, gone, conntrack_watch=1, conntrack_deny="blacklist")
    assert status != 0
    assert "taken back guest" in shown, shown
    assert "unreachable gone" in shown
    assert guest.run(LOADED) == "nf_conntrack nf_conntrack_ftp\n"
    assert guest.value("udp_timeout") == 23
    assert guest.run("cat /sys/module/nf_conntrack_ftp/parameters/ports") == "21,2121\n"
    assert guest.run(files) == before

    # Alone it goes, and nothing was left that hinders it.
    status, shown = rollout(guest, conntrack_watch=1)
    assert status == 0, shown
    assert "1 host: 1 changed" in shown
    assert guest.run(LOADED) == "\n"
    assert not guest.module("conntrack_settings", state="restored")["failed"]
    assert guest.run(LOADED) == "nf_conntrack nf_conntrack_ftp\n"
