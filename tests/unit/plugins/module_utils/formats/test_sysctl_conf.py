# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl.conf: read as systemd and procps do, edited without touching anything else."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.sysctl_conf import (
    Assignment,
    Exclusion,
    assign,
    normalize_key,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

MAX = ("net.netfilter.nf_conntrack_max", "net.nf_conntrack_max")
ANY_TEXT = st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
LINES = st.lists(
    st.sampled_from(
        [
            "net.nf_conntrack_max = 65536",
            "  -net/netfilter/nf_conntrack_max=1  ",
            "net.ipv4.ip_forward = 1\r",
            "# net.nf_conntrack_max = 5",
            "; old",
            "-net.netfilter.nf_conntrack_max",
            "net.netfilter.* = 3",
            "",
            "garbage \x00\udcff",
        ]
    )
).map("\n".join)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_max"),
        ("net/netfilter/nf_conntrack_max", "net.netfilter.nf_conntrack_max"),
        (" net/netfilter/nf_conntrack_max\t", "net.netfilter.nf_conntrack_max"),
        ("/net/nf_conntrack_max", "net.nf_conntrack_max"),
        ("net/ipv4/conf/eth0.5/forwarding", "net.ipv4.conf.eth0/5.forwarding"),
        ("net.ipv4.conf.eth0/5.forwarding", "net.ipv4.conf.eth0/5.forwarding"),
        ("net.netfilter.*", "net.netfilter.*"),
        ("/proc/sys/net/nf_conntrack_max", "/proc/sys/net/nf_conntrack_max"),
        ("", ""),
    ],
)
def test_both_spellings_of_a_key(raw, key):
    assert normalize_key(raw) == key


def test_a_file_with_every_kind_of_line():
    text = "# comment\r\n; comment\n\n net.a.b=1 \r\n-net/a/c =  2 3\n-net.a.d\nnonsense\nnet.a.*=4=5\n- net.a.e = \n=7"
    assert parse(text) == [
        Assignment(4, "net.a.b", "1", False),
        Assignment(5, "net.a.c", "2 3", True),
        Exclusion(6, "net.a.d"),
        Assignment(8, "net.a.*", "4=5", False),
        Assignment(9, "net.a.e", "", True),
    ]


def test_only_the_value_changes():
    text = "# net.nf_conntrack_max = 1\n  -net/nf_conntrack_max\t=  65536 \r\nnet.netfilter.nf_conntrack_max=5"
    assert assign(text, [(MAX, "131072")]) == (
        "# net.nf_conntrack_max = 1\n  -net/nf_conntrack_max\t=  131072 \r\nnet.netfilter.nf_conntrack_max=131072"
    )


def test_an_empty_value_is_filled_where_it_stands():
    assert assign("net.nf_conntrack_max = \r\n", [(MAX, "5")]) == "net.nf_conntrack_max = 5\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "net.netfilter.nf_conntrack_max = 5\n"),
        ("a = 1", "a = 1\nnet.netfilter.nf_conntrack_max = 5\n"),
        ("a = 1\r\nb = 2", "a = 1\r\nb = 2\r\nnet.netfilter.nf_conntrack_max = 5\r\n"),
        ("-net.nf_conntrack_max\n", "-net.nf_conntrack_max\nnet.netfilter.nf_conntrack_max = 5\n"),
    ],
)
def test_a_setting_not_there_is_added_at_the_end(text, expected):
    assert assign(text, [(MAX, "5")]) == expected


def test_the_original_case():
    text = "net.ipv4.ip_forward = 0\nnet.ipv4.netfilter.ip_conntrack_max = 16640\n"
    names = ("net.ipv4.netfilter.ip_conntrack_max", "net.ipv4.ip_conntrack_max")
    established = ("net.ipv4.netfilter.ip_conntrack_tcp_timeout_established",)
    assert assign(text, [(names, "131072"), (established, "216000")]) == (
        "net.ipv4.ip_forward = 0\nnet.ipv4.netfilter.ip_conntrack_max = 131072\n"
        "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established = 216000\n"
    )


@pytest.mark.parametrize("value", ["1\nkernel.panic = 1", " 1"])
def test_a_value_that_would_be_more_than_a_value_is_refused(value):
    with pytest.raises(ValueError, match="one line"):
        assign("", [(MAX, value)])


@given(ANY_TEXT | LINES)
def test_any_text_can_be_read_and_edited(text):
    edited = assign(text, [(MAX, "42")])
    values = [item for item in parse(edited) if isinstance(item, Assignment) and item.key in MAX]
    assert values
    assert {item.value for item in values} == {"42"}
    assert assign(edited, [(MAX, "42")]) == edited
    before = [item for item in parse(text) if item.key not in MAX]
    assert [item for item in parse(edited) if item.key not in MAX] == before
