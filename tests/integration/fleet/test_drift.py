# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hosts that leave the wanted state in different ways: drift finds them, says in what, and the run ends so."""

from __future__ import annotations

import pytest

UDP = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
WANTED = {"udp_timeout": 40, "tcp_timeout_established": 86400}


@pytest.fixture(scope="module")
def fleet(make_fleet):
    made = make_fleet(5)
    status, shown, _recap = made.play(
        "tune", "--limit", "!node5", conntrack_settings=WANTED, conntrack_serial="100%", conntrack_confirm=0,
        conntrack_watch=0,
    )  # fmt: skip
    assert status == 0, shown
    return made


def told(shown):
    return " ".join(shown.rpartition("TASK [Show the drift]")[2].partition("\nTASK")[0].split())


def test_hosts_as_they_should_be_are_no_failure(fleet):
    for wanted in ({}, {"conntrack_settings": WANTED}):
        status, shown, recap = fleet.play("drift", "--limit", "node1,node2", **wanted)
        assert status == 0, shown
        assert "2 hosts: 2 as wanted" in told(shown)
        assert not any(counts["changed"] for counts in recap.values())


def test_each_way_to_drift_is_found_and_fails_the_host(fleet):
    fleet.shell("node2", "echo 33 >%s" % UDP)
    fleet.shell("node3", "echo net.netfilter.nf_conntrack_udp_timeout=35 >/etc/sysctl.d/99-zzz-mine.conf")
    fleet.shell("node4", fleet.CUT_OFF)
    try:
        status, shown, recap = fleet.play("drift")
    finally:
        fleet.shell("node4", fleet.REACHABLE)
    assert status != 0
    said = told(shown)
    assert "5 hosts: 2 drifted, 1 unreachable, 1 nothing wanted, 1 as wanted" in said
    assert "drifted node2 udp_timeout: 40 wanted; it is 33 now" in said
    assert "node3 udp_timeout: 40 wanted; after a boot it is 35, by /etc/sysctl.d/99-zzz-mine.conf" in said
    assert "unreachable node4 Failed to connect" in said
    assert {host: (row["failed"], row["unreachable"]) for host, row in recap.items()} == {
        "node1": (0, 0), "node2": (1, 0), "node3": (1, 0), "node4": (0, 1), "node5": (0, 0),
    }  # fmt: skip


def test_what_is_wanted_now_counts_more_than_what_was_asked_for_last(fleet):
    status, shown, recap = fleet.play("drift", "--limit", "node1,node5", conntrack_settings={"udp_timeout": 55})
    assert status == 2, shown
    said = told(shown)
    assert "node1 udp_timeout: 55 wanted; it is 40 now; after a boot it is 40, by %s" % DROP_IN in said
    assert "node5 udp_timeout: 55 wanted; it is 30 now; after a boot it is 30, by kernel default" in said
    assert recap["node1"]["failed"] == recap["node5"]["failed"] == 1


def test_a_wish_that_makes_no_sense_fails_and_is_no_drift(fleet):
    status, shown, _recap = fleet.play("drift", "--limit", "node1", conntrack_settings={"udp_timeout": "soon"})
    assert status == 2, shown
    assert "1 host: 1 failed" in told(shown) and "udp_timeout" in told(shown)


def test_an_ordinary_user_who_cannot_know_what_was_wanted_is_told_so(fleet):
    status, shown, _recap = fleet.play(
        "drift", "--limit", "node1", conntrack_transport="shell", ansible_become=True, ansible_become_method="su",
        ansible_become_user="nobody", ansible_become_flags="-s /bin/sh",
    )  # fmt: skip
    assert status == 2, shown
    assert "1 host: 1 failed" in told(shown)
    assert "what was asked for last cannot be read" in told(shown) and "forbidden; use become" in told(shown)
