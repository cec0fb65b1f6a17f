# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that puts values back, run by the shells of this machine over a folder that stands for a host."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.plan import CHAIN, MODULE, SYSCTL, UNLOAD, Step
from ansible_collections.netops.conntrack.plugins.module_utils.planners import undo_script
from ansible_collections.netops.conntrack.plugins.module_utils.planners.undo_script import Trial

SHELLS = (("sh",), ("dash",), ("bash", "--posix"), ("busybox", "sh"), ("ksh",), ("mksh",))
HERE = [shell for shell in SHELLS if shutil.which(shell[0])]
every_shell = pytest.mark.parametrize("shell", HERE, ids=" ".join)


def prefers_its_own(shell):
    """Whether it runs a command of its own where there is one on the PATH, as the static BusyBox of Debian does."""
    said = subprocess.run([*shell, "-c", "command -v modprobe"], capture_output=True, text=True, check=False).stdout
    return bool(said) and not said.startswith("/")


def step(path, before, after="new"):
    return Step(SYSCTL, path, before, after, "it's \u00e9 \udcff", "max")


def open_files(pid):
    """The paths of the files that a process has open; one that it closes meanwhile is none of them."""
    opened = "/proc/%d/fd" % pid
    paths = []
    for name in os.listdir(opened):
        with contextlib.suppress(FileNotFoundError):
            paths.append(os.readlink(os.path.join(opened, name)))
    return paths


class Host:
    """A folder with a script in it, and the files that its steps name."""

    def __init__(self, folder, steps, seconds=0, token="0a1b"):
        self.root = str(folder)
        self.trial = Trial(token, seconds, "boot", 17, tuple(steps), {"max": 7})
        self.script = self.root + undo_script.SCRIPT
        for each in steps:
            self.write(each.path, "new\n")
        self.write(undo_script.SCRIPT, undo_script.script(self.trial))

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def text(self, path):
        with open(self.root + path, encoding="utf-8") as stream:
            return stream.read()

    def state(self):
        return sorted(os.listdir(os.path.dirname(self.script)))

    def run(self, shell, **environment):
        return subprocess.run(
            [*shell, self.script],
            capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment},
        )  # fmt: skip

    @contextlib.contextmanager
    def waiting(self, shell):
        """The script's process, which has read its file; it is ended with the test if it did not end by itself."""
        process = subprocess.Popen([*shell, self.script], stdin=subprocess.DEVNULL)
        try:
            while self.script not in open_files(process.pid):
                assert process.poll() is None
            yield process
        finally:
            process.kill()
            process.wait()


