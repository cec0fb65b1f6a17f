# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever may lie under a path, a shell says of it what Python says."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob
from ansible_collections.netops.conntrack.tests.unit.shells import (
    alike,
    every_shell,
    local,
    nobody,
    reads_alike,
    remote,
)

LIMIT = 4000
CONTENTS = {
    "empty": b"",
    "newline": b"\n",
    "newlines": b"\n\n\n",
    "no-newline": b"a = 1",
    "crlf": b"a = 1\r\nb = 2\r\n",
    "cr": b"a\r\r\n\r",
    "every-byte": bytes(range(256)) * 2,
    "nul": b"\0",
    "invalid": b"caf\xe9 \xff\xfe \xed\xa0\x80\n",
    "just": b"x" * LIMIT,
    "over": b"x" * (LIMIT + 1),
    "far-over": b"line\n" * 100000,
    "frame": b"\n@0123456789abcdef0123456789abcdef-1.\n\n@@\n",
    "escapes": b"%s %d \\n \\0 \\c $HOME `id` $(id) ' \"\n",
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    (folder / "folder").chmod(0o1770)
    os.mkfifo(str(folder / "fifo"), 0o640)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))
    links = {
        "mask": "/dev/null",
        "link": "no-newline",
        "chain": "link",
        "broken": "nowhere",
        "far": "../nowhere/none",
        "loop": "loop-back",
        "loop-back": "loop",
        "to-folder": "folder",
        "to-fifo": "fifo",
        "below-a-file": "empty/none",
        "long": "./" * 1000 + "crlf",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    for number, mode in enumerate((0, 0o400, 0o4755, 0o2644, 0o6711, 0o1600, 0o7000, 0o777)):
        path = folder / ("mode-%d" % number)
        path.write_bytes(b"x\n")
        path.chmod(mode)
    return folder


def paths(folder):
    return [str(folder / name) for name in (*sorted(os.listdir(str(folder))), "none", "none/none", "empty/none")]


@every_shell
@pytest.mark.parametrize("by_input", [True, False], ids=["by input", "by command line"])
def test_each_by_its_path(shell, by_input, folder, tmp_path):
    reads_alike(shell, tmp_path, [File(path, limit=LIMIT) for path in paths(folder)], by_input=by_input)


@every_shell
def test_all_that_match_a_pattern(shell, folder, tmp_path):
    reads_alike(shell, tmp_path, [Glob(str(folder) + "/*", limit=LIMIT), Glob(str(folder) + "/*/none", limit=LIMIT)])


@every_shell
def test_for_the_lines_with_a_word(shell, folder, tmp_path):
    items = [File(path, limit=LIMIT, keep=("a = 1",)) for path in paths(folder)]
    reads_alike(shell, tmp_path, items)
    reads_alike(shell, tmp_path, [Glob(str(folder) + "/*", limit=LIMIT, keep=("a = 1",))])


@every_shell
def test_for_their_ends(shell, folder, tmp_path):
    reads_alike(shell, tmp_path, [Glob(str(folder) + "/*", limit=LIMIT + 1, tail=True)])


@every_shell
def test_a_line_of_megabytes(shell, tmp_path):
    path = tmp_path / "long"
    path.write_bytes(b"a = 1\n" + b"0123456789abcdef" * 200000 + b"\nb = 2")
    for item in (File(str(path), limit=1 << 22), File(str(path), limit=1 << 22, keep=("b = 2",)), File(str(path))):
        reads_alike(shell, tmp_path, [item])


@every_shell
def test_what_was_asked_for_twice_is_as_it_was_asked_for_last(shell, folder, tmp_path):
    small, all_of_it = File(str(folder / "far-over"), limit=10), File(str(folder / "far-over"), limit=1 << 20)
    for items in ([small, all_of_it], [all_of_it, small]):
        reads_alike(shell, tmp_path, items)


@every_shell
def test_not_for_everybodys_eyes(shell, folder, tmp_path):
    closed = folder / "closed"
    closed.mkdir()
    (closed / "file").write_bytes(b"x")
    (folder / "into-closed").symlink_to("closed/file")
    closed.chmod(0o700)
    (folder / "two\nlines").write_bytes(b"a = 1\n")
    (folder / "two\nlines").chmod(0)
    (folder / "unlisted").mkdir()
    (folder / "unlisted/file").write_bytes(b"x")
    (folder / "unlisted").chmod(0o711)
    every = [*paths(folder), str(closed / "file"), str(closed / "none"), str(folder / "unlisted/file")]
    plain = [File(path, limit=LIMIT) for path in every]
    kept = [File(path, limit=LIMIT, keep=("a = 1",)) for path in every]
    tails = [File(path, limit=LIMIT + 1, tail=True) for path in every]
    globs = [Glob("%s/%s" % (folder, pattern), limit=LIMIT) for pattern in ("*", "*/*")]

    for items in (plain, kept, tails, globs):
        with nobody(tmp_path):
            by_python = local().read(items)
        by_shell = remote(shell, tmp_path, as_nobody=True).read(items)
        alike(by_shell, by_python, words=("a = 1",) if items is kept else ())
