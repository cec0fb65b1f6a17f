# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a reboot is over, what is said of it, and the script in the shells of this machine, which is not rebooted."""

from __future__ import annotations

import re

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import shell_answer
from ansible_collections.netops.conntrack.plugins.plugin_utils import rebooting
from ansible_collections.netops.conntrack.plugins.plugin_utils.rebooting import Seen
from ansible_collections.netops.conntrack.tests.unit.shells import Connection, every_shell

RUNNING = Seen("a", "running")
STOPPING = Seen("a", "stopping")
STARTING = Seen("b", "starting")
BACK = Seen("b", "running")
LOST = ConnectionError("No route to host")
# Old ones fail as before, in another order.
FAILED = Seen("a", "degraded", ("old.service", "older.mount"))
NEWLY = Seen("b", "degraded", ("older.mount", "new.service", "old.service", "newer.socket"))


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


class Host:
    """Answers as it is told to, in turn, then always the same. A refusal is told once, as its note is removed."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.scripts = []
        self.connections = 1

    def send(self, script):
        self.scripts.append(script)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, bytes):
            return answer
        request = re.search("@@([0-9a-f]+)@", script).group(1)
        parts = {
            "i": answer.boot,
            "s": answer.state,
            "f": "\n".join(map("%s loaded failed failed".__mod__, answer.failed)),
        }
        parts["x"] = answer.refused
        said = "".join("\n@%s-0%s%s" % (request, *part) for part in parts.items() if part[1] is not None)
        return ("A banner\n\n@@%s@0@\n%s\n@%s-0.\n" % (request, said, request)).encode()

    def anew(self):
        self.connections += 1


@pytest.fixture
def reboot(monkeypatch):
    """reboot(answer, ...): the result, and the host that gave these answers."""
    monkeypatch.setattr(rebooting, "time", Clock())

    def run(*answers, timeout=60):
        host = Host(*answers)
        return rebooting.reboot(host.send, host.anew, timeout), host

    return run


def without(result, *keys):
    return {key: value for key, value in result.items() if key not in keys}


SUCCESSES = {
    "at once": (RUNNING, BACK),
    "after a while without an answer": (RUNNING, RUNNING, STOPPING, LOST, LOST, b"", STARTING, STARTING, BACK),
    "without systemd": (Seen("a"), LOST, Seen("b")),
    "before systemd 215": (Seen("a", ""), LOST, Seen("b", "")),
    "degraded as before": (FAILED, LOST, FAILED._replace(boot="b")),
    "with an sshd in the initial RAM disk": (RUNNING, LOST, Seen("b"), Seen("b"), LOST, BACK),
    "with a /proc that comes late": (RUNNING, LOST, Seen("", "starting"), BACK),
    "where systemd cut off the command": (RUNNING, STOPPING._replace(refused="connection lost"), LOST, BACK),
    "where a note outlived the boot": (Seen("a"), LOST, Seen("b", refused="connection lost")),
}


@pytest.mark.parametrize("answers", SUCCESSES.values(), ids=list(SUCCESSES))
def test_success(reboot, answers):
    result, host = reboot(*answers)
    polls = len(answers) - 1
    assert result == {"changed": True, "rebooted": True, "elapsed": polls * rebooting.PAUSE, "failed_units": []}
    assert host.connections == len(host.scripts) == len(answers), "each question over a connection of its own"
    assert ["shutdown" in script for script in host.scripts] == [True] + [False] * polls


def test_units_that_fail_since_then(reboot):
    result, _host = reboot(FAILED, LOST, NEWLY)
    assert without(result, "elapsed") == {
        "changed": True,
        "rebooted": True,
        "failed_units": ["new.service", "newer.socket"],
        "failed": True,
        "msg": "failed since the reboot, and not before: new.service, newer.socket",
    }


FAILURES = {
    "not back": (
        (RUNNING, STOPPING, LOST),
        False,
        "it was told to reboot, and has not come back within 15 seconds (No route to host)",
    ),
    "not gone": (
        (RUNNING,),
        False,
        "it was told to reboot, and 15 seconds later it has not: it answers, and its boot is the same",
    ),
    "not done": (
        (RUNNING, LOST, STARTING),
        True,
        "rebooted, but it has not finished booting within 15 seconds: systemctl is-system-running says 'starting'",
    ),
    "lost again": (
        (RUNNING, LOST, STARTING, LOST),
        True,
        "rebooted, but it has not finished booting within 15 seconds: systemctl is-system-running says 'starting' "
        "(No route to host)",
    ),
    "no systemd any more": (
        (RUNNING, LOST, Seen("b")),
        True,
        "rebooted, but it has not finished booting within 15 seconds",
    ),
}


@pytest.mark.parametrize("answers, rebooted, msg", FAILURES.values(), ids=list(FAILURES))
def test_time_is_up(reboot, answers, rebooted, msg):
    result, _host = reboot(*answers, timeout=15)
    assert without(result, "failed_units") == {
        "changed": True,
        "rebooted": rebooted,
        "elapsed": 15,
        "failed": True,
        "msg": msg,
    }


@pytest.mark.parametrize(
    "said, told",
    [
        ("must be root\nmust be root\nno bus", "not rebooted: must be root; no bus"),
        ("", "not rebooted: the command for it failed and said nothing"),
    ],
)
def test_a_command_that_fails_is_the_end_of_it(reboot, said, told):
    result, host = reboot(RUNNING, RUNNING, RUNNING._replace(refused=said), LOST)
    assert (result["changed"], result["rebooted"], result["failed"]) == (False, False, True)
    assert result["msg"] == told
    assert len(host.scripts) == 3


def test_a_host_whose_boots_cannot_be_told_apart_is_left_alone(reboot):
    result, host = reboot(Seen(""))
    assert (result["changed"], result["rebooted"], result["failed"]) == (False, False, True)
    assert "/proc/sys/kernel/random/boot_id" in result["msg"]
    assert len(host.scripts) == 1


@pytest.mark.parametrize("answer, error", [(LOST, ConnectionError), (b"no shell", shell_answer.Unanswered)])
def test_the_first_answer_must_come(reboot, answer, error):
    with pytest.raises(error):
        reboot(answer)


# Functions come before programs: nothing here can reboot this machine.
STUBS = """\
sleep() { :; }
shutdown() { echo "shutdown $*" >>@LOG@; echo 'shutdown: not today' >&2; return @SHUTDOWN@; }
reboot() { echo "reboot $*" >>@LOG@; echo 'reboot: neither' >&2; return 1; }
systemctl() {
  case $1 in
  is-system-running) echo degraded; return 1 ;;
  list-units) printf '%s\\n' 'a.service loaded failed failed A' 'b@c.mount not-found failed failed B' ;;
  *) echo "systemctl $*" >>@LOG@; return 1 ;;
  esac
}
"""


@pytest.fixture
def told(monkeypatch, tmp_path):
    """told(shell, status): what a host answers, the result, and the commands that were told to reboot it."""

    def run(shell, shutdown, more=""):
        log = tmp_path / "log"
        connection = Connection(
            shell, tmp_path, edits={"for f in /run /dev/shm /tmp /var/tmp": "for f in /no %s" % tmp_path}
        )
        connection.before = STUBS.replace("@LOG@", str(log)).replace("@SHUTDOWN@", str(shutdown)) + more
        monkeypatch.setattr(rebooting, "PAUSE", 0.05)
        found = []
        monkeypatch.setattr(
            rebooting, "seen", lambda parts, read=rebooting.seen: found.append(read(parts)) or found[-1]
        )
        result = rebooting.reboot(connection.send, lambda: None, 1 if shutdown == 0 else 20)
        commands = log.read_text().splitlines() if log.exists() else []
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "the note is removed"
        return found, result, commands

    return run


@every_shell
def test_the_script_tells_it_once(told, shell):
    found, result, commands = told(shell, 0)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
        assert set(found) == {Seen(stream.read().strip())}
    assert "its boot is the same" in result["msg"]
    assert commands == ["shutdown -r now"]


@every_shell
def test_the_script_leaves_a_note_where_no_command_succeeds(told, shell):
    _found, result, commands = told(shell, 1)
    assert result["msg"] == "not rebooted: shutdown: not today; reboot: neither"
    assert commands == ["shutdown -r now", "reboot "]


@every_shell
def test_the_script_asks_systemd_where_it_is(told, shell, tmp_path):
    (tmp_path / "run" / "systemd" / "system").mkdir(parents=True)
    found, _result, commands = told(shell, 1)
    assert found[0]._replace(boot="") == Seen("", "degraded", ("a.service", "b@c.mount"))
    assert commands == ["shutdown -r now", "reboot ", "systemctl reboot"]


@every_shell
def test_the_script_says_where_there_is_no_command_for_it(told, shell):
    _found, result, commands = told(shell, 1, more="command() { return 1; }\n")
    assert result["msg"] == "not rebooted: the host has neither shutdown nor reboot"
    assert commands == []
