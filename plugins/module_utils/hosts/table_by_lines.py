# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table as lines of /proc: a part of it at a time, in bounded memory."""

from __future__ import annotations

import errno
import itertools
import typing as t

from ..formats import conntrack_lines
from ..snapshot import ABSENT, FORBIDDEN
from ..table.batch import Batch, batches
from ..table.reading import END, Progress, Wanted

# What it means that the file cannot be opened.
REASONS = {errno.ENOENT: ABSENT, errno.EACCES: FORBIDDEN, errno.EPERM: FORBIDDEN}

_LINES = 1000


def read(lines: t.Iterator[str], wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
    """Batches of the entries that the lines are."""
    while not progress.is_over():
        some = list(itertools.islice(lines, min(_LINES, progress.room)))
        if not some:
            progress.ended_by = END
            return
        found = [entry for entry in map(conntrack_lines.entry, some) if entry]
        progress.scanned += len(found)
        progress.walked = progress.scanned
        progress.malformed += len(some) - len(found)
        yield from progress.take(batches(found, wanted.columns))
