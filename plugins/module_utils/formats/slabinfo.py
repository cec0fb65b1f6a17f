# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/slabinfo: how many table entries the kernel has allocated, and how large each is.

Version 1.1 (Linux 2.4) has six numbers a row; 2.0 and 2.1 have five, then tunables. Source: print_slabinfo_header and
s_show in mm/slab.c, later mm/slab_common.c; proc_getdata in mm/slab.c of 2.4.
"""

from __future__ import annotations

import re
import typing as t

_VERSION = re.compile(r"slabinfo - version: ([0-9]{1,3})\.")
_NUMBERS = re.compile(r"[0-9]{1,20}")

# One cache for the host, or one a network namespace named after a pointer (2.6.32 on) or a number (4.4 on).
_ENTRIES = re.compile(r"(ip_conntrack|nf_conntrack)(?:_[0-9a-f]+)?")
_EXPECTATIONS = re.compile(r"((?:ip|nf)_conntrack_expect)(?:_[0-9a-f]+)?")


class Slab(t.NamedTuple):
    """One cache, as printed: ``active`` can be above ``total`` for an instant; ``object_size`` is in bytes."""

    name: str
    active: int
    total: int
    object_size: int


def parse(text: str) -> list[Slab]:
    """Every row that can be read, in order; a text without its version line is taken for 2.x."""
    version = _VERSION.search(text[:4096])
    read = _row_1 if version and version.group(1) == "1" else _row_2
    slabs = []
    for line in text.split("\n"):
        if not line.startswith(("#", "slabinfo - ")):
            slab = read(line.split(" : ", 1)[0].split())
            if slab:
                slabs.append(slab)
    return slabs


def entries(slabs: t.Iterable[Slab]) -> Slab | None:
    """All caches of table entries as one: objects summed, the largest object's size.

    None where there is none: not loaded, or merged into a cache of another name.
    """
    return _sum(slabs, _ENTRIES)


def expectations(slabs: t.Iterable[Slab]) -> Slab | None:
    """The same for expectations; SLUB often merges theirs into another cache, and then this is None."""
    return _sum(slabs, _EXPECTATIONS)


def _row_1(words: list[str]) -> Slab | None:
    # name active total size active-slabs slabs pages-per-slab
    numbers = _numbers(words, 6)
    if numbers is None:
        return None
    return Slab(" ".join(words[:-6]), numbers[0], numbers[1], numbers[2])


def _row_2(words: list[str]) -> Slab | None:
    # name active total size objects-per-slab pages-per-slab
    numbers = _numbers(words, 5)
    if numbers is None:
        return None
    return Slab(" ".join(words[:-5]), *numbers[:3])


def _numbers(words: list[str], count: int) -> list[int] | None:
    # The name comes first and may hold blanks, so the numbers are counted from the right.
    if len(words) <= count or not all(_NUMBERS.fullmatch(word) for word in words[-count:]):
        return None
    return [int(word) for word in words[-count:]]


def _sum(slabs: t.Iterable[Slab], pattern: t.Pattern[str]) -> Slab | None:
    found = [(slab, match.group(1)) for slab, match in ((s, pattern.fullmatch(s.name)) for s in slabs) if match]
    if not found:
        return None
    largest, stem = max(found, key=lambda pair: pair[0].object_size)
    return largest._replace(
        name=largest.name if len(found) == 1 else stem,
        active=sum(slab.active for slab, _stem in found),
        total=sum(slab.total for slab, _stem in found),
    )
