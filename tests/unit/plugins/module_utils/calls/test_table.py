# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conntrack_table comes to on a recorded host: kernels that show the table in a file, or not at all."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.calls import table
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local_table import LocalTableHost

SETTINGS = {"nf_conntrack_max": 1000, "nf_conntrack_count": 3, "nf_conntrack_udp_timeout": 30}
LINES = """\
ipv4     2 udp      17 25 src=192.0.2.1 dst=198.51.100.53 sport=1024 dport=53 src=198.51.100.53 dst=192.0.2.1 sport=53 dport=1024 mark=0 use=1
ipv4     2 udp      17 20 src=192.0.2.1 dst=198.51.100.53 sport=1025 dport=53 [UNREPLIED] src=198.51.100.53 dst=192.0.2.1 sport=53 dport=1025 mark=0 use=1
ipv6     10 tcp      6 100 SYN_SENT src=2001:db8::1 dst=2001:db8::2 sport=1024 dport=80 [UNREPLIED] src=2001:db8::2 dst=2001:db8::1 sport=80 dport=1024 mark=0 use=1
"""  # noqa: E501


def host(folder, settings, lines=None, path="proc/net/nf_conntrack"):
    """A tree with these files."""
    files = {"proc/sys/net/netfilter/" + key: "%d\n" % value for key, value in settings.items()}
    files["proc/modules"] = "nf_conntrack 172032 1 - Live 0x0000000000000000\n" if settings else ""
    files["proc/sys/kernel/osrelease"] = "6.1.0-13-amd64\n"
    if lines is not None:
        files[path] = lines
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="ascii")
    return lambda: LocalTableHost(root=str(folder))


def called(made, **options):
    defaults = {name: each.get("default") for name, each in table.ARGUMENTS.items()}
    return table.call(made, {**defaults, **options}, False)


def test_a_kernel_with_neither_interface_says_so(tmp_path):
    result = called(host(tmp_path, SETTINGS))
    assert result.failure is None and result.warnings == ()
    assert result.values["table"] == {
        "interface": None, "unread": {"ctnetlink": "absent"}, "count": 3, "max": 1000,
        "report": ["the table cannot be read: ctnetlink absent"],
    }  # fmt: skip
    result = called(host(tmp_path, SETTINGS), interface="procfs")
    assert result.values["table"]["unread"] == {"procfs": "absent"}


def test_a_host_that_does_not_track_has_no_table(tmp_path):
    found = called(host(tmp_path, {})).values["table"]
    assert (found["interface"], found["unread"], found["count"]) == (None, {}, None)
    assert found["report"] == ["the table cannot be read: connection tracking is not there, or not loaded"]


def test_a_table_in_a_file_is_read(tmp_path):
    found = called(host(tmp_path, SETTINGS, LINES)).values["table"]
    assert (found["interface"], found["unread"], found["complete"], found["sampled"]) == ("procfs", {}, True, 3)
    assert (found["ipv6"]["seen"], found["unreplied"]["seen"]) == (1, 2)
    assert found["groups"][0]["top"][0]["source"] == "192.0.2.1"
    assert found["report"][0] == "3 entries read, all there are; 3 of 1000 (0.3 %) are in use"


def test_a_table_of_the_oldest_kernels_is_read_too(tmp_path):
    lines = LINES.splitlines()[0].partition(" 2 ")[2] + "\n"
    found = called(host(tmp_path, SETTINGS, lines, "proc/net/ip_conntrack"), interface="procfs").values["table"]
    assert (found["interface"], found["sampled"], found["ipv4"]["seen"]) == ("procfs", 1, 1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sample": -1}, "sample: -1 is not a number from 0 to 100000000"),
        ({"time_limit": 3601.0}, "time_limit: 3601.0 is not a number from 0 to 3600"),
        ({"top": 1001}, "top: 1001 is not a number from 0 to 1000"),
        ({"ipv4_prefix": 33}, "ipv4_prefix: 33 is not a number from 0 to 32"),
        ({"ipv6_prefix": 129}, "ipv6_prefix: 129 is not a number from 0 to 128"),
        ({"group_by": ["who"]}, "group_by: 'who' is not one of source"),
        ({"filter": {"source": "here"}}, "filter: source: 'here' is no IPv4 or IPv6 address"),
        ({"what_if": {"timeouts": {"max": 1}}}, "what_if: timeouts: 'max' is no timeout"),
        (
            {"what_if": {"timeouts": {"udp_timeout": 5}}, "filter": {"protocol": "udp"}},
            "what_if: it is told of the whole table only; leave out filter",
        ),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_read(options, message):
    result = called(lambda: pytest.fail("the host was read"), **options)
    assert result.failure.startswith(message) and result.values == {}


def test_bounds_are_allowed(tmp_path):
    made = host(tmp_path, SETTINGS, LINES)
    for options in ({"sample": 0, "time_limit": 0.0, "top": 0}, {"ipv4_prefix": 0, "ipv6_prefix": 128, "sample": 1}):
        assert called(made, **options).failure is None
    assert called(made, top=0).values["table"]["groups"][0]["top"] == []
