# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout over twelve real hosts, some of which go wrong: where it stops, what it leaves, and how it goes on."""

from __future__ import annotations

import json
import re

import pytest

# In the order of the inventory.
NODES = sorted("node%d" % number for number in range(1, 13))
# node1; nodes 10 to 12; nodes 2 to 5; the rest.
BATCHES = [1, 3, 4, "100%"]
EARLIER = {"udp_timeout": 40}
WANTED = {"udp_timeout": 20, "tcp_timeout_established": 86400}
# All that a change of ours leaves on a host, by name, content and mode; not how to undo the last change alone, which is
# only known until the next.
STATE = """
cd /proc/sys/net/netfilter && grep . nf_conntrack_*timeout* nf_conntrack_max
find /etc /var/lib -xdev -type f -path '*netops-conntrack*' ! -name last-change.json -exec ls -ln {} + |
  awk '{print $1, $3, $4, $5, $9}' | sort
cat /etc/sysctl.d/*netops-conntrack* /var/lib/netops-conntrack/original.json 2>/dev/null
true
"""
READ_ONLY = "mount --bind /etc /etc; mount -o remount,bind,ro /etc"
# Sets a value again and again, as another program on the host would, for a minute at most.
RESETTING = """
setsid sh -c 'n=0
while [ $n -lt 600 ]; do
  [ -e /run/stop ] && exit
  echo 40 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout
  sleep 0.1
  n=$((n + 1))
done' >/dev/null 2>&1 </dev/null &
"""


@pytest.fixture(scope="module")
def fleet(make_fleet):
    return make_fleet(len(NODES))


def test_a_rollout_that_comes_under_fire_stops_takes_its_batch_back_and_goes_on_later(fleet):
    status, shown, recap = fleet.play("tune", conntrack_settings=EARLIER, conntrack_watch=0, conntrack_serial=12)
    assert status == 0, shown
    assert {recap[node]["changed"] for node in NODES} == {1}
    before = state(fleet)
    wanted = {"conntrack_settings": WANTED, "conntrack_serial": BATCHES, "conntrack_watch": 1, "conntrack_confirm": 20}

    # What would be done where, and nothing is.
    status, shown, recap = fleet.play("tune", "--check", "--diff", **wanted)
    assert status == 0, shown
    assert "12 hosts: 12 would change" in shown
    assert shown.count("tcp_timeout_established 432000 -> 86400; udp_timeout 40 -> 20;") == 12
    assert "+net.netfilter.nf_conntrack_udp_timeout = 20" in shown
    assert state(fleet) == before

    fleet.shell("node3", fleet.CUT_OFF)
    fleet.shell("node4", READ_ONLY)
    status, shown, recap = fleet.play("tune", **wanted)
    fleet.shell("node3", fleet.REACHABLE)
    fleet.shell("node4", "umount /etc")

    assert status != 0
    told = report(shown)
    assert "2 of the 4 hosts of this batch failed (node3, node4)" in told
    assert "12 hosts: 1 failed, 1 unreachable, 2 taken back, 4 not tried, 4 changed." in told
    assert re.search(
        r"unreachable +node3 .*Failed to connect to the host via ssh: .*: Connection (refused|reset)", told
    )
    assert re.search(r"failed +node4 .*lies on a read-only file system", told)
    assert recap["node3"]["unreachable"] == 1 and recap["node4"]["failed"] == 1
    assert [node for node in NODES if node in recap] == NODES[:8], "later batches are not begun"
    after = state(fleet)
    for node in NODES[4:]:
        assert after[node].splitlines() == before[node].splitlines(), "%s is not as it was" % node
    for node in NODES[:4]:
        assert after[node] != before[node]
    done = {node: after[node] for node in NODES[:4]}

    status, shown, recap = fleet.play("tune", **wanted)
    assert status == 0, shown
    assert "12 hosts: 8 changed, 4 unchanged" in report(shown)
    assert {node for node in NODES if recap[node]["changed"]} == set(NODES[4:])
    after = state(fleet)
    assert {node: after[node] for node in NODES[:4]} == done, "what was finished is not done again"
    for node in NODES:
        assert "nf_conntrack_udp_timeout:20\n" in after[node]
        assert "nf_conntrack_tcp_timeout_established:86400\n" in after[node]


