# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_table through Ansible: real flows of known make-up, and what it says of them; its rules, at work."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.table import notrack

PYTHON = "/usr/bin/python3"
RESOLVER, WEB = "198.51.100.53", "198.51.100.80"
CLIENT, SILENT, BROWSER = "192.0.2.7", "192.0.2.8", "192.0.2.9"
QUESTIONS, UNANSWERED, CONNECTIONS = 300, 100, 100
ALL = QUESTIONS + UNANSWERED + CONNECTIONS

# Answered questions of one client, packets of another to as many ports that nobody answers, connections of a third. All
# of it stays open until its input ends.
FLOWS = """
import socket, sys
resolver, web, client, silent, browser, questions, unanswered, connections = sys.argv[1:]
keep = []
def bound(kind, address, port=0):
    made = socket.socket(socket.AF_INET, kind)
    made.bind((address, port))
    keep.append(made)
    return made
server = bound(socket.SOCK_DGRAM, resolver, 53)
for _ in range(int(questions)):
    asking = bound(socket.SOCK_DGRAM, client)
    asking.sendto(b"?", (resolver, 53))
    server.sendto(b"!", server.recvfrom(1)[1])
    asking.recv(1)
sender = bound(socket.SOCK_DGRAM, silent)
hearing = [bound(socket.SOCK_DGRAM, resolver, 2000 + number) for number in range(int(unanswered))]
for number in range(int(unanswered)):
    sender.sendto(b"?", (resolver, 2000 + number))
listener = bound(socket.SOCK_STREAM, web, 443)
listener.listen(10)
for _ in range(int(connections)):
    bound(socket.SOCK_STREAM, browser).connect((web, 443))
    keep.append(listener.accept()[0])
print("begun", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def flows(namespace):
    """A namespace in which these are going on."""
    for address in (RESOLVER, WEB, CLIENT, SILENT, BROWSER):
        namespace.run("ip", "address", "add", address + "/32", "dev", "lo")
    # They have to outlive a slow test.
    for key in ("udp_timeout", "tcp_timeout_established"):
        namespace.run("sysctl", "-q", "-w", "net.netfilter.nf_conntrack_%s=100000" % key)
    numbers = [str(number) for number in (QUESTIONS, UNANSWERED, CONNECTIONS)]
    argv = [
        "ip", "netns", "exec", namespace.name, PYTHON, "-c", FLOWS, RESOLVER, WEB, CLIENT, SILENT, BROWSER, *numbers,
    ]  # fmt: skip
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"begun\n"
        yield namespace
    finally:
        process.communicate()


@pytest.fixture
def look(play, transport):
    """look(namespace, option=value...): the table that conntrack_table tells of."""

    def run(namespace, **options):
        result = play("netops.conntrack.conntrack_table", options, namespace.interpreter)
        assert not result.get("failed") and not result["changed"], result
        assert result["transport"] == transport
        return result["table"]

    return run


def seen(rows, *names):
    return {tuple(row[name] for name in names): row["seen"] for row in rows}


def test_the_whole_table_is_told_as_it_is(look, flows, transport):
    found = look(flows, sample=0, group_by=["source", "destination_port", "source+destination_port", "source_network"])
    assert (found["scanned"], found["sampled"], found["complete"], found["ended_by"]) == (ALL, ALL, True, "end")
    assert found["interface"] == ("ctnetlink" if transport == "python" else "procfs")
    assert found["count"] == ALL and found["not_understood"] == 0
    assert seen(found["by_state"], "protocol", "state") == {
        ("udp", None): QUESTIONS + UNANSWERED, ("tcp", "ESTABLISHED"): CONNECTIONS,
    }  # fmt: skip
    told = {name: found[name]["seen"] for name in ("ipv4", "ipv6", "unreplied", "assured", "source_nat")}
    assert told == {"ipv4": ALL, "ipv6": 0, "unreplied": UNANSWERED, "assured": CONNECTIONS, "source_nat": 0}
    sources, ports, both, networks = found["groups"]
    assert sources["top"][0]["source"] == CLIENT and sources["top"][0]["share"] == QUESTIONS / ALL
    assert seen(sources["top"], "source") == {(CLIENT,): QUESTIONS, (SILENT,): UNANSWERED, (BROWSER,): CONNECTIONS}
    assert ports["distinct"] == 2 + UNANSWERED
    assert list(seen(ports["top"], "protocol", "destination_port").items())[:2] == [
        (("udp", 53), QUESTIONS), (("tcp", 443), CONNECTIONS),
    ]  # fmt: skip
    assert seen(both["top"], "source", "protocol", "destination_port")[BROWSER, "tcp", 443] == CONNECTIONS
    assert seen(networks["top"], "source_network") == {("192.0.2.0/24",): ALL}
    assert {row["timeout"]: row["seconds"] for row in found["idle"]} == {
        "udp_timeout": 100000, "tcp_timeout_established": 100000,
    }  # fmt: skip
    assert "source %s: 60.0 %%, 300 entries" % CLIENT in found["report"]


def test_the_advice_is_that_of_such_a_table(look, flows):
    found = {each["finding"]: each for each in look(flows, sample=0)["advice"]}
    assert set(found) == {"dns", "one_client"}
    assert CLIENT in found["one_client"]["evidence"][0]
    assert any(rule.endswith("udp dport 53 notrack") for rule in found["dns"]["rules"]["nft"])


def test_a_sample_tells_much_the_same(look, flows):
    found = look(flows, sample=200)
    assert (found["scanned"], found["complete"], found["ended_by"]) == (200, False, "sample")
    top = found["groups"][0]["top"][0]
    assert top["source"] == CLIENT
    # The interval holds the truth in 95 of 100 runs only: of a wider one that is sure.
    assert abs(top["share"] - QUESTIONS / ALL) < 0.25
    assert top["entries_low"] < top["entries"] < top["entries_high"]
    assert abs(top["entries"] - top["share"] * ALL) <= 1


def test_what_has_expired_is_not_counted_again(look, namespace):
    """Of nine tenths that expired the kernel's counter tells until somebody meets them."""
    timeout = "net.netfilter.nf_conntrack_udp_timeout="
    namespace.run("sysctl", "-q", "-w", timeout + "2")
    namespace.send(2700)
    time.sleep(3)
    namespace.run("sysctl", "-q", "-w", timeout + "60")
    namespace.send(300, first=2700)
    if namespace.value("nf_conntrack_count") < 2900:
        pytest.skip("not run: the kernel has cleared the expired entries away by itself")
    seen = look(namespace, sample=100)
    assert seen["sampled"] == 100 and 150 < seen["living"] < 600
    assert 150 < seen["unreplied"]["entries"] < 600
    whole = look(namespace, sample=0)
    assert (whole["sampled"], whole["living"]) == (300, 300)


