# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of the kernel log still speak of the max that is set now."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import log
from ansible_collections.netops.conntrack.plugins.module_utils.formats import record_file
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading, Snapshot

NOW = 1700010000
LINE = "[%d.000000] nf_conntrack: nf_conntrack: table full, dropping packet\n"


def facts(set_before, line_before, uptime=1000):
    """``max`` was set, and the line written, so many seconds before now."""
    texts = {
        "$ date +%s %z": "%d +0000\n" % NOW,
        "/proc/uptime": "%d.00 1.00\n" % uptime,
        "$ dmesg": LINE % (uptime - line_before),
        record_file.PATH: json.dumps({"version": 1, "max_set": NOW - set_before, "paths": {}}),
    }
    return log.facts(Snapshot({path: Reading(text=text) for path, text in texts.items()}), "host")


@pytest.mark.parametrize(
    ("set_before", "line_before", "uptime", "lines"),
    [
        (100, 200, 1000, 0),
        (100, 50, 1000, 1),
        (100, 99, 1000, 0),  # the same second or two: the clocks do not tell which was first
        (100, 96, 1000, 1),
        (100, 96, 1000000, 0),  # the ring's clock may be a minute off by then
        (100, 10, 1000000, 1),
    ],
)
def test_a_line_counts_if_it_is_surely_younger_than_max(set_before, line_before, uptime, lines):
    found = facts(set_before, line_before, uptime)
    assert found["lines"] == 1
    assert log.unanswered(found)["lines"] == lines
