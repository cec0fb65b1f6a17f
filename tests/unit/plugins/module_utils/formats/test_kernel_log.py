# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel log: every wording in every form of line, dated, repeats expanded."""

from __future__ import annotations

import calendar

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import kernel_log, log_words
from hypothesis import given
from hypothesis import strategies as st


def utc(*parts):
    return float(calendar.timegm((*parts, 0, 0, 0)[:9]))


NOV_8 = utc(2012, 11, 8, 8, 54, 58)
# The evening of that day in 2012, on a host one hour east, up for 100000 seconds.
CLOCK = kernel_log.Clock(utc(2012, 11, 8, 20, 0, 0), 3600, 100000.0)
BOOT = CLOCK.now - CLOCK.uptime

ORIGIN = """Nov  8 08:54:58 server kernel: ip_conntrack: table full, dropping packet.
Nov  8 08:55:03 server kernel: printk: 49 messages suppressed.
Nov  8 08:55:03 server kernel: ip_conntrack: table full, dropping packet.
Nov  8 08:55:08 server kernel: printk: 49 messages suppressed.
Nov  8 08:55:08 server kernel: ip_conntrack: table full, dropping packet.
"""


def read(text, clock=CLOCK):
    return kernel_log.read(text, clock)


def only(text, clock=CLOCK):
    (event,) = read(text, clock).events
    return event


def test_the_original_case():
    reading = read(ORIGIN)
    summary = kernel_log.summary(reading.events)
    assert summary == {
        "first": NOV_8 - 3600,
        "last": NOV_8 - 3600 + 10,
        "lines": 3,
        "suppressed": 98,
        "expectation_full": 0,
        "netns": [],
        "generations": ["ip_conntrack"],
    }
    assert (reading.first, reading.last, reading.lines) == (NOV_8 - 3600, NOV_8 - 3600 + 10, 5)


@pytest.mark.parametrize(
    ("text", "kind", "generation", "netns"),
    [
        ("ip_conntrack: table full, dropping packet.", "table_full", "ip_conntrack", None),
        ("nf_conntrack: table full, dropping packet.", "table_full", "nf_conntrack", None),
        ("nf_conntrack: table full, dropping packet", "table_full", "nf_conntrack", None),
        ("nf_conntrack: nf_conntrack: table full, dropping packet", "table_full", "nf_conntrack", None),
        (
            "nf_conntrack: nf_conntrack: table full in netns 4026532466, dropping packet",
            "table_full",
            "nf_conntrack",
            4026532466,
        ),
        ("ip_conntrack: VPS 101 table full, dropping packet.", "table_full", "ip_conntrack", None),
        ("nf_conntrack: CT 101: table full, dropping packet.", "table_full", "nf_conntrack", None),
        ("nf_conntrack: expectation table full", "expectation_full", "nf_conntrack", None),
    ],
)
@pytest.mark.parametrize(
    ("head", "when"),
    [
        ("", None),
        ("<4>", None),
        ("[ 2076.519004] ", BOOT + 2076.519004),
        ("<4>[ 2076.519004] ", BOOT + 2076.519004),
        ("[ 2076.519004][    T1] ", BOOT + 2076.519004),
        ("Nov  8 08:54:58 server kernel: ", NOV_8 - 3600),
        ("Nov  8 08:54:58 server kernel: [38775494.393661] ", NOV_8 - 3600),
        ("Nov  8 08:54:58 server kern.warn kernel: ", NOV_8 - 3600),
        ("2012-11-08T08:54:58+0000 host kernel: ", NOV_8),
        ("2012-11-08T08:54:58.25-02:30 host kernel: [    5.000000] ", NOV_8 + 9000.25),
        ("2012-11-08T08:54:58Z host kernel: ", NOV_8),
        ("<4>1 2012-11-08T08:54:58Z host kernel - - - ", NOV_8),
        ("2012-11-08 08:54:58 host kernel: ", NOV_8 - 3600),
    ],
)
def test_every_wording_in_every_form_of_line(head, when, text, kind, generation, netns):
    event = only(head + text + "\r\n")
    assert (event.kind, event.generation, event.netns, event.count) == (kind, generation, netns, 1)
    assert event.when == (None if when is None else pytest.approx(when, abs=1e-5))
    assert event.text == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("NET: 7 messages suppressed.", 7),
        ("printk: 49 messages suppressed.", 49),
        ("__ratelimit: 3 messages suppressed", 3),
        ("__ratelimit: 83 callbacks suppressed", 83),
        ("net_ratelimit: 250 callbacks suppressed", 250),
    ],
)
def test_suppression_lines_of_every_kernel(text, count):
    event = only("[   17.000000] " + text)
    assert (event.kind, event.count) == ("suppressed", count)


@pytest.mark.parametrize(
    "line",
    [
        "Nov  8 09:00:00 server sudo: root : COMMAND=/bin/grep nf_conntrack: table full, dropping packet",
        "Nov  8 09:00:00 server check: nf_conntrack: table full, dropping packet",
        "Nov  8 09:00:00 server nf_conntrack: table full, dropping packet",
        "[   17.000000] systemd[1]: nf_conntrack: table full, dropping packet",
        "Nov  8 09:00:00 server kernel: audit_printk_skb: 9 callbacks suppressed",
        "Nov  8 09:00:00 server kernel: dst cache: table full",
        "[   17.000000] nf_conntrack: default automatic helper assignment has been turned off",
    ],
)
def test_what_others_say_is_no_evidence(line):
    assert read(line).events == ()


def test_the_expectation_line_of_2_6_24_runs_into_the_next():
    line = "nf_conntrack: expectation table full<4>nf_conntrack: table full, dropping packet.\n"
    assert [event.kind for event in read(line).events] == ["expectation_full", "table_full"]


