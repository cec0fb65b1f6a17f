# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that name modules to load, and modules.dep."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import modules_load
from hypothesis import given
from hypothesis import strategies as st


def test_a_line_is_a_name_to_systemd():
    assert modules_load.lines("# a\n; b\n\n  nf-conntrack \r\nnf_nat # c\n") == ["nf_conntrack", "nf_nat # c"]


def test_the_first_word_is_the_name_to_scripts():
    assert modules_load.first_words("# a\nnf-conntrack hashsize=1\n\nnf_nat\n") == ["nf_conntrack", "nf_nat"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("modprobe nf_conntrack", ["nf_conntrack"]),
        ("[ -d /x ] || /sbin/modprobe -q nf-conntrack >/dev/null 2>&1", ["nf_conntrack"]),
        ("exec /sbin/insmod /lib/modules/x/nf_conntrack.ko", ["nf_conntrack"]),
        ("# modprobe nf_conntrack", []),
        ("modprobe -r nf_conntrack", []),
        ("echo nf_conntrack", []),
    ],
)
def test_what_a_script_loads(line, names):
    assert modules_load.script("#!/bin/sh\n" + line + "\n") == names


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('force_drivers+=" a nf-conntrack "', ["a", "nf_conntrack"]),
        ("force_drivers='a'", ["a"]),
        ("force_drivers+=a", ["a"]),
        ('#force_drivers+="a"', []),
        ('add_drivers+=" a "', []),
    ],
)
def test_what_dracut_is_told_to_load(line, names):
    assert modules_load.forced("x=1\n" + line + "\n") == names


def test_dependencies():
    text = "kernel/net/nft_ct.ko.xz: kernel/net/nf-conntrack.ko.xz /lib/modules/a/b.ko\nkernel/b.ko:\n\n"
    assert modules_load.dependencies(text) == {"nft_ct": {"nf_conntrack", "b"}, "b": frozenset()}


@given(st.text())
def test_any_text_is_read(text):
    for read in (modules_load.lines, modules_load.first_words, modules_load.script, modules_load.forced):
        assert all(isinstance(name, str) for name in read(text))
    assert isinstance(modules_load.dependencies(text), dict)