def test_a_host_that_resets_a_value_fails_alone_within_the_limit(fleet):
    before = state(fleet)
    fleet.shell("node2", RESETTING)
    status, shown, recap = fleet.play(
        "tune", "--limit", "node1,node2,node3", conntrack_settings={"udp_timeout": 25}, conntrack_serial=[2, 1],
        conntrack_max_fail_percentage=50, conntrack_watch=1, conntrack_confirm=0,
    )  # fmt: skip
    fleet.shell("node2", "touch /run/stop; sleep 0.3; rm /run/stop")
    assert status == 2, shown
    told = report(shown)
    assert "udp_timeout was set to 25 and is 40 again: something on the host resets it" in told
    assert "what was changed was taken back" in told
    assert "3 hosts: 1 failed, 2 changed" in told and "Stopped" not in told
    assert [recap[node]["failed"] for node in ("node1", "node2", "node3")] == [0, 1, 0]
    after = state(fleet)
    assert "nf_conntrack_udp_timeout:25\n" in after["node1"] and "nf_conntrack_udp_timeout:25\n" in after["node3"]
    files = [line for line in before["node2"].splitlines() if "timeout" not in line or "/" in line]
    assert [line for line in after["node2"].splitlines() if "timeout" not in line or "/" in line] == files


def test_without_the_way_back_the_batch_stays_and_the_report_says_so(fleet):
    fleet.shell("node5", READ_ONLY)
    status, shown, recap = fleet.play(
        "tune", "--limit", "node4,node5", conntrack_settings={"udp_timeout": 26}, conntrack_serial=2,
        conntrack_roll_back=False, conntrack_watch=0, conntrack_confirm=0,
    )  # fmt: skip
    fleet.shell("node5", "umount /etc")
    assert status == 2, shown
    assert "2 hosts: 1 failed, 1 changed. Stopped: 1 of the 2 hosts" in report(shown)
    assert "nf_conntrack_udp_timeout:26\n" in state(fleet)["node4"]


def test_a_second_rollout_in_one_run_knows_nothing_of_the_first(fleet, tmp_path):
    rollouts = [
        {
            "name": "Tune",
            "ansible.builtin.import_playbook": "netops.conntrack.tune",
            "vars": {
                "conntrack_settings": {"udp_timeout": timeout},
                "conntrack_serial": 1,
                "conntrack_change": "CHG-%d" % timeout,
            },
        }
        for timeout in (51, 52)
    ]
    book = tmp_path / "twice.yml"
    book.write_text(json.dumps(rollouts), encoding="utf-8")
    status, shown, _recap = fleet.play(
        str(book), "--limit", "node7,node8,node9", conntrack_confirm=0, conntrack_watch=0
    )  # fmt: skip
    assert status == 0, shown
    # Each is told once, at its end, and not after each batch.
    assert shown.count("3 hosts: 3 changed") == 2
    assert report(shown).count("udp_timeout 51 -> 52") == 3
    assert changes(fleet, "node7", "node9") == ["CHG-52", "CHG-52"]


def test_a_host_may_have_a_name_of_its_own_for_the_change(fleet, tmp_path):
    names = tmp_path / "names.yml"
    names.write_text(json.dumps({"all": {"hosts": {"node8": {"conntrack_change": "CHG-8"}}}}), encoding="utf-8")
    status, shown, _recap = fleet.play(
        "tune", "--limit", "node7,node8,node9", "-i", str(names), conntrack_settings={"udp_timeout": 56},
        conntrack_confirm=0, conntrack_watch=0, conntrack_serial="1, 100% ",
    )  # fmt: skip
    assert status == 0, shown
    seven, eight, nine = changes(fleet, "node7", "node8", "node9")
    assert eight == "CHG-8"
    assert seven == nine and seven.startswith("rollout-")


def test_a_play_of_ones_own_has_each_hosts_state_and_goes_on_after_the_rollout(fleet, tmp_path):
    role = {"name": "netops.conntrack.conntrack"}
    play = {"hosts": "all", "gather_facts": False}
    begin = {"ansible.builtin.include_role": {**role, "tasks_from": "begin_rollout"}, "run_once": True}
    batch = {"ansible.builtin.include_role": {**role, "tasks_from": "rollout"}}
    after = {"name": "Come after it", "ansible.builtin.command": "touch /run/after", "changed_when": False}
    plays = [
        {**play, "name": "Begin", "tasks": [begin]},
        {**play, "name": "Roll out", "serial": 1, "ignore_unreachable": True, "tasks": [batch, after]},
    ]
    book, states = tmp_path / "own.yml", tmp_path / "states.yml"
    book.write_text(json.dumps(plays), encoding="utf-8")
    # Here it is built into the kernel, so that is what the other state says.
    hosts = {"node7": {"conntrack_state": "tuned"}, "node8": {"conntrack_state": "unloaded"}}
    states.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    status, shown, recap = fleet.play(
        str(book), "--limit", "node7,node8", "-i", str(states), conntrack_settings={"udp_timeout": 53},
        conntrack_confirm=0, conntrack_watch=0,
    )  # fmt: skip
    assert (status, recap["node7"]["changed"], recap["node8"]["changed"]) == (0, 1, 0), shown
    assert "nf_conntrack_udp_timeout:53\n" in fleet.shell("node7", STATE)
    assert shown.count("2 hosts: 1 changed, 1 unchanged") == 1
    assert "built into this kernel" in shown
    assert fleet.shell("node7", "ls /run/after && rm /run/after") == "/run/after\n"


