# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems that are full or read-only, files that cannot be replaced, and other runs at the same moment."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.tests.integration.faults.host import (
    RECORD,
    RESTORE,
    TEMPORARY,
    Scenario,
    assert_same,
    content,
    is_folder,
    result,
)

DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
IPTABLES = "/etc/sysconfig/iptables-config"
SOME = ("conntrack_settings", {"settings": {"udp_timeout": 41, "generic_timeout": 611}})
MORE = ("conntrack_settings", {"settings": {"udp_timeout": 42}})
COMMENTED = ("iptables_config", {"modules": ["ip_conntrack_netbios_ns"]})
FILES = """printf 'IPTABLES_MODULES="ip_conntrack_netbios_ns ip_conntrack_ftp"\\n' > %s""" % IPTABLES

FIRST = Scenario((), SOME, MORE, FILES)
FURTHER = Scenario((SOME,), MORE, SOME, FILES)
EDIT = Scenario((), COMMENTED, COMMENTED, FILES)

# A small file system that holds what the folder held, and then no more: of bytes, or of files.
FULL = """
cp -a %(at)s /run/kept; mount -t tmpfs -o mode=755,size=16k,%(options)s small %(at)s
cp -a /run/kept/. %(at)s; rm -r /run/kept
"""
FILLED = FULL % {"at": "%s", "options": "nr_inodes=0"} + "cat /dev/zero > %s/filler 2>/dev/null || true"
NO_MORE_FILES = (
    FULL % {"at": "%s", "options": "nr_inodes=16"} + "n=0; while touch %s/filler$n 2>/dev/null; do n=$((n+1)); done"
)
EMPTIED = "rm %s/filler*; cp -a %s /run/kept; umount %s; cp -a /run/kept/. %s; rm -r /run/kept"
READ_ONLY = "mount --bind %s %s; mount -o remount,bind,ro %s"


def at(script, path):
    return script.replace("%s", path)


# name: (scenario, how the obstacle is made, how it is taken away, the path that the run must name)
OBSTACLES = {
    "sysctl.d is full": (FIRST, at(FILLED, "/etc/sysctl.d"), at(EMPTIED, "/etc/sysctl.d"), DROP_IN),
    "sysctl.d takes no more files": (FIRST, at(NO_MORE_FILES, "/etc/sysctl.d"), at(EMPTIED, "/etc/sysctl.d"), DROP_IN),
    "sysctl.d is full when it is changed again": (
        FURTHER, at(FILLED, "/etc/sysctl.d"), at(EMPTIED, "/etc/sysctl.d"), DROP_IN,
    ),
    "/var/lib is full": (FIRST, at(FILLED, "/var/lib"), at(EMPTIED, "/var/lib"), RECORD),
    "/var/lib is full when it is changed again": (FURTHER, at(FILLED, "/var/lib"), at(EMPTIED, "/var/lib"), RECORD),
    "sysctl.d is read-only": (FIRST, at(READ_ONLY, "/etc/sysctl.d"), "umount /etc/sysctl.d", DROP_IN),
    "/var/lib is read-only": (FIRST, at(READ_ONLY, "/var/lib"), "umount /var/lib", RECORD),
    "/etc is read-only": (FURTHER, at(READ_ONLY, "/etc"), "umount /etc", DROP_IN),
    "sysctl.d is immutable": (FIRST, "chattr +i /etc/sysctl.d", "chattr -i /etc/sysctl.d", DROP_IN),
    "the drop-in is immutable": (FURTHER, "chattr +i " + DROP_IN, "chattr -i " + DROP_IN, DROP_IN),
    "the record is immutable": (FURTHER, "chattr +i " + RECORD, "chattr -i " + RECORD, RECORD),
    "the drop-in is a folder": (FIRST, "mkdir " + DROP_IN, "rmdir " + DROP_IN, DROP_IN),
    "iptables-config is immutable": (EDIT, "chattr +i " + IPTABLES, "chattr -i " + IPTABLES, IPTABLES),
    "iptables-config is mounted": (EDIT, "mount --bind %s %s" % (IPTABLES, IPTABLES), "umount " + IPTABLES, IPTABLES),
    "iptables-config is read-only": (EDIT, at(READ_ONLY, IPTABLES), "umount " + IPTABLES, IPTABLES),
    "its folder is full": (EDIT, at(FILLED, "/etc/sysconfig"), at(EMPTIED, "/etc/sysconfig"), IPTABLES),
}  # fmt: skip


