# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces and removes whole files so that a kill or a power cut at any moment leaves the old or the new one.

The new file is complete, with its owner and mode, and on the disk before rename(2) puts it in place; then the
directory is brought to the disk too (fsync(2): the entry of a file is not part of the file). What a killed run leaves
behind is a temporary that no reader of configuration takes for its own, and the next run sweeps it away.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import tempfile
import typing as t

_PREFIX = ".netops-conntrack-"
# Hidden, without .conf, and ending in "~": RHEL 6 reads every other name in /etc/sysctl.d.
_SUFFIX = "~"
# The directory that is made for private files alone.
_OWN_FOLDER = "/var/lib/netops-conntrack"


def replace(
    real: str,
    data: bytes,
    mode: int,
    approve: t.Callable[[str], str | None],
    move: t.Callable[[str, str], None],
) -> str | None:
    """None when it is done, or what ``approve`` said against the new file, which is then not put in place.

    ``mode`` is for a file that is new; one that is replaced hands on its owner, mode and extended attributes.
    """
    folder = os.path.dirname(real)
    # What only root may read lies in a directory that only root may enter.
    _make(folder, 0o755 if mode & 0o044 else 0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if os.path.exists(real):
                _take_after(temporary, real)
            else:
                os.chmod(temporary, mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        complaint = approve(temporary)
        if complaint is None:
            move(temporary, real)
            _to_disk(folder)
        return complaint
    finally:
        with contextlib.suppress(OSError):  # it is gone, or it cannot be removed: the next run will try
            os.unlink(temporary)


def remove(real: str, private: bool) -> None:
    """With a private file its directory, which was made for it."""
    folder = os.path.dirname(real)
    os.unlink(real)
    _to_disk(folder)
    if private:
        with contextlib.suppress(OSError):  # somebody else's files are in it
            os.rmdir(folder)


def sweep(folder: str) -> None:
    """Takes away what killed runs left in a directory, and the directory where it was made for that. Needs the lock."""
    for temporary in glob.glob(os.path.join(glob.escape(folder), _PREFIX + "*" + _SUFFIX)):
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    if folder.endswith(_OWN_FOLDER):
        with contextlib.suppress(OSError):  # it is not empty
            os.rmdir(folder)


def _make(folder: str, mode: int) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    _make(parent, 0o755)
    os.mkdir(folder, mode)
    _to_disk(parent)


def _to_disk(folder: str) -> None:
    # The change is made and seen by everybody; that a directory cannot be synchronised does not undo it.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _take_after(path: str, model: str) -> None:
    like, own = os.stat(model), os.stat(path)
    if (like.st_uid, like.st_gid) != (own.st_uid, own.st_gid):
        os.chown(path, like.st_uid, like.st_gid)
    shutil.copystat(model, path)
    os.utime(path)
