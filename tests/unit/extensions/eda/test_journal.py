# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of journalctl: which of them say that a table is full, and whose."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import host_names, journal
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.finding import Finding

FULL = "nf_conntrack: nf_conntrack: table full, dropping packet"


def line(message=FULL, host="gw1", **changes):
    entry = {
        "__REALTIME_TIMESTAMP": "1795717310860467",
        "_TRANSPORT": "kernel",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "kernel",
        "_HOSTNAME": host,
        "MESSAGE": message,
    }
    entry.update(changes)
    return json.dumps(entry).encode() + b"\n"


# Printed by journalctl 252.
PRINTED = (
    b'{"SYSLOG_IDENTIFIER":"kernel","MESSAGE":"nf_conntrack: nf_conntrack: table full, dropping packet","PRIORITY":"4",'
    b'"_SOURCE_MONOTONIC_TIMESTAMP":"100000","__CURSOR":"s=290ba5cde96248d89c101cd4f1831b84;i=1;'
    b'b=0123456789abcdef0123456789abcdef;m=186a0;t=66132046e4cb3;x=acb63add85ab1b7","__MONOTONIC_TIMESTAMP":"100000",'
    b'"__REALTIME_TIMESTAMP":"1795717310860467","_MACHINE_ID":"0123456789abcdef0123456789abcdee",'
    b'"_BOOT_ID":"0123456789abcdef0123456789abcdef","_TRANSPORT":"kernel","SYSLOG_FACILITY":"0","_HOSTNAME":"gw3"}\n'
)


def test_a_line_of_the_real_journalctl():
    message = "nf_conntrack: nf_conntrack: table full, dropping packet"
    assert journal.read(PRINTED) == Finding("gw3", "full", None, "journal", message, "2026-11-26T18:21:50Z")


@pytest.mark.parametrize(
    "message",
    [
        FULL,
        "nf_conntrack: table full, dropping packet",
        "nf_conntrack: table full, dropping packet.",
        "ip_conntrack: table full, dropping packet.",
        "nf_conntrack: nf_conntrack: table full in netns 4026532008, dropping packet",
        "ip_conntrack: VPS 101: table full, dropping packet.",
        FULL + "\nnf_conntrack: something else",
    ],
)
def test_every_wording_is_found(message):
    found = journal.read(line(message))
    assert (found.host, found.verdict, found.usage, found.source) == ("gw1", "full", None, "journal")
    assert found.time == "2026-11-26T18:21:50Z"
    assert "table full" in found.message


@pytest.mark.parametrize(
    "one",
    [
        b"",
        b"\n",
        b"-- No entries --\n",
        b'{"MESSAGE": "table full", \n',
        b'"table full"\n',
        b"[" * 100000 + b"table full",
        line("nf_conntrack: expectation table full"),
        line("usb 1-1: table full of things"),
        line("sshd: nf_conntrack: table full, dropping packet"),
        line(None, X="table full"),
        line([], X="table full"),
        line({"x": "table full"}),
        line([1000, "table full"]),
        line([97, 98], X="table full"),
        # What a program wrote, which may be anybody's.
        line(_TRANSPORT="syslog"),
        line(_TRANSPORT=None),
    ],
)
def test_other_lines_are_passed_over(one):
    assert journal.read(one) is None


def test_a_time_that_cannot_be_is_unknown():
    for told in (None, "x", "9" * 40, []):
        assert journal.read(line(__REALTIME_TIMESTAMP=told)).time is None


@pytest.mark.parametrize("host", ["all", "gw*", "", None, "{{ x }}", ["gw1"]])
def test_a_hostname_that_is_none_is_refused(host):
    with pytest.raises(host_names.Refused):
        journal.read(line(host=host))
