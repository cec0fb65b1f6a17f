# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole result, from entries to the lines that people read."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import (
    ASSURED,
    SEEN_REPLY,
    TCP,
    UDP,
    Entry,
    Tuple,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table import grouping
from ansible_collections.netops.conntrack.plugins.module_utils.table.advising import Numbers
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS, batches
from ansible_collections.netops.conntrack.plugins.module_utils.table.filter import NO_FILTER, parse
from ansible_collections.netops.conntrack.plugins.module_utils.table.grouping import Names, Prefixes
from ansible_collections.netops.conntrack.plugins.module_utils.table.proposal import Proposal
from ansible_collections.netops.conntrack.plugins.module_utils.table.reading import (
    END,
    ERROR,
    SAMPLE,
    TIME,
    Progress,
    Wanted,
)
from ansible_collections.netops.conntrack.plugins.module_utils.table.survey import Survey
from ansible_collections.netops.conntrack.plugins.module_utils.table.told import told

TIMEOUTS = {"tcp_timeout_established": 432000, "udp_timeout": 30}


def entry(source, port=80, protocol=TCP, state="ESTABLISHED", status=SEEN_REPLY | ASSURED, left=431000):
    there = ipaddress.ip_address(source)
    back = ipaddress.ip_address("198.51.100.1" if there.version == 4 else "2001:db8:1::1")
    both = Tuple(there.packed, back.packed, 1024, port), Tuple(back.packed, there.packed, port, 1024)
    return Entry(2 if there.version == 4 else 10, protocol, left, state, status, *both)


TABLE = (
    *[entry("192.0.2.1")] * 200,
    *[entry("2001:db8::1", 53, UDP, None, SEEN_REPLY, 20)] * 100,
    *[entry("192.0.2.2", 123, UDP, None, 0, 30)] * 100,
)


def look(entries=TABLE, count=400, most=1000, ended_by=END, group_by=("source",), what_if=None, asked=None, **rest):
    wanted = parse(asked or {})
    proposal = Proposal.parse(what_if or {})
    survey = Survey([grouping.parse(word, Prefixes()) for word in group_by], proposal.ports)
    progress = Progress(Wanted(COLUMNS, wanted))
    progress.scanned = len(entries)
    for batch in progress.take(batches(entries, COLUMNS)):
        survey.add(batch)
    progress.ended_by = ended_by
    for name in ("error", "malformed", "filtered"):
        if name in rest:
            setattr(progress, name, rest[name])
    assert wanted is not None and (asked or wanted == NO_FILTER)
    masked = rest.get("masked", False)
    numbers = Numbers(count, most, rest.get("timeouts", TIMEOUTS), rest.get("living"))
    return told("ctnetlink", {}, survey, progress, numbers, proposal, rest.get("top", 10), Names(masked))


def test_expired_entries_that_still_count_are_not_taken_for_living_ones():
    result = look(ended_by="sample", count=1900, living=1000)
    assert (result["count"], result["living"]) == (1900, 1000)
    assert result["unreplied"]["entries"] == 250
    assert result["report"][0].endswith(" are in use, of which some 900 have expired and wait to be cleared away")


def test_the_report_says_how_much_was_read_and_what_it_is():
    result = look(group_by=["source", "source+destination_port"])
    assert result["report"][:10] == [
        "400 entries read, all there are; 400 of 1000 (40.0 %) are in use",
        "tcp ESTABLISHED: 50.0 %, 200 entries",
        "udp: 50.0 %, 200 entries",
        "unreplied: 25.0 %, 100 entries",
        "assured: 50.0 %, 200 entries",
        "evictable: 50.0 %, 200 entries",
        "source 192.0.2.1: 50.0 %, 200 entries",
        "source 192.0.2.2: 25.0 %, 100 entries",
        "source 2001:db8::1: 25.0 %, 100 entries",
        "source+destination_port 192.0.2.1 80 tcp: 50.0 %, 200 entries",
    ]
    assert (result["interface"], result["unread"], result["complete"]) == ("ctnetlink", {}, True)


