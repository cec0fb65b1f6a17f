# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab makes hosts that are really apart, shows recordings as they are, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
UDP_TIMEOUT = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"


class Lab:
    def __init__(self, state):
        self.state = str(state)

    def __call__(self, command, *arguments, check=True):
        finished = subprocess.run(
            [LAB, command, "--state", self.state, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        if finished.returncode == 3:
            pytest.skip(finished.stderr)
        assert not check or finished.returncode == 0, finished.stderr
        return finished

    def run(self, host, *command):
        return self("run", host, "--", *command).stdout

    def ssh(self, host, *command):
        """Run a command over SSH as Ansible would, with what the inventory says about the host."""
        variables = json.loads(self("inventory").stdout)["_meta"]["hostvars"][host]
        return subprocess.run(
            ["ssh", "-o", "BatchMode=yes", "-i", variables["ansible_ssh_private_key_file"],
             *variables["ansible_ssh_common_args"].split(),
             f"{variables['ansible_user']}@{variables['ansible_host']}", *command],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=True,
        ).stdout  # fmt: skip

    def on_record(self):
        with open(os.path.join(self.state, "state.json"), encoding="utf-8") as file:
            return json.load(file)["hosts"]

    def hosts(self):
        """Name -> (address, process, running or gone)."""
        lines = (line.split() for line in self("list").stdout.splitlines())
        return {line[0]: (line[1], int(line[2]), line[3]) for line in lines}


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path / "lab")
    yield made
    made("down")


def processes_of(folder):
    """Processes that name the folder in their command line, or have a mount that shows it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/mounts", encoding="utf-8", errors="replace") as file:
                mounts = file.read()
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().decode(errors="replace")
        except OSError:
            continue
        if folder in mounts or (folder in command and "namespace_init" in command):
            found.append((pid, command))
    return found


def traces(lab):
    """The links and network namespaces of this lab's hosts that exist; others may have labs at the same time."""
    with open(os.path.join(lab.state, "state.json"), encoding="utf-8") as file:
        record = json.load(file)
    names = {record["bridge"]["name"], *(host.get("port") for host in record["hosts"].values())}
    inodes = {lab.run(host, "readlink", "/proc/self/ns/net").strip() for host in record["hosts"]}
    return lambda: (names & links(), inodes & namespaces())


def links():
    return {link["ifname"] for link in json.loads(subprocess.check_output(["ip", "-j", "link"]))}


def namespaces():
    """Every network namespace some process of this machine is in."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            continue
    return found


def test_hosts_are_reached_over_ssh_by_the_inventory(lab):
    lab("up", "--hosts", "2")
    assert lab.ssh("node1", "hostname") == "node1\n"
    assert lab.ssh("node2", "hostname; id -u") == "node2\n0\n"


def test_hosts_have_networks_and_conntrack_settings_of_their_own(lab):
    lab("up", "alpha", "beta")
    of_alpha, of_beta = (lab.run(host, "readlink", "/proc/self/ns/net") for host in ("alpha", "beta"))
    assert len({of_alpha, of_beta, os.readlink("/proc/self/ns/net") + "\n"}) == 3
    with open(UDP_TIMEOUT, encoding="ascii") as file:
        machine = file.read()
    lab.run("alpha", "sh", "-c", f"echo 77 > {UDP_TIMEOUT}")
    assert lab.run("alpha", "cat", UDP_TIMEOUT) == "77\n"
    assert lab.run("beta", "cat", UDP_TIMEOUT) == "30\n"
    with open(UDP_TIMEOUT, encoding="ascii") as file:
        assert file.read() == machine


def test_hosts_reach_each_other(lab):
    lab("up", "alpha", "beta")
    banner = "import socket,sys; print(socket.create_connection((sys.argv[1], 22), 5).recv(4).decode())"
    assert lab.run("alpha", "/usr/bin/python3", "-c", banner, lab.hosts()["beta"][0]) == "SSH-\n"


def test_what_a_host_writes_stays_in_it(lab):
    lab("up", "--hosts", "2")
    lab.run("node1", "touch", "/etc/written-in-the-lab", "/var/log/written-in-the-lab")
    assert not os.path.exists("/etc/written-in-the-lab")
    assert not os.path.exists("/var/log/written-in-the-lab")
    assert "written" not in lab.run("node2", "ls", "/etc", "/var/log")
    refused = lab("run", "node1", "--", "sh", "-c", "echo 1 > /proc/sys/kernel/panic", check=False)
    assert refused.returncode != 0, "a host must not set what it shares with the machine"


def test_up_again_changes_nothing_and_down_leaves_nothing(lab):
    lab("up", "--hosts", "2")
    first = lab.hosts()
    lab("up", "--hosts", "2")
    assert lab.hosts() == first
    left = traces(lab)
    assert [len(each) for each in left()] == [3, 2]
    lab("down")
    lab("down")
    assert left() == (set(), set())
    assert processes_of(lab.state) == []
    assert os.listdir(lab.state) == ["lock"]
    assert json.loads(lab("inventory").stdout) == {"_meta": {"hostvars": {}}}


def test_no_host_has_the_hardware_address_of_the_bridge(tmp_path):
    """The bridge's address is made from the folder's name: try one whose digest ends like a first host's number."""
    folders = (tmp_path / f"lab{number}" for number in range(100_000))
    made = Lab(next(each for each in folders if hashlib.sha256(str(each).encode()).digest()[4] == 10))
    try:
        made("up", "--hosts", "1")
        assert made.ssh("node1", "hostname") == "node1\n"
    finally:
        made("down")


def test_a_host_that_died_is_made_anew_and_the_others_stay(lab):
    lab("up", "--hosts", "2")
    first = lab.hosts()
    os.kill(first["node1"][1], signal.SIGKILL)
    lab("up", "--hosts", "2")
    second = lab.hosts()
    assert second["node2"] == first["node2"]
    assert second["node1"][1] != first["node1"][1]
    assert lab.ssh("node1", "hostname") == "node1\n"


def test_down_cleans_up_after_a_command_that_was_killed(lab):
    lab("up", "--hosts", "1")
    left = traces(lab)
    starting = subprocess.Popen(
        [LAB, "up", "--state", lab.state, "--hosts", "4"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while starting.poll() is None and "node2" not in lab.on_record():
        pass
    starting.kill()
    starting.wait()
    lab("down")
    assert processes_of(lab.state) == []
    assert left() == (set(), set())


def test_labs_stand_side_by_side(lab, tmp_path):
    other = Lab(tmp_path / "other")
    try:
        lab("up", "--hosts", "1")
        other("up", "--hosts", "1")
        assert lab.hosts()["node1"][0].rsplit(".", 1)[0] != other.hosts()["node1"][0].rsplit(".", 1)[0]
        other("down")
        assert lab.ssh("node1", "hostname") == "node1\n"
    finally:
        other("down")


def test_a_recorded_host_shows_its_recording_and_nothing_else(lab, tmp_path):
    recording = {
        "root/proc/sys/net/ipv4/ip_conntrack_max": "16640\n",
        "root/proc/slabinfo": "slabinfo - version: 2.1\n",
        "root/etc/sysctl.conf": "kernel.sysrq = 0\n",
        "root/var/log/messages": "Nov  8 08:54:58 server kernel: ip_conntrack: table full.\n",
        "commands/dmesg": "recorded ring\n",
        "commands/date_+%s_%z": "1352364958 +0000\n",
        "host.yml": '---\nnames:\n  - /sys/module/ip_conntrack\nmodes:\n  /proc/slabinfo: "0400"\n',
    }
    for path, text in recording.items():
        target = tmp_path / "recording" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    lab("up", "--fixture", f"old={tmp_path / 'recording'}")

    files = "/proc/sys/net/ipv4/ip_conntrack_max /proc/slabinfo /etc/sysctl.conf /var/log/messages"
    assert lab.ssh("old", f"cat {files}; dmesg; date '+%s %z'") == "".join(list(recording.values())[:6])
    assert (
        lab.ssh("old", "ls /sys /sys/module; stat -c %a /proc/slabinfo")
        == "/sys:\nmodule\n\n/sys/module:\nip_conntrack\n400\n"
    )
    assert lab.ssh("old", "ls -d /proc/net /lib/modules /etc/sysctl.d /run/systemd 2>/dev/null; true") == ""
    assert lab.ssh("old", "command -v conntrack journalctl; uname -s") == "Linux\n"

    lab.ssh("old", "echo 131072 > /proc/sys/net/ipv4/ip_conntrack_max")
    copy = os.path.join(lab.state, "hosts", "old", "recorded", "root", "proc", "sys", "net", "ipv4", "ip_conntrack_max")
    with open(copy, encoding="ascii") as file:
        assert file.read() == "131072\n"
    original = tmp_path / "recording" / "root/proc/sys/net/ipv4/ip_conntrack_max"
    assert original.read_text(encoding="ascii") == "16640\n"


def test_without_root_a_sentence_and_status_3():
    # A checkout may lie where only root may enter.
    with tempfile.TemporaryDirectory(prefix="lab-") as open_to_all:
        os.chmod(open_to_all, 0o755)
        lab = shutil.copytree(os.path.join(CHECKOUT, "tests", "lab"), os.path.join(open_to_all, "lab"))
        command = ["/usr/bin/python3", "-B", os.path.join(lab, "command_line.py"), "up", "--state", "/nonexistent"]
        tried = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", *command, "--hosts", "1"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
    assert tried.returncode == 3
    assert tried.stderr.startswith("lab: making hosts takes root")
