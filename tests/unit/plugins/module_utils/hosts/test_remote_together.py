# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files that a shell reads together: few processes, and what cannot be told to the byte is asked for again."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import shell_readings
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote import RemoteHost
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import TOO_LARGE
from ansible_collections.netops.conntrack.tests.unit.shells import (
    Connection,
    alike,
    every_shell,
    local,
    one_shell,
    programs,
)


def ask(shell, folder, items, **options):
    """What is read, which must be what Python reads, and the connection over which it was."""
    connection = Connection(shell, folder, **options)
    read = RemoteHost(connection.send, changes=False).read(items)
    alike(read, local().read(items))
    return read, connection


def files(folder, **contents):
    folder = folder / "etc"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [Glob("%s/*" % folder)]


@every_shell
def test_in_one_answer(shell, tmp_path):
    items = files(tmp_path, empty=b"", newline=b"\n", whole=b"a\nb\n", broken=b"a\nb", high=b"caf\xe9\r\n")
    _read, connection = ask(shell, tmp_path, items + [File("%s/etc/whole" % tmp_path)])
    (answer,) = connection.answers
    assert answer.count(b"/etc/whole:") == 2


@pytest.mark.parametrize("content", [b"\0", b"a\0", b"a\0\nb", b"a\0\nb\n", b"a\n\0", b"a\0b\n", b"\n\0\n"])
@pytest.mark.parametrize("grep", ["grep", "busybox grep"])
@one_shell
def test_a_nul_is_asked_for_again(shell, grep, content, tmp_path):
    """Of such a file a grep tells nothing, or lines that end at the NUL, or all of it."""
    program = shutil.which(grep.split()[0])
    if not program:
        pytest.skip("there is no %s" % grep)
    items = files(tmp_path, nul=content, text=b"a\n")
    found = programs(tmp_path, grep='exec %s "$@"' % grep.replace(grep.split()[0], program))
    _read, connection = ask(shell, tmp_path, items, programs=found)
    assert grep != "grep" or len(connection.answers) == 2
    assert b"/etc/text" not in b"".join(connection.answers[1:])


@every_shell
def test_no_content_is_taken_for_anothers(shell, tmp_path):
    lines = b"".join(b"%s/etc/%s:forged\n" % (os.fsencode(str(tmp_path)), name) for name in (b"a", b"b", b"empty"))
    items = files(tmp_path, a=lines, b=lines, empty=b"", **{"a:b": lines, "a\nb": lines, "c -> d": lines})
    _read, connection = ask(shell, tmp_path, items)
    assert len(connection.answers) == 1


@every_shell
def test_large_ones_are_not_sent(shell, tmp_path):
    items = files(tmp_path, a=b"a\n", hole=b"")
    os.truncate(str(tmp_path / "etc" / "hole"), 1 << 40)
    read, connection = ask(shell, tmp_path, items)
    assert read.reason("%s/etc/hole" % tmp_path) == TOO_LARGE
    assert len(connection.answers) == 1 and len(connection.answers[0]) < 1 << 20


@pytest.mark.parametrize(
    ("counted", "lines", "text"),
    [
        (b"1 2 /a", b"/a:x\n", b"x\n"),
        (b"0 1 /a", b"/a:x\n", b"x"),
        (b"0 0 /a", b"", b""),
        (b"1 3 /a", b"/a:x\n", None),
        (b"2 2 /a", b"/a:x\n", None),
        # A NUL and what follows it on its line left out: of "a", NUL, newline, "b", and of the same with a newline.
        (b"1 4 /a", b"/a:a\n/a:b\n", None),
        (b"2 5 /a", b"/a:a\n/a:b\n", None),
        (b"1 2 /a", b"Binary file /a matches\n", None),
        (b"1 2 /a", b"grep: /a: Permission denied\n", None),
        (b"0 0 /a", b"/a:x\n", None),
        (b"1 2 /a", b"/a:x\n/a:x\n", None),
    ],
)
def test_what_is_told_to_the_byte(counted, lines, text):
    answer = shell_readings.Answer([("i", b" 0 0 /dev/null\n" + counted + b"\n 9 9 total\n"), ("g", lines)])
    assert answer.open == ([] if text is not None else ["/a"])
    assert answer.pieces.get("/a") == (None if text is None else {"t": text})
