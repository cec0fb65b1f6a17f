# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most frequent keys: whatever the stream, no count is further off than it says."""

from __future__ import annotations

import random
import sys
from collections import Counter

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.table.heavy_hitters import HeavyHitters
from hypothesis import given
from hypothesis import strategies as st


def counted(keys, capacity):
    hitters = HeavyHitters(capacity)
    hitters.add(iter(keys))
    return hitters


def check(hitters, keys):
    """All that is promised of it, beside what there really was."""
    truth = Counter(keys)
    top = hitters.top(len(truth) + 1)
    assert hitters.total == len(keys)
    assert hitters.error <= len(keys) / (hitters.capacity + 1)
    assert [count for _key, count, _error in top] == sorted((count for _key, count, _error in top), reverse=True)
    for key, count, error in top:
        assert 0 < count <= truth[key] <= count + error
        assert error == hitters.error
    assert {key for key, count in truth.items() if count > hitters.error} <= {key for key, _count, _error in top}
    assert hitters.distinct_at_least <= len(truth)
    if len(truth) <= hitters.capacity:
        assert hitters.error == 0
    if hitters.error == 0:
        assert hitters.distinct_at_least == len(truth)
        assert top == [(key, count, 0) for key, count in sorted(truth.items(), key=lambda item: (-item[1], item[0]))]


def zipf(chosen, size):
    return [int(chosen.paretovariate(0.6)) for _number in range(size)]


def streams():
    chosen = random.Random(1)
    mixed = zipf(chosen, 20000)
    return {
        "all distinct": list(range(20000)),
        "zipf": mixed,
        "ascending": sorted(mixed),
        "rarest first": sorted(mixed, key=Counter(mixed).__getitem__),
        "most frequent first": sorted(mixed, key=Counter(mixed).__getitem__, reverse=True),
        "alternating": [number if number % 2 else -1 for number in range(20000)],
        "round and round": [number % 150 for number in range(20000)],
        # As many different ones as make room for themselves just before the frequent one comes again.
        "one among waves": [key for wave in range(200) for key in (*range(wave * 99, wave * 99 + 99), -1)],
        "just as many as fit": [chosen.randrange(100) for _number in range(20000)],
    }


@pytest.mark.parametrize("capacity", [1, 2, 99, 100, 1000])
@pytest.mark.parametrize("stream", streams())
def test_hostile_streams(stream, capacity):
    keys = streams()[stream]
    check(counted(keys, capacity), keys)


@given(st.lists(st.integers(0, 30), max_size=300), st.integers(1, 12), st.integers(1, 50))
def test_any_stream_in_any_pieces(keys, capacity, piece):
    hitters = HeavyHitters(capacity)
    for start in range(0, len(keys), piece):
        hitters.add(keys[start : start + piece])
    check(hitters, keys)


def test_a_capacity_is_at_least_one():
    with pytest.raises(ValueError, match="capacity 0"):
        HeavyHitters(0)


def test_a_key_of_half_the_stream_is_always_found():
    keys = [-1 if number % 2 else number for number in range(100000)]
    random.Random(3).shuffle(keys)
    ((key, count, error),) = counted(keys, 100).top(1)
    assert key == -1
    assert count <= 50000 <= count + error


def test_of_equals_the_lesser_key_is_first_whatever_the_order():
    keys = [b"c", b"a", b"b", b"d", b"d"]
    for turned in (keys, keys[::-1]):
        assert counted(turned, 10).top(3) == [(b"d", 2, 0), (b"a", 1, 0), (b"b", 1, 0)]


def test_keys_that_cannot_be_compared_have_an_order_too():
    keys = [(6, None), (6, 80), (None, 1), (6, 80)]
    assert counted(keys, 10).top(9) == counted(keys[::-1], 10).top(9)
    assert counted(keys, 10).top(1) == [((6, 80), 2, 0)]


def test_nothing_is_nothing():
    empty = counted([], 3)
    assert (empty.top(5), empty.total, empty.error, empty.distinct_at_least) == ([], 0, 0, 0)
    assert counted([1], 3).top(0) == []


def test_memory_is_bounded():
    hitters = HeavyHitters(4096)
    most = 0
    for start in range(0, 60000, 1000):
        hitters.add((6, number.to_bytes(16, "big"), 1000 + number) for number in range(start, start + 1000))
        counts = hitters._counts
        size = sys.getsizeof(counts) + sum(map(sys.getsizeof, counts.values()))
        size += sum(sys.getsizeof(key) + sum(map(sys.getsizeof, key)) for key in counts)
        most = max(most, size)
    assert most < 2 * 10**6
