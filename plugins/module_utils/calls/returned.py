# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call comes to, whoever made it."""

from __future__ import annotations

import typing as t

from ..snapshot import printable


class Returned(t.NamedTuple):
    """``values`` are what the module returns. ``failure`` says why the task fails, None where it does not."""

    values: dict[str, t.Any]
    warnings: tuple[str, ...] = ()
    failure: str | None = None


def returned(values: dict[str, t.Any], warnings: t.Iterable[str] = (), failure: str | None = None) -> Returned:
    """The same in characters that a result may hold."""
    told = None if failure is None else printable(failure)
    return Returned(printable(values), tuple(printable(list(warnings))), told)


def refused(error: Exception, changes: bool = False) -> Returned:
    """For a request that makes no sense, or a host that does not allow it: nothing was done.

    The result of a module that ``changes`` something says so. An error that says for how long something stands in the
    way (``waits``) has that in it too.
    """
    values: dict[str, t.Any] = {"refused": True} if changes else {}
    waits = getattr(error, "waits", None)
    if waits is not None:
        values["waits"] = waits
    return returned(values, failure=str(error))
