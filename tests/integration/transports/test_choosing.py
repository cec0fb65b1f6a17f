# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What serves a host: Python where it is good enough, otherwise the shell, and nobody sees the difference."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess

import pytest

HOSTS = ("node", "--bare", "small=busybox", "--bare", "old=dash")
LIMITS = {"netops.conntrack.conntrack_facts": {"gather_subset": ["limits"]}}
CONFIG = {"netops.conntrack.iptables_config": {}, "check_mode": True}
SETTINGS = {"netops.conntrack.conntrack_settings": {"settings": {"udp_timeout": 41}}}
RESTORED = {"netops.conntrack.conntrack_settings": {"state": "restored"}}
UDP = "cat /proc/sys/net/netfilter/nf_conntrack_udp_timeout"
SUDOERS = "/etc/sudoers"
# A command that looks for Python, and a module that is brought to a host, as -vvv shows them.
LOOK, BROUGHT = "netops-conntrack-python", "Using module file"


def served(played):
    return [each.get("transport") for each in played.told]


def noise(played):
    return [line for line in played.shown.splitlines() if "[WARNING]" in line or "[ERROR]" in line or "fatal" in line]


def test_without_python_the_shell_serves_and_python_is_looked_for_once(lab, tell):
    played = tell(lab.inventory, "small", [LIMITS, CONFIG, {**LIMITS, "loop": [1, 2]}], "-vvv")
    assert served(played)[:2] == ["shell", "shell"]
    assert [each["transport"] for each in played.told[2]["results"]] == ["shell", "shell"]
    assert noise(played) == []
    # The command stands in the lines before and after it is run.
    assert len({line for line in played.shown.splitlines() if LOOK in line and "EXEC" in line}) == 1
    # The only module is the one that keeps what was told, on the controller.
    assert all("ansible/modules" in line for line in played.shown.splitlines() if BROUGHT in line)


def test_where_python_is_good_enough_it_serves(lab, tell):
    for variables in ({}, {"ansible_python_interpreter": "auto_silent"}):
        played = tell(lab.inventory, "node", [LIMITS, CONFIG], **variables)
        assert served(played) == ["python", "python"]
        assert noise(played) == []


def test_a_module_goes_over_the_input_of_one_command_unless_somebody_decided_otherwise(lab, tell):
    def commands(**variables):
        played = tell(lab.inventory, "node", [LIMITS], "-vvv", **variables)
        assert served(played) == ["python"]
        return {line for line in played.shown.splitlines() if " EXEC ssh " in line}

    # The inventory of the lab names Python; where it does not, another command looks for it.
    assert len(commands()) == 1
    assert len(commands(ansible_python_interpreter="auto_silent")) == 2
    assert len(commands(ansible_pipelining=False)) > 2


def test_a_sudo_that_insists_on_a_terminal_gets_one(lab, tell):
    if not shutil.which("sudo"):
        pytest.skip("not run: there is no sudo on this machine")
    lab.inside("node", f"echo 'Defaults requiretty' >>{SUDOERS}")
    try:
        limits = {**LIMITS, "become": True, "become_method": "ansible.builtin.sudo", "become_user": "nobody"}
        played = tell(lab.inventory, "node", [limits, {**limits, "loop": [1, 2]}])
        assert served(played)[:1] == ["python"]
        assert [each["transport"] for each in played.told[1]["results"]] == ["python", "python"]
        # Where somebody wants it over the input, that is done, and fails here.
        (result,) = tell(lab.inventory, "node", [limits], ansible_pipelining=True).told
        assert result["failed"] and "sudo" in result["module_stderr"]
    finally:
        lab.inside("node", f"sed -i /requiretty/d {SUDOERS}")


def test_a_python_that_is_named_and_not_there_is_tried_once(lab, tell):
    named = {"ansible_python_interpreter": "/usr/bin/python3", "ansible_pipelining": True}
    played = tell(lab.inventory, "small", [LIMITS, CONFIG, {**LIMITS, "loop": [1, 2]}], "-vvv", **named)
    assert served(played)[:2] == ["shell", "shell"]
    assert noise(played) == []
    ours = [line for line in played.shown.splitlines() if BROUGHT in line and "ansible/modules" not in line]
    assert len(ours) == 1
    assert LOOK not in played.shown


def test_without_pipelining_too(lab, tell):
    played = tell(lab.inventory, "small", [LIMITS, CONFIG], ansible_python_interpreter="/usr/bin/python3")
    assert served(played) == ["shell", "shell"]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7"])