@pytest.mark.parametrize("name", OBSTACLES)
def test_an_obstacle_is_named_and_when_it_is_gone_the_next_run_does_it(scratch, name):
    scenario, made, undone, path = OBSTACLES[name]
    host = scratch(scenario)
    if "chattr" in made and host.order("shell", script=made + "; " + undone)["status"]:
        pytest.skip("not run: tmpfs keeps no immutable files on this kernel, or there is no chattr")
    host.shell(made)
    obstructed = host.state()

    said = result(host.run(scenario.act))

    assert said["failed"]
    assert path in said["msg"]
    now = host.state()
    assert not [each for each in now if TEMPORARY.search(each)]
    for each in now:
        if each != RECORD and not each.startswith("/proc/"):
            assert now[each] == obstructed.get(each) or is_folder(now[each]), each
    values = [each for each in now if each.startswith("/proc/")]
    expected = host.before if path == RECORD else host.after
    assert {each: now[each] for each in values} == {each: expected[each] for each in values}

    host.shell(undone)
    host.recovers(host.unharmed())


def test_restored_goes_on_after_a_file_that_it_cannot_bring_back(scratch):
    host = scratch(Scenario((SOME, COMMENTED), RESTORE, MORE, FILES))
    obstacle = "mount --bind %s %s" % (IPTABLES, IPTABLES)
    host.shell(obstacle)
    said = result(host.run(RESTORE))
    assert said["failed"]
    assert IPTABLES in said["msg"]
    now = host.state()
    assert DROP_IN not in now
    assert {path for path in now if now[path] != host.first.get(path)} - {RECORD} <= {IPTABLES, RECORD[:-14]}
    host.shell("umount " + IPTABLES)
    host.recovers(host.unharmed())


def test_a_link_to_nowhere_stays_one(scratch):
    host = scratch(Scenario((), SOME, MORE, "mkdir /etc/elsewhere; ln -s ../elsewhere/ours.conf " + DROP_IN))
    assert content(host.after["/etc/elsewhere/ours.conf"])
    assert host.after[DROP_IN] == host.first[DROP_IN]
    (into_place,) = (call for call in host.calls() if call.name.startswith("rename") and "elsewhere" in call.path)
    host.fault(into_place, "SIGKILL")
    host.recovers(host.state())


def test_without_a_directory_for_the_lock_there_is_none(scratch):
    host = scratch(FIRST)
    host.shell("mount -o remount,ro /run")
    host.recovers(host.unharmed())


def test_runs_at_the_same_moment_are_all_done(scratch):
    settings = {
        "udp_timeout": 41, "generic_timeout": 611, "icmp_timeout": 29, "tcp_timeout_established": 216011,
        "tcp_timeout_close": 11, "tcp_timeout_fin_wait": 121, "tcp_timeout_last_ack": 31, "udp_timeout_stream": 121,
    }  # fmt: skip
    everything = ("conntrack_settings", {"settings": settings})
    host = scratch(Scenario((), everything, MORE, FILES))
    for _turn in range(3):
        each = [("conntrack_settings", {"settings": {name: value}}) for name, value in settings.items()]
        for done in host.order("together", runs=[*each, COMMENTED]):
            assert result(done, 0)["changed"]
        now = host.state()
        assert IPTABLES in json.loads(content(now[RECORD]))["paths"]
        changed = {IPTABLES: host.after[IPTABLES], RECORD: host.after[RECORD]}
        assert_same({**now, **changed}, host.after, "after all runs", in_any_order=True)
        host.succeed(RESTORE)
        assert_same(host.state(), host.first, "after a restore")
