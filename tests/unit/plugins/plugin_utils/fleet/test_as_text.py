# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a terminal: its width, aligned numbers, and names of any kind."""

from __future__ import annotations

import re

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_text, words
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile


def lines(*rows, shown=as_text.ROWS):
    return as_text.lines(report(rows, ""), shown)


def test_as_it_looks():
    advice = {"setting": "max", "value": 131072, "now": 16640, "where": "here", "why": "Room."}
    other = {"setting": None, "value": None, "now": None, "where": "here", "why": "Ask its owner."}
    drift = {"setting": "max", "live": 16640, "after_boot": 65536, "wanted": None, "why": ""}
    error = "Failed to connect to the host via ssh: ssh: connect to host gw3.example.com port 22: Connection refused"
    assert lines(
        Row("gw1", "full", "", entries=36271, max=16640, usage=2.1797, advice=[advice, other], drift=[drift, drift]),
        Row(
            "gw2",
            "pressure",
            "",
            entries=9000000,
            usage=0.9,
            drops=12345678,
            drops_per_second=0.5,
            seconds_to_full=1500,
        ),
        Row("gw3.example.com", "unreachable", "", error=error),
        Row("gw4", "ok", "", entries=0, usage=0.0, drops=0, drops_per_second=0.0, advice=[advice]),
    ) == [
        "VERDICT      USAGE  ENTRIES  DROPS  DROPS/S  FULL IN  HOST",
        "full         218 %    36271      -        -        -  gw1",
        "             do: max = 131072; Ask its owner.",
        "             drift: max: 16640 now, 65536 after a boot and 1 more",
        "pressure      90 %  9000000  12.3M      0.5   25 min  gw2",
        "unreachable      -        -      -        -        -  gw3.example.com",
        "             Failed to connect to the host via ssh: ssh: connect to host gw3.example.com",
        "             port 22: Connection refused",
        "ok             0 %        0      0      0.0        -  gw4",
        "4 hosts: 1 full, 1 pressure, 1 unreachable, 1 ok",
        "the fullest is at 218 %; the first is full in 25 min; 12.3M packets dropped;",
        "  0.5 a second now; 1 drifted",
    ]


def test_columns_of_an_interval_are_there_where_one_was_taken():
    assert lines(Row("a", "ok", "", entries=1, usage=0.5, drops=0))[0] == "VERDICT  USAGE  ENTRIES  DROPS  HOST"


def test_so_many_hosts_and_no_more():
    rows = [Row("gw%d" % number, "ok", "") for number in range(250)]
    shown = lines(*rows)
    assert len(shown) == 1 + 100 + 2
    assert shown[-2:] == ["... and 150 more hosts, none of them worse than these", "250 hosts: 250 ok"]
    assert len(lines(*rows, shown=0)) == 1 + 250 + 1


def test_no_host():
    assert lines() == ["0 hosts: none"]


@pytest.mark.parametrize("size", [1, 60, 1000])
def test_a_fleet_fits_and_its_numbers_are_aligned(size):
    shown = as_text.lines(report(simulated_fleet.fleet(size), ""), 0)
    assert max(map(words.width, shown)) <= as_text.WIDTH
    begins = shown[0].index("HOST")
    hosts = [line for line in shown if "example.com" in line and not line.startswith(" ")]
    assert len(hosts) == size
    for line in hosts:
        assert re.fullmatch(r"gw\d+\.\w+\.example\.com", line[begins:]), line
        assert line[begins - 2 : begins] == "  "


def test_the_largest_numbers_leave_room_for_a_name():
    row = Row(
        "gw1.fra.example.com", "not_tracking", "", entries=9 * 10**15, usage=1e9, drops=9 * 10**15,
        drops_per_second=1e15, seconds_to_full=10**15,
    )  # fmt: skip
    assert lines(row)[1].endswith("  gw1.fra.example.com")


def test_long_and_wide_names():
    long, wide = "gw-" + "x" * 60 + ".example.com", "ゲートウェイ" * 6
    shown = lines(*(Row(name, "ok", "", entries=5, drops_per_second=1.0, seconds_to_full=9) for name in (long, wide)))
    assert max(map(words.width, shown)) <= as_text.WIDTH
    begins = shown[0].index("HOST")
    assert [line[:begins] for line in shown if line.startswith("ok")] == [shown[1][:begins]] * 2
    assert long in "".join(line.strip() for line in shown)
    assert wide.startswith(next(line for line in shown if "ゲ" in line)[begins:].rstrip("…"))


def test_nothing_that_a_host_says_acts():
    shown = as_text.lines(report(hostile.rows(), ""), 0)
    assert max(map(words.width, shown)) <= as_text.WIDTH
    for line in shown:
        assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", line), line
        assert line == line.rstrip()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172799, "47 h"),
        (172800, "2 days"),
    ],
)
def test_durations(seconds, told):
    assert words.soon(seconds) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0"), (9999999, "9999999"), (10**7, "10.0M"), (123456789012, "123.5G"), (2**53, "9.0P"), (None, "-")],
)
def test_numbers_have_seven_signs_at_most(number, told):
    assert words.compact(number) == told
    assert len(told) <= 7