def test_both_ways_tell_the_same(look, flows, transport):
    if transport == "shell":
        pytest.skip("not run: a shell has no netlink")
    ways = [look(flows, sample=0, interface=way) for way in ("ctnetlink", "procfs")]
    for name in ("by_state", "unreplied", "assured", "groups", "sampled"):
        assert ways[0][name] == ways[1][name], name


def test_what_is_foretold(look, flows):
    what_if = {"timeouts": {"udp_timeout": 50000}, "notrack": [{"protocol": "udp", "port": 53}]}
    found = look(flows, sample=0, what_if=what_if)["what_if"]
    assert [change["change"]["estimate"] for change in found["changes"]] == [0, -QUESTIONS]
    assert (found["table"]["now"], found["table"]["settled"]["estimate"]) == (ALL, ALL - QUESTIONS)


@pytest.mark.parametrize(
    "asked, number",
    [
        ({"protocol": "tcp"}, CONNECTIONS),
        ({"unreplied": True}, UNANSWERED),
        ({"source": CLIENT, "destination_port": 53}, QUESTIONS),
        ({"state": "established", "assured": True}, CONNECTIONS),
        # No kernel sorts these out.
        ({"state": "ESTABLISHED"}, CONNECTIONS),
        ({"destination_port": 53}, QUESTIONS),
        ({"source": "203.0.113.1"}, 0),
        ({"family": "ipv6"}, 0),
    ],
)
def test_a_filter_leaves_out_the_others(look, flows, asked, number):
    found = look(flows, sample=0, filter=asked)
    assert (found["sampled"], found["complete"]) == (number, True)
    if number:
        assert found["by_state"][0]["share"] == 1.0


