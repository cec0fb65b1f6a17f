# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table that really overflows: found, explained and cured.

It overflows in a network namespace that tracks its own loopback; the limit is the machine's, made small for the time of
the test. A new flow over the limit gets EPERM from sendto(), as local programs on a full host do.
"""

from __future__ import annotations

import re
import time

import pytest

SMALL = 64
LARGE = 4096
FLOWS = 300


@pytest.fixture
def small_table(settings, machine):
    """The machine's limit made small. Its own namespace does not track, so nothing of its own is refused."""
    own = machine.value("nf_conntrack_count")
    if own:
        pytest.skip("not run: this machine tracks %d connections of its own, which would suffer" % own)
    result = settings({"max": SMALL}, allow_lower=True, persist=False)
    assert result["settings"]["max"]["after"] == SMALL == machine.value("nf_conntrack_max")


def table_full(output, namespace):
    """The kernel's lines about this namespace, or about one before it that had the same number."""
    lines = output("dmesg").splitlines()
    return [line for line in lines if re.search(r"table full in netns %d\b" % namespace.inode, line)]


def overflow(output, namespace):
    """Flows until some are refused and the kernel has said so; it prints at most 10 lines in 5 seconds, of any kind."""
    before = table_full(output, namespace)
    refused = namespace.send(FLOWS)
    for _turn in range(24):
        # The ring may drop old lines, but it does not give a new one the time of an old one.
        if set(table_full(output, namespace)) - set(before):
            break
        time.sleep(0.5)
        refused += namespace.send(FLOWS)
    else:
        pytest.fail("the kernel does not say that the table is full")
    return refused


def test_a_full_table_is_found_and_cured(facts, settings, small_table, machine, namespace, output):
    assert overflow(output, namespace) > 0
    assert namespace.value("nf_conntrack_count") <= SMALL

    found = facts(interpreter=namespace.interpreter)

    assert found["verdict"]["status"] == "full", found["verdict"]
    assert found["namespace"] == "child"
    assert found["usage"]["max"] == SMALL
    assert found["usage"]["ratio"] > 0.99
    assert namespace.inode in found["log"]["netns"]
    assert found["log"]["lines"] >= len(table_full(output, namespace)) >= 1
    dropped = sum(int(number) for number in re.findall(r" drop=(\d+)", namespace.run("conntrack", "-S")))
    assert found["statistics"]["total"]["drop"] == dropped > 0
    evidence = " ".join(found["verdict"]["evidence"])
    assert 'The kernel log says "table full"' in evidence
    assert "%d packets were dropped" % dropped in evidence
    cure = next(item for item in found["verdict"]["advice"] if item["setting"] == "max")
    assert cure["where"] == "host"
    assert cure["value"] > SMALL

    raised = settings({"max": LARGE}, persist=False)
    assert raised["settings"]["max"]["after"] == LARGE == machine.value("nf_conntrack_max")
    assert namespace.send(FLOWS, first=FLOWS) == 0, "new flows must pass"
    assert namespace.value("nf_conntrack_count") >= FLOWS > SMALL

    found = facts(interpreter=namespace.interpreter)
    assert found["verdict"]["status"] not in ("full", "unknown"), found["verdict"]
    assert "all before max was set here" in " ".join(found["verdict"]["evidence"])
    assert found["statistics"]["total"]["drop"] == dropped


def test_the_limit_cannot_be_raised_from_the_namespace_that_is_full(settings, small_table, machine, namespace):
    assert namespace.send(FLOWS) > 0
    result = settings({"max": LARGE}, namespace.interpreter, persist=False)
    assert result["failed"]
    assert result["settings"]["max"]["reason"] == "host_owned"
    assert machine.value("nf_conntrack_max") == SMALL
    assert namespace.send(1, first=FLOWS) == 1


def test_the_advice_taken_at_its_word_makes_room_for_three_times_as_many(facts, settings, small_table, namespace):
    assert namespace.send(FLOWS) > 0
    advice = facts(interpreter=namespace.interpreter)["verdict"]["advice"]
    wanted = {item["setting"]: item["value"] for item in advice if item["where"] == "host" and item["setting"]}
    assert "max" in wanted
    assert not settings(wanted, persist=False).get("failed")
    assert namespace.send(2 * SMALL, first=FLOWS) == 0
