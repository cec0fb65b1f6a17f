# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine this Python runs on, whose table can be read too. By itself, as few modules need that."""

from __future__ import annotations

import os
import typing as t

from ..probe import TABLE_FILES
from ..snapshot import ABSENT
from ..table.batch import Batch
from ..table.reading import CTNETLINK, Progress, Unreadable, Wanted
from . import table_by_lines, table_by_netlink
from .local import LocalHost


class LocalTableHost(LocalHost):
    def table(self, way: str, wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
        """The entries, by one of the ways of table.reading. Raises Unreadable before the first."""
        if way == CTNETLINK:
            # A folder of recorded files has no kernel.
            return _none() if self._root else table_by_netlink.read(wanted, progress)
        return self._by_lines(wanted, progress)

    def _by_lines(self, wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
        # Only the newer name, or only the older one, is there on most kernels.
        there = [path for path in TABLE_FILES if os.path.exists(self._root + path)] or TABLE_FILES
        try:
            with open(self._root + there[0], encoding="utf-8", errors="surrogateescape") as lines:
                yield from table_by_lines.read(lines, wanted, progress)
        except OSError as error:
            progress.broke_off(error, table_by_lines.REASONS)


def _none() -> t.Iterator[Batch]:
    raise Unreadable(ABSENT)
