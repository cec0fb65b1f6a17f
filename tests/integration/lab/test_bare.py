# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bare hosts have no Python and none of the tools that spoil, and are otherwise hosts like the others.

One lab of four serves most tests; each of them leaves it as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
RECORDING = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts", "rhel5-origin")
# Name -> what /bin/sh is a link to.
SHELLS = {"busybox": "busybox", "dash": "dash", "old-busybox": "busybox", "old-dash": "dash"}
INTERPRETERS = "python python2 python2.7 python3 python3.11 python3.13 platform-python pypy3 perl"
PYTHONS = "/usr/bin/python* /usr/local/bin/python* /usr/libexec/platform-python /opt/*/bin/python* /root/.pyenv"
REMOVED = "base64 flock hexdump mktemp od readlink realpath setsid sha1sum sha256sum sha512sum stat timeout xxd"
COPIERS = "scp sftp sftp-server"
KEPT = "awk cat chmod chown cmp cp dd env find grep head ls mv rm rmmod sed sleep sync tail tr uname wc"
UDP_TIMEOUT = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
OLD_MAX = "/proc/sys/net/ipv4/ip_conntrack_max"


class Lab:
    def __init__(self, state, program=LAB):
        self.state = str(state)
        self.program = program

    def tried(self, command, *arguments):
        return subprocess.run(
            [self.program, command, "--state", self.state, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip

    def __call__(self, command, *arguments):
        finished = self.tried(command, *arguments)
        if finished.returncode == 3:
            pytest.skip(finished.stderr)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def variables(self, host):
        return json.loads(self("inventory"))["_meta"]["hostvars"][host]

    def tried_ssh(self, host, script, user=None):
        """Run a script by the host's shell over SSH, with what the inventory says about the host."""
        variables = self.variables(host)
        return subprocess.run(
            ["ssh", "-o", "BatchMode=yes", "-i", variables["ansible_ssh_private_key_file"],
             *variables["ansible_ssh_common_args"].split(),
             f"{user or variables['ansible_user']}@{variables['ansible_host']}", script],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False,
        )  # fmt: skip

    def ssh(self, host, script, user=None):
        finished = self.tried_ssh(host, script, user)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def raw(self, hosts, command, *arguments):
        """Ansible's raw module; returns the finished process."""
        inventory = ["-i", os.path.join(self.state, "inventory.yml")]
        return subprocess.run(
            ["ansible", *inventory, hosts, "-m", "ansible.builtin.raw", "-a", command, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
        )  # fmt: skip

    def record(self):
        with open(os.path.join(self.state, "state.json"), encoding="utf-8") as file:
            return json.load(file)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = Lab(tmp_path_factory.mktemp("bare") / "lab")
    wanted = []
    for name in SHELLS:
        wanted += ["--bare", f"{name}={name.removeprefix('old-')}"]
        wanted += ["--fixture", f"{name}={RECORDING}"] if name.startswith("old-") else []
    try:
        made("up", *wanted)
        yield made
    finally:
        made.tried("down")


each_host = pytest.mark.parametrize("host", SHELLS)


@each_host
def test_it_is_reached_over_ssh_by_the_inventory(lab, host):
    answer = lab.tried_ssh(host, "hostname; id -u")
    assert answer.stdout == f"{host}\n0\n"
    assert f"This is {host}," in answer.stderr, "a banner, as many a host has one"
    assert lab.ssh(host, "id -un; id -u; pwd", user="admin") == "admin\n1000\n/home/admin\n"


def test_the_inventory_names_no_python_for_them(lab):
    shown = json.loads(lab("inventory"))
    assert shown["bare"]["hosts"] == sorted(SHELLS)
    assert shown["recorded"]["hosts"] == ["old-busybox", "old-dash"]
    assert "plain" not in shown
    assert not [host for host in SHELLS if "ansible_python_interpreter" in lab.variables(host)]


@each_host
def test_there_is_no_python(lab, host):
    assert lab.ssh(host, f"for each in {INTERPRETERS}; do command -v $each; done; ls -d {PYTHONS} 2>/dev/null; :") == ""


@each_host
def test_the_tools_that_spoil_are_gone_and_the_others_are_there(lab, host):
    assert lab.ssh(host, f"for each in {REMOVED} {COPIERS}; do command -v $each; done; :") == ""
    for script in ("stat /", "echo / | xargs stat", "find / -maxdepth 0 -exec stat {} \\;"):
        assert "Access" not in lab.tried_ssh(host, script).stdout
    assert lab.ssh(host, f"for each in {KEPT}; do command -v $each >/dev/null || echo $each; done") == ""


@pytest.mark.parametrize("host", ("busybox", "dash"))
def test_modprobe_is_there_unless_a_recording_is_shown(lab, host):
    assert "/modprobe" in lab.ssh(host, "command -v modprobe")
    assert lab.ssh(f"old-{host}", "command -v modprobe; :") == ""


@each_host
def test_its_shell_is_a_plain_one(lab, host):
    inside = f"/proc/{lab.record()['hosts'][host]['pid']}/root"
    assert os.path.basename(os.readlink(f"{inside}/bin/sh")) == SHELLS[host]
    of_root = "root:x:0:0:root:/root:/bin/sh\n"
    assert lab.ssh(host, '[ -z "$BASH_VERSION" ]; echo $? $SHELL; grep ^root: /etc/passwd') == f"0 /bin/sh\n{of_root}"


def test_busybox_is_all_there_is_beside_the_sshd(lab):
    inside = f"/proc/{lab.record()['hosts']['busybox']['pid']}/root"
    files = []
    for folder, _folders, names in os.walk(inside):
        path = folder[len(inside) :]
        if not path.startswith(("/proc", "/sys", "/dev")):
            files += [f"{path}/{name}" for name in names if not os.path.islink(f"{folder}/{name}")]
    programs = [path for path in files if "/lib" not in path and os.access(inside + path, os.X_OK)]
    assert sorted(path for path in programs if "sshd" not in path) == ["/bin/busybox"]
    assert [path for path in files if "/lib" in path and ".so" not in path and "sshd" not in path] == []


@pytest.mark.parametrize("host", ("busybox", "dash"))
def test_without_a_recording_it_has_conntrack_settings_of_its_own(lab, host):
    with open(UDP_TIMEOUT, encoding="ascii") as file:
        machine = file.read()
    assert lab.ssh(host, f"echo 77 > {UDP_TIMEOUT}; cat {UDP_TIMEOUT}; echo 30 > {UDP_TIMEOUT}") == "77\n"
    with open(UDP_TIMEOUT, encoding="ascii") as file:
        assert file.read() == machine


@pytest.mark.parametrize("host", ("old-busybox", "old-dash"))
def test_it_shows_a_recording_that_takes_writes(lab, host):
    assert lab.ssh(host, f"cat {OLD_MAX}") == "16640\n"
    assert lab.ssh(host, f"echo 131072 > {OLD_MAX}; cat {OLD_MAX}; echo 16640 > {OLD_MAX}") == "131072\n"
    with open(os.path.join(RECORDING, "root", "etc", "sysctl.conf"), encoding="utf-8") as file:
        assert lab.ssh(host, "cat /etc/sysctl.conf") == file.read()
    assert lab.ssh(host, "ls /proc/sys/net/netfilter /sys/class /etc/os-release 2>/dev/null; :") == ""


@pytest.mark.parametrize("host", ("old-busybox", "old-dash"))
def test_recorded_commands_come_before_real_ones(lab, host):
    recorded = ""
    for name in ("date_+%s_%z", "dmesg"):
        with open(os.path.join(RECORDING, "commands", name), encoding="utf-8") as file:
            recorded += file.read()
    assert lab.ssh(host, "date '+%s %z'; dmesg") == recorded
    assert lab.ssh(host, "env date '+%s %z'; echo | xargs dmesg") == recorded
    assert lab.ssh(host, "uname -s") == "Linux\n", "what was not recorded is done by the real command"
    assert lab("run", host, "--", "date", "+%s %z") in recorded


@each_host
def test_there_is_no_way_to_copy_files_but_the_shell(lab, tmp_path, host):
    variables = lab.variables(host)
    (tmp_path / "file").touch()
    for protocol in ("-s", "-O"):
        copied = subprocess.run(
            ["scp", protocol, "-o", "BatchMode=yes", "-i", variables["ansible_ssh_private_key_file"],
             *variables["ansible_ssh_common_args"].split(), tmp_path / "file",
             f"root@{variables['ansible_host']}:/tmp/copied"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False,
        )  # fmt: skip
        assert copied.returncode != 0
    assert lab.tried_ssh(host, "ls /tmp/copied").returncode != 0


@pytest.mark.parametrize("host", ("dash", "old-dash"))
def test_admin_becomes_root_by_su_with_its_password(lab, host):
    by_su = ("-e", "ansible_user=admin", "-b", "--become-method", "su", "-e")
    became = lab.raw(host, "id -u; id -un", *by_su, "ansible_become_password=lab")
    assert became.returncode == 0, became.stdout + became.stderr
    assert became.stdout.splitlines().count("root") == 1
    assert lab.raw(host, "id -u", *by_su, "ansible_become_password=wrong").returncode != 0
    assert lab.tried_ssh(host, "cat /etc/shadow", user="admin").stdout == "", "nobody is root otherwise"


@pytest.mark.parametrize("host", ("dash", "old-dash"))
def test_admin_becomes_root_by_sudo_where_there_is_sudo(lab, host):
    if not shutil.which("sudo"):
        pytest.skip("no sudo on this machine")
    assert lab.ssh(host, "sudo -n id -u", user="admin") == "0\n"


def test_bare_hosts_and_others_stand_side_by_side(lab):
    before = lab.record()["hosts"]
    lab("up", "--hosts", "1")
    try:
        assert lab.record()["hosts"].items() >= before.items(), "hosts that run are left as they are"
        assert json.loads(lab("inventory"))["plain"]["hosts"] == ["node1"]
        assert lab.ssh("node1", "command -v python3 mktemp stat") != ""
    finally:
        os.kill(lab.record()["hosts"]["node1"]["pid"], 9)


@pytest.mark.parametrize("kind", ("busybox", "dash"))
def test_down_leaves_nothing(tmp_path, kind):
    lab = Lab(tmp_path / "lab")
    try:
        lab("up", "--bare", f"bare={kind}", "--bare", f"shown={kind}", "--fixture", f"shown={RECORDING}")
        record = lab.record()
        names = {record["bridge"]["name"], *(host["port"] for host in record["hosts"].values())}
        spaces = {os.readlink(f"/proc/{host['pid']}/ns/net") for host in record["hosts"].values()}
        assert names <= links()
        assert len(spaces & namespaces()) == 2
    finally:
        lab.tried("down")
    assert names & links() == set()
    assert spaces & namespaces() == set()
    assert mentions(lab.state) == []
    assert os.listdir(lab.state) == ["lock"]


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


def mentions(folder):
    """The processes that have a mount of this folder, or its name in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for file in ("mounts", "cmdline"):
            try:
                with open(f"/proc/{pid}/{file}", "rb") as opened:
                    text = opened.read().decode(errors="replace")
            except OSError:
                continue
            if folder in text:
                found.append((pid, file))
    return found


def test_another_kind_is_refused(tmp_path):
    refused = Lab(tmp_path / "lab").tried("up", "--bare", "host=toybox")
    assert (refused.returncode, "with one of busybox, dash" in refused.stderr) == (1, True)
    assert not (tmp_path / "lab").exists()


def test_without_busybox_a_sentence_and_status_3_and_the_rest_still_runs(tmp_path):
    """A lab whose bare hosts look for commands in one folder only, which has all but BusyBox."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("dash", "ldd"):
        os.symlink(shutil.which(name), commands / name)
    copy = shutil.copytree(os.path.join(CHECKOUT, "tests", "lab"), tmp_path / "copy")
    module = copy / "bare_host.py"
    text = module.read_text(encoding="utf-8")
    assert "from processes import PATH\n" in text
    module.write_text(text.replace("from processes import PATH\n", f'PATH = "{commands}"\n'), encoding="utf-8")
    lab = Lab(tmp_path / "lab", copy / "lab")
    try:
        others = lab.tried("up", "--hosts", "1")
        if others.returncode == 3:
            pytest.skip(others.stderr)
        assert others.returncode == 0, others.stderr
        refused = lab.tried("up", "--bare", "bare=busybox")
        assert refused.returncode == 3
        assert refused.stderr == "lab: bare hosts take these Debian packages: busybox\n"
    finally:
        lab.tried("down")
