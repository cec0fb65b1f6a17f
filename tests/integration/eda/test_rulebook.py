# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebooks in the real ansible-rulebook: what is posted to it, what it runs, and what it does not run again.

gw1 and gw2 show recordings, the first one of a full table: what tune sets there is set in the recording. gw3 and gw4
show this machine's kernel, which is only looked at.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.netops.conntrack.tests.integration.eda import rulebook
from ansible_collections.netops.conntrack.tests.integration.eda.controller import Controller

COLLECTION = rulebook.CHECKOUT / ".cache" / "collections" / "ansible_collections" / "netops" / "conntrack"
LAB = str(rulebook.CHECKOUT / "tests" / "lab" / "lab")
RECORDED = rulebook.CHECKOUT / "tests" / "unit" / "fixtures" / "hosts"
HOSTS = ("--fixture=gw1=%s" % (RECORDED / "rhel5-origin"), "--fixture=gw2=%s" % (RECORDED / "kube-node"), "gw3", "gw4")
MAX = "/proc/sys/net/ipv4/netfilter/ip_conntrack_max"
DIAGNOSE, TUNE = "netops.conntrack.diagnose", "netops.conntrack.tune"
PRESSURE = "HostConntrackLimit"
FULL_LINE = {
    "_TRANSPORT": "kernel",
    "MESSAGE": "nf_conntrack: nf_conntrack: table full, dropping packet",
    "__REALTIME_TIMESTAMP": "1795717310860467",
}


@pytest.fixture(scope="module", autouse=True)
def ready(root):
    reason = rulebook.missing()
    if reason:
        pytest.skip("not run: " + reason)


