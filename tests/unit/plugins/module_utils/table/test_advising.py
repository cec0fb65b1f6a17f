# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of table gets its advice and no other: made-up tables of known make-up."""

from __future__ import annotations

import functools
import ipaddress
import re
import types

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    ICMP,
    SEEN_REPLY,
    SRC_NAT,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table.advising import Numbers, advise
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.grouping import Names
from ansible_collections.netops.conntrack.plugins.module_utils.table.report import Sample
from ansible_collections.netops.conntrack.plugins.module_utils.table.surroundings import Surroundings
from ansible_collections.netops.conntrack.plugins.module_utils.table.survey import Survey

TIMEOUTS = types.MappingProxyType(
    {
        "tcp_timeout_established": 432000,
        "tcp_timeout_syn_sent": 120,
        "tcp_timeout_syn_recv": 60,
        "tcp_timeout_time_wait": 120,
        "udp_timeout": 30,
        "udp_timeout_stream": 120,
        "icmp_timeout": 30,
    }
)
BOTH = SEEN_REPLY | ASSURED
SERVER = "192.0.2.1"


@functools.lru_cache(maxsize=None)
def packed(text):
    return ipaddress.ip_address(text).packed


def client(number):
    """One of 200 clients."""
    return "198.51.100.%d" % (number % 200 + 1)


def entry(source, destination, port, protocol=TCP, state=None, status=BOTH, left=300, source_port=1024):
    ends = packed(source), packed(destination)
    ports = (None, None) if port is None else (source_port, port)
    return Entry(
        2 if len(ends[0]) == 4 else 10, protocol, left, state, status,
        Tuple(*ends, *ports), Tuple(*reversed(ends), *reversed(ports)),
    )  # fmt: skip


NOBODY = Surroundings()


def tcp(number, source, destination=SERVER, port=443, state="ESTABLISHED", idle=5, **rest):
    timeout = TIMEOUTS["tcp_timeout_" + state.lower()]
    return entry(source, destination, port, TCP, state, left=timeout - idle, source_port=1024 + number, **rest)


def udp(number, source, destination=SERVER, port=53, status=SEEN_REPLY, left=20):
    return entry(source, destination, port, UDP, None, status, left, 1024 + number)


def healthy(entries):
    """Busy clients of 20 services: nothing of it is much."""
    return [tcp(n, client(n), "192.0.2.%d" % (n % 20 + 1), 400 + n % 20) for n in range(entries)]


def looked(entries, count=None, most=262144, timeouts=TIMEOUTS, masked=False, around=NOBODY, **sample):
    survey = Survey([])
    for batch in batches(entries, COLUMNS):
        survey.add(batch)
    size = len(entries)
    whole = Sample(**{"taken": size, "scanned": size, "table": count, "complete": True, "passed": size, **sample})
    return advise(survey, whole, Numbers(count, most, timeouts, None, around), Names(masked))


@pytest.mark.parametrize("known", ["own", "peers"])
def test_no_rule_speaks_of_the_host_itself_or_of_who_is_connected_with_it(known):
    """Whoever asks is connected."""
    friend = int.from_bytes(bytes([203, 0, 113, 9]), "big")
    around = Surroundings(**{known: frozenset([friend])})
    (found,) = looked(scan(1000), around=around)
    assert found.finding == "scan" and "203.0.113.9" not in repr(found.rules)
    assert found.rules == {}, "a table without a rule is nothing to look at"
    assert any(each.startswith("no rule for 203.0.113.9: it ") for each in found.evidence)
    assert "203.0.113.9" in repr(looked(scan(1000))[0].rules)
    (found,) = looked([tcp(number, "203.0.113.9") for number in range(300)] + healthy(300), around=around)
    assert found.finding == "one_client" and found.rules == {}


def words(found):
    return [finding.finding for finding in found]


