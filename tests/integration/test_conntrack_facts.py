# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_facts says what conntrack(8), sysctl(8) and dmesg(1) say of the same kernel."""

from __future__ import annotations

import os
import re
import shutil

import pytest

# What conntrack -S calls the columns of /proc/net/stat/nf_conntrack.
OF_CONNTRACK = {
    "found": "found",
    "invalid": "invalid",
    "insert_failed": "insert_failed",
    "drop": "drop",
    "early_drop": "early_drop",
    "error": "icmp_error",
    "search_restart": "search_restart",
    "clash_resolve": "clashres",
    "chaintoolong": "chainlength",
}
# Too short to be TCP: the tracker counts each as invalid.
INVALID = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
    for _ in range(7):
        raw.sendto(bytes(8), ("127.0.0.1", 0))
"""


def counters(text):
    """conntrack -S: one row for each CPU, by the names of the statistics file."""
    rows = [dict(re.findall(r"(\w+)=(\d+)", line)) for line in text.splitlines() if line.startswith("cpu=")]
    return [{ours: int(row[theirs]) for theirs, ours in OF_CONNTRACK.items() if theirs in row} for row in rows]


def test_count_and_counters_are_those_of_conntrack(facts, namespace):
    if not shutil.which("conntrack"):
        pytest.skip("not run: there is no conntrack(8) to compare with")
    assert namespace.send(25) == 0
    namespace.python(INVALID)

    found = facts({"gather_subset": ["usage", "statistics"]}, interpreter=namespace.interpreter)

    assert found["usage"]["count"] == int(namespace.run("conntrack", "-C")) >= 25
    rows = counters(namespace.run("conntrack", "-S"))
    assert len(rows) == found["statistics"]["cpus"] == len(found["statistics"]["per_cpu"])
    for row, ours in zip(rows, found["statistics"]["per_cpu"]):
        assert len(row) >= 5
        assert {name: ours[name] for name in row} == row
    assert found["statistics"]["total"]["invalid"] == sum(row["invalid"] for row in rows) >= 7
    assert found["namespace"] == "child"


def test_limits_and_timeouts_are_those_of_sysctl(facts, output, root):
    found = facts()

    rows = {**found["timeouts"], **found["switches"]}
    values = {row["key"]: row["value"] for row in rows.values()}
    values[found["limits"]["max_key"]] = found["limits"]["max"]
    values["net.netfilter.nf_conntrack_buckets"] = found["limits"]["buckets"]
    values["net.netfilter.nf_conntrack_expect_max"] = found["limits"]["expect_max"]
    assert [int(word) for word in output("sysctl", "-n", *values).split()] == list(values.values())
    there = output("sysctl", "-aN", "--pattern", r"^net\.netfilter\.nf_conntrack_").split()
    assert set(there) - set(values) == {"net.netfilter.nf_conntrack_count"}
    assert {name for name, row in rows.items() if row["unit"] == "seconds"} == set(found["timeouts"])
    assert found["namespace"] == "host"


def table_full(output):
    """Lines of dmesg(1) for this namespace, the first one, and for those that the kernel names."""
    named = re.findall("conntrack: table full( in netns)?", output("dmesg"))
    return named.count(""), len(named) - named.count("")


def test_lines_of_the_log_are_those_of_dmesg(facts, output, root):
    before = table_full(output)
    found = facts({"gather_subset": ["log"]})["log"]
    after = table_full(output)

    assert found["readable"]
    assert {row["source"]: row["reason"] for row in found["sources"]}["dmesg"] is None
    ours = found["lines"], found["elsewhere"]
    # The journal and syslog's files may reach back further than the ring.
    most = after if len(found["sources"]) == 1 else ours
    assert all(low <= number <= high for low, number, high in zip(before, ours, most))


@pytest.fixture
def facts_of_nobody(facts, root):
    """What an ordinary user finds, whose shell lets nobody in."""
    if not shutil.which("su"):
        pytest.skip("not run: there is no su to become an ordinary user")
    user = {"ansible_become_method": "su", "ansible_become_flags": "-s /bin/sh"}
    return facts(become=True, become_user="nobody", variables=user)


def test_an_ordinary_user_is_told_what_could_not_be_read(facts_of_nobody, output):
    found = facts_of_nobody

    assert found["unread"]["/proc/slabinfo"] == "forbidden"
    assert found["unread"]["/sys/module/nf_conntrack/parameters/hashsize"] == "forbidden"
    assert found["memory"]["object_size"] is None
    assert found["memory"]["slab_reason"] == "forbidden"
    # What anyone may read is there all the same.
    limits, keys = found["limits"], ("max", "buckets", "expect_max")
    there = output("sysctl", "-n", *("net.netfilter.nf_conntrack_" + key for key in keys))
    assert [limits[key] for key in keys] == [int(word) for word in there.split()]
    assert found["usage"]["count_source"] == "sysctl"


def test_a_log_that_could_not_be_read_is_unknown_not_empty(facts_of_nobody, output):
    if output("sysctl", "-n", "kernel.dmesg_restrict") != "1\n":
        pytest.skip("not run: here an ordinary user may read the kernel log")
    log = facts_of_nobody["log"]
    assert {row["source"]: row["reason"] for row in log["sources"]}["dmesg"] == "forbidden"
    assert facts_of_nobody["unread"]["$ dmesg"] == "forbidden"
    readable = [row["source"] for row in log["sources"] if row["reason"] is None]
    assert log["readable"] == bool(readable)
    said = any("could not be read" in sentence for sentence in facts_of_nobody["verdict"]["evidence"])
    assert said == (not readable and not log["lines"])


def test_an_interval_gives_rates_while_flows_begin(facts, namespace):
    process = namespace.sending()
    try:
        found = facts({"interval": 1}, interpreter=namespace.interpreter)
    finally:
        process.communicate()

    rates = found["statistics"]["rates"]
    assert rates["interval"] > 0
    assert rates["growth_per_second"] > 0
    assert rates["seconds_to_full"] > 0
    assert set(rates["per_second"]) >= {"drop", "early_drop", "insert_failed"}
    assert found["usage"]["count"] > 0
    assert any("the table is full in" in sentence for sentence in found["verdict"]["evidence"])


def test_without_an_interval_there_are_no_rates(facts):
    assert facts({"gather_subset": ["statistics"]})["statistics"]["rates"] is None


ALWAYS = {"generation", "state", "namespace", "kernel", "unread"}
# "timeouts" brings "switches" along; the verdict stands on all of the first row.
OF_VERDICT = {"limits", "usage", "timeouts", "switches", "statistics", "memory", "log"}
OTHERS = {"modules", "persistence", "writers"}


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (["usage"], {"usage"}),
        (["limits", "timeouts"], {"limits", "timeouts", "switches"}),
        (["all", "!limits", "!timeouts"], (OF_VERDICT | OTHERS) - {"limits", "timeouts", "switches"}),
        (["!log"], (OF_VERDICT | OTHERS) - {"log"}),
        (["!modules", "!persistence", "!writers"], OF_VERDICT | {"verdict"}),
    ],
)
def test_only_the_subsets_asked_for(facts, words, there):
    assert set(facts({"gather_subset": words})) == ALWAYS | there


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"gather_subset": ["usage", "timouts"]}, "gather_subset: 'timouts' is not one of all, limits, usage"),
        ({"gather_subset": ["!lag"]}, "gather_subset: 'lag' is not one of all"),
        ({"interval": 301}, "interval: 301 is not a number of seconds from 0 to 300"),
        ({"interval": -1}, "interval: -1 is not"),
    ],
)
def test_what_makes_no_sense_is_refused(play, arguments, said):
    result = play("netops.conntrack.conntrack_facts", arguments)
    assert result["failed"]
    assert said in result["msg"]
    assert "ansible_facts" not in result


def test_a_name_that_is_no_text_does_not_break_the_result(facts, machine):
    odd = b"/etc/sysctl.d/zz-\xff.conf"
    with open(odd, "wb") as stream:
        stream.write(b"net.netfilter.nf_conntrack_udp_timeout = 33\n")
    try:
        found = facts(gather_subset=["persistence"])["persistence"]
    finally:
        os.unlink(odd)
    assert found["settings"]["udp_timeout"]["after_boot"] == 33
    assert found["settings"]["udp_timeout"]["source"] == "/etc/sysctl.d/zz-\ufffd.conf"
