# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirm or roll back alone where systemd runs the script that waits: no session's end takes it away."""

from __future__ import annotations

import time

import pytest

WINDOW = 8
TRACK = "table inet track { chain input { type filter hook input priority 0; ct state established accept; }; }"
CUT = "table inet cut { chain input { type filter hook input priority 0; tcp dport 22 ct state new drop; }; }"
UDP = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
UNDONE = "/var/lib/netops-conntrack/undone"
OURS = "ls /etc/sysctl.d/99-zz-netops-conntrack.conf /var/lib/netops-conntrack/undo.sh 2>/dev/null; true"


@pytest.fixture(autouse=True)
def tracking(guest):
    """Connections are tracked from here on: what is under way can be told from what is new."""
    guest.run(f"nft '{TRACK}'")
    yield
    guest.run("nft delete table inet track")


def test_a_host_that_cannot_be_reached_anew_takes_it_back(guest):
    first = guest.value("udp_timeout")
    guest.facts(gather_subset=["limits"])  # leaves a connection behind that the next task goes by
    # New connections get no answer until the guest has put the value back, or did not in four minutes.
    wait = f"for i in $(seq 240); do test {first} = $(cat {UDP}) -a -e {UNDONE} && break; sleep 1; done"
    guest.run(f"nft '{CUT}'; systemd-run --quiet sh -c '{wait}; nft delete table inet cut'")
    result = guest.module("conntrack_settings", settings={"udp_timeout": first + 7}, confirm=WINDOW)
    assert result["failed"]
    assert "not confirmed" in result["msg"], result
    deadline = time.monotonic() + 60
    while guest.ssh_is_closed() and time.monotonic() < deadline:
        time.sleep(1)
    assert guest.value("udp_timeout") == first
    assert guest.run(OURS) == ""


def test_a_host_that_is_reached_keeps_it(guest):
    first = guest.value("udp_timeout")
    result = guest.module("conntrack_settings", settings={"udp_timeout": first + 7}, confirm=60)
    assert not result["failed"], result
    assert result["confirmed"]
    assert guest.run(OURS).split() == ["/etc/sysctl.d/99-zz-netops-conntrack.conf"]
    assert guest.value("udp_timeout") == first + 7
    assert guest.run("systemctl list-units --no-legend 'run-*.service' | grep -c undo.sh; true") == "0\n"
    assert not guest.module("conntrack_settings", state="restored")["failed"]
    assert guest.value("udp_timeout") == first
