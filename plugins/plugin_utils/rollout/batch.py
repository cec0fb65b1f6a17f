# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rollout goes on after a batch, and which hosts are put back to what they were."""

from __future__ import annotations

import typing as t

from .tried import NOT_TRIED, UNCHANGED, Tried


class Judged(t.NamedTuple):
    """``stopped`` says why the rollout ends with this batch, None where it goes on. ``take_back`` names hosts. ``well``
    is a batch of which no host failed.
    """

    stopped: str | None
    take_back: tuple[str, ...]
    well: bool


def judge(batch: t.Sequence[Tried], most_failed: float, ends: bool = True) -> Judged:
    """``most_failed`` is a percentage, as Ansible's max_fail_percentage: one more ends the rollout. A batch that failed
    as a whole does so whatever is allowed, as Ansible ends a run with such a one.

    A host that failed is put back, as it may have been changed in part, unless it was refused; the others of its batch
    only where the rollout ends. Without ``ends`` none does, as where nothing is changed or every host is brought back.
    """
    failed = [row for row in batch if row.failed]
    stopped = None
    if ends and failed and (100 * len(failed) > most_failed * len(batch) or len(failed) == len(batch)):
        names = ", ".join(row.host for row in failed[:5]) + (", ..." if len(failed) > 5 else "")
        of = "the only host" if len(batch) == 1 else "%d of the %d hosts" % (len(failed), len(batch))
        stopped = "%s of this batch failed (%s); conntrack_max_fail_percentage is %g" % (of, names, most_failed)
    back = [
        row.host
        for row in batch
        if not row.refused and (row.failed or (stopped and row.outcome not in (UNCHANGED, NOT_TRIED)))
    ]
    return Judged(stopped, tuple(back), not failed)


def is_over(judged: Judged, found: t.Iterable[Tried], left: t.Collection[str]) -> bool:
    """Whether no batch comes after this one. ``left`` are the hosts that did not fail before the rollout."""
    return bool(judged.stopped) or not any(row.outcome == NOT_TRIED and row.host in left for row in found)
