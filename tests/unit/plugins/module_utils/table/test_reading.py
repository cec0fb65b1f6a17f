# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many entries are alive, where the kernel still counts some that are not."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.table.reading import living


@pytest.mark.parametrize("alive", [300, 5000, 100000])
@pytest.mark.parametrize("dead", [0, 100, 2700, 200000])
@pytest.mark.parametrize("part", [0.01, 0.3, 1])
def test_what_the_count_fell_by_had_expired(alive, dead, part):
    """Each dead entry stands at two places, and is cleared away at the first that is come by."""
    after = alive + dead - dead * (1 - (1 - part) ** 2)
    assert living(round(alive * part), alive + dead, round(after)) == pytest.approx(alive, rel=0.01, abs=1)


@pytest.mark.parametrize(
    ("walked", "before", "after", "alive"),
    [
        # More came meanwhile.
        (100, 2000, 2100, 2000),
        # All had expired.
        (0, 294, 0, 0),
        (0, 294, 100, 100),
        (0, 0, 0, 0),
        # Never more than are left, nor fewer than were met, whatever the counts say.
        (417, 2993, 300, 417),
        (400, 2993, 399, 400),
        (500, 400, 400, 500),
        # A kernel without a count, or without one afterwards.
        (100, None, None, None),
        (100, 2000, None, 2000),
    ],
)
def test_odd_counts(walked, before, after, alive):
    assert living(walked, before, after) == alive
