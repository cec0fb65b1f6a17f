# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that goes on by itself, beyond the end of the run and of its connection."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.plan import START
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell, programs, remote, step, told

WITHOUT_SETSID = {"command -v setsid": "command -v netops-no-setsid"}


@pytest.fixture
def script(tmp_path):
    """It waits for a word, and tells about itself; it is ended with the test if it did not end by itself."""
    path = tmp_path / "it's a script"
    os.mkfifo(str(tmp_path / "go"))
    path.write_text(
        "echo $$ >{0}/begun\nread word <{0}/go\n@HANGUP@\nset -- $(cat /proc/$$/stat)\n"
        'echo "$word $6 $(readlink /proc/$$/fd/0)" >{0}/new\nmv {0}/new {0}/told\n'.format(tmp_path),
        encoding="utf-8",
    )
    yield path
    with contextlib.suppress(OSError, ValueError):
        pid = int((tmp_path / "begun").read_text(encoding="ascii"))
        with open("/proc/%d/cmdline" % pid, "rb") as stream:
            ours = os.fsencode(str(path)) in stream.read()
        if ours:
            os.kill(pid, signal.SIGKILL)


def awaited(path):
    """What a file holds as soon as it is there."""
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.01)
    return path.read_text(encoding="utf-8")


@every_shell
@pytest.mark.parametrize("edits", [{}, WITHOUT_SETSID], ids=["setsid", "no setsid"])
def test_it_outlives_the_run(shell, edits, script, tmp_path):
    # One that is in a session of its own is not hung up upon; any other has to stand it.
    text = script.read_text(encoding="utf-8").replace("@HANGUP@", "kill -1 $$" if edits else "")
    script.write_text(text, encoding="utf-8")
    (tmp_path / "run").mkdir()
    host = remote(shell, tmp_path, edits=edits)
    assert told(host.carry_out([step(None, None, script, START)])) == [(None, None)]
    awaited(tmp_path / "begun")
    with open(str(tmp_path / "run/netops-conntrack.lock"), encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(str(tmp_path / "go"), "r+b", buffering=0) as go:
        go.write(b"now\n")
        word, session, its_input = awaited(tmp_path / "told").split()
    assert (word, its_input) == ("now", "/dev/null")
    assert edits or int(session) != os.getsid(0)


@every_shell
def test_under_systemd_it_is_a_unit_of_its_own(shell, tmp_path):
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    log = tmp_path / "log"
    unit = step(None, None, "/var/it's", START)
    for code, expected in (
        ("", (None, None)),
        ("echo 'Failed to connect to bus' >&2; exit 1", ("EIO", "Failed to connect to bus")),
        ("exit 1", ("EIO", "systemd-run: exit status 1")),
    ):
        folder = programs(tmp_path, systemd_run='printf "%%s|" "$@" >%s\n%s' % (log, code))
        assert told(remote(shell, tmp_path, programs=folder).carry_out([unit])) == [expected]
        assert log.read_text(encoding="utf-8") == "--quiet|--collect|sh|/var/it's|"
    host = remote(shell, tmp_path, edits={"systemd-run": "netops-no-systemd-run"})
    assert told(host.carry_out([unit])) == [("ENOENT", "/var/it's: No such file or directory")]
