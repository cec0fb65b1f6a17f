# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings with ``confirm`` over SSH, on a host of the lab whose new connections can really be cut."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
UDP = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
ICMP = "/proc/sys/net/netfilter/nf_conntrack_icmp_timeout"
DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
FOLDER = "/var/lib/netops-conntrack"
WANTED = {"udp_timeout": 41, "icmp_timeout": 29}
WINDOW = 5
# What is under way goes on, what is new gets no answer: as with a table that is full.
CUT = "table inet cut { chain input { type filter hook input priority 0; tcp dport 22 ct state new drop; }; }"


class Host:
    """node1 of a lab. What is asked of it by ``run`` does not come over the network."""

    def __init__(self, state):
        self.state = str(state)
        self.inventory = os.path.join(self.state, "inventory.yml")

    def lab(self, command, *arguments):
        done = subprocess.run(
            [LAB, command, "--state", self.state, *arguments],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode == 3:
            pytest.skip("not run: " + done.stderr)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *argv):
        return self.lab("run", "node1", "--", *argv)

    def values(self):
        return [int(self.run("cat", path)) for path in (UDP, ICMP)]

    def files(self):
        """What there is of ours, undo.sh and its like included."""
        there = self.run("sh", "-c", "ls -A %s; ls %s 2>/dev/null; true" % (FOLDER, DROP_IN))
        return there.split()

    def waiting(self):
        """Whether the script that puts values back still runs."""
        return "undo.sh" in self.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")

    def connections(self):
        """How often somebody came in by a connection of its own."""
        with open(os.path.join(self.state, "hosts", "node1", "log"), encoding="utf-8") as log:
            return log.read().count("Accepted publickey")

    @contextlib.contextmanager
    def cut(self, *folders):
        """New connections get no answer; those of a play made before, in each of these folders, go on."""
        for folder in folders:
            self.play(folder, task(check_mode=True))
        self.run("nft", CUT)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            try:
                yield pool
            finally:
                self.mend()

    def mend(self):
        self.run("sh", "-c", "nft delete table inet cut 2>/dev/null; true")

    def play(self, tmp_path, *tasks, seconds=2):
        """The results of tasks as one play gives them, by the names they are registered under."""
        shown = [{"ansible.builtin.copy": {
            "content": "{{ {'one': one | default({}), 'two': two | default({})} | to_json }}",
            "dest": str(tmp_path / "results"), "mode": "0600",
        }, "delegate_to": "localhost", "become": False, "connection": "local", "check_mode": False,
            "vars": {"ansible_python_interpreter": sys.executable}}]  # fmt: skip
        play = {
            "hosts": "node1", "gather_facts": False, "ignore_errors": True,
            "ignore_unreachable": True, "vars": {"conntrack_transport": self.transport}, "tasks": [*tasks, *shown],
        }  # fmt: skip
        book = tmp_path / "play.yml"
        book.write_text(json.dumps([play]), encoding="utf-8")
        environment = {
            **os.environ, "ANSIBLE_TIMEOUT": str(seconds), "ANSIBLE_FORCE_COLOR": "0",
            # A folder is a controller with connections of its own. Short: the path of a socket has 107 bytes at most.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": os.path.join(self.state, tmp_path.name[:3]),
        }  # fmt: skip
        command = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", self.inventory, str(book)]
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, timeout=180, check=False
        )
        assert (tmp_path / "results").exists(), done.stdout + done.stderr
        return json.loads((tmp_path / "results").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lab(root, tmp_path_factory):
    made = Host(tmp_path_factory.mktemp("lab"))
    try:
        made.lab("up", "--hosts", "1")
        # From here on connections are tracked, lest one that is there be taken for new when others are cut.
        made.run("nft", "table inet track { chain input { type filter hook input priority 0; ct state new accept; }; }")
        yield made
    finally:
        made.lab("down")


@pytest.fixture
def host(lab, transport):
    """The host as it was before the first change."""
    lab.transport = transport
    lab.run("sh", "-c", "rm -rf %s %s; echo 30 >%s; echo 30 >%s" % (FOLDER, DROP_IN, UDP, ICMP))
    return lab


def task(register="one", check_mode=False, loop=None, **arguments):
    arguments = {"settings": WANTED, "confirm": WINDOW, **arguments}
    made = {"netops.conntrack.conntrack_settings": arguments, "register": register, "diff": True}
    return {**made, "check_mode": check_mode, **({"loop": loop} if loop else {})}


def said(result):
    return {name: result[name] for name in ("changed", "settings", "steps", "diff")}


def soon(condition):
    """Waits for what happens by itself; far longer than it takes."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_confirmed_over_a_new_connection_as_check_mode_predicts(host, tmp_path):
    found = host.play(tmp_path, task(check_mode=True), task("two"))
    predicted, done = found["one"], found["two"]
    assert "confirmed" not in predicted
    assert done["confirmed"]
    assert not done.get("failed")
    assert "confirm" not in done
    assert said(done) == said(predicted)
    assert done["settings"]["udp_timeout"]["before"] == 30
    assert host.values() == [41, 29]
    assert host.files() == ["original.json", DROP_IN]
    soon(lambda: not host.waiting())
    assert host.values() == [41, 29]

    # The connection persists from play to play: a new one is that of the confirmation.
    before = host.connections()
    again = host.play(tmp_path, task(), task("two", state="restored", settings=None))
    assert (again["one"]["changed"], "confirmed" in again["one"]) == (False, False)
    assert again["two"]["confirmed"]
    assert host.connections() - before == 1
    assert host.values() == [30, 30]
    assert host.files() == []


def test_without_confirm_one_connection_serves(host, tmp_path):
    host.play(tmp_path, task(confirm=0), task("two", confirm=0, settings={"udp_timeout": 43}))
    before = host.connections()
    result = host.play(tmp_path, task(confirm=0), task("two", confirm=0, settings={"udp_timeout": 42}))
    assert "confirmed" not in result["two"]
    assert host.connections() - before <= 1
    assert host.values()[0] == 42


def test_where_new_connections_are_cut_the_host_takes_it_back_and_says_so_afterwards(host, tmp_path):
    """The last try comes when the host has undone the change: by then the way is open again."""
    with host.cut(tmp_path) as pool:
        playing = pool.submit(host.play, tmp_path, task(), seconds=6)
        soon(host.waiting)
        soon(lambda: not host.waiting())
        host.mend()
        result = playing.result()["one"]
    assert result["failed"]
    assert not result.get("unreachable")
    assert not result["confirmed"]
    assert "not confirmed within %d seconds: the host has put the values back" % WINDOW in result["msg"]
    assert host.values() == [30, 30]
    assert host.files() == ["original.json", "undone"]

    told = host.play(tmp_path, task(state="restored", settings=None))["one"]
    assert not told["changed"]
    assert "was not confirmed within %d seconds" % WINDOW in str(told["warnings"])
    assert host.files() == []


def test_a_host_that_stays_out_of_reach_takes_it_back_by_itself(host, tmp_path):
    with host.cut(tmp_path):
        result = host.play(tmp_path, task())["one"]
        assert result["failed"]
        assert not result.get("unreachable")
        assert "could not be reached over a fresh connection within %d seconds" % WINDOW in result["msg"]
        soon(lambda: not host.waiting())
        assert host.values() == [30, 30]
        assert host.files() == ["original.json", "undone"]
    result = host.play(tmp_path, task())["one"]
    assert result["confirmed"]
    assert (host.values(), host.files()) == ([41, 29], ["original.json", DROP_IN])


def test_a_way_that_opens_in_time_confirms(host, tmp_path):
    with host.cut(tmp_path) as pool:
        playing = pool.submit(host.play, tmp_path, task(confirm=60))
        soon(host.waiting)
        assert host.files() == ["original.json", "undo.sh"]
        host.mend()
        assert playing.result()["one"]["confirmed"]
    assert host.values() == [41, 29]


def test_while_a_change_waits_another_run_is_refused(host, tmp_path):
    """Another controller, whose connection is there since before new ones are cut."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with host.cut(one, other) as pool:
        playing = pool.submit(host.play, one, task(confirm=60))
        soon(host.waiting)
        second = host.play(other, task(confirm=0, settings={"udp_timeout": 99}))["one"]
        assert "an earlier change waits for its confirmation" in second["msg"]
        assert 0 < second["waits"] <= 60
        host.mend()
        assert playing.result()["one"]["confirmed"]
    assert host.values() == [41, 29]


@pytest.mark.parametrize("confirm", [3, 4000])
def test_a_window_that_makes_no_sense_is_refused(confirm, host, tmp_path):
    result = host.play(tmp_path, task(confirm=confirm))["one"]
    assert "confirm: %d is out of range; allowed: 0" % confirm in result["msg"]
    assert host.values() == [30, 30]


def test_nobody_confirms_an_async_task(host, tmp_path):
    result = host.play(tmp_path, {**task(), "async": 30, "poll": 1})["one"]
    assert "leave one of the two out" in result["msg"]
    assert host.values() == [30, 30]
    result = host.play(tmp_path, {**task(confirm=0), "async": 30, "poll": 1})["one"]
    if host.transport == "python":
        assert result["settings"]["udp_timeout"]["after"] == 41
    else:
        assert "async: needs Python on the host" in result["msg"]
        assert host.values() == [30, 30]


def test_in_a_loop_each_change_is_confirmed(host, tmp_path):
    looped = task(loop=[{"udp_timeout": 41}, {"udp_timeout": 42}], settings="{{ item }}")
    results = host.play(tmp_path, looped)["one"]["results"]
    assert [(each["confirmed"], each["settings"]["udp_timeout"]["before"]) for each in results] == [
        (True, 30),
        (True, 41),
    ]
    assert host.values()[0] == 42
