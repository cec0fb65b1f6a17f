# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests are machines of their own: their kernel and modules, a reboot and a power cut that are real ones.

One guest serves most tests; each of them leaves it running.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
BOOT_ID = "/proc/sys/kernel/random/boot_id"
SERIES = {"debian11": "5.10.", "debian12": "6.1.", "debian13": "6.12."}


class Lab:
    def __init__(self, state, **environment):
        self.state = str(state)
        self.environment = {**os.environ, **environment}

    def tried(self, command, *arguments):
        return subprocess.run(
            [LAB, command, "--state", self.state, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=1500, check=False, env=self.environment,
        )  # fmt: skip

    def __call__(self, command, *arguments):
        finished = self.tried(command, *arguments)
        if finished.returncode == 3:
            pytest.skip(finished.stderr)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def run(self, host, *command):
        return self("run", host, "--", *command)

    def on_record(self):
        with open(os.path.join(self.state, "state.json"), encoding="utf-8") as file:
            return json.load(file)


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """A lab with one guest, called guest."""
    lab = Lab(tmp_path_factory.mktemp("guest") / "lab")
    try:
        lab("up", "--guest", "guest=debian12")
        yield lab
    finally:
        lab.tried("down")


def ansible(lab, *arguments):
    environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0"}
    return subprocess.run(
        ["ansible", "-i", os.path.join(lab.state, "inventory.yml"), *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False, env=environment,
    )  # fmt: skip


def processes_of(lab):
    """The processes with a file or folder of the lab in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().decode(errors="replace")
        except OSError:
            continue
        if lab.state in command and int(pid) != os.getpid():
            found.append(command.replace("\0", " "))
    return found


def links():
    return {link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-j", "link"]))}


def test_a_guest_is_in_a_group_of_its_own_and_ansible_gets_in(guest):
    listed = json.loads(guest("inventory"))
    assert listed["guests"]["hosts"] == ["guest"]
    assert "plain" not in listed
    pinged = ansible(guest, "guests", "-m", "ansible.builtin.ping")
    assert pinged.returncode == 0, pinged.stdout + pinged.stderr


def test_a_guest_has_its_name_and_reaches_the_lab_only(guest):
    assert guest.run("guest", "hostname") == "guest\n"
    network = guest.on_record()["bridge"]["network"]
    assert guest.run("guest", "ip", "-4", "route").split()[0] == f"{network}.0/24"
    assert guest.run("guest", "ip", "route", "show", "default") == ""


def test_arguments_arrive_as_they_are_and_the_exit_status_comes_back(guest):
    assert guest.run("guest", "printf", "%s|", "a b", "$HOME", "it's") == "a b|$HOME|it's|"
    assert guest.tried("run", "guest", "--", "sh", "-c", "exit 7").returncode == 7


def test_conntrack_is_a_module_that_loads_and_unloads(guest):
    loaded = "lsmod | grep -c ^nf_conntrack || true"
    guest.run("guest", "modprobe", "-r", "nf_conntrack_ftp", "nf_nat", "nf_conntrack")
    assert guest.run("guest", "sh", "-c", loaded) == "0\n"
    guest.run("guest", "modprobe", "nf_conntrack_ftp")
    assert guest.run("guest", "sh", "-c", loaded) == "2\n"
    guest.run("guest", "modprobe", "-r", "nf_conntrack_ftp", "nf_conntrack")
    assert "nf_conntrack_max" not in guest.run("guest", "ls", "/proc/sys/net/netfilter")


def test_guests_and_namespaces_stand_side_by_side_and_reach_each_other(guest):
    before = guest.on_record()["hosts"]["guest"]
    guest("up", "--hosts", "1", "--guest", "guest=debian12")
    assert guest.on_record()["hosts"]["guest"] == before, "a host that runs is left as it is"
    banner = "import socket,sys; print(socket.create_connection((sys.argv[1], 22), 20).recv(4).decode())"
    hosts = guest.on_record()["hosts"]
    for here, there in (("node1", "guest"), ("guest", "node1")):
        assert guest.run(here, "/usr/bin/python3", "-c", banner, hosts[there]["address"]) == "SSH-\n"
    assert json.loads(guest("inventory"))["plain"]["hosts"] == ["node1"]


def test_a_reboot_is_a_real_one_and_keeps_files(guest):
    guest.run("guest", "sh", "-c", "echo kept > /root/file; hostnamectl set-hostname renamed; modprobe nf_conntrack")
    before = guest.run("guest", "cat", BOOT_ID)
    rebooted = ansible(guest, "guests", "-m", "ansible.builtin.reboot", "-a", "connect_timeout=2 reboot_timeout=240")
    assert rebooted.returncode == 0, rebooted.stdout + rebooted.stderr
    assert guest.run("guest", "cat", BOOT_ID) != before
    assert guest.run("guest", "cat", "/root/file") == "kept\n"
    assert guest.run("guest", "cat", "/etc/hostname") == "renamed\n", "its name is given once, at the first boot"
    assert "nf_conntrack " not in guest.run("guest", "cat", "/proc/modules")


def test_a_power_cut_keeps_what_was_synced(guest):
    guest.run("guest", "sh", "-c", "echo synced > /root/safe && sync /root/safe && sync /root")
    before = guest.run("guest", "cat", BOOT_ID)
    guest("reset", "guest")
    assert guest.run("guest", "cat", BOOT_ID) != before
    assert guest.run("guest", "cat", "/root/safe") == "synced\n"


def test_only_a_guest_has_power_to_cut(guest):
    refused = guest.tried("reset", "nobody")
    assert (refused.returncode, "there is no guest nobody" in refused.stderr) == (1, True)


@pytest.mark.parametrize("kind", SERIES)
def test_each_kind_has_its_kernel_and_down_leaves_nothing(tmp_path, kind):
    if kind != "debian12" and os.environ.get("LAB") != "all":
        pytest.skip("not run: LAB=all runs it, the scenarios of molecule boot this kind too")
    lab = Lab(tmp_path / "lab")
    try:
        lab("up", "--guest", f"other={kind}")
        assert lab.run("other", "uname", "-r").startswith(SERIES[kind])
        assert lab.run("other", "systemctl", "is-system-running", "--wait") == "running\n"
        record = lab.on_record()
        names = {record["bridge"]["name"], record["hosts"]["other"]["port"]}
        assert names <= links()
        assert processes_of(lab) != []
    finally:
        lab("down")
    assert processes_of(lab) == []
    assert names & links() == set()
    assert os.listdir(lab.state) == ["lock"]


def test_without_qemu_a_sentence_and_status_3_and_the_rest_still_runs(tmp_path):
    """A lab whose guests look for commands in one folder only: all that this machine has, but QEMU's."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for folder in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"):
        for name in os.listdir(folder):
            if not name.startswith("qemu") and not os.path.lexists(commands / name):
                os.symlink(os.path.join(folder, name), commands / name)
    copy = shutil.copytree(os.path.join(CHECKOUT, "tests", "lab"), tmp_path / "copy")
    module = copy / "guest_host.py"
    text = module.read_text(encoding="utf-8")
    assert "from processes import PATH\n" in text
    narrowed = text.replace("from processes import PATH\n", f'PATH = "{commands}"\n')
    module.write_text(narrowed, encoding="utf-8")

    def lab(command, *arguments):
        return subprocess.run(
            [copy / "lab", command, "--state", tmp_path / "lab", *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip

    try:
        refused = lab("up", "--guest", "guest=debian12")
        assert refused.returncode == 3
        assert refused.stderr == "lab: running guests takes these Debian packages: qemu-system-x86, qemu-utils\n"
        others = lab("up", "--hosts", "1")
        if others.returncode == 3:
            pytest.skip(others.stderr)
        assert others.returncode == 0, others.stderr
    finally:
        lab("down")
