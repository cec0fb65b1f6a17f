# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table by ctnetlink: a dump, datagram by datagram. It asks, and never changes or resets anything."""

from __future__ import annotations

import errno
import os
import socket
import typing as t

from ..formats import ctnetlink
from ..snapshot import ABSENT, FORBIDDEN
from ..table.batch import Batch
from ..table.filter import NO_FILTER, WHOLE_MARK, Filter
from ..table.layouts import Sorter
from ..table.reading import END, Progress, Wanted

NETLINK_NETFILTER = 12
# The kernel fills at most 32 KiB at a time; a smaller buffer would cut messages off.
_BUFFER = 1 << 16
_SECONDS = 10
_REASONS = {
    errno.EPERM: FORBIDDEN,
    errno.EACCES: FORBIDDEN,
    # No netlink, no netfilter in it, no conntrack in that.
    errno.EAFNOSUPPORT: ABSENT,
    errno.EPROTONOSUPPORT: ABSENT,
    errno.EINVAL: ABSENT,
    errno.EOPNOTSUPP: ABSENT,
}


def read(wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
    """Raises Unreadable where this kernel, or this user, has no ctnetlink."""
    try:
        try:
            yield from _dump(wanted, progress, _filters(wanted.filter))
        except OSError as error:
            # A kernel that knows an attribute, and not this use of it.
            if error.errno != errno.EINVAL or progress.scanned or wanted.filter == NO_FILTER:
                raise
            yield from _dump(wanted, progress, b"")
    except OSError as error:
        progress.broke_off(error, _REASONS)


def _dump(wanted: Wanted, progress: Progress, filters: bytes) -> t.Iterator[Batch]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asking:
        asking.bind((0, 0))
        asking.settimeout(_SECONDS)
        asking.send(ctnetlink.request(wanted.filter.family or 0, filters=filters))
        yield from _batches(asking, wanted, progress)


def _batches(asking: socket.socket, wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
    sorter = Sorter(wanted.columns)
    while sorter.errno is None and not progress.is_over():
        before = sorter.received
        progress.scanned += sorter.add(asking.recv(_BUFFER), progress.room)
        # While one is received the kernel makes the next one, of about the same size.
        progress.walked = 2 * sorter.received - before
        progress.filtered = sorter.filtered
        yield from progress.take(sorter.batches())
    if sorter.errno:
        raise OSError(sorter.errno, os.strerror(sorter.errno))
    yield from progress.take(sorter.batches(all_of_them=True))
    progress.malformed = sorter.malformed
    progress.ended_by = progress.ended_by or END


def _filters(wanted: Filter) -> bytes:
    """What newer kernels sort out themselves, and do it right: a zone they compare in each direction."""
    filters = b""
    # Linux 5.8 compares all of the mark, whatever the mask is.
    if wanted.mark is not None and wanted.mark_mask == WHOLE_MARK:
        filters += ctnetlink.mark_filter(wanted.mark)
    if wanted.status_mask:
        filters += ctnetlink.status_filter(wanted.status, wanted.status_mask)
    ends = (wanted.protocol, wanted.source, wanted.destination, wanted.source_port, wanted.destination_port)
    # A kernel compares tuples of one family only.
    if wanted.family is not None and any(each is not None for each in ends):
        filters += ctnetlink.tuple_filter(wanted.family, *ends)
    return filters
