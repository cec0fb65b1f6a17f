# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What udev rules run for an event."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats import udev_rules
from hypothesis import given
from hypothesis import strategies as st

EVENT = {"ACTION": "add", "SUBSYSTEM": "module", "KERNEL": "nf_conntrack"}


def run(text):
    return [command.text for command in udev_rules.commands(text, EVENT)]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ('KERNEL=="nf_conntrack", RUN+="a"', ["a"]),
        ('KERNEL=="nf_*|x", RUN+="a"', ["a"]),
        ('KERNEL!="nf_conntrack", RUN+="a"', []),
        ('KERNEL=="x", RUN+="a"', []),
        ('ACTION=="add|change", SUBSYSTEM=="module", RUN+="a b"', ["a b"]),
        ('RUN{program}+="a"', ["a"]),
        ('RUN{builtin}+="kmod load x"', []),
        ('RUN+="a", RUN+="b"', ["a", "b"]),
        ('RUN+="a"\nRUN="b"', ["b"]),
        ('RUN+="a \\"b\\" $$c 5%%"', ['a "b" $c 5%']),
        ('ATTR{initstate}=="live", RUN+="a"', []),
        ('ENV{x}="1", RUN+="a"', ["a"]),
        ('RUN+="a", \\\n  KERNEL=="x"', []),
        ('# RUN+="a"\nRUN+="b"', ["b"]),
        ('GOTO="e"\nRUN+="a"\nLABEL="e", RUN+="b"', ["b"]),
        ('KERNEL=="x", GOTO="e"\nRUN+="a"\nLABEL="e"', ["a"]),
    ],
)
def test_commands(text, commands):
    assert run(text) == commands


def test_a_rule_is_named_by_its_first_line():
    assert udev_rules.commands('\n\nKERNEL=="*", \\\n RUN+="a"\n', EVENT) == [(3, "a")]


@given(st.text())
def test_any_text_is_read(text):
    assert all(isinstance(command, str) for command in run(text))
