# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How large the table should be, and how large the kernel makes it by itself.

The kernel's own sizes are those of nf_conntrack_init_start() in net/netfilter/nf_conntrack_core.c and of
ip_conntrack_init() in net/ipv4/netfilter/ip_conntrack_core.c, over their versions.
"""

from __future__ import annotations

import typing as t

from .kernel import Kernel

# Entries are kernel memory that can neither be swapped out nor reclaimed. One part in twenty leaves a machine that
# does other work unharmed when the table fills; a dedicated gateway may well be given more.
MEMORY_PERCENT = 5.0

# Twice what is in use rides out a burst. A full table hides how many connections were turned away: then four times.
HEADROOM = 2
HEADROOM_FULL = 4
# The least room above what is in use that is ever recommended, memory budget or not.
LEAST_HEADROOM = 1.25

# Bytes of an entry where the slab is not readable: the largest usual size of 64-bit and of 32-bit kernels.
_USUAL_ENTRY = {8: 320, 4: 256}
# nf_conntrack keeps accounting, NAT and helper data in a second allocation of each entry.
_EXTENSION = 128

# What every generation gives itself on a machine of 1 to 4 GiB: where neither memory nor a limit is known.
_USUAL_MAX = 65536

_GIB = 1 << 30
# What the sysctl takes.
LARGEST = (1 << 31) - 1


class Recommendation(t.NamedTuple):
    """``bytes`` is what a table of ``max`` entries costs, ``share`` that part of the RAM (None if unknown).

    ``limited_by`` is ``use`` (what is in use decided), ``memory`` (the budget did) or ``current`` (large enough).
    ``explanation`` are sentences with the figures.
    """

    max: int
    buckets: int
    bytes: int
    share: float | None
    limited_by: str
    explanation: tuple[str, ...]


def head_bytes(buckets: int, kernel: Kernel) -> int:
    """Memory of the hash table itself: a list head of two pointers before 2.6.24, of one pointer since."""
    pointers = 2 if kernel.ip_only or kernel.before(2, 6, 24) else 1
    return buckets * kernel.pointer_size * pointers


def entry_bytes(object_size: int | None, kernel: Kernel) -> int:
    """Bytes to reckon with for an entry, extensions included."""
    size = object_size or _USUAL_ENTRY[kernel.pointer_size]
    return size if kernel.ip_only else size + _EXTENSION


def entries_per_bucket(kernel: Kernel) -> int:
    """The ratio of max to buckets that this kernel gives itself."""
    if kernel.ip_only or kernel.before(2, 6, 24):
        return 8
    return 4 if kernel.before(5, 15) and not kernel.vendor("el9") else 1


def default_buckets(kernel: Kernel) -> int | None:
    """The size of the table where nothing sets it, from MemTotal: the kernel counts slightly more memory."""
    ram = kernel.ram
    if ram is None:
        return None
    ratio = entries_per_bucket(kernel)
    pointers = 2 if ratio == 8 else 1
    size = ram // 16384 // (kernel.pointer_size * pointers)
    if ratio == 8:
        return 8192 if ram > _GIB else max(size, 16)
    if ratio == 4:
        if ram > 4 * _GIB and (not kernel.before(4, 1) or kernel.vendor("el7")):
            return 65536
        return 16384 if ram > _GIB else max(size, 32)
    if ram > 4 * _GIB and kernel.pointer_size == 8:
        return 262144
    return 65536 if ram > _GIB else max(size, 1024)


def default_max(kernel: Kernel) -> int | None:
    buckets = default_buckets(kernel)
    if buckets is None:
        return None
    # Up to 4.6 it was a multiple of what was before the rounding to whole pages.
    return entries_per_bucket(kernel) * (buckets if kernel.before(4, 7) else round_buckets(buckets, kernel))


def round_buckets(buckets: int, kernel: Kernel) -> int:
    """The number of buckets that the kernel makes of a request: nf_conntrack fills whole pages."""
    if kernel.ip_only:
        return buckets
    step = kernel.page_size // kernel.pointer_size
    return -(-buckets // step) * step


def recommend_buckets(maximum: int, current: int | None, kernel: Kernel) -> int:
    """Buckets for a table of this many entries, in the kernel's own ratio; never fewer than there are."""
    wanted = round_buckets(-(-maximum // entries_per_bucket(kernel)), kernel)
    return max(wanted, current or 0)


def recommend(
    kernel: Kernel,
    count: int | None,
    current_max: int | None,
    current_buckets: int | None = None,
    peak: int | None = None,
    full: bool = False,
    object_size: int | None = None,
    memory_percent: float = MEMORY_PERCENT,
) -> Recommendation:
    """A size for the table.

    ``count`` and ``peak`` are entries, ``full`` says that the table is or was full, so that the demand is hidden;
    ``object_size`` is bytes of an entry in the slab. The size is a power of two unless memory forbids it; it is never
    below what is in use with headroom or below what is set now, and where it grows, it grows at least to the kernel's
    own default as far as the memory budget goes.
    """
    cost = entry_bytes(object_size, kernel) + head_bytes(1, kernel) / entries_per_bucket(kernel)
    seen = max(count or 0, peak or 0)
    used = max(seen, current_max or 0) if full else seen
    headroom = HEADROOM_FULL if full else HEADROOM
    wanted = _power_above(used * headroom)
    said = [_use_sentence(count or 0, peak or 0, used, full, headroom, wanted)]
    least = int(seen * LEAST_HEADROOM)
    floor = max(least, current_max or default_max(kernel) or _USUAL_MAX)
    default = default_max(kernel) or 0
    if floor < wanted < default:
        wanted = default
        said.append("The kernel's own default on a host of this memory is %d." % default)
    size, limited_by = wanted, "use"
    if wanted <= floor:
        size, limited_by = floor, "current"
        said.append("%d is large enough." % floor)
    elif kernel.ram:
        budget = int(kernel.ram * memory_percent / 100)
        affordable = int(budget / cost)
        if affordable < wanted:
            power = _power_below(affordable)
            size, limited_by = max(power, floor), "memory"
            why = "" if size == power else _floor_reason(size == least, current_max)
            said.append(
                "%g %% of %s RAM at %d bytes an entry pays for %d entries; %d is taken%s."
                % (memory_percent, _mib(kernel.ram), round(cost), affordable, size, why)
            )
            if size > affordable:
                said.append("This is above the memory budget: less would be below what is in use, a peak, or set now.")
    else:
        said.append("The memory of the host is unknown, so no budget was applied.")
    size = min(size, LARGEST)
    buckets = recommend_buckets(size, current_buckets, kernel)
    total = size * entry_bytes(object_size, kernel) + head_bytes(buckets, kernel)
    share = round(total / kernel.ram, 4) if kernel.ram else None
    said.append(_cost_sentence(size, total, share))
    return Recommendation(size, buckets, total, share, limited_by, tuple(said))


def _use_sentence(count: int, peak: int, used: int, full: bool, headroom: int, wanted: int) -> str:
    if not used:
        return "Nothing is known to be in use."
    if used > max(count, peak):
        said = "The table was full, so its limit of %d counts as in use" % used
    else:
        said = "A peak of %d entries" % peak if peak > count else "%d entries in use" % count
        said += "; the table was full, so more was wanted than is seen" if full else ""
    return "%s: room for %d times that, as a power of two, is %d." % (said, headroom, wanted)


def _floor_reason(by_use: bool, current_max: int | None) -> str:
    if by_use:
        return ", a quarter above what is in use or was at its peak"
    return ", which is set now" if current_max else ", which the kernel sets by itself"


def _cost_sentence(size: int, total: int, share: float | None) -> str:
    of_ram = "" if share is None else ", %.1f %% of the RAM" % (share * 100)
    return "A table of %d entries costs up to %s when full%s." % (size, _mib(total), of_ram)


def _mib(number: int) -> str:
    return "%.0f MiB" % (number / (1 << 20))


def _power_above(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()


def _power_below(number: int) -> int:
    return 1 << max(0, number.bit_length() - 1)
