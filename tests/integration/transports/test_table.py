# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both transports look at the same table, of a real kernel and of a recorded old one, and tell the same of it."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.tests.integration.transports.story import same, tasks

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
RECORDING = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts", "rhel5-origin")
FILLING = os.path.join(CHECKOUT, "tests", "lab", "many_entries.py")
HOSTS = ("node", "--fixture", "py-old=" + RECORDING, "--bare", "old=busybox", "--fixture", "old=" + RECORDING)

ENTRIES = 3000
PROCFS = {"interface": "procfs"}
LOOKS = (
    {},
    {"sample": 100},
    {"sample": 0, "time_limit": 0},
    {"sample": ENTRIES},
    {"filter": {"protocol": "udp"}, "sample": 40},
    {"filter": {"source": "10.0.0.7", "assured": True}},
    {"filter": {"state": "established", "zone": 0, "mark": "0/1"}},
    {"filter": {"destination": "fd99::1"}},
    {"group_by": ["source+destination_port", "destination_network", "state"], "ipv4_prefix": 8, "top": 3},
    {"mask_addresses": True},
    {"what_if": {"timeouts": {"tcp_timeout_established": 3600}, "notrack": [{"protocol": "udp", "port": 53}]}},
)
REFUSED = (
    {"sample": -1},
    {"sample": "many"},
    {"time_limit": 4000},
    {"interface": "netlink"},
    {"intervall": 1},
    {"ipv4_prefix": 33},
    {"group_by": ["sauce"]},
    {"filter": {"family": "ipv5"}},
    {"filter": {"source": "10.0.0.256"}},
    {"filter": {"source": "10.0.0.1", "family": "ipv6"}},
    {"filter": {"protocol": "tpc"}},
    {"filter": {"mark": "red"}},
    {"what_if": {"timeouts": {"tcp_timeout": 5}}},
    {"what_if": {"timeouts": {"udp_timeout": "5d"}}},
    {"what_if": {"notrack": [{"protocol": "udp"}]}},
    {"what_if": {"timeouts": {"udp_timeout": 5}}, "filter": {"protocol": "udp"}},
)
OLD = (
    "tcp      6 43%04d ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=%d dport=80 packets=10 bytes=900 "
    "src=10.0.0.2 dst=10.0.0.1 sport=80 dport=%d packets=9 bytes=1200 [ASSURED] mark=0 secmark=0 use=1\n",
    "udp      17 2%02d src=10.0.0.1 dst=10.0.0.9 sport=%d dport=53 packets=1 bytes=60 [UNREPLIED] "
    "src=10.0.0.9 dst=10.0.0.1 sport=53 dport=%d packets=0 bytes=0 mark=0 secmark=0 use=1\n",
    "tcp      6 1%02d SYN_SENT src=10.0.0.3 dst=10.0.0.2 sport=%d dport=22 packets=1 bytes=60 [UNREPLIED] "
    "src=10.0.0.2 dst=10.0.0.3 sport=22 dport=%d packets=0 bytes=0 mark=0 secmark=0 use=1\n",
)


@pytest.fixture(scope="module")
def look(lab, tell):
    """look(host, transport, options..., keyword=value...): what each look told; keywords are those of a task."""

    def told(host, transport, *looks, **keywords):
        chapters = tasks([("conntrack_table", options, False) for options in looks])
        chapters = [{**chapter, **keywords} for chapter in chapters]
        variables = {"conntrack_transport": transport, "ansible_pipelining": True}
        results = tell(lab.inventory, host, chapters, **variables).told
        assert [each.get("transport") for each in results] == [transport] * len(looks), results
        return results

    return told


@pytest.fixture(scope="module")
def node(lab):
    """A real kernel's table. Nothing adds to it: a namespace without a rule tracks no connection."""
    with open(FILLING, encoding="utf-8") as stream:
        lab.inside("node", "python3 - %d" % ENTRIES, stream.read())
    return "node"


# The number of entries: no kernel of that age was without it, but this recording is.
FILES = ("/proc/net/ip_conntrack", "/proc/sys/net/ipv4/netfilter/ip_conntrack_count")
OLD_ENTRIES = 300


