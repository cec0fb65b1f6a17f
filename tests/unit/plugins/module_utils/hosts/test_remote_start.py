# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that goes on by itself, beyond the end of the run and of its connection."""

from __future__ import annotations

import fcntl
import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.plan import START
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell, programs, remote, step, told

WITHOUT_SETSID = {"command -v setsid": "command -v netops-no-setsid"}


@pytest.fixture
def script(tmp_path):
    """It waits for a word by the one pipe, and tells about itself by the other."""
    path = tmp_path / "it's a script"
    for name in ("go", "told"):
        os.mkfifo(str(tmp_path / name))
    path.write_text(
        "read word <%s/go\nkill -1 $$\nset -- $(cat /proc/$$/stat)\n" % tmp_path
        + 'echo "$word $6 $(readlink /proc/$$/fd/0)" >%s/told\n' % tmp_path,
        encoding="utf-8",
    )
    return path


@every_shell
@pytest.mark.parametrize("edits", [{}, WITHOUT_SETSID], ids=["setsid", "no setsid"])
def test_it_outlives_the_run(shell, edits, script, tmp_path):
    if not edits:
        script.write_text(script.read_text(encoding="utf-8").replace("kill -1 $$\n", ""), encoding="utf-8")
    (tmp_path / "run").mkdir()
    host = remote(shell, tmp_path, edits=edits)
    assert told(host.carry_out([step(None, None, script, START)])) == [(None, None)]
    with open(str(tmp_path / "run/netops-conntrack.lock"), encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (tmp_path / "go").write_text("now\n", encoding="utf-8")
    word, session, its_input = (tmp_path / "told").read_text(encoding="utf-8").split()
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