def scan(entries, source="203.0.113.9", idle=5):
    return [
        tcp(n, source, "192.0.2.%d" % (n % 250 + 1), 1 + n // 250, "SYN_SENT", status=0, idle=idle)
        for n in range(entries)
    ]


def flood(entries, source="203.0.113.9", left=20):
    return [udp(n, source, port=123, status=0, left=left) for n in range(entries)]


def spread_flood(entries, port=80):
    return [
        tcp(n, "203.0.%d.%d" % divmod(n, 250), SERVER, port, "SYN_SENT", status=0) for n in range(entries)
    ]  # fmt: skip


def half_open(entries):
    return [tcp(n, "203.0.%d.%d" % divmod(n, 250), state="SYN_RECV", status=SEEN_REPLY) for n in range(entries)]


def silent(entries):
    """Nothing comes back for anybody, wherever it goes."""
    return [
        tcp(n, client(n), "192.0.2.%d" % (n % 50 + 1), 400 + n % 7, "SYN_SENT", status=0) for n in range(entries)
    ]  # fmt: skip


def leak(entries, idle=300000):
    return [tcp(n, client(n), port=5432 + n % 9, idle=idle) for n in range(entries)]


def time_wait(entries, idle=5):
    return [tcp(n, client(n), state="TIME_WAIT", idle=idle) for n in range(entries)]


def dns(entries, status=SEEN_REPLY, left=20):
    return [udp(n, client(n), status=status, left=left) for n in range(entries)]


def quic(entries, status=BOTH):
    return [udp(n, client(n), port=443, status=status, left=100) for n in range(entries)]


def syslog(entries, port=514, sources=200):
    return [udp(n, client(n % sources), port=port, status=0) for n in range(entries)]


def relay(entries):
    """All by one, to whom the others send."""
    return syslog(entries, sources=1)


def games(entries):
    return [udp(n, client(n), port=20000 + n, status=BOTH, left=100) for n in range(entries)]


def one_client(entries, source="203.0.113.9"):
    return [tcp(n, source, "192.0.2.%d" % (n % 20 + 1), 400 + n % 20) for n in range(entries)]


CASES = {
    "scan": (scan, "scan"),
    "flood": (flood, "flood"),
    "flood of forged sources": (spread_flood, "flood"),
    "half open": (half_open, "flood"),
    "unanswered": (silent, "unanswered"),
    "leak": (leak, "connection_leak"),
    "time wait": (time_wait, "time_wait"),
    "dns": (dns, "dns"),
    "quic": (quic, "udp"),
    "syslog": (syslog, "udp"),
    "syslog of a relay": (relay, "udp"),
    "games": (games, "udp"),
    "one client": (one_client, "one_client"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_table_has_its_finding_and_no_other(case):
    made, finding = CASES[case]
    assert words(looked(made(1000) + healthy(500), count=1500)) == [finding]
    assert words(looked(made(1000), count=1000)) == [finding]


@pytest.mark.parametrize("case", sorted(set(CASES) - {"games"}))
def test_a_quarter_is_much_and_less_is_not(case):
    made, finding = CASES[case]
    # A client of one's own is there too: 250 of a thousand are just a quarter.
    assert words(looked(made(250) + healthy(750))) == [finding]
    assert words(looked(made(249) + healthy(751))) == []


def test_udp_to_many_ports_is_much_from_a_half_on():
    assert words(looked(games(500) + healthy(500))) == ["udp"]
    assert words(looked(games(499) + healthy(501))) == []


def test_a_sample_has_to_show_it_surely():
    # 26 % of a sample of 1000 may be 24 % of the table.
    rest = {"count": 100000, "complete": False}
    assert words(looked(dns(260) + healthy(740), **rest)) == []
    assert words(looked(dns(290) + healthy(710), **rest)) == ["dns"]


def test_of_a_handful_nothing_is_concluded():
    assert words(looked(dns(99))) == []
    assert words(looked(dns(100))) == ["dns"]


def test_an_empty_table_needs_no_advice():
    assert looked([], count=0) == []
    assert looked([]) == []


def test_a_full_table_without_anything_to_blame_is_too_small():
    (found,) = looked(healthy(1000), count=1000, most=1250)
    assert (found.finding, found.settings, found.rules) == ("busy", {"max": "auto"}, {})
    assert found.evidence[0] == "1000 of 1250 entries are in use"
    assert looked(healthy(1000), count=1000, most=1251) == []
    # There is no limit, or nobody knows.
    assert looked(healthy(1000), count=1000, most=0) == []
    assert looked(healthy(1000), count=1000, most=None) == []
    assert looked(healthy(1000), count=None) == []


def test_a_full_table_that_hides_its_entries_is_still_full():
    assert words(looked([], count=1000, most=1000)) == ["busy"]


def test_what_a_filter_lets_through_is_not_the_table():
    # 1000 unanswered ones of 100000 that went by: nothing to speak of.
    rest = {"scanned": 100000, "passed": 100000, "filtered": True}
    assert looked(scan(1000), count=100000, most=100000, **rest) == []
    assert words(looked(scan(1000), count=2000, **{**rest, "scanned": 2000, "passed": 2000})) == ["scan"]
    # The kernel left out the others, how many it does not say.
    assert looked(scan(1000), count=None, complete=False, passed=None, filtered=True) == []


def test_shares_in_the_evidence_are_of_the_table():
    (found,) = looked(scan(1000), count=2000, scanned=2000, passed=2000, filtered=True)
    assert found.evidence[0] == "unanswered or half open: 50.0 % of the table, 1000 entries"


def test_a_scan_tells_who_and_how_wide():
    (found,) = looked(scan(1000))
    assert "1000 of 1000 seen are from 203.0.113.9, to 1000 targets" in found.evidence
    assert found.settings == {}
    assert found.rules["nft"][-1] == "add rule inet conntrack_relief prerouting ip saddr 203.0.113.9 drop"
    assert found.rules["iptables"] == ["iptables -t raw -A PREROUTING -s 203.0.113.9 -j DROP"]


def test_a_few_sources_scan_together():
    made = [each for n in range(3) for each in scan(200, "203.0.113.%d" % (n + 1))]
    (found,) = looked(made + scan(10, "203.0.113.4") + healthy(400))
    assert [line.split(", to")[0] for line in found.evidence[1:]] == [
        "200 of 610 seen are from 203.0.113.%d" % n for n in (1, 2, 3)
    ]
    assert len(found.rules["iptables"]) == 3


def test_six_sources_are_not_few():
    made = [each for n in range(6) for each in scan(100, "203.0.113.%d" % (n + 1))]
    assert words(looked(made[100:])) == ["scan"]
    # Five of these six are most of it still, nine of ten are too many.
    assert words(looked(made)) == ["scan"]
    made += [each for n in range(5) for each in scan(100, "203.0.113.%d" % (n + 10))]
    (found,) = looked(made)
    assert found.finding == "unanswered"
    assert found.evidence[1] == "they are from 11 sources, the largest has 100"


def test_scanners_of_both_families_have_rules_for_each():
    sixth = [entry("2001:db8::9", "2001:db8:1::%x" % (n + 1), 22, TCP, "SYN_SENT", 0, 100) for n in range(280)]
    (found,) = looked(scan(300) + sixth)
    assert found.finding == "scan"
    assert found.rules["iptables"] == [
        "iptables -t raw -A PREROUTING -s 203.0.113.9 -j DROP",
        "ip6tables -t raw -A PREROUTING -s 2001:db8::9 -j DROP",
    ]
    assert [line.split("prerouting ")[1] for line in found.rules["nft"][2:]] == [
        "ip saddr 203.0.113.9 drop",
        "ip6 saddr 2001:db8::9 drop",
    ]


def test_a_scan_tries_targets_a_few_times_a_flood_many_times():
    made = [tcp(n, "203.0.113.9", "192.0.2.%d" % (n % 100), state="SYN_SENT", status=0) for n in range(500)]
    assert words(looked(made[:400])) == ["scan"]
    assert words(looked(made)) == ["flood"]


def test_pings_without_ports_are_told_without_ports():
    made = [entry("203.0.113.9", "192.0.2.7", None, ICMP, None, 0, 20)] * 200
    (found,) = looked(made)
    assert found.finding == "flood"
    assert found.evidence[1] == "200 of 200 seen are from 203.0.113.9, to 1 target"
    made = [entry(client(n), "192.0.2.7", None, ICMP, None, 0, 20) for n in range(200)]
    (found,) = looked(made)
    assert found.evidence[1] == "200 of 200 seen are to 192.0.2.7, from 200 sources"


LOWERED = {
    "scan": (lambda entries, idle: scan(entries, idle=idle), "tcp_timeout_syn_sent", 60),
    "flood": (lambda entries, idle: flood(entries, left=30 - idle), "udp_timeout", 10),
    "dns": (lambda entries, idle: dns(entries, left=30 - idle), "udp_timeout", 10),
    "time_wait": (time_wait, "tcp_timeout_time_wait", 60),
}


@pytest.mark.parametrize("finding", LOWERED)
def test_a_lower_timeout_is_advised_where_it_lets_many_go_with_its_effect(finding):
    made, name, enough = LOWERED[finding]
    (found,) = looked(made(700, enough) + made(300, enough + 5))
    assert (found.finding, found.settings) == (finding, {name: enough})
    assert found.evidence[-1] == "with %s %d the table settles at 300 entries fewer" % (name, enough)
    # One in a hundred of the table is worth it, less is not.
    assert looked(made(990, enough) + made(10, enough + 5))[0].settings == {name: enough}
    assert looked(made(991, enough) + made(9, enough + 5))[0].settings == {}
    (found,) = looked(made(1000, enough))
    assert found.settings == {} and not [line for line in found.evidence if "settles" in line]
    # It is that low already.
    (found,) = looked(made(1000, 1), timeouts={**TIMEOUTS, name: enough})
    assert (found.finding, found.settings) == (finding, {})


def test_a_lower_timeout_of_a_sample_has_a_range_or_no_number():
    (found,) = looked(time_wait(600) + time_wait(400, 70), count=5000, complete=False)
    assert re.fullmatch(
        r"with tcp_timeout_time_wait 60 the table settles at 2000 entries fewer \(1\d{3} to 2\d{3}\)",
        found.evidence[-1],
    )
    (found,) = looked(time_wait(600) + time_wait(400, 70), complete=False)
    assert found.settings == {"tcp_timeout_time_wait": 60}
    assert found.evidence[-1] == "tcp_timeout_time_wait 60: the effect is unknown, as the number of entries is"
    assert looked(time_wait(1000), complete=False)[0].settings == {}


def test_one_entry_fewer_is_one():
    (found,) = looked(time_wait(99) + time_wait(1, 70))
    assert found.evidence[-1] == "with tcp_timeout_time_wait 60 the table settles at 1 entry fewer"


def test_without_timeouts_findings_do_without_settings():
    for made, finding in ((scan, "scan"), (dns, "dns"), (time_wait, "time_wait"), (one_client, "one_client")):
        (found,) = looked(made(500), timeouts={})
        assert (found.finding, found.settings) == (finding, {})
    for made in (scan(500, idle=70), time_wait(500, 70), dns(500, left=1)):
        assert looked(made, timeouts={})[0].settings == {}
    # Nobody knows for how long they are idle.
    assert looked(leak(500), timeouts={}) == []


@pytest.mark.parametrize(
    "idle, advised", [(7440, 7440), (80000, 7440), (90000, 86400), (216000, 86400), (220000, 216000), (431999, 216000)]
)
def test_the_mildest_timeout_that_lets_leaked_connections_go(idle, advised):
    (found,) = looked(leak(500, idle))
    assert found.settings == {"tcp_timeout_established": advised}


def test_two_hours_are_a_keepalive_not_a_leak():
    assert looked(leak(500, 7439)) == []


def test_a_leak_tells_the_effect_of_each_lower_timeout():
    (found,) = looked(leak(500, 100000) + healthy(500), count=1000)
    effects = [line for line in found.evidence if line.startswith("with ")]
    assert [int(re.search(r"at (-?\d+) entries fewer", line).group(1)) for line in effects] == [0, 500, 500]


def test_the_effect_is_of_the_table_not_of_what_was_filtered():
    rest = {"count": 10000, "scanned": 1000, "passed": 1000, "complete": False, "filtered": True}
    (found,) = looked(leak(400, 300000), **rest)
    assert "the table settles at 4000 entries fewer" in found.evidence[2]


def test_the_effect_is_unknown_where_the_number_of_entries_is():
    (found,) = looked(leak(400, 300000), count=None, complete=False)
    assert "the effect is unknown" in found.evidence[2]


def test_a_leak_says_whom_a_lower_timeout_hits():
    (found,) = looked(leak(500))
    assert "live without it, as in pools to a database, lose their entry" in found.why
    assert "are cut where NAT or a strict firewall needs it" in found.why


@pytest.mark.parametrize("sources", [1, 3, 5, 200])
@pytest.mark.parametrize("port", [162, 514, 2055, 8125])
def test_what_wants_no_answer_is_no_flood_however_few_send_it(sources, port):
    (found,) = looked(syslog(400, port, sources) + healthy(400))
    assert found.finding == "udp" and "want no answer" in found.why
    said = "source" if sources == 1 else "sources"
    assert found.evidence == [
        "UDP that wants no answer: 50.0 % of the table, 400 entries",
        "400 of 400 seen are to UDP port %d, from %d %s" % (port, sources, said),
    ]
    assert "add rule inet conntrack_relief prerouting udp dport %d notrack" % port in found.rules["nft"]
    assert "drop" not in repr(found).lower()


def test_one_relay_of_several_such_ports_is_one_finding():
    (found,) = looked(syslog(300, 514, 1) + syslog(200, 8125, 1) + syslog(10, 2055, 1))
    assert found.evidence[1:] == [
        "300 of 510 seen are to UDP port 514, from 1 source",
        "200 of 510 seen are to UDP port 8125, from 1 source",
    ]
    assert [rule.split("conntrack_relief ")[1] for rule in found.rules["nft"] if rule.startswith("add rule")] == [
        "%s udp %s %d notrack" % (hook, end, port)
        for port in (514, 8125)
        for hook in ("prerouting", "output")
        for end in ("dport", "sport")
    ]
    assert sum(rule.startswith("add chain") for rule in found.rules["nft"]) == 2
    assert len(found.rules["iptables"]) == 16


def test_a_flood_beside_what_wants_no_answer_is_told_without_it():
    found = looked(flood(300) + syslog(500, sources=1))
    assert words(found) == ["udp", "flood"]
    assert found[1].evidence == [
        "unanswered or half open, but for UDP that wants no answer: 37.5 % of the table, 300 entries",
        "300 of 300 seen are from 203.0.113.9, to 1 target",
    ]
    # Answers to such a port are as good as any.
    made = [udp(n, client(n), port=514, status=BOTH, left=100) for n in range(500)]
    assert looked(made)[0].evidence == ["answered, to UDP port 514: 100.0 % of the table, 500 entries"]


def test_what_is_translated_and_wants_no_answer_has_no_rules():
    made = [udp(n, client(0), port=514, status=SRC_NAT, left=5) for n in range(500)]
    (found,) = looked(made)
    assert (found.finding, found.rules, found.settings) == ("udp", {}, {"udp_timeout": 10})
    assert "500 of 500 seen are translated (NAT), which needs tracking: no rules" in found.evidence


def test_the_sources_of_a_target_are_its_own():
    others = [tcp(n, "198.51.100.%d" % (n % 40 + 1), "192.0.2.77", 25, "SYN_SENT", status=0) for n in range(200)]
    (found,) = looked(spread_flood(300) + others)
    assert found.evidence[1] == "300 of 500 seen are to 192.0.2.1 port 80, from 300 sources"


@pytest.mark.parametrize(
    "made, accepted",
    [
        (dns, "nft, for answers: ip saddr RESOLVER udp sport 53 accept"),
        (quic, "nft, for answers: ip saddr SERVER udp sport 443 accept"),
        (syslog, "nft: ip saddr SENDER udp dport 514 accept"),
    ],
)
def test_what_is_not_tracked_is_to_be_accepted_narrowly(made, accepted):
    (found,) = looked(made(500))
    assert "(%s)" % accepted in found.why
    assert "a bare ct state untracked accept lets in every packet with that source port" in found.why


def test_translated_dns_has_no_notrack_rules_but_a_timeout():
    (found,) = looked(dns(499, left=15) + dns(1, SEEN_REPLY | SRC_NAT))
    assert (found.rules, found.settings) == ({}, {"udp_timeout": 10})
    assert "1 of 500 seen are translated (NAT), which needs tracking: no rules" in found.evidence
    (found,) = looked(dns(500))
    assert "add rule inet conntrack_relief output udp sport 53 notrack" in found.rules["nft"]
    assert "ip6tables -t raw -A PREROUTING -p udp --dport 53 -j CT --notrack" in found.rules["iptables"]


def test_answers_that_are_missing_in_mid_stream_come_by_another_way():
    (found,) = looked([tcp(n, client(n), "192.0.2.%d" % (n % 50), 400 + n % 7, status=0) for n in range(500)])
    assert found.finding == "unanswered"
    assert "500 of 500 began in mid-stream: their other direction goes elsewhere" in found.evidence


def test_a_scan_and_a_busy_client_are_two_findings():
    made = scan(400) + one_client(400, "203.0.113.77") + healthy(200)
    found = looked(made)
    assert words(found) == ["scan", "one_client"]
    assert "203.0.113.77" in found[1].evidence[0]


def test_a_client_of_ipv6_is_limited_by_its_own_rules():
    made = [
        entry("2001:db8::9", "2001:db8:1::%x" % (n % 20 + 1), 400 + n % 20, TCP, "ESTABLISHED", BOTH, 431990)
        for n in range(300)
    ]
    (found,) = looked(made)
    assert found.finding == "one_client"
    assert found.rules["nft"][-1].endswith("clients ip6 saddr 2001:db8::9 ct state new ct count over 1000 drop")
    assert found.rules["iptables"][0].startswith("ip6tables -t mangle -A PREROUTING -s 2001:db8::9 ")


@pytest.mark.parametrize("case", CASES)
def test_masked_advice_has_no_address(case):
    found = looked(CASES[case][0](1000), count=1000, most=1000, masked=True)
    said = repr(found)
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f]*::?[0-9a-f]", said), said
    found = looked(healthy(1000), count=1000, most=1000, masked=True)
    assert "address-1" in repr(found) and not re.search(r"\d+\.\d+\.\d+\.\d+", repr(found))
