# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at any moment, a run leaves the old file or the new one, whole, and nothing in the way of the next run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote import RemoteHost
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File
from ansible_collections.netops.conntrack.tests.unit.shells import (
    HERE,
    Connection,
    every_shell,
    programs,
    put,
    remote,
    step,
    told,
)

OLD, NEW = "old\n" * 5000, "new\n" * 5000
TOOLS = ("cat", "chmod", "cmp", "cp", "date", "mkdir", "mv", "rm", "sync")
WITHOUT_FLOCK = {"command -v flock": "command -v netops-no-flock"}
# Each tool: stops the shell before it does its work or after it, at one of its calls.
TOOL = """
echo >>%(folder)s/calls
[ $(wc -l <%(folder)s/calls) = "$NETOPS_CALL" ] && mine=1
[ "$mine$NETOPS_WHEN" = 1before ] && kill -%(signal)s $(cat %(folder)s/pid)
%(real)s "$@"
code=$?
[ "$mine$NETOPS_WHEN" = 1after ] && kill -%(signal)s $(cat %(folder)s/pid)
exit $code
"""


class Gone(Exception):
    """The connection is."""


class Killed(Connection):
    """A shell that is ended by one of the tools that it calls."""

    def send(self, script):
        done = self.run("echo $$ >%s/pid\n" % self.folder + script)
        if done.returncode:
            raise Gone
        return done.stdout


def host(tmp_path):
    folder = tmp_path / "host"
    if folder.exists():
        shutil.rmtree(str(folder))
    put(folder / "x", OLD.encode(), 0o640)
    put(folder / "gone", OLD.encode())
    (tmp_path / "run").mkdir(exist_ok=True)
    return folder


def steps(folder):
    return [
        step(OLD, NEW, folder / "x"),
        step(None, NEW, folder / "deep/er/new", mode=0o600),
        step(OLD, None, folder / "gone"),
    ]


def whole(folder):
    """Every file is there as it was or as it shall be, and what else is there is known to be ours."""
    for path, contents in (("x", (OLD, NEW)), ("deep/er/new", (None, NEW)), ("gone", (OLD, None))):
        path = folder / path
        assert (path.read_text(encoding="utf-8") if path.exists() else None) in contents
    assert oct((folder / "x").stat().st_mode) == "0o100640"
    if (folder / "deep/er/new").exists():
        assert oct((folder / "deep/er/new").stat().st_mode) == "0o100600"
    others = [path.name for path in folder.rglob("*") if path.is_file() and path.name not in ("x", "new", "gone")]
    assert all(name.startswith((".netops-conntrack-", "x.", "gone.")) and name.endswith("~") for name in others)


def next_run(shell, tmp_path, folder, **options):
    """It sweeps, takes the lock and comes to the end."""
    there = remote(shell, tmp_path, **options)
    found = there.read([File(str(each.path)) for each in steps(folder)])
    assert not list(folder.rglob(".netops-conntrack-*"))
    todo = [each for each in steps(folder) if found.text(each.path) != each.after]
    assert told(there.carry_out(todo)) == [(None, None)] * len(todo)
    assert (folder / "x").read_text(encoding="utf-8") == NEW
    assert (folder / "deep/er/new").read_text(encoding="utf-8") == NEW
    assert not (folder / "gone").exists()
    # A run that finds nothing left to do takes no lock over.
    if todo:
        assert os.listdir(str(tmp_path / "run")) in ([], ["netops-conntrack.lock"])


@pytest.mark.parametrize(
    ("shell", "sent"),
    [(shell, "KILL") for shell in HERE] + [(shell, "TERM") for shell in HERE if shell[0] in ("dash", "busybox")],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_by_each_of_its_tools(shell, sent, tmp_path):
    tools = {}
    for name in TOOLS:
        real = "busybox " + name if shell[0] == "busybox" else shutil.which(name)
        tools[name] = TOOL % {"real": real, "folder": tmp_path, "signal": sent}
    folder = programs(tmp_path, **tools)
    edits = WITHOUT_FLOCK if sent == "TERM" else {}
    moments = 0
    for call in range(1, 200, 3 if shell == ("dash",) else 7):
        for when in ("before", "after"):
            there = host(tmp_path)
            for name in ("calls", "pid"):
                (tmp_path / name).write_bytes(b"")
            connection = Killed(shell, tmp_path, programs=folder, edits=edits, NETOPS_CALL=str(call), NETOPS_WHEN=when)
            try:
                RemoteHost(connection.send, backup=True).carry_out(steps(there))
            except Gone:
                moments += 1
                whole(there)
                if sent == "TERM":
                    assert not list(there.rglob(".netops-conntrack-*"))
                    assert not list((tmp_path / "run").iterdir())
                next_run(shell, tmp_path, there, edits=edits)
        if len((tmp_path / "calls").read_bytes()) < call:
            break
    assert moments >= 5


@every_shell
@pytest.mark.parametrize("edits", [{}, WITHOUT_FLOCK], ids=["flock", "no flock"])
def test_at_any_moment(shell, edits, tmp_path):
    class Cut(Connection):
        seconds = 0.0

        def send(self, script):
            argv, data = self.call(script)
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment
            )
            process.stdin.write(data)
            process.stdin.close()
            time.sleep(self.seconds)
            process.send_signal(signal.SIGKILL)
            # Until nobody holds them: what the shell had begun may go on without it.
            process.stdout.read()
            process.stderr.read()
            process.wait()
            raise Gone

    connection = Cut(shell, tmp_path, edits=edits)
    for number in range(6):
        there = host(tmp_path)
        connection.seconds = number * 0.012
        with pytest.raises(Gone):
            RemoteHost(connection.send, backup=True).carry_out(steps(there))
        whole(there)
        next_run(shell, tmp_path, there, edits=edits)
