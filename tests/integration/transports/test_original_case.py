# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The case that this collection began with, by its playbooks, on a host that has nothing but BusyBox.

The host shows the recording rhel5-origin as its own: kernel 2.6.18 with ip_conntrack, whose values are plain files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
RECORDING = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts", "rhel5-origin")
HOSTS = ("--bare", "server=busybox", "--fixture", "server=" + RECORDING)

VALUES = "/proc/sys/net/ipv4/ip_conntrack_max /proc/sys/net/ipv4/netfilter/ip_conntrack_*"
CURE = {"conntrack_settings": {"max": 131072, "tcp_timeout_established": 216000}, "conntrack_allow_lower": True}
OFF = {"conntrack_unload_when": "boot"}


def play(lab, name, *arguments, **variables):
    """What ansible-playbook prints of a playbook of ours; it must succeed."""
    ansible = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    argv = [ansible, "-i", lab.inventory, "netops.conntrack." + name, "-e", json.dumps(variables), *arguments]
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def changed(shown):
    return int(shown.rsplit("changed=", 1)[1].split()[0])


def state(lab):
    """Every value that may be written, and every file below /etc and of ours, with its mode and all its bytes."""
    script = f"for f in {VALUES}; do echo $f; cat $f; done; find /etc /var/lib -type f | sort | while read -r f; do "
    return lab.inside("server", script + 'ls -ln "$f" | cut -c1-30; md5sum "$f"; done')


def text(lab, path):
    return lab.inside("server", f"cat {path}")


def test_the_original_case(lab):
    first, sysctls = state(lab), text(lab, "/etc/sysctl.conf")
    config = text(lab, "/etc/sysconfig/iptables-config")

    shown = play(lab, "diagnose")
    assert "FULL: The table is full and new connections are dropped: 36271 of 16640 entries (218 %)." in shown
    assert "do: max = 131072 (now 16640)." in shown
    assert "do: tcp_timeout_established = 216000 (now 432000)." in shown

    shown = play(lab, "tune", "--check", "--diff", **CURE)
    assert "+net.ipv4.netfilter.ip_conntrack_max = 131072" in shown
    assert state(lab) == first
    assert changed(play(lab, "tune", **CURE)) == 1
    assert text(lab, "/proc/sys/net/ipv4/netfilter/ip_conntrack_max") == "131072\n"
    assert text(lab, "/proc/sys/net/ipv4/netfilter/ip_conntrack_tcp_timeout_established") == "216000\n"
    assert text(lab, "/etc/sysctl.conf") == sysctls + (
        "net.ipv4.netfilter.ip_conntrack_max = 131072\n"
        "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established = 216000\n"
    )
    tuned = state(lab)
    assert changed(play(lab, "tune", **CURE)) == 0
    assert state(lab) == tuned

    shown = play(lab, "unload", **OFF)
    assert changed(shown) == 1
    assert "reboot required: yes" in shown
    line = 'IPTABLES_MODULES="ip_conntrack_netbios_ns"\n'
    assert text(lab, "/etc/sysconfig/iptables-config") == config.replace(line, "#" + line)
    assert changed(play(lab, "unload", **OFF)) == 0

    assert changed(play(lab, "restore", conntrack_allow_lower=True)) == 1
    assert state(lab) == first
    assert changed(play(lab, "restore", conntrack_allow_lower=True)) == 0
