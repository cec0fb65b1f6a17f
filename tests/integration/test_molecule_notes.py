# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/molecule.md: its files make a project, and its commands end in it as the page says.

What the page leaves to the reader is made here: the role gateway, and what is behind the address of requirements.yml.
`sudo env "PATH=$PATH"` is left out, as only root gets this far.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import typing

import pytest
import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "molecule.md").read_text(encoding="utf-8")
SUDO = 'sudo env "PATH=$PATH" '
# Whoever sets up a CI does these; what they install is here already.
SET_UP = ("apt-get", "venv", "pip", "export PATH=")
RULES = """
table inet gateway
delete table inet gateway
table inet gateway {
  chain forward {
    type filter hook forward priority 0;
    ct state established,related accept
  }
}
"""
WRITE_RULES = {
    "name": "Write the rules",
    "ansible.builtin.copy": {"content": RULES, "dest": "/etc/gateway.nft", "mode": "0600"},
    "notify": "Load the rules",
}
LOAD_RULES = {
    "name": "Load the rules",
    "ansible.builtin.command": "nft -f /etc/gateway.nft",
    "changed_when": True,
}
# Root of a container without rights of its own over network, mounts and modules, as far as it matters here.
UNPRIVILEGED = (
    "unshare", "--net", "--mount", "sh", "-ec",
    "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; "
    'exec setpriv --bounding-set=-net_admin,-sys_admin,-sys_module "$@"', "sh",
)  # fmt: skip
NAMESPACE = ("sh", "molecule/namespace.sh")


