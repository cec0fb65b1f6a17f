# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Over a terminal, which rewrites the ends of lines, and to which ls may write otherwise."""

from __future__ import annotations

import os
import pty
import subprocess

from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote import RemoteHost
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Command, File, Glob, Names
from ansible_collections.netops.conntrack.tests.unit.shells import Connection, alike, every_shell, local, step, told


class Terminal(Connection):
    def send(self, script):
        argv, _data = self.call(script)
        ours, its = pty.openpty()
        process = subprocess.Popen(argv, stdin=its, stdout=its, stderr=its, env=self.environment)
        os.close(its)
        said = b""
        try:
            while True:
                piece = os.read(ours, 65536)
                if not piece:
                    break
                said += piece
        except OSError:  # everybody has closed it
            pass
        os.close(ours)
        assert process.wait(timeout=60) == 0
        return b"Last login: never\r\n" + said + b"logout\r\n"


@every_shell
def test_the_same_bytes(shell, tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    for number, name in enumerate(("a", "b c", "it's", "caf\u00e9", "two\nlines", "*")):
        (folder / name).write_bytes(b"%d\n\r\n\r\r\n\t\0\x04\x11\x13\xff\n" % number + bytes(range(256)) + b"\r")
        (folder / ("link to " + name)).symlink_to(name)
    items = [
        File("/proc/sys/kernel/ostype", limit=64),
        Glob(str(folder) + "/*"),
        Command(("printf", "a\\r\\nb\\n\\r")),
        Command(("sh", "-c", "echo no >&2; exit 1")),
    ]
    host = RemoteHost(Terminal(shell, tmp_path, by_input=False).send)
    for each in (items, [Names(str(folder) + "/*")]):
        alike(host.read(each), local().read(each))


@every_shell
def test_the_same_outcomes(shell, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a\r\nb\n")
    steps = [step("a\r\nb\n", "c\r\nd\n\t\0", path), step("stale", "new", path), step(None, "x", "/proc/none/none")]
    host = RemoteHost(Terminal(shell, tmp_path, by_input=False).send)
    outcomes = told(host.carry_out(steps))
    assert path.read_bytes() == b"c\r\nd\n\t\0"
    path.write_bytes(b"a\r\nb\n")
    assert outcomes == told(local().carry_out(steps))
