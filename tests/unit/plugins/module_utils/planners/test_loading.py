# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written so that values count where conntrack is a module, and that no host is made to track unasked."""

from __future__ import annotations

import re
import subprocess

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot
from ansible_collections.netops.conntrack.plugins.module_utils.facts import loading as facts_of_loading
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.plan import MODULE, SYSCTL, Step, predict
from ansible_collections.netops.conntrack.plugins.module_utils.planners import loading, persistence
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.tests.unit import planning

WANTED = {"udp_timeout": 25, "max": 100000}
NOBODY = {"/etc/modules-load.d/firewall.conf": None}
UDEV = {"/usr/lib/systemd/systemd-udevd": ""}
NOT_LOADED = {
    "/proc/modules": "",
    "/sys/module/nf_conntrack": None,
    planning.HOST_ALIAS: None,
    "/sys/module/nf_conntrack/parameters/hashsize": None,
}
RHEL6 = {
    **NOBODY,
    "/run/systemd/system": None,
    "/etc/modules-load.d": None,
    "/etc/rc.d/rc.sysinit": "apply_sysctl\nfor file in /etc/sysconfig/modules/*.modules; do\n  $file\ndone\n",
    "/etc/rc.d/init.d/functions": "apply_sysctl() { for f in /etc/sysctl.d/*; do sysctl -e -p $f; done; }\n",
}


def planned(files, load=False):
    absent = files.get("/proc/modules") == ""
    keys = dict.fromkeys(planning.KEYS) if absent else {}
    snapshot = planning.snapshot(keys=keys, files=files)
    values = {wanted.setting: wanted.value for wanted in parse(WANTED)}
    steps = persistence.steps(snapshot, identify(snapshot), values, load)
    return {step.path: step for step in steps if "sysctl" not in step.path.split("/")[2]}, predict(snapshot, steps)


def test_a_host_that_tracks_loads_the_module_before_its_sysctls_and_sets_them_again_whenever_it_is_loaded():
    steps, after = planned({**NOBODY, **UDEV})
    assert sorted(steps) == [loading.MODULES_LOAD, loading.UDEV_RULE]
    assert steps[loading.MODULES_LOAD].after.splitlines()[-1] == "nf_conntrack"
    for wanted in parse(WANTED):
        assert boot.after_boot(after, wanted.setting, identify(after)).value == wanted.value
    assert persistence.steps(after, identify(after), {wanted.setting: wanted.value for wanted in parse(WANTED)}) == []


def test_a_host_that_does_not_track_is_not_made_to():
    steps, after = planned({**NOBODY, **UDEV, **NOT_LOADED})
    assert list(steps) == [loading.UDEV_RULE]
    for wanted in parse(WANTED):
        assert boot.after_boot(after, wanted.setting, identify(after)).value == wanted.value


def test_it_is_made_to_when_asked():
    assert sorted(planned({**NOBODY, **UDEV, **NOT_LOADED}, load=True)[0]) == [loading.MODULES_LOAD, loading.UDEV_RULE]


def test_what_somebody_else_loads_early_is_not_loaded_twice():
    assert list(planned(UDEV)[0]) == [loading.UDEV_RULE]


def test_no_rule_where_nothing_reads_rules():
    assert list(planned(NOBODY)[0]) == [loading.MODULES_LOAD]


def test_a_rule_of_somebody_else_that_does_the_same_will_do():
    rule = (
        'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nf_conntrack", '
        'RUN+="/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter --prefix=/net/nf_conntrack_max"\n'
    )
    assert planned({**UDEV, "/etc/udev/rules.d/50-site.rules": rule})[0] == {}


@pytest.mark.parametrize("built_in", [{"/proc/modules": None}, {"/proc/modules": "ext4 1 0 - Live 0x0\n"}])
def test_nothing_is_loaded_where_conntrack_is_built_in(built_in):
    assert planned({**NOBODY, **UDEV, **built_in})[0] == {}


def test_a_container_is_left_alone():
    assert planned({**NOBODY, **UDEV, planning.HOST_ALIAS: None})[0] == {}


def test_a_file_system_that_cannot_be_written_is_left_alone():
    mounts = "proc /proc proc rw 0 0\n/dev/vda /etc/modules-load.d ext4 ro 0 0\n"
    assert list(planned({**NOBODY, **UDEV, "/proc/mounts": mounts})[0]) == [loading.UDEV_RULE]


def test_rhel_6_has_scripts_for_modules():
    steps, _after = planned(RHEL6)
    assert list(steps) == [loading.MODULES_SCRIPT]
    script = steps[loading.MODULES_SCRIPT]
    assert script.mode == 0o755
    assert "modprobe nf_conntrack " in script.after
    assert subprocess.run(["sh", "-n"], input=script.after, text=True, check=False).returncode == 0


def test_no_script_where_rc_sysinit_runs_none():
    assert planned({**RHEL6, "/etc/rc.d/rc.sysinit": "sysctl -e -p /etc/sysctl.conf\n"})[0] == {}


@pytest.mark.parametrize("other", [{}, {"/run/systemd/system": None, "/etc/init.d/procps": ""}])
def test_the_rule_runs_a_command_that_a_shell_understands(other):
    rule = planned({**NOBODY, **UDEV, **other})[0][loading.UDEV_RULE].after.splitlines()[-1]
    command = re.search(r"RUN\+=\"/bin/sh -c '([^'\"]*)'\"$", rule)[1]
    assert "%" not in command and "$" not in command, "udev would take these for its own"
    assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0


def test_what_was_loaded_is_no_part_of_the_kernel():
    """Or it would need nothing that loads it at the next boot."""
    absent = planning.snapshot(keys=dict.fromkeys(planning.KEYS), files={**NOBODY, **NOT_LOADED})
    loaded = [
        Step(MODULE, "/sys/module/nf_conntrack", None, "nf_conntrack", ""),
        Step(SYSCTL, planning.NF + "max", None, "131072", ""),
    ]
    identity = identify(predict(absent, loaded))
    assert identity.state == "loaded"
    assert facts_of_loading.early(predict(absent, loaded), identity) is None
