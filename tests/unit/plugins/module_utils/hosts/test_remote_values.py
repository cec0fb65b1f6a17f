# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live values: written as one line, and what a kernel says against it."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.tests.unit.shells import Twice, every_shell, put, remote, told, value


def make(folder):
    put(folder / "x", b"100000 and more\n")
    put(folder / "y", b"1\n")
    (folder / "full").symlink_to("/dev/full")
    (folder / "link").symlink_to("y")
    (folder / "folder").mkdir()
    put(folder / "no", b"1\n", 0o444)


@every_shell
@pytest.mark.parametrize(
    "text", ["7", "it's", "32768\t60999", "$(touch x) `touch x`", "\\n\\t%s", "-n", "-", "", "a b"]
)
def test_a_value_is_a_value(shell, text, tmp_path):
    twice = Twice(shell, tmp_path, make)
    outcomes = twice.do(value("1", text, twice.folder / "y"), value("1", text, twice.folder / "link"))
    assert told(outcomes) == [(None, None)] * 2
    assert (twice.folder / "y").read_text() == text + "\n"


@every_shell
def test_nothing_of_the_old_one_stays(shell, tmp_path):
    twice = Twice(shell, tmp_path, make)
    twice.do(value("100000 and more", "7", twice.folder / "x"))
    assert (twice.folder / "x").read_bytes() == b"7\n"


@every_shell
def test_what_is_refused_is_told_and_the_rest_is_done(shell, tmp_path):
    twice = Twice(shell, tmp_path, make)
    paths = ("full", "none", "folder", "none/none", "y/none", "it's none", "y")
    outcomes = twice.do(*(value("1", "2", twice.folder / path) for path in paths))
    errors = ["ENOSPC", "ENOENT", "EISDIR", "ENOENT", "ENOTDIR", "ENOENT", None]
    assert [outcome.error for outcome in outcomes] == errors
    assert not (twice.folder / "none").exists()


@every_shell
def test_what_only_root_may_write(shell, tmp_path):
    def with_more(folder):
        make(folder)
        put(folder / "shut/x", b"1\n")
        (folder / "shut").chmod(0o700)
        put(folder / "everybodys", b"1\n", 0o666)

    twice = Twice(shell, tmp_path, with_more)
    paths = ("no", "y", "shut/x", "shut/none", "everybodys")
    outcomes = twice.do(*(value("1", "2", twice.folder / path) for path in paths), as_nobody=True)
    assert [outcome.error for outcome in outcomes] == ["EACCES"] * 4 + [None]


@every_shell
def test_it_is_written_at_once(shell, tmp_path):
    """A value of the kernel takes one write(2), and answers to that."""
    os.mkfifo(str(tmp_path / "fifo"))
    reading = os.open(str(tmp_path / "fifo"), os.O_RDONLY | os.O_NONBLOCK)
    outcomes = remote(shell, tmp_path).carry_out([value("1", "123456789 987654321", tmp_path / "fifo")])
    assert told(outcomes) == [(None, None)]
    assert os.read(reading, 100) == b"123456789 987654321\n"
    os.close(reading)
