# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps the limits over a restart."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import record


@pytest.fixture
def restart(monkeypatch):
    """After it, the process knows nothing any more."""
    return lambda: monkeypatch.setattr(record, "OPENED", {})


@pytest.fixture(autouse=True)
def apart(restart):
    restart()


def test_it_outlives_a_restart(tmp_path, restart):
    path = str(tmp_path / "limits.json")
    made = record.of(path)
    made.launched["gw1"] = (1800000000.5, "full")
    made.tuned["gw1"] = 1800000000.5
    made.save()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    restart()
    again = record.of(path)
    assert again is not made
    assert (again.launched, again.tuned) == ({"gw1": (1800000000.5, "full")}, {"gw1": 1800000000.5})


def test_all_sources_of_a_process_share_it(tmp_path):
    path = str(tmp_path / "limits.json")
    assert record.of(path) is record.of(path)
    assert record.of("") is record.of("")
    assert record.of("") is not record.of(path)


def test_without_a_file_nothing_is_kept(restart):
    record.of("").tuned["gw1"] = 1.0
    record.of("").save()
    restart()
    assert record.of("").tuned == {}


def test_an_empty_file_is_one_made_for_it(tmp_path):
    path = tmp_path / "limits.json"
    path.touch()
    assert record.of(str(path)).launched == {}


@pytest.mark.parametrize(
    "text",
    [
        "root:x:0:0:root:/root:/bin/bash\n",
        "[]",
        "{}",
        "[" * 100000,
        json.dumps({"version": 2, "launched": {}, "tuned": {}}),
        json.dumps({"version": 1, "launched": {}}),
        json.dumps({"version": 1, "launched": {"gw1": [1, "maybe"]}, "tuned": {}}),
        json.dumps({"version": 1, "launched": {"gw1": ["x", "full"]}, "tuned": {}}),
        json.dumps({"version": 1, "launched": {}, "tuned": {"gw1": float("nan")}}),
        json.dumps({"version": 1, "launched": {}, "tuned": []}),
    ],
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path, text):
    path = tmp_path / "limits.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="state_file: .*limits.json is not what these sources keep there"):
        record.of(str(path))
    assert path.read_text() == text


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "limits.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not what these sources keep there"):
        record.of(str(path))


@pytest.mark.parametrize("path", ["/proc/none/limits.json", "/proc", "/dev/null/x"])
def test_a_place_that_cannot_be_used_is_told_at_once(path):
    with pytest.raises(ValueError, match="state_file: %s cannot be used: " % path):
        record.of(path)