def files():
    """Path to content: blocks below a paragraph that begins with the file's name."""
    found = re.findall(r"(?:^|\n)`([^`\n]+)`(?:(?!\n\n|```).)*?\n```(?:yaml|sh)\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == len(re.findall(r"^```(?:yaml|sh)$", PAGE, re.MULTILINE)), "a block has no name"
    return dict(found)


def offered():
    """The first words of a row of the table to its command."""
    return dict(re.findall(r"^\| ([^|]+?) \| `([^`|]+)` \|", PAGE, re.MULTILINE))


def failing():
    """Commands, those up to an output joined, and what is said in that output."""
    block = re.search(r"## To see it fail.*?```console\n(.*?)```", PAGE, re.DOTALL).group(1)
    return [
        ("\n".join(line[2:] for line in commands.splitlines()), said.splitlines())
        for commands, said in re.findall(r"((?:^\$ .*\n)+)((?:^(?!\$ ).*\n)+)", block, re.MULTILINE)
    ]


def gitlab():
    return yaml.safe_load(files()[".gitlab-ci.yml"])


class Ended(typing.NamedTuple):
    status: int
    told: str


class Project:
    def __init__(self, folder, environment):
        self.folder = folder
        self.environment = environment

    def copy(self, folder):
        shutil.copytree(self.folder, folder)
        return Project(folder, self.environment)

    def run(self, command, *inside):
        """How the command ended; inside is a command that runs it somewhere else."""
        done = subprocess.run(
            [*inside, "sh", "-c", command.replace(SUDO, "")], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout)

    def report(self):
        return json.loads((self.folder / "conntrack.json").read_text(encoding="utf-8"))

    def gateway(self, tasks, handlers):
        for name, content in (("tasks", tasks), ("handlers", handlers)):
            file = self.folder / "roles" / "gateway" / name / "main.yml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def written(root, tmp_path_factory):
    """The project of the page, with the collection installed as the page says."""
    folder = tmp_path_factory.mktemp("notes")
    for path, content in files().items():
        file = folder / "project" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def git(*arguments):
        subprocess.run(["git", "-C", str(folder / "published"), *arguments], check=True, capture_output=True)

    # What git knows of the checkout, changes too, as what is found at the address.
    for name in subprocess.check_output(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=CHECKOUT, text=True
    ).split("\0"):
        if name and (CHECKOUT / name).is_file():
            file = folder / "published" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, file)
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("-c", "user.name=tests", "-c", "user.email=tests@example.com", "commit", "-q", "-m", "as in the checkout")

    (wanted,) = yaml.safe_load(files()["requirements.yml"])["collections"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_"))}
    environment.update(
        PATH="%s:%s:/usr/sbin:/sbin" % (os.path.dirname(sys.executable), os.environ["PATH"]),
        ANSIBLE_HOME=str(folder / "home"),
        ANSIBLE_PIPELINING="1",
        NO_COLOR="1",
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="url.file://%s.insteadOf" % (folder / "published"),
        GIT_CONFIG_VALUE_0=wanted["name"],
    )
    project = Project(folder / "project", environment)
    project.gateway([WRITE_RULES, {"ansible.builtin.meta": "flush_handlers"}], [LOAD_RULES])
    tried = subprocess.run(
        ["sh", "molecule/namespace.sh", "true"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.skip("not run: no network namespace with folders of its own can be had here: " + tried.stderr)
    installed = project.run("ansible-galaxy collection install -r requirements.yml -p collections")
    assert installed.status == 0, installed.told
    return project


@pytest.fixture
def project(written, tmp_path):
    return written.copy(tmp_path / "project")


def test_on_a_machine_of_its_own_max_is_what_was_asked_for(project, machine):
    if not os.stat(machine.proc + "nf_conntrack_max").st_mode & stat.S_IWUSR:
        pytest.skip("not run: max belongs to the host of this machine")
    # The machine's network and limit; its files are a copy. No rule of this role makes it track.
    project.gateway([{**WRITE_RULES, "notify": []}], [])
    script = (project.folder / "molecule" / "namespace.sh").read_text(encoding="utf-8")
    (project.folder / "files.sh").write_text(script.replace("--net ", ""), encoding="utf-8")
    ended = project.run(offered()["root on a machine that is thrown away"], "sh", "files.sh")
    assert ended.status == 0 and "ok: [gw1] => (item=max)" in ended.told, ended.told
    wanted = yaml.safe_load(files()["vars/conntrack.yml"])["conntrack_settings"]["max"]
    assert project.report()["hosts"][0]["max"] == machine.value("nf_conntrack_max") == wanted


def test_in_a_network_namespace_it_passes_until_a_value_is_reset_and_nothing_is_left(project):
    *_others, (command, said) = failing()
    before = left()
    # The last of those that fail begins as the page's row for such a machine; one run serves for both.
    passing = offered()["root on a machine that stays"].replace(SUDO, "")
    assert command.startswith(passing.replace("molecule test", "sh -c 'molecule test; "))
    ended = project.run(command)
    passed, _again, failed = ended.told.partition("test matrix: verify\n")
    assert "test matrix: syntax, converge, idempotence, verify" in passed and "successful=4" in passed, ended.told
    assert "ok: [gw1] => (item=udp_timeout)" in passed and "skipping: [gw1] => (item=max)" in passed
    assert ended.status != 0 and [each for each in said if each not in failed] == [], ended.told
    assert [(host["host"], host["status"]) for host in project.report()["hosts"]] == [("gw1", "host_owned")]
    assert stat.S_IMODE((project.folder / "conntrack.json").stat().st_mode) == 0o644
    assert left() == before


def left():
    """What a run would leave on the machine."""
    places = ("/etc/sysctl.d", "/etc/gateway.nft", "/etc/modprobe.d", "/etc/udev/rules.d", "/var/lib/netops-conntrack")
    return [sorted(os.listdir(each)) if os.path.isdir(each) else os.path.exists(each) for each in places]


def test_an_unprivileged_container_can_check_names_and_values(project):
    ended = project.run(offered()["an unprivileged container, here only made like one"], *UNPRIVILEGED)
    assert ended.status == 0, ended.told
    task = ended.told.partition("TASK [netops.conntrack.conntrack : Set the connection-tracking settings]")[2]
    assert "\nok: [gw1]" in task, "what cannot be written is not foretold"


@pytest.mark.parametrize("number", range(len(failing()) - 1))
def test_in_check_mode_too_what_shall_fail_fails(project, number):
    command, said = failing()[number]
    assert command.endswith("molecule check")
    ended = project.run(command, *UNPRIVILEGED)
    assert ended.status != 0 and [each for each in said if each not in ended.told] == [], ended.told


def test_the_night_reports_and_fails_on_a_verdict_and_on_drift(project):
    diagnose, drift = gitlab()["nightly"]["script"]
    # The gateways of the night are the one of the scenario, which cannot be full, but host_owned.
    shutil.copytree(project.folder / "molecule" / "default" / "inventory", project.folder / "inventory")
    project.environment = {**project.environment, **gitlab()["variables"]}
    night = [
        "ansible-playbook -i inventory gateways.yml",
        diagnose,
        diagnose.replace("=full,", "=host_owned,"),
        drift,
        "sysctl -w net.netfilter.nf_conntrack_udp_timeout=40",
        drift,
    ]
    ended = project.run("".join("%s; echo status $?\n" % each for each in night), *NAMESPACE)
    assert re.findall(r"^status (\d+)$", ended.told, re.MULTILINE) == ["0", "0", "2", "0", "0", "2"], ended.told
    assert project.report()["totals"]["hosts"] == 1
    assert 'netops_conntrack_up{host="gw1"} 1' in (project.folder / "conntrack.prom").read_text(encoding="utf-8")


def test_services_run_what_was_tried_here():
    steps = yaml.safe_load(files()[".github/workflows/gateway.yml"])["jobs"]["molecule"]["steps"]
    lines = [step["run"] for step in steps if "run" in step]
    lines += gitlab()["before_script"] + gitlab()["check"]["script"]
    commands = [each.strip() for line in lines for each in line.split("&&")]
    assert "molecule check" in commands
    tried = {*offered().values(), "ansible-galaxy collection install -r requirements.yml -p collections"}
    assert [each for each in commands if each not in tried and not any(word in each for word in SET_UP)] == [
        'echo "$PWD/.ci/bin" >> "$GITHUB_PATH"'
    ]