@pytest.fixture(scope="module")
def lab(ready, tmp_path_factory):
    """lab(host, command...): what it prints there; lab.inventory is the path of the inventory."""
    state = str(tmp_path_factory.mktemp("lab"))

    def inside(host, *command):
        return subprocess.check_output([LAB, "run", "--state", state, host, "--", *command], text=True).strip()

    inside.inventory = os.path.join(state, "inventory.yml")
    up = [LAB, "up", "--state", state, *HOSTS]
    try:
        made = subprocess.run(up, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr
        yield inside
    finally:
        subprocess.run([LAB, "down", "--state", state], stdin=subprocess.DEVNULL, timeout=120, check=True)


@pytest.fixture
def start(tmp_path):
    """start(name, inventory, ...): a Rulebook."""
    started = []

    def begin(*arguments, **variables):
        started.append(rulebook.Rulebook(tmp_path, *arguments, **variables))
        return started[-1]

    yield begin
    for each in started:
        each.end()


def brief(runs):
    """Of each run the playbook, and the hosts with whether all went well."""
    return [(run["playbook"], run["hosts"]) for run in runs]


def test_a_full_host_is_diagnosed_and_tuned_once_and_others_after_it(lab, start, tmp_path):
    kernel_log = tmp_path / "kernel_log"
    kernel_log.touch()
    variables = {
        "conntrack_state_file": str(tmp_path / "limits.json"),
        "conntrack_log_command": ["tail", "--lines=0", "--follow", str(kernel_log)],
        "conntrack_tunes_per_hour": 1,
    }
    running = start("netops.conntrack.conntrack", lab.inventory, **variables)

    # The right playbooks, with the right variables, on this host alone, and its table is larger.
    assert lab("gw1", "cat", MAX) == "16640"
    assert running.post(rulebook.alert("gw1"))[0] == 200
    runs = running.until_runs(2)
    assert brief(runs) == [(DIAGNOSE, {"gw1": True}), (TUNE, {"gw1": True})]
    assert runs[0]["variables"] == {}
    assert runs[1]["variables"] == {"conntrack_settings": {"max": "auto"}, "conntrack_allow_lower": False}
    assert lab("gw1", "cat", MAX) == "131072"

    # Within the cool-down nothing more, however it is told; gw2 is one host more than may be tuned. What comes later
    # shows what did not come: runs keep the order of their events.
    assert running.post(rulebook.alert("gw1"))[0] == 200
    assert running.post(rulebook.alert("gw1", PRESSURE))[0] == 200
    with kernel_log.open("a") as stream:
        for host in ("gw1", "all", "gw2", "gw2"):
            stream.write(json.dumps({**FULL_LINE, "_HOSTNAME": host}) + "\n")
    assert brief(running.until_runs(3)[2:]) == [(DIAGNOSE, {"gw2": True})]

    # Names that stand for several hosts, or none, run nothing anywhere; bodies that are none leave it listening.
    assert running.post(rulebook.alert("all"))[0] == 200
    assert running.post(rulebook.alert("recorded", PRESSURE))[0] == 200
    assert running.post(b"{")[0] == 400
    assert running.post([])[0] == 400
    assert running.post({**rulebook.POSTED, "version": "3"}) == (400, "version: '3', and only version 4 is known\n")
    assert running.post(b'{"alerts": "' + b"x" * (1 << 20) + b'"}')[0] == 413
    assert running.post(b"\xff\xfe")[0] >= 400
    assert running.post(rulebook.alert("gw3", PRESSURE), token="guessed")[0] == 401
    assert running.post({**rulebook.alert("gw3"), "alerts": []})[0] == 200
    assert running.post(rulebook.alert("gw3", PRESSURE))[0] == 200
    assert brief(running.until_runs(4)[3:]) == [(DIAGNOSE, {"gw3": True})]
    for said in (
        "a line of the kernel log was refused: 'all' is no name of a host",
        "an alert ConntrackTableFull was refused: 'all:9100' is no name of a host",
        "a post was refused: the body is no JSON object",
        "gw2: its table is full, and it is not tuned: 1 other hosts were tuned within the hour (tunes_per_hour: 1)",
        "leaves us with no hosts to target",
    ):
        assert said in running.log

    # A restart forgets nothing.
    running.end()
    again = start("netops.conntrack.conntrack", lab.inventory, **variables)
    for host in ("gw1", "gw2", "gw4"):
        assert again.post(rulebook.alert(host))[0] == 200
    assert brief(again.until_runs(5)[4:]) == [(DIAGNOSE, {"gw4": True})]


def test_job_templates_of_awx_are_launched_with_the_limit(start, tmp_path):
    controller = Controller()
    inventory = tmp_path / "hosts"
    inventory.write_text("gw1\ngw2\n")
    try:
        running = start(
            "netops.conntrack.conntrack_awx",
            inventory,
            arguments=["--controller-url", controller.url, "--controller-token", "x"],
            environment={"EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.1"},
        )
        for host, name in (("gw1", "ConntrackTableFull"), ("gw1", "ConntrackTableFull"), ("all", PRESSURE)):
            assert running.post(rulebook.alert(host, name))[0] == 200
        assert running.post([])[0] == 200
        assert running.post(rulebook.alert("gw2", PRESSURE))[0] == 200
        running.until(lambda: len(controller.launched) >= 3, "there are not 3 jobs")
    finally:
        controller.end()
    assert [(name, body["limit"]) for name, body in controller.launched] == [
        ("Conntrack diagnose", "gw1[0],&gw1[-1]"),
        ("Conntrack tune", "gw1[0],&gw1[-1]"),
        ("Conntrack diagnose", "gw2[0],&gw2[-1]"),
    ]
    given = controller.launched[1][1]["extra_vars"]
    assert given.pop("ansible_eda")["event"]["conntrack"]["host"] == "gw1"
    assert given == {"conntrack_settings": {"max": "auto"}, "conntrack_allow_lower": False}
    assert "a post was passed over: the body is no JSON object" in running.log


# A source without the rest of ansible-rulebook, which takes its time. Prints its first events and ends.
ALONE = """
import asyncio, json, runpy, sys

source, args, number = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])

async def run():
    queue = asyncio.Queue()
    running = asyncio.create_task(runpy.run_path(source)["main"](queue, args))
    for _event in range(number):
        asking = asyncio.create_task(queue.get())
        await asyncio.wait([running, asking], return_when=asyncio.FIRST_COMPLETED)
        print(json.dumps(asking.result() if asking.done() else running.result()))
    running.cancel()
    await asyncio.wait([running])

asyncio.run(run())
"""


def alone(source, args, number=1):
    path = COLLECTION / "extensions" / "eda" / "plugins" / "event_source" / (source + ".py")
    python = os.path.join(os.path.dirname(rulebook.program()), "python")
    command = [python, "-c", ALONE, str(path), json.dumps(args), str(number)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("source", "args", "complaint"),
    [
        ("alertmanager", {"cool_down": 5}, "cool_down: 5; allowed: a whole number from 60 to 1000000000"),
        ("alertmanager", {"port": "http"}, "port: 'http'; allowed: a whole number from 1 to 65535"),
        (
            "alertmanager",
            {"host": "0.0.0.0"},
            "host: 0.0.0.0 is not of the loopback, and whoever reaches it could start",
        ),
        ("alertmanager", {"host": "::", "cafile": "/none"}, "host: :: is not of the loopback"),
        ("alertmanager", {"token": 12345}, "token: it is no text; in a rulebook, a template that looks like a number"),
        ("alertmanager", {"tokens": "x"}, "tokens: there is no such option; allowed: host, port, token, "),
        ("kernel_log", {"command": "journalctl -f"}, "command: 'journalctl -f'; allowed: a list of words"),
        ("kernel_log", {"command": ["/none/journalctl"]}, "command: /none/journalctl cannot be run: No such file"),
    ],
)
def test_an_option_that_is_wrong_ends_a_source_at_its_start(source, args, complaint):
    assert alone(source, args).stderr.splitlines()[-1].startswith("ValueError: " + complaint)


def test_a_command_that_ends_is_started_again(tmp_path):
    first, second = (json.dumps({**FULL_LINE, "_HOSTNAME": host}) for host in ("gw1", "gw2"))
    long = "head -c 1000000 /dev/zero | tr '\\0' x; echo"
    script = "cd %s; test -e here && echo '%s' || { touch here; %s; echo '%s'; }" % (tmp_path, second, long, first)
    done = alone("kernel_log", {"command": ["sh", "-c", script]}, 2)
    events = [json.loads(line)["conntrack"] for line in done.stdout.splitlines()]
    assert [(event["host"], event["source"]) for event in events] == [("gw1", "journal"), ("gw2", "journal")]
    assert "has ended; it is started again" in done.stderr


def test_what_it_follows_ends_with_the_source(tmp_path):
    line = json.dumps({**FULL_LINE, "_HOSTNAME": "gw1"})
    script = "echo $$ > %s; echo '%s'; exec sleep 600" % (tmp_path / "process", line)
    assert alone("kernel_log", {"command": ["sh", "-c", script]}).returncode == 0
    assert not os.path.exists("/proc/" + (tmp_path / "process").read_text().strip())