FULL = "Nov  8 08:54:58 server kernel: ip_conntrack: table full, dropping packet.\n"
REPEATED = "Nov  8 08:55:28 server last message repeated 9 times\n"


def test_repeats_are_expanded():
    reading = read(FULL + REPEATED + REPEATED.replace("55:28", "57:28"))
    assert kernel_log.summary(reading.events)["lines"] == 19
    assert reading.events[1].when == NOV_8 - 3600 + 30
    quoted = "Nov  8 08:55:03 server kernel: message repeated 4 times: [ %s]\n"
    for text in (
        "nf_conntrack: table full, dropping packet",
        "[   12.000000] nf_conntrack: table full, dropping packet",
    ):
        assert only(quoted % text).count == 4
    syslog_ng = "Nov  8 08:55:03 s Last message 'kernel: ip_conntr' repeated 3 times, suppressed by syslog-ng\n"
    assert kernel_log.summary(read(FULL + syslog_ng).events)["lines"] == 4


def test_somebody_elses_repeats_are_not_ours():
    other = "Nov  8 08:55:00 server sshd[1]: Connection closed\n"
    assert kernel_log.summary(read(FULL + other + REPEATED).events)["lines"] == 1
    # The same where the host has blanked the other line.
    assert kernel_log.summary(read(FULL + "\n" + REPEATED).events)["lines"] == 1


@pytest.mark.parametrize(
    ("now", "line", "expected"),
    [
        (utc(2013, 1, 2, 0, 0, 0), "Dec 31 23:00:00", utc(2012, 12, 31, 23, 0, 0)),
        (utc(2012, 12, 31, 23, 59, 0), "Jan  1 00:00:10", utc(2013, 1, 1, 0, 0, 10)),
        (utc(2013, 12, 31, 12, 0, 0), "Jan  1 00:00:10", utc(2014, 1, 1, 0, 0, 10)),
        (utc(2012, 11, 8, 0, 0, 0), "Nov  8 20:00:00", utc(2012, 11, 8, 20, 0, 0)),
        (utc(2012, 11, 8, 0, 0, 0), "Nov 10 20:00:00", utc(2011, 11, 10, 20, 0, 0)),
        (utc(2015, 3, 1, 0, 0, 0), "Feb 29 12:00:00", utc(2012, 2, 29, 12, 0, 0)),
        (utc(2016, 12, 31, 23, 59, 59), "Dec 31 23:59:60", utc(2016, 12, 31, 23, 59, 59)),
        (utc(2015, 3, 1, 0, 0, 0), "Foo 10 12:00:00", None),
        (utc(2015, 3, 1, 0, 0, 0), "Feb 31 12:00:00", None),
        (0.0, "Nov  8 08:54:58", None),
        (None, "Nov  8 08:54:58", None),
        (float("inf"), "Nov  8 08:54:58", None),
    ],
)
def test_the_year_that_syslog_leaves_out(now, line, expected):
    event = only(line + " server kernel: ip_conntrack: table full, dropping packet.", kernel_log.Clock(now, 0, None))
    assert event.when == expected


def test_a_ring_cannot_be_dated_without_uptime():
    event = only("[ 2076.519004] nf_conntrack: table full, dropping packet", CLOCK._replace(uptime=None))
    assert (event.when, event.stamp) == (None, 2076.519004)


def test_the_range_is_that_of_all_lines():
    text = "cut in two\nNov  8 08:00:00 server sshd: x\n" + FULL + "Nov  8 10:00:00 server cron: y\nNov"
    reading = read(text)
    assert (reading.first, reading.last, reading.lines) == (
        utc(2012, 11, 8, 7, 0, 0),
        utc(2012, 11, 8, 9, 0, 0),
        5,
    )
    assert read("") == kernel_log.LogReading((), None, None, 0)


NOISE = [
    "Nov  8 08:55:00 server sshd[1]: Connection closed",
    "Nov  8 08:55:01 server sshd[1]: last message repeated 2 times",
    "[   20.000000] eth0: link up",
    "",
]
OURS = [
    FULL.rstrip(),
    REPEATED.rstrip(),
    "[   17.000000] net_ratelimit: 250 callbacks suppressed",
    "[   18.000000] nf_conntrack: nf_conntrack: table full in netns 4026532466, dropping packet",
]


@given(st.lists(st.sampled_from(NOISE + OURS)))
def test_blanking_the_lines_without_a_word_of_keep_loses_no_event(lines):
    blanked = [
        line if number in (0, len(lines) - 1) or any(word in line for word in log_words.KEEP) else ""
        for number, line in enumerate(lines)
    ]
    whole, kept = read("\n".join(lines)), read("\n".join(blanked))
    assert kept.events == whole.events


PIECES = [
    "Nov  8 08:54:58 ",
    "Foo 99 99:99:99 ",
    "h ",
    "kernel: ",
    "[ 1.5] ",
    "<4>",
    "\n",
    "\u00b2",
    "9999-99-99T99:99:99 ",
]
PIECES += [
    "nf_conntrack: ",
    "table full",
    " in netns 7",
    ", dropping packet.",
    "last message repeated 3 times",
]
PIECES += [
    "message repeated 2 times: [ ",
    "0000-01-01T00:00:00+99:99 h ",
    "9999-12-31T23:59:59Z h ",
    "printk: 5 messages suppressed",
]


@given(
    st.text() | st.lists(st.sampled_from(PIECES)).map("".join),
    st.floats() | st.none(),
    st.floats() | st.none(),
)
def test_any_text_gives_a_record_and_no_traceback(text, now, uptime):
    reading = kernel_log.read(text, kernel_log.Clock(now, 3600, uptime))
    kernel_log.summary(kernel_log.merge([reading, reading]).events)
