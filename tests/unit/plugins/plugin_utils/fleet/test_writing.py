# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced as a whole, and only where they differ."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.writing import write


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_file(tmp_path):
    path = tmp_path / "report"
    assert write(str(path), ["a\r\n", "é"], 0o640)
    assert path.read_bytes() == "a\r\né".encode()
    assert mode(path) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def test_the_same_again_is_left_alone(tmp_path):
    path = tmp_path / "report"
    assert write(str(path), ["a"], 0o640)
    before = os.stat(path)
    assert not write(str(path), iter(["a"]), 0o640)
    after = os.stat(path)
    # Not all of it: to read a file may set the time of its last access.
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


@pytest.mark.parametrize(("text", "bits"), [("b", 0o640), ("a", 0o600)])
def test_another_content_or_mode_is_a_new_file(tmp_path, text, bits):
    path = tmp_path / "report"
    write(str(path), ["a"], 0o640)
    before = os.stat(path).st_ino
    assert write(str(path), [text], bits)
    assert (path.read_text(), mode(path)) == (text, bits)
    assert os.stat(path).st_ino != before


def test_check_mode_says_so_and_writes_nothing(tmp_path):
    path = tmp_path / "report"
    assert write(str(path), ["a"], 0o640, pretend=True)
    assert write(str(tmp_path / "none" / "report"), ["a"], 0o640, pretend=True)
    assert list(tmp_path.iterdir()) == []
    write(str(path), ["a"], 0o640)
    assert not write(str(path), ["a"], 0o640, pretend=True)
    assert write(str(path), ["b"], 0o640, pretend=True)
    assert path.read_text() == "a"


def test_what_breaks_off_leaves_the_old_file(tmp_path):
    path = tmp_path / "report"
    write(str(path), ["a"], 0o640)

    def parts():
        yield "b"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(str(path), parts(), 0o640)
    assert path.read_text() == "a"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").write_text("a")
    (tmp_path / "link").symlink_to("real")
    assert write(str(tmp_path / "link"), ["b"], 0o640)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "b"


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe", os.path.join("none", "report")):
        with pytest.raises(OSError, match="."):
            write(str(tmp_path / name), ["a"], 0o640)
