# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of the controller, replaced as a whole and only where its content or mode differs."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import stat
import tempfile
import typing as t


def write(path: str, parts: t.Iterable[str], mode: int, pretend: bool = False) -> bool:
    """Whether it was changed, or would be. Whoever reads it sees the old file or the new one, never a part.

    Raises OSError. A link is followed: the file that it names is replaced, not the link.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "it is there, and is not a file", path)
    # In check mode too, as only then is it known; elsewhere, since the folder may not be there or not be writable.
    folder = None if pretend else os.path.dirname(path)
    made, name = tempfile.mkstemp(prefix=".%s." % os.path.basename(path)[:100], dir=folder)
    try:
        with open(made, "w", encoding="utf-8", newline="") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            if not pretend:
                os.fchmod(made, mode)
                os.fsync(made)
        if _is_same(path, name, mode):
            return False
        if not pretend:
            os.replace(name, path)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _is_same(path: str, other: str, mode: int) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (
        stat.S_ISREG(there.st_mode) and stat.S_IMODE(there.st_mode) == mode and filecmp.cmp(path, other, shallow=False)
    )