@pytest.mark.parametrize(
    "rest, first",
    [
        ({"count": None}, "400 entries read, all there are"),
        ({"most": None}, "400 entries read, all there are; 400 are in use"),
        ({"most": 0}, "400 entries read, all there are; 400 are in use"),
        ({"ended_by": SAMPLE}, "400 entries read, as the sample was full; 400 of 1000 (40.0 %) are in use"),
        ({"ended_by": TIME}, "400 entries read, as the time was over; 400 of 1000 (40.0 %) are in use"),
        (
            {"ended_by": ERROR, "error": "No buffer space available"},
            "400 entries read, as the reading broke off; 400 of 1000 (40.0 %) are in use",
        ),
        (
            {"asked": {"protocol": "udp"}},
            "200 entries read that fit the filter, of 400 looked at, all there are; 400 of 1000 (40.0 %) are in use",
        ),
        (
            {"filtered": True, "ended_by": SAMPLE, "asked": {"zone": 0}},
            "400 entries read that fit the filter, as the sample was full; 400 of 1000 (40.0 %) are in use",
        ),
        # The kernel left them all out, and nothing came back that tells so.
        (
            {"entries": [], "count": 1928, "most": 262144, "asked": {"destination_port": 22}},
            "0 entries read that fit the filter, all there are; 1928 of 262144 (0.7 %) are in use",
        ),
        ({"entries": TABLE[:1], "count": 1}, "1 entry read, all there are; 1 of 1000 (0.1 %) is in use"),
        ({"entries": TABLE[:1], "count": 1, "most": 0}, "1 entry read, all there are; 1 is in use"),
    ],
)
def test_the_first_line_says_how_far_it_goes(rest, first):
    assert look(**rest)["report"][0] == first


def test_what_went_wrong_is_said_next():
    result = look(ended_by=ERROR, error="No buffer space available", malformed=2)
    assert result["report"][1:3] == [
        "the reading broke off: No buffer space available", "2 entries could not be understood",
    ]  # fmt: skip
    assert (result["error"], result["not_understood"], result["complete"]) == ("No buffer space available", 2, False)
    assert look(malformed=1)["report"][1] == "1 entry could not be understood"


def test_an_empty_table_is_one_line():
    result = look([], 0)
    assert result["report"] == ["0 entries read, all there are; 0 of 1000 (0.0 %) are in use"]
    assert (result["by_state"], result["advice"], result["idle"], result["what_if"]) == ([], [], [], None)
    assert result["groups"] == [{"group_by": "source", "distinct": 0, "error": 0, "top": []}]


def test_a_filter_that_nothing_fits_is_no_empty_table():
    result = look(asked={"destination_port": 22})
    assert result["report"] == [
        "0 entries read that fit the filter, of 400 looked at, all there are; 400 of 1000 (40.0 %) are in use"
    ]


def test_without_timeouts_the_rest_is_there():
    result = look(timeouts={})
    assert len(result["report"]) > 9
    assert {row["seconds"] for row in result["idle"]} == {None}


def test_groups_of_less_than_a_hundredth_are_left_to_the_result():
    entries = [entry("192.0.2.1")] * 199 + [entry("192.0.2.2")]
    assert [line for line in look(entries, 200)["report"] if line.startswith("source")] == [
        "source 192.0.2.1: 99.5 %, 199 entries"
    ]
    assert len(look(entries, 200)["groups"][0]["top"]) == 2


def test_yes_and_no_are_words():
    lines = look(group_by=["unreplied+assured"])["report"]
    assert "unreplied+assured no yes: 50.0 %, 200 entries" in lines
    assert "unreplied+assured yes no: 25.0 %, 100 entries" in lines


def test_what_has_no_port_is_called_by_its_protocol():
    ping = entry("192.0.2.1", None, 1, None, SEEN_REPLY, 20)
    ping = ping._replace(original=ping.original._replace(source_port=None))
    assert "destination_port icmp: 100.0 %, 1 entry" in look([ping], 1, group_by=["destination_port"])["report"]


