# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most frequent keys of a stream, in memory that does not grow with the number of different keys.

Misra and Gries, in batches: keys are counted as they come, and when there are too many different ones, the same number
is taken off every count, just so large that no more than ``capacity`` stay above 0 ("Mergeable Summaries", Agarwal et
al. 2012). At least ``capacity + 1`` counts lose that number each time, so it cannot sum up to more than
``total / (capacity + 1)``.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from itertools import islice

# Keys counted in one go, in C: more are no faster, and all of them are held at once.
_BATCH = 1024


class HeavyHitters:
    """The counts of up to half as many keys again as ``capacity``: 4096 are below 2 MB with keys of 200 bytes each.

    ``total`` is how many keys came, ``error`` how much may be missing from any count: at most
    ``total / (capacity + 1)``, and 0 as long as there never were more than ``capacity`` different keys.
    """

    def __init__(self, capacity: int = 4096) -> None:
        if capacity < 1:
            raise ValueError("capacity %d" % capacity)
        self.capacity = capacity
        self.total = 0
        self.error = 0
        # Taking off costs as much as all that is held: it has to be rare.
        self._room = capacity + max(capacity // 2, 1)
        self._counts: Counter[t.Any] = Counter()
        self._most_seen = 0

    def add(self, keys: t.Iterable[t.Hashable]) -> None:
        stream = iter(keys)
        while True:
            # However many of them are different, there is room for them.
            batch = list(islice(stream, min(self._room - len(self._counts), _BATCH)))
            if not batch:
                return
            self.total += len(batch)
            self._counts.update(batch)
            if len(self._counts) >= self._room:
                self._lessen()

    def top(self, number: int) -> list[tuple[t.Any, int, int]]:
        """The most frequent keys as (key, count, error): the true count is in [count, count + error].

        Most frequent first, and of equal ones the lesser key. A key that came more than ``error`` times is there.
        """
        if number < 1 or not self._counts:
            return []
        least = sorted(self._counts.values(), reverse=True)[:number][-1]
        items = [item for item in self._counts.items() if item[1] >= least]
        try:
            items.sort()
        except TypeError:
            # Tuples with a None in them cannot be compared.
            items.sort(key=lambda item: repr(item[0]))
        items.sort(key=lambda item: -item[1])
        return [(key, count, self.error) for key, count in items[:number]]

    @property
    def distinct_at_least(self) -> int:
        """How many different keys came; where some were forgotten (``error``), how many there were at one time."""
        return max(self._most_seen, len(self._counts))

    def _lessen(self) -> None:
        self._most_seen = max(self._most_seen, len(self._counts))
        loss = sorted(self._counts.values(), reverse=True)[self.capacity]
        self.error += loss
        self._counts = Counter({key: count - loss for key, count in self._counts.items() if count > loss})
