# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What killed runs left is taken away by the next one that may change something, beside whatever it reads."""

from __future__ import annotations

import fcntl
import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import lock
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Command, File, Glob, Names
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell, one_shell, remote

LEFT = (".netops-conntrack-abc123~", ".netops-conntrack-0123456789abcdef-0~")
SOMEBODYS = (".netops-conntrack-x", "backup~", "a.conf", "netops-conntrack-x~", ".x.netops-conntrack-x~")


@pytest.fixture
def folder(tmp_path):
    """Left in all the ways there are; /run is where the lock is."""
    (tmp_path / "run").mkdir()
    for name in (
        "etc/sysctl.d",
        "etc/it's $HOME `touch owned` \n*",
        "srv",
        "srv/deep",
        "var/lib/netops-conntrack",
        "other",
    ):
        (tmp_path / name).mkdir(parents=True)
        for each in LEFT:
            (tmp_path / name / each).write_bytes(b"net.netfil")
    for each in SOMEBODYS:
        (tmp_path / "etc/sysctl.d" / each).write_bytes(b"")
    (tmp_path / "etc/sysctl.d" / ".netops-conntrack-folder~").mkdir()
    (tmp_path / "etc/config").symlink_to("../srv/config")
    (tmp_path / "etc/sysctl.d/link.conf").symlink_to("../../srv/deep/x")
    return tmp_path


def items(folder):
    return (
        Glob("%s/etc/sysctl.d/*.conf" % folder),
        File("%s/etc/it's $HOME `touch owned` \n*/x" % folder),
        File("%s/etc/config" % folder),
        File("%s/var/lib/netops-conntrack/original.json" % folder),
        Names("%s/other/*" % folder),
        Command(("uname", "-m")),
        File("/proc/version"),
    )


def left(folder):
    return sorted(
        os.path.join(above, name) for above, _folders, names in os.walk(str(folder)) for name in names if name in LEFT
    )


@every_shell
def test_it_is_taken_away(shell, folder, monkeypatch):
    monkeypatch.chdir(folder)
    remote(shell, folder).read(items(folder))
    # Nothing of ours is beside what is not read.
    assert left(folder) == sorted(str(folder / "other" / each) for each in LEFT)
    there = {*SOMEBODYS, "link.conf", ".netops-conntrack-folder~"}
    assert set(os.listdir(str(folder / "etc/sysctl.d"))) == there
    assert not (folder / "var/lib/netops-conntrack").exists()
    assert not (folder / "owned").exists()


@every_shell
def test_one_that_only_reads_takes_nothing_away(shell, folder):
    before = left(folder)
    remote(shell, folder, changes=False).read(items(folder))
    assert left(folder) == before
    assert not list((folder / "run").iterdir())


@every_shell
def test_the_lock_is_taken_only_where_there_is_something(shell, folder):
    host = remote(shell, folder, edits={"-ge 60": "-ge 0"})
    with open(str(folder / "run" / lock.NAME), "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(lock.Busy):
            host.read(items(folder))
        assert left(folder)
        host.read([File("%s/other/none/x" % folder)])


@one_shell
def test_a_folder_that_holds_something_else_stays(shell, folder):
    (folder / "var/lib/netops-conntrack/original.json").write_bytes(b"{}")
    remote(shell, folder).read(items(folder))
    assert os.listdir(str(folder / "var/lib/netops-conntrack")) == ["original.json"]
