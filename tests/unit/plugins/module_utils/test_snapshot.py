# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot's patterns are those of fnmatch, but that no star crosses a slash."""

from __future__ import annotations

import fnmatch

from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import ABSENT, Reading, Snapshot, fits
from hypothesis import given
from hypothesis import strategies as st

LETTERS = st.text("ab./*?[]!-\n\udcff", max_size=8)


@given(LETTERS, LETTERS)
def test_fits_as_fnmatch_has_it(text, pattern):
    assert fits(text, pattern) == fnmatch.fnmatchcase(text, pattern)


@given(st.dictionaries(LETTERS, st.sampled_from([Reading(text=""), Reading(reason=ABSENT)])), LETTERS)
def test_glob(readings, pattern):
    assert Snapshot(readings).glob(pattern) == sorted(
        path
        for path, reading in readings.items()
        if fnmatch.fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") and reading.reason != ABSENT
    )