@every_shell
def test_values_go_back_in_reverse_order(shell, tmp_path):
    host = Host(tmp_path, [step("/proc/a", "first"), step("/proc/a", "second"), step("/proc/b", "16 32")])
    done = host.run(shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert host.text("/proc/a") == "first\n"
    assert host.text("/proc/b") == "16 32\n"
    assert host.state() == ["undone"]
    assert undo_script.read(host.text(undo_script.UNDONE)) == host.trial


@every_shell
@pytest.mark.parametrize("value", ["it's", "$(touch owned) `touch owned`", "\\n\\t%s %b", "two\nlines", "'", "-n", ""])
def test_a_value_is_a_value_whatever_stands_in_it(shell, value, tmp_path):
    host = Host(tmp_path, [step("/proc/odd 'name", value)])
    host.run(shell)
    assert host.text("/proc/odd 'name") == value + "\n"
    assert undo_script.read(host.text(undo_script.UNDONE)) == host.trial
    assert not list(tmp_path.rglob("owned"))


@every_shell
def test_one_failure_does_not_stop_the_rest_and_is_told(shell, tmp_path):
    steps = [step("/proc/a", "1"), step("/proc/gone/b", "2"), step("/proc/c", "3"), step("/proc/gone/d", "4")]
    host = Host(tmp_path, steps)
    shutil.rmtree(host.root + "/proc/gone")
    host.run(shell)
    assert (host.text("/proc/a"), host.text("/proc/c")) == ("1\n", "3\n")
    assert undo_script.read(host.text(undo_script.UNDONE)).failed == ("/proc/gone/d", "/proc/gone/b")


@every_shell
def test_a_refusal_of_the_kernel_is_a_failure(shell, tmp_path):
    host = Host(tmp_path, [step("/proc/a", "1"), step("/proc/full", "2")])
    os.unlink(host.root + "/proc/full")
    os.symlink("/dev/full", host.root + "/proc/full")
    host.run(shell)
    assert host.text("/proc/a") == "1\n"
    assert undo_script.read(host.text(undo_script.UNDONE)).failed == ("/proc/full",)


@every_shell
def test_what_was_not_there_before_is_left_alone(shell, tmp_path):
    loaded = Step(MODULE, "/sys/module/nf_conntrack", None, "nf_conntrack", "so that the host tracks")
    host = Host(tmp_path, [loaded, step("/proc/a", None)])
    host.run(shell)
    assert host.text("/proc/a") == "new\n"
    assert host.text("/sys/module/nf_conntrack") == "new\n"
    assert host.state() == ["undone"]


@every_shell
def test_it_ends_when_its_file_is_removed(shell, tmp_path):
    host = Host(tmp_path, [step("/proc/a", "old")], seconds=3600)
    with host.waiting(shell) as process:
        os.unlink(host.script)
        assert process.wait(timeout=60) == 0
    assert host.text("/proc/a") == "new\n"
    assert host.state() == []


@every_shell
def test_it_ends_when_another_script_has_taken_its_place(shell, tmp_path):
    host = Host(tmp_path, [step("/proc/a", "old")], seconds=3600)
    other = undo_script.script(host.trial._replace(token="ffff"))
    host.write(undo_script.SCRIPT + ".new", other)
    with host.waiting(shell) as process:
        os.replace(host.script + ".new", host.script)
        assert process.wait(timeout=60) == 0
    assert host.text("/proc/a") == "new\n"
    assert host.text(undo_script.SCRIPT) == other


def remove(script, removed):
    """What a confirmation does; notes whether it came in time."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(script)
        removed.append(True)


@every_shell
def test_of_the_end_and_a_confirmation_exactly_one_wins(shell, tmp_path):
    confirmed = 0
    for turn in range(40):
        host = Host(tmp_path / str(turn), [step("/proc/a", "old")])
        removed = []
        timer = threading.Timer(0.0001 * turn, remove, (host.script, removed))
        timer.start()
        host.run(shell)
        timer.join()
        confirmed += len(removed)
        assert host.text("/proc/a") == ("new\n" if removed else "old\n")
        assert host.state() == ([] if removed else ["undone"])
    print("confirmed in time: %d of 40" % confirmed)


def test_what_is_no_script_of_ours_is_not_read(tmp_path):
    whole = undo_script.script(Trial("t", 9, None, 3, (step("/proc/a", "1"),), {}))
    assert undo_script.read(whole).token == "t"
    for text in (None, "", "#!/bin/sh\nexit\n", whole[:40], "# netops.conntrack undo t\n# data []\n"):
        assert undo_script.read(text) is None


def test_a_file_that_cannot_be_renamed_is_no_confirmation(tmp_path):
    """As on a file system that became read-only, where nobody can remove it either."""
    host = Host(tmp_path, [step("/proc/a", "old")])
    host.write("/bin/mv", "#!/bin/sh\nexit 1\n")
    os.chmod(host.root + "/bin/mv", 0o755)
    path = "%s/bin:%s" % (host.root, os.environ["PATH"])
    subprocess.run(["sh", host.script], env={**os.environ, "PATH": path}, timeout=60, check=False)
    assert host.text("/proc/a") == "old\n"


@every_shell
def test_what_was_unloaded_is_loaded_again_before_values_go_back(shell, tmp_path):
    """A modprobe and an nft that write down what they were asked for, and fail for one module."""
    if prefers_its_own(shell):
        pytest.skip("not run: this %s takes no modprobe but its own" % " ".join(shell))
    log = tmp_path / "log"
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("modprobe", "nft"):
        (commands / name).write_text(
            '#!/bin/sh\necho "%s|$*" >>%s; cat %s/root/proc/a >>%s; [ "$2" != nf_nat ]\n' % (name, log, tmp_path, log)
        )
        (commands / name).chmod(0o755)
    steps = [
        step("/proc/a", "7", None),
        Step(CHAIN, "ip nat IN", "{ type nat hook input priority 0; }", None, ""),
        Step(UNLOAD, "/sys/module/nf_nat", "nf_nat", None, ""),
        Step(UNLOAD, "/sys/module/nf_conntrack", "nf_conntrack", None, ""),
    ]
    host = Host(tmp_path / "root", steps)
    assert host.run(shell, PATH="%s:%s" % (commands, os.environ["PATH"])).returncode == 0
    assert log.read_text().splitlines() == [
        "modprobe|-- nf_conntrack", "new", "modprobe|-- nf_nat", "new",
        "nft|add chain ip nat IN { type nat hook input priority 0; }", "new",
    ]  # fmt: skip
    assert host.text("/proc/a") == "7\n"
    assert undo_script.read(host.text(undo_script.UNDONE)).failed == ("/sys/module/nf_nat",)