def test_what_is_foreseen_is_said():
    what_if = {
        "timeouts": {"tcp_timeout_established": 500, "sctp_timeout_closed": 5},
        "notrack": [{"protocol": "udp", "port": 53}],
    }
    lines = look(what_if=what_if)["report"]
    assert "tcp_timeout_established 500 instead of 432000: -200 entries" in lines
    assert "no tracking of udp port 53: -100 entries" in lines
    assert "sctp_timeout_closed: not a setting of this kernel" in lines
    assert the_only(r"the table then settles at 100 entries \(.*", lines).endswith(
        ": a table varies by itself, even with everything read), instead of 400"
    )


def the_only(pattern, lines):
    (found,) = [line for line in lines if re.fullmatch(pattern, line)]
    return found


def test_what_is_foreseen_says_where_its_range_comes_from():
    what_if = {"timeouts": {"udp_timeout": 29}, "notrack": [{"protocol": "udp", "port": 53}]}
    lines = look(what_if=what_if, ended_by=SAMPLE, count=4000)["report"]
    assert the_only(r"no tracking of udp port 53: -1000 entries \(-\d+ to -\d+\)", lines)
    assert the_only(r"the table then settles at 3000 entries \(.*", lines).endswith(
        ": a sample was read, and a table varies by itself), instead of 4000"
    )


def test_one_entry_is_one():
    lines = look([*TABLE[:1], *TABLE[200:201]], 2, what_if={"notrack": [{"protocol": "udp", "port": 53}]})["report"]
    assert "no tracking of udp port 53: -1 entry" in lines
    assert the_only(r"the table then settles at 1 entry \(.*", lines)


@pytest.mark.parametrize("rest, room", [({"most": 801}, 1), ({"most": 800}, 0), ({"most": 0}, 0), ({"count": None}, 0)])
def test_where_the_table_has_room_that_is_said_before_what_was_found(rest, room):
    result = look(**rest)
    lines = result["report"]
    first = lines.index("%(finding)s: %(why)s" % result["advice"][0])
    assert sum(line.startswith("nothing has to be done: ") for line in lines) == room
    assert lines[first - 1].startswith("nothing has to be done: less than half of the table is in use") is bool(room)


def test_where_nothing_was_found_nothing_has_to_be_said_of_room():
    assert not [line for line in look(TABLE[:20], 20)["report"] if "has to be done" in line]


def test_advice_is_said_with_its_evidence_and_settings():
    result = look()
    assert [found["finding"] for found in result["advice"]] == ["flood", "dns", "one_client"]
    lines = result["report"]
    for found in result["advice"]:
        start = lines.index("%s: %s" % (found["finding"], found["why"]))
        shown = ["  " + each for each in found["evidence"]] + [
            "  set %s = %s" % each for each in found["settings"].items()
        ]
        assert lines[start + 1 : start + 1 + len(shown)] == shown


@pytest.mark.parametrize(
    "unread, said",
    [
        ({}, "the table cannot be read: connection tracking is not there, or not loaded"),
        ({"ctnetlink": "absent", "procfs": "absent"}, "the table cannot be read: ctnetlink absent, procfs absent"),
        (
            {"ctnetlink": "forbidden", "procfs": "failed: Input/output error"},
            "the table cannot be read: ctnetlink forbidden, procfs failed: Input/output error; root may read it",
        ),
    ],
)
def test_a_table_that_could_not_be_read_says_why(unread, said):
    result = told(None, unread, Survey([]), None, Numbers(7, 1000, {}), Proposal(), 10, Names())
    assert result == {"interface": None, "unread": unread, "count": 7, "max": 1000, "report": [said]}


def test_a_masked_result_has_no_address_anywhere():
    result = look(group_by=grouping.GROUPS, masked=True, most=400)
    text = json.dumps({name: value for name, value in result.items() if name != "seconds"})
    assert result["advice"] and "address-1" in text and "network-1" in text
    for address in ("192.0.2", "198.51.100", "2001:db8"):
        assert address not in text
        assert address in json.dumps(look(group_by=grouping.GROUPS, most=400))


def test_a_masked_address_has_the_same_name_at_each_place():
    result = look(group_by=["source", "source+destination_port"], masked=True)
    first, second = ([row["source"] for row in group["top"]] for group in result["groups"])
    assert first == second == ["address-1", "address-2", "address-3"]
    named = re.findall(r"address-\d+", json.dumps(result["advice"]))
    assert named and set(named) <= set(first)
