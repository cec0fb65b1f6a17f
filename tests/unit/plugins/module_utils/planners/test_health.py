# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host is worse off after a change where its verdict is, where it drops packets, or where values do not stand."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.calls import settings as call
from ansible_collections.netops.conntrack.plugins.module_utils.planners import health
from ansible_collections.netops.conntrack.tests.unit import planning

STAT = "/proc/net/stat/nf_conntrack"
HEAD = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error "
    " expect_new expect_create expect_delete search_restart\n"
)


def at(seconds, drops=0, **keys):
    row = ["%08x" % number for number in (1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, drops, 0, 0, 0, 0, 0, 0)]
    files = {STAT: HEAD + " ".join(row) + "\n", "/proc/uptime": "%.2f 0.00\n" % (1000 + seconds), "$ dmesg": ""}
    return planning.snapshot(keys=keys, files=files)


def judged(before, later, set_to=None):
    return health.judge(before, at(0), later, set_to or {})


def test_a_host_as_well_as_before_has_no_complaint():
    found = judged("ok", at(2), {"max": 65536, "udp_timeout": 30, "tcp_loose": 1})
    assert found == health.Health("ok", "ok", 0.0, ())
    assert found.failure is None


@pytest.mark.parametrize(
    "before, count, worse",
    [
        ("ok", 60000, True),
        ("ok", 70000, True),
        ("pressure", 70000, True),
        ("not_tracking", 60000, True),
        ("pressure", 60000, False),
        ("full", 60000, False),
        ("full", 70000, False),
        ("full", 1000, False),
        # Where it is not known how it was, only a full table is too bad.
        ("unknown", 60000, False),
        ("unknown", 70000, True),
        (None, 70000, True),
    ],
)
def test_a_worse_verdict_is_one(before, count, worse):
    found = judged(before, at(2, count=count))
    assert bool(found.complaints) == worse
    if worse:
        assert "it was %s and is %s now: " % (before or "unknown", found.verdict_after) in found.failure


def test_drops_since_the_change_count_whatever_the_verdict():
    found = judged("ok", at(2, drops=7))
    assert found.drops_per_second == 3.5
    assert "it drops 3.5 packets a second since the change" in found.failure


def test_without_counters_drops_are_unknown_and_no_complaint():
    bare = planning.snapshot(files={STAT: None, "$ dmesg": ""})
    found = health.judge("ok", bare, bare, {})
    assert found.drops_per_second is None and not found.complaints


def test_a_value_that_something_resets_is_named():
    found = judged(
        "ok", at(2, max=131072, udp_timeout=30, tcp_loose=0), {"max": 262144, "udp_timeout": 30, "tcp_loose": 1}
    )
    assert found.complaints == (
        "max was set to 262144 and is 131072 again: something on the host resets it",
        "tcp_loose was set to 1 and is 0 again: something on the host resets it",
    )


@pytest.fixture
def host(tmp_path):
    return planning.copy("debian12", tmp_path)


def called(host, check=False, **options):
    defaults = {option: spec.get("default") for option, spec in call.ARGUMENTS.items()}
    return call.call(lambda: host, {**defaults, "watch": 1, **options}, check)


def test_a_watched_change_tells_what_the_host_was_like(host):
    returned = called(host, settings={"max": 262144, "udp_timeout": 20})
    assert returned.failure is None
    told = returned.values["health"]
    assert (told["watched"], told["complaints"]) == (1, [])
    assert told["verdict_before"] == told["verdict_after"]

    again = called(host, settings={"max": 262144, "udp_timeout": 20})
    assert not again.values["changed"] and "health" not in again.values, "nothing changed, nothing to look at"


def test_a_table_made_too_small_fails_though_it_was_allowed(host):
    for name in ("count", "max"):
        assert os.path.exists(host.root + planning.NF + name)
    planning.overwrite(host.root + planning.NF + "count", "60000\n")
    returned = called(host, settings={"max": 60001}, allow_lower=True)
    assert returned.values["changed"]
    assert "worse off after the change: it was " in returned.failure and " and is full now: " in returned.failure


def test_check_mode_looks_at_nothing(host):
    returned = called(host, check=True, settings={"max": 262144})
    assert returned.values["changed"] and "health" not in returned.values


@pytest.mark.parametrize("seconds", [-1, 301])
def test_what_is_no_time_is_refused(host, seconds):
    returned = called(host, settings={"max": 262144}, watch=seconds)
    assert returned.failure == "watch: %d is not a number of seconds from 0 to 300" % seconds
