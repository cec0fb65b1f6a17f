# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/net/stat/nf_conntrack and ip_conntrack: the counters of each CPU, in hexadecimal, 32 bits wide.

Columns came, went and were renamed, so they are read by the header's names. The file starts from nought when
the module is loaded. Source: ct_cpu_seq_show in net/netfilter/nf_conntrack_standalone.c, and its ip_conntrack
ancestor in net/ipv4/netfilter/ip_conntrack_standalone.c.
"""

from __future__ import annotations

import re
import typing as t

# Still printed, but nothing counts there any more from this kernel on. ``insert`` then counts only what
# user space creates over ctnetlink. The header cannot tell: 4.9 to 5.9 print the same one as 2.6.35 to 4.8.
DEAD_SINCE: dict[str, tuple[int, int]] = {
    "searched": (4, 9),
    "new": (4, 9),
    "delete": (4, 9),
    "delete_list": (4, 9),
    "insert": (4, 9),
    "ignore": (5, 10),
}
# A column that arrived with, or after, this kernel dates the header whatever the release string says.
_ARRIVED = {"clashres": (5, 10), "chainlength": (5, 15)}

_NAME = re.compile(r"[a-z][a-z_]*")
_NUMBER = re.compile(r"[0-9a-fA-F]{8}")
_RELEASE = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})")
_WIDTH = 1 << 32


class Statistics(t.NamedTuple):
    """``columns`` as the header names them. ``cpus`` has one dict a row, without ``entries``.

    ``entries`` is the table's count: the kernel repeats the same total on every row, so it is kept once.
    """

    columns: tuple[str, ...]
    cpus: tuple[dict[str, int], ...]
    entries: int | None


def parse(text: str) -> Statistics | None:
    """None where no header names ``entries``. A row with anything but numbers in it is skipped."""
    columns: tuple[str, ...] = ()
    cpus = []
    entries = None
    for line in text.split("\n"):
        words = line.split()
        if not columns:
            if "entries" in words and all(_NAME.fullmatch(word) for word in words):
                columns = tuple(words)
        elif words and all(_NUMBER.fullmatch(word) for word in words):
            row = {name: int(word, 16) for name, word in zip(columns, words)}
            count = row.pop("entries", None)
            entries = count if entries is None else entries
            cpus.append(row)
    return Statistics(columns, tuple(cpus), entries) if columns else None


def totals(stats: Statistics) -> dict[str, int]:
    """Each counter over all CPUs, without ``entries``. Each CPU's part has wrapped at 2**32 on its own."""
    total: dict[str, int] = {}
    for row in stats.cpus:
        for name, number in row.items():
            total[name] = total.get(name, 0) + number
    return total


def delta(before: Statistics, after: Statistics) -> dict[str, int] | None:
    """How far each counter moved between two readings: per CPU modulo 2**32, then summed.

    None where the counters began anew in between, so that no difference has a meaning: the header changed, or
    a counter went back by more than a wrap explains. A step forward of less than 2**31 through the top is a
    wrap; anything else that goes down is a reset, and one such counter is enough, because a reload clears
    them all. Rows carry no CPU number and the kernel prints one for each possible CPU, so rows are matched by
    place; a row that only one of the readings has counts for nothing (what moved there is unknown), which
    makes this a lower bound.
    """
    if before.columns != after.columns:
        return None
    moved: dict[str, int] = {}
    for old, new in zip(before.cpus, after.cpus):
        for name in old.keys() & new.keys():
            step = (new[name] - old[name]) % _WIDTH
            if new[name] < old[name] and step >= _WIDTH // 2:
                return None
            moved[name] = moved.get(name, 0) + step
    return {name: moved[name] for name in before.columns if name in moved}


def dead(columns: t.Iterable[str], release: str) -> frozenset[str]:
    """Which of these columns say nothing on this kernel (``uname -r``): a nought there is no measurement.

    Where the release cannot be read, only what the header itself proves is dead.
    """
    columns = tuple(columns)
    match = _RELEASE.match(release)
    version = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    version = max([version, *(since for name, since in _ARRIVED.items() if name in columns)])
    return frozenset(name for name in columns if name in DEAD_SINCE and version >= DEAD_SINCE[name])