def test_hosts_that_failed_before_it_are_not_waited_for(fleet, tmp_path):
    fails = {"name": "Fail first", "ansible.builtin.fail": {}, "when": "inventory_hostname == 'node8'"}
    plays = [
        {"name": "Before", "hosts": "all", "gather_facts": False, "tasks": [fails]},
        {"name": "Tune", "ansible.builtin.import_playbook": "netops.conntrack.tune"},
    ]
    book = tmp_path / "after.yml"
    book.write_text(json.dumps(plays), encoding="utf-8")
    status, shown, _recap = fleet.play(
        str(book), "--limit", "node7,node8,node9", conntrack_settings={"udp_timeout": 54}, conntrack_confirm=0,
        conntrack_watch=0, conntrack_serial=1,
    )  # fmt: skip
    assert status == 2
    assert "3 hosts: 1 not tried, 2 changed" in report(shown)


def test_restoring_restores_whatever_state_is_given_beside_it(fleet):
    tuned = {"conntrack_settings": {"udp_timeout": 57}, "conntrack_confirm": 0, "conntrack_watch": 0}
    status, shown, _recap = fleet.play("tune", "--limit", "node9", conntrack_change="CHG-57", **tuned)
    assert status == 0, shown
    # Two letters swapped would undo more than that change.
    status, shown, _recap = fleet.play("restore", "--limit", "node9", conntrack_chnage="CHG-57")
    assert status == 2
    assert "conntrack_chnage is no variable of netops.conntrack; there is conntrack_change" in shown
    assert "nf_conntrack_udp_timeout:57\n" in fleet.shell("node9", STATE)
    status, shown, recap = fleet.play(
        "restore", "--limit", "node9", conntrack_change="CHG-57", conntrack_state="tuned", **tuned
    )
    assert (status, recap["node9"]["changed"]) == (0, 1), shown
    assert "into the state restored" in shown
    assert "nf_conntrack_udp_timeout:57\n" not in fleet.shell("node9", STATE)


@pytest.mark.parametrize(
    "variables, said",
    [
        ({"conntrack_state": "restored"}, "conntrack_state"),
        ({"conntrack_serial": "abc"}, 'conntrack_serial: "abc" is no size of batches'),
        ({"conntrack_serial": "12.5%"}, 'conntrack_serial: "12.5%" is no size of batches'),
        ({"conntrack_serial": [1, 0]}, "conntrack_serial: [1, 0] is no size of batches"),
        ({"conntrack_table": True, "conntrack_table_options": "sample"}, "conntrack_table_options"),
        ({"conntrack_max_fail_percentage": 101}, "max_fail_percentage: 101 is not a percentage from 0 to 100"),
        ({"conntrack_max_fail_percentage": "many"}, "conntrack_max_fail_percentage"),
        ({"conntrack_watch": 301}, "watch: 301 is not a number of seconds from 0 to 300"),
        ({"conntrack_change": "a b"}, "change: 'a b' is no name; allowed: up to 64"),
        ({"conntrack_settings": {"udp_timeout": -1}}, "udp_timeout"),
        ({"conntrack_peak": 0.5}, "conntrack_peak"),
        ({"conntrack_host": "node2"}, "conntrack_host is no variable of netops.conntrack; there is conntrack_hosts"),
    ],
)
def test_what_makes_no_sense_changes_no_host(fleet, variables, said):
    before = fleet.shell("node1", STATE)
    status, shown, _recap = fleet.play(
        "tune", "--limit", "node1", **{"conntrack_settings": {"udp_timeout": 33}, "conntrack_confirm": 0, **variables}
    )
    assert status == 2, shown
    assert said in shown
    assert fleet.shell("node1", STATE) == before


def changes(fleet, *nodes):
    """The name of each host's last change."""
    return [json.loads(fleet.shell(node, "cat /var/lib/netops-conntrack/last-change.json"))["change"] for node in nodes]


def state(fleet):
    return {node: fleet.shell(node, STATE) for node in NODES}


def report(shown):
    """The report of the rollout, its lines joined."""
    assert "Show how the rollout went" in shown, shown
    return " ".join(shown.rpartition("Show how the rollout went")[2].partition("\nTASK")[0].split())