def test_a_masked_result_has_no_address(look, flows):
    text = json.dumps(look(flows, sample=0, mask_addresses=True, group_by=["source+destination", "source_network"]))
    assert "192.0.2" not in text and "198.51.100" not in text
    assert "address-1" in text and "network-1" in text


def test_an_empty_table_is_told_as_one(look, namespace):
    found = look(namespace, sample=0)
    assert (found["sampled"], found["complete"], found["by_state"], found["advice"]) == (0, True, [], [])


def test_a_wrong_option_is_named(play, namespace):
    result = play("netops.conntrack.conntrack_table", {"group_by": ["sources"]}, namespace.interpreter)
    assert result["failed"] and "group_by: 'sources' is not one of source, " in result["msg"]


def test_check_mode_makes_no_difference(play, flows):
    result = play("netops.conntrack.conntrack_table", {"sample": 0}, flows.interpreter, check_mode=True)
    assert result["table"]["sampled"] == ALL and not result["changed"]


def test_an_ordinary_user_is_told_what_is_forbidden(play, root):
    if not shutil.which("su"):
        pytest.skip("not run: there is no su to become an ordinary user")
    user = {"ansible_become_method": "su", "ansible_become_flags": "-s /bin/sh"}
    result = play("netops.conntrack.conntrack_table", None, become=True, become_user="nobody", variables=user)
    assert not result.get("failed"), result
    found = result["table"]
    assert found["interface"] is None and "forbidden" in found["unread"].values()
    assert "the table cannot be read: " in found["report"][0] and found["report"][0].endswith("; root may read it")
    assert "advice" not in found and "scanned" not in found


# Echoes UDP of two ports, takes connections and keeps them, of both families.
SERVER = """
import select, socket, sys
echoing = []
for port in (53, 54):
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.bind(("::", port))
    echoing.append(made)
listener = socket.socket(socket.AF_INET6)
listener.bind(("::", 80))
listener.listen(100)
print("begun", flush=True)
kept = []
while True:
    for ready in select.select([*echoing, listener, sys.stdin], [], [])[0]:
        if ready is sys.stdin:
            sys.exit()
        if ready is listener:
            kept.append(ready.accept())
        else:
            ready.sendto(*ready.recvfrom(1))
"""
# How many of so many flows from an address to a service are answered; connections are all held.
CLIENTS = """
import socket, sys
source, target, kind, port, flows = sys.argv[1:]
family = socket.AF_INET6 if ":" in target else socket.AF_INET
answered = []
for _ in range(int(flows)):
    made = socket.socket(family, getattr(socket, kind))
    made.settimeout(0.3)
    made.bind((source, 0))
    try:
        made.connect((target, int(port)))
        if kind == "SOCK_DGRAM":
            made.send(b"?")
            made.recv(1)
        answered.append(made)
    except OSError:
        pass
print(len(answered))
"""
ENDS = {"client": ("192.0.2.1", "2001:db8:1::1"), "server": ("198.51.100.1", "2001:db8:2::1")}
OTHER_CLIENT = ("192.0.2.2", "2001:db8:1::2")


