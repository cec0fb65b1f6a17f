# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile of TuneD as text."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.module_utils.formats.tuned_conf import sections

TEXT = """
ignored = before any section
# [comment]
[main]
include = throughput-performance
[sysctl]
net.netfilter.nf_conntrack_max = "131072"
net.core.somaxconn=>2048 # a comment
;vm.swappiness = 10
kernel.x = a = b
kernel.x = c
"""


def test_sections_options_and_lines():
    assert sections(TEXT) == {
        "main": {"include": (5, "throughput-performance")},
        "sysctl": {
            "net.netfilter.nf_conntrack_max": (7, "131072"),
            "net.core.somaxconn": (8, ">2048"),
            "kernel.x": (11, "c"),
        },
    }


def test_nothing_is_nothing():
    assert sections("") == {}