@pytest.fixture
def old(lab):
    """An old kernel's table, on a host with Python and on one without."""
    kinds = [OLD[number % len(OLD)] % (number % 100, 1024 + number, 1024 + number) for number in range(OLD_ENTRIES)]
    contents = "".join(kinds) + "EXPECTING: proto=6 src=10.0.0.1\n", "%d\n" % OLD_ENTRIES
    hosts = "py-old", "old"
    for host in hosts:
        for path, content in zip(FILES, contents):
            lab.inside(host, "mkdir -p /proc/net && cat >" + path, content)
    yield hosts
    for host in hosts:
        lab.inside(host, "rm " + " ".join(FILES))


def tables(results):
    """Without how long the reading took."""
    for result in results:
        assert not result.get("failed"), result
        result["table"].pop("seconds", None)
    return [result["table"] for result in results]


# What is left of a timer, and all that is told of it.
_RUNS = ("p10", "median", "p90", "p99", "longest", "longer_timeout", "entries")


def timeless(found):
    """Tables of a real kernel without what the time that has passed between two looks makes of them."""
    return [
        {
            **table,
            "idle": [{name: value for name, value in row.items() if name not in _RUNS} for row in table["idle"]],
            "advice": [finding["finding"] for finding in table["advice"]],
            "what_if": bool(table["what_if"]),
            "report": table["report"][0],
        }
        for table in found
    ]


def test_on_the_same_real_host(node, look):
    looks = [{**PROCFS, **options} for options in LOOKS]
    by_python, by_shell = (tables(look(node, transport, *looks)) for transport in ("python", "shell"))
    assert {each["interface"] for each in by_shell} == {"procfs"}
    assert [(each["scanned"], each["ended_by"]) for each in by_shell[:4]] == [
        (ENTRIES, "end"),
        (100, "sample"),
        (ENTRIES, "end"),
        (ENTRIES, "sample"),
    ]
    assert by_shell[-1]["what_if"]
    same(timeless(by_python), timeless(by_shell))


def test_what_a_shell_cannot_ask_is_told(node, look):
    asked = {"interface": "ctnetlink"}
    by_itself, in_vain = tables(look(node, "shell", {}, asked))
    assert (by_itself["interface"], by_itself["scanned"]) == ("procfs", ENTRIES)
    assert by_itself["unread"] == in_vain["unread"] == {"ctnetlink": "failed: needs Python on the host"}
    assert in_vain["interface"] is None
    assert tables(look(node, "python", asked))[0]["scanned"] == ENTRIES


def test_over_a_terminal(node, look, monkeypatch):
    """To su the script is given on the command line, and what it prints comes through a terminal."""
    monkeypatch.setenv("ANSIBLE_BECOME_ALLOW_SAME_USER", "true")
    become = {"become": True, "become_method": "su"}
    options = {**PROCFS, "sample": 0}
    plain, by_su = tables(look(node, "shell", options)), tables(look(node, "shell", options, **become))
    assert by_su[0]["scanned"] == ENTRIES
    same(timeless(plain), timeless(by_su))


def test_an_ordinary_user(node, look):
    nobody = {"become": True, "become_user": "nobody", "become_method": "su", "become_flags": "-s /bin/sh"}
    by_python, by_shell = (tables(look(node, transport, PROCFS, **nobody)) for transport in ("python", "shell"))
    assert by_shell[0]["unread"] == {"procfs": "forbidden"}
    same(by_python, by_shell)


def test_what_is_refused_is_refused_in_the_same_words(node, look):
    by_python, by_shell = look(node, "python", *REFUSED), look(node, "shell", *REFUSED)
    assert all(each["failed"] for each in by_shell)
    same(by_python, by_shell)


def test_an_old_kernel_without_python(old, look):
    """Nothing moves in a recorded table: everything is the same."""
    by_python, by_shell = (tables(look(host, kind, *LOOKS)) for host, kind in zip(old, ("python", "shell")))
    assert {each["interface"] for each in by_shell} == {"procfs"}
    assert (by_shell[0]["scanned"], by_shell[0]["not_understood"], by_shell[0]["ended_by"]) == (OLD_ENTRIES, 1, "end")
    assert by_shell[-1]["what_if"]
    same(by_python, by_shell)


def test_no_table_to_read(look):
    (by_python,), (by_shell,) = (tables(look(*host, PROCFS)) for host in (("py-old", "python"), ("old", "shell")))
    assert by_shell["unread"] == {"procfs": "absent"}
    same([by_python], [by_shell])
    (by_itself,) = tables(look("old", "shell", {}))
    assert by_itself["unread"] == {"ctnetlink": "failed: needs Python on the host"}
