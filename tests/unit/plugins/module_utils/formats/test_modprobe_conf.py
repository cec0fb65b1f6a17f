# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""modprobe.d: read as kmod and the kernel do, edited without touching anything else."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.modprobe_conf import (
    Directive,
    option,
    parse,
    set_option,
)
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
PIECES = st.lists(
    st.sampled_from(
        [
            "options ",
            "nf_conntrack ",
            "nf-conntrack\t",
            "hashsize=",
            "hashsize",
            "12",
            '"',
            "\\",
            "\n",
            "\r\n",
            "#",
        ]
        + ["\\\n", " ", "x=1 ", "options nf_conntrack hashsize=7\n"]
    )
).map("".join)


def test_every_directive():
    text = (
        "# options a b=1 \\\n  still the comment\n"
        "options nf-conntrack hashsize=16384 \\\n  acct=1\n"
        "blacklist nf-nat\ninstall ip_conntrack /bin/true # no comment here\n"
        "alias ip-conntrack nf-conntrack\nalias net-pf-[a-b]-1 x\nremove a modprobe -r b\n"
        "softdep nf_conntrack pre: a-b\ninclude /etc/other\n\toptions\t a  b=1\r\noptions\n"
    )
    assert parse(text) == [
        Directive(3, "options", "nf_conntrack", "hashsize=16384   acct=1"),
        Directive(5, "blacklist", "nf_nat", ""),
        Directive(6, "install", "ip_conntrack", "/bin/true # no comment here"),
        Directive(7, "alias", "ip_conntrack", "nf_conntrack"),
        Directive(8, "alias", "net_pf_[a-b]_1", "x"),
        Directive(9, "remove", "a", "modprobe -r b"),
        Directive(10, "softdep", "nf_conntrack", "pre: a-b"),
        Directive(12, "options", "a", "b=1"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("options nf_conntrack acct=1\n", None),
        ("options nf_conntrack_ftp hashsize=1\n", None),
        ("#options nf_conntrack hashsize=1\n", None),
        ("options nf_conntrack hashsize=1 hashsize=2\noptions nf-conntrack hashsize=3", "3"),
        ("options nf_conntrack hash\\\nsize=1\n", "1"),
        ('options nf_conntrack "hashsize=1 2"\n', "1 2"),
        ('options nf_conntrack hashsize="1 2" acct=0\n', "1 2"),
        ("options nf_conntrack acct=0 hashsize=5\r\n", "5"),
        ("options nf_conntrack hashsize\n", ""),
        ("options nf_conntrack hashsize=\n", ""),
        ("options nf_conntrack xhashsize=4\n", None),
    ],
)
def test_the_value_a_module_gets(text, value):
    assert option(text, "nf-conntrack", "hashsize") == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "options nf_conntrack hashsize=9\n"),
        ("a", "a\noptions nf_conntrack hashsize=9\n"),
        ("a\r\n", "a\r\noptions nf_conntrack hashsize=9\r\n"),
        ("a\r\nblacklist b", "a\r\nblacklist b\noptions nf_conntrack hashsize=9\n"),
        ("a \\\n", "a \\\n\noptions nf_conntrack hashsize=9\n"),
        ("a \\", "a \\\n\noptions nf_conntrack hashsize=9\n"),
        ("options  nf-conntrack a=1 hashsize=1 # b\r\n", "options  nf-conntrack a=1 hashsize=9 # b\r\n"),
        ("options nf_conntrack hashsize=\n", "options nf_conntrack hashsize=9\n"),
        ("options nf_conntrack hashsize a\n", "options nf_conntrack hashsize=9 a\n"),
        ("options nf_conntrack \\\n hashsize=1\\\n2 a=1", "options nf_conntrack \\\n hashsize=9 a=1"),
        (
            'options nf_conntrack "hashsize=1"\noptions nf_conntrack hashsize="2"',
            'options nf_conntrack "hashsize=9"\noptions nf_conntrack hashsize="9"',
        ),
    ],
)
def test_only_the_value_changes(text, expected):
    assert set_option(text, "nf_conntrack", "hashsize", "9") == expected


@pytest.mark.parametrize("value", ["1 2", "1\ninstall a b", ""])
def test_a_value_that_would_be_more_than_a_value_is_refused(value):
    with pytest.raises(ValueError, match="plain word"):
        set_option("", "nf_conntrack", "hashsize", value)


@given(ANY_TEXT | PIECES)
def test_any_text_can_be_read_and_edited(text):
    edited = set_option(text, "nf_conntrack", "hashsize", "42")
    assert option(edited, "nf_conntrack", "hashsize") == "42"
    assert set_option(edited, "nf_conntrack", "hashsize", "42") == edited
    others = [item for item in parse(text) if (item.command, item.module) != ("options", "nf_conntrack")]
    assert [item for item in parse(edited) if (item.command, item.module) != ("options", "nf_conntrack")] == others