class Routed:
    """A client and a server in namespaces of their own, and a namespace between them that routes and tracks."""

    def __init__(self, router, output):
        self.router, self._output = router, output
        self.names = {name: "%s-%s" % (router.name, name) for name in ENDS}
        for number, (name, addresses) in enumerate(ENDS.items()):
            output("ip", "netns", "add", self.names[name])
            inside, outside = "eth0", "to-%s" % name
            output(
                "ip", "link", "add", inside, "netns", self.names[name], "type", "veth", "peer", outside, "netns",
                router.name,
            )  # fmt: skip
            for which, address in enumerate(addresses):
                prefix, flags = (("/24", []), ("/64", ["nodad"]))[which]
                gate = address[:-1] + "9"
                router.run("ip", "address", "add", gate + prefix, "dev", outside, *flags)
                for each in (address, OTHER_CLIENT[which]) if number == 0 else (address,):
                    self.run(name, "ip", "address", "add", each + prefix, "dev", inside, *flags)
            router.run("ip", "link", "set", outside, "up")
            self.run(name, "ip", "link", "set", inside, "up")
            for address in addresses:
                self.run(name, "ip", "route", "add", "default", "via", address[:-1] + "9")
        router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def run(self, name, *argv):
        return self._output("ip", "netns", "exec", self.names[name], *argv)

    def answered(self, flows, port, kind="SOCK_DGRAM", source=ENDS["client"]):
        """Of so many flows in IPv4, and in IPv6."""
        return [
            int(self.run("client", PYTHON, "-c", CLIENTS, *ends, kind, str(port), str(flows)))
            for ends in zip(source, ENDS["server"])
        ]

    def entries(self, port):
        """How many entries the router has of flows to a port."""
        lines = self.router.run("cat", "/proc/net/nf_conntrack").splitlines()
        return sum(" dport=%d " % port in line for line in lines)

    def apply(self, rules, tool):
        """The rules as they are printed, all of them; for iptables by one of its two forms."""
        if tool == "nft":
            subprocess.run(
                ["ip", "netns", "exec", self.router.name, "nft", "-f", "-"], input="\n".join(rules["nft"]), text=True,
                check=True,
            )  # fmt: skip
        for rule in rules["iptables"] if tool != "nft" else ():
            command, *arguments = rule.split()
            self.router.run(command + tool, *arguments)

    def settle(self):
        """Until neighbours have found each other: the first packets of IPv6 are lost for some seconds."""
        deadline = time.monotonic() + 30
        while any(self.answered(2, 54, source=source) != [2, 2] for source in (ENDS["client"], OTHER_CLIENT)):
            assert time.monotonic() < deadline
        self.router.run("conntrack", "-F")

    def delete(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture(params=["nft", "-legacy", "-nft"])
def tool(request):
    program = request.param if request.param == "nft" else "iptables" + request.param
    if not shutil.which(program):
        pytest.skip("not run: there is no %s here" % program)
    return request.param


@pytest.fixture
def routed(namespace, output):
    made = Routed(namespace, output)
    argv = ["ip", "netns", "exec", made.names["server"], PYTHON, "-c", SERVER]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"begun\n"
        made.settle()
        yield made
    finally:
        process.communicate()
        made.delete()


def test_the_notrack_rules_keep_a_service_out_of_the_table(routed, tool):
    assert routed.answered(5, 53) == [5, 5] and routed.entries(53) == 10
    routed.router.run("conntrack", "-F")
    routed.apply(notrack.untracked(53), tool)
    assert routed.answered(5, 53) == [5, 5] and routed.entries(53) == 0
    assert "port=53 " not in routed.router.run("cat", "/proc/net/nf_conntrack"), "answers make no entries either"
    assert routed.answered(5, 54) == [5, 5] and routed.entries(54) == 10


def test_what_is_dropped_never_gets_into_the_table(routed, tool):
    routed.apply(notrack.dropped(zip((2, 10), ENDS["client"])), tool)
    assert routed.answered(3, 54) == [0, 0] and routed.entries(54) == 0
    assert routed.answered(3, 54, source=OTHER_CLIENT) == [3, 3] and routed.entries(54) == 6


def test_the_limit_refuses_the_connection_after_the_last(routed, tool):
    for family, source in zip((2, 10), ENDS["client"]):
        rules = notrack.limited(family, source)
        assert "1000" in rules["nft"][-1] and "1000" in rules["iptables"][0]
        routed.apply({each: [rule.replace("1000", "7") for rule in lines] for each, lines in rules.items()}, tool)
    assert routed.answered(10, 80, "SOCK_STREAM") == [7, 7] and routed.entries(80) == 14
    assert routed.answered(10, 80, "SOCK_STREAM", OTHER_CLIENT) == [10, 10]