def test_a_python_that_is_too_old_is_passed_over(tell, tmp_path, version):
    """The real thing, where this machine has one."""
    found = glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python"))
    found += filter(None, [shutil.which("python" + version)])
    python = next((path for path in found if works(path, version)), None)
    if not python:
        pytest.skip(f"not run: there is no Python {version} on this machine")
    inventory = tmp_path / "inventory.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}\n", encoding="utf-8")
    played = tell(str(inventory), "here", [LIMITS, CONFIG], ansible_python_interpreter=python)
    assert served(played) == ["shell", "shell"]
    assert noise(played) == []


def works(path, version):
    done = subprocess.run(
        [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() == version


def test_what_is_asked_for_serves_or_fails(lab, tell):
    assert served(tell(lab.inventory, "node", [LIMITS], conntrack_transport="shell")) == ["shell"]
    (result,) = tell(lab.inventory, "small", [LIMITS], conntrack_transport="python").told
    assert result["failed"]
    (result,) = tell(lab.inventory, "small", [LIMITS], conntrack_transport="pigeon").told
    assert "conntrack_transport: 'pigeon' is not one of auto, python, shell" in result["msg"]


def test_a_task_that_is_delegated_goes_by_the_host_it_is_for(lab, tell):
    tasks = [LIMITS, {**LIMITS, "delegate_to": "small"}, {**LIMITS, "delegate_to": "small"}, LIMITS]
    played = tell(lab.inventory, "node", tasks)
    assert served(played) == ["python", "shell", "shell", "python"]


@pytest.mark.parametrize("way", ["sudo", "sudo-on-a-terminal", "su"])
def test_root_by_other_ways(lab, tell, way):
    if way != "su" and not shutil.which("sudo"):
        pytest.skip("not run: there is no sudo on this machine")
    insist = "Defaults requiretty\n" if way == "sudo-on-a-terminal" else ""
    lab.inside("old", f"sed -i /requiretty/d {SUDOERS} 2>/dev/null; printf '{insist}' >>{SUDOERS}; :")
    variables = {"ansible_user": "admin", "ansible_become": True, "ansible_become_method": way.partition("-")[0]}
    if way == "su":
        variables["ansible_become_password"] = "lab"
    config = "/etc/sysconfig/iptables-config"
    # So long that it is not fit for a command line.
    long = 'IPTABLES_MODULES="ip_conntrack_ftp"\n' + "# %s\n" % ("it's long" * 8) * 500
    lab.inside("old", f"mkdir -p /etc/sysconfig; cat >{config}", long)
    try:
        commented = {"netops.conntrack.iptables_config": {"modules": ["ip_conntrack_ftp"]}}
        played = tell(lab.inventory, "old", [LIMITS, SETTINGS, SETTINGS, commented], **variables)
        assert [(each["transport"], each["changed"]) for each in played.told] == [
            ("shell", False), ("shell", True), ("shell", False), ("shell", True),
        ]  # fmt: skip
        assert lab.inside("old", UDP) == "41\n"
        assert lab.inside("old", f"cat {config}") == "#" + long
        played = tell(lab.inventory, "old", [RESTORED], **variables)
        assert not played.told[0].get("failed"), played.told
        assert lab.inside("old", UDP) == "30\n"
        assert lab.inside("old", f"cat {config}") == long
        # Nothing of a script is left anywhere.
        assert lab.inside("old", "ls -A /tmp /dev/shm /run /var/tmp | grep netops-conntrack-; :") == ""
    finally:
        lab.inside("old", f"rm -rf /etc/sysconfig; sed -i /requiretty/d {SUDOERS}; :")


def test_a_root_that_is_read_only_is_read_and_says_so(lab, tell):
    """An overlay in a namespace can be remounted; the host's logs and /run are file systems of their own."""
    lab.inside("old", "mount -o remount,ro /")
    try:
        facts = {"netops.conntrack.conntrack_facts": {}}
        read, changed = tell(lab.inventory, "old", [facts, SETTINGS]).told
    finally:
        lab.inside("old", "mount -o remount,rw /")
    assert (read["transport"], read["ansible_facts"]["conntrack"]["verdict"]["status"]) == ("shell", "host_owned")
    assert changed["failed"]
    assert "read-only file system" in changed["msg"]
    assert lab.inside("old", UDP) == "30\n"


def test_a_locale_that_is_not_english_and_an_environment(lab, tell):
    german = {"environment": {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de", "TASK": "it's $HOME"}}
    (result,) = tell(lab.inventory, "old", [{**SETTINGS, **german, "check_mode": True}]).told
    assert result["transport"] == "shell"
    assert result["changed"]
