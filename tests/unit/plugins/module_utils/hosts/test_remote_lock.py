# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: shells wait for each other and for Python, by flock(1) or, where there is none, by a link."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import threading

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import lock
from ansible_collections.netops.conntrack.plugins.module_utils.plan import MODULE
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell, programs, remote, step, told, value

WITHOUT_FLOCK = {"command -v flock": "command -v netops-no-flock"}
AT_ONCE = {"-ge 60": "-ge 0"}
PATIENTLY = {"-ge 60": "-ge 2000", "turns=$((turns + 1))\n  sleep 1": "turns=$((turns + 1))\n  sleep 0.03"}
by_both = pytest.mark.parametrize("way", [{}, WITHOUT_FLOCK], ids=["flock", "no flock"])
LOAD = step(None, "netops_none", "/sys/module/netops_none", MODULE)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def change(tmp_path):
    (tmp_path / "x").write_bytes(b"1\n")
    return [value("1", "2", tmp_path / "x")]


def ended():
    """The number of a process that there was."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def held_by(run, pid):
    (run / "netops-conntrack.lock.pid").symlink_to("pid-%s" % pid)


@every_shell
def test_it_names_the_shell_and_is_roots_alone(shell, run, tmp_path):
    host = remote(shell, tmp_path, programs=programs(tmp_path, modprobe="cat %s/* >%s/holder" % (run, tmp_path)))
    host.carry_out([LOAD])
    assert (tmp_path / "holder").read_text(encoding="ascii").strip().isdigit()
    assert stat.S_IMODE((run / lock.NAME).stat().st_mode) == 0o600


@every_shell
def test_whom_a_shell_waited_for_is_told(shell, run, change, tmp_path):
    with open(str(run / lock.NAME), "w", encoding="ascii") as held:
        held.write("4242\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(lock.Busy) as raised:
            remote(shell, tmp_path, edits=AT_ONCE).carry_out(change)
    assert str(raised.value) == str(lock.busy(60, "4242"))
    assert (tmp_path / "x").read_bytes() == b"1\n"
    assert told(remote(shell, tmp_path, edits=AT_ONCE).carry_out(change)) == [(None, None)]


@every_shell
def test_python_waits_for_a_shell(shell, run, tmp_path):
    for name in ("begun", "go"):
        os.mkfifo(str(tmp_path / name))
    folder = programs(tmp_path, modprobe="echo $$ >%s/begun; read x <%s/go" % (tmp_path, tmp_path))
    working = threading.Thread(target=lambda: remote(shell, tmp_path, programs=folder).carry_out([LOAD]))
    working.start()
    assert (tmp_path / "begun").read_text(encoding="ascii")
    with pytest.raises(lock.Busy, match=r"\(process \d+\)"):
        lock.take(str(tmp_path), 0)
    (tmp_path / "go").write_text("\n", encoding="ascii")
    with lock.take(str(tmp_path), 60):
        pass
    working.join()


@every_shell
@by_both
@pytest.mark.parametrize("left", [False, True], ids=["free", "left by a dead one"])
def test_many_do_one_after_the_other(shell, way, left, run, tmp_path):
    if left:
        held_by(run, ended())
    log = tmp_path / "log"
    folder = programs(tmp_path, modprobe="echo begin $$ >>%s; sleep 0.02; echo end $$ >>%s" % (log, log), udevadm="")
    found = []

    def work():
        host = remote(shell, tmp_path, programs=folder, edits={**PATIENTLY, **way})
        found.append(told(host.carry_out([LOAD])))

    working = [threading.Thread(target=work) for _each in range(5)]
    for each in working:
        each.start()
    for each in working:
        each.join()
    assert found == [[(None, None)]] * 5
    lines = log.read_text(encoding="ascii").split("\n")
    assert [line.replace("begin", "end") for line in lines[:-1:2]] == lines[1::2]
    assert not way or not list(run.iterdir())


@every_shell
def test_a_link_is_held_by_who_lives(shell, run, change, tmp_path):
    host = remote(shell, tmp_path, edits={**AT_ONCE, **WITHOUT_FLOCK})
    held_by(run, os.getpid())
    with pytest.raises(lock.Busy) as raised:
        host.carry_out(change)
    assert str(raised.value) == str(lock.busy(60, str(os.getpid())))
    (run / "netops-conntrack.lock.pid").unlink()
    held_by(run, "nobody known")
    with pytest.raises(lock.Busy) as raised:
        host.carry_out(change)
    assert str(raised.value) == str(lock.busy(60, ""))
    (run / "netops-conntrack.lock.pid").unlink()
    held_by(run, ended())
    assert told(host.carry_out(change)) == [(None, None)]
    assert list(run.iterdir()) == []


@every_shell
@by_both
def test_where_there_can_be_none_the_run_goes_on(shell, way, change, tmp_path):
    assert told(remote(shell, tmp_path, edits={**AT_ONCE, **way}).carry_out(change)) == [(None, None)]


@every_shell
@by_both
def test_old_systems_have_another_folder_for_it(shell, way, run, change, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folders = "for D in '%s/run'" % tmp_path
    edits = {**AT_ONCE, **way, folders: "for D in '%s/none' '%s/elsewhere' '%s/run'" % (tmp_path, tmp_path, tmp_path)}
    with open(str(tmp_path / "elsewhere" / lock.NAME), "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held_by(tmp_path / "elsewhere", os.getpid())
        with pytest.raises(lock.Busy):
            remote(shell, tmp_path, edits=edits).carry_out(change)
    assert not list(run.iterdir())


@every_shell
def test_who_was_killed_as_it_took_the_lock_over_is_in_nobodys_way(shell, run, change, tmp_path):
    held_by(run, ended())
    (run / "netops-conntrack.lock.pid.heir").symlink_to("pid-%d" % ended())
    assert told(remote(shell, tmp_path, edits={**PATIENTLY, **WITHOUT_FLOCK}).carry_out(change)) == [(None, None)]
    assert list(run.iterdir()) == []


@every_shell
def test_a_link_in_its_place_is_not_followed(shell, run, change, tmp_path):
    (run / lock.NAME).symlink_to(tmp_path / "elsewhere")
    remote(shell, tmp_path, edits=AT_ONCE).carry_out(change)
    assert not (tmp_path / "elsewhere").exists()


@every_shell
@by_both
def test_a_folder_in_its_place_is_not_tripped_over(shell, way, run, change, tmp_path):
    (run / lock.NAME).mkdir()
    assert told(remote(shell, tmp_path, edits={**AT_ONCE, **way}).carry_out(change)) == [(None, None)]


@every_shell
def test_one_that_somebody_took_over_first_is_not_taken_again(shell, run, change, tmp_path):
    held_by(run, ended())
    real = "busybox ln" if shell[0] == "busybox" else shutil.which("ln")
    first = "case $3 in *.heir) rm %s/*.pid; %s -s pid-%d %s/netops-conntrack.lock.pid ;; esac"
    ln = '%s "$@" || exit\n' % real + first % (run, real, os.getpid(), run)
    host = remote(shell, tmp_path, edits={**AT_ONCE, **WITHOUT_FLOCK}, programs=programs(tmp_path, ln=ln))
    with pytest.raises(lock.Busy, match=r"\(process %d\)" % os.getpid()):
        host.carry_out(change)
    assert os.listdir(str(run)) == ["netops-conntrack.lock.pid"]
