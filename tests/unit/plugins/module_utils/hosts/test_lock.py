# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time; the others wait, and after a while say for whom."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import lock

HOLD = """
import sys
sys.path[:0] = sys.argv[3:]
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import lock
held = lock.take(sys.argv[1], float(sys.argv[2]))
print("held", flush=True)
sys.stdin.read()
"""


def taking(root, seconds):
    """Another process, which says when it has the lock and holds it until its input ends."""
    argv = [sys.executable, "-c", HOLD, str(root), str(seconds), *sys.path]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.fixture
def holder(tmp_path):
    (tmp_path / "run").mkdir()
    process = taking(tmp_path, 0)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.communicate(b"")


def test_who_holds_it_is_named_when_the_time_is_up(tmp_path, holder):
    with pytest.raises(lock.Busy, match=r"another run .*\(process %d\) .* within 0 seconds" % holder.pid):
        lock.take(str(tmp_path), 0)


def test_it_is_waited_for(tmp_path, holder):
    waiting = taking(tmp_path, 60)
    holder.communicate(b"")
    assert waiting.stdout.readline() == b"held\n"
    waiting.communicate(b"")


def test_a_killed_run_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert lock.take(str(tmp_path), 0)


def test_it_names_this_process_and_is_roots_alone(tmp_path):
    (tmp_path / "run").mkdir()
    held = lock.take(str(tmp_path), 0)
    path = tmp_path / "run/netops-conntrack.lock"
    assert path.read_text() == "%d\n" % os.getpid()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held.close()
    assert lock.take(str(tmp_path), 0)


def test_old_systems_have_another_directory_for_it(tmp_path):
    (tmp_path / "var/run").mkdir(parents=True)
    assert lock.take(str(tmp_path), 0)
    assert (tmp_path / "var/run/netops-conntrack.lock").exists()


def test_where_there_is_no_directory_for_it_there_is_none(tmp_path):
    assert lock.take(str(tmp_path), 0) is None


def test_a_link_in_its_place_is_not_followed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/netops-conntrack.lock").symlink_to(tmp_path / "elsewhere")
    assert lock.take(str(tmp_path), 0) is None
    assert not (tmp_path / "elsewhere").exists()
