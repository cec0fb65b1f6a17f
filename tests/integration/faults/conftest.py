# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for faults: each is made for one test and ends with it."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture
def scratch(root):
    """scratch(scenario): a host prepared for it."""
    for program in ("unshare", "strace"):
        if not shutil.which(program):
            pytest.skip("not run: faults are made with %s, which is not here" % program)
    # The collection can be imported when pytest-ansible has made its way, which is after this file was read.
    from ansible_collections.netops.conntrack.tests.integration.faults.host import Host

    made = []

    def make(scenario):
        made.append(Host(scenario))
        return made[-1]

    yield make
    for host in made:
        host.close()
