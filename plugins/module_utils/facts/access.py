# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a kernel file may be written, and if not, why: known before the first write."""

from __future__ import annotations

from ..formats import mounts
from ..snapshot import Snapshot

STATUS = "/proc/self/status"


def refusal(snapshot: Snapshot, path: str) -> str | None:
    """A sentence, or None where nothing that was read speaks against a write."""
    mode = snapshot.reading(path).mode
    if mode is not None and not mode & 0o222:
        return "the kernel shows %s read-only" % path
    mount = read_only_mount(snapshot, path)
    if mount:
        return "%s is mounted read-only" % mount
    if user(snapshot) not in (0, None):
        return "only root may write %s: use become" % path
    return None


def user(snapshot: Snapshot) -> int | None:
    """The effective user id of whoever read the snapshot (/proc/self/status)."""
    for line in (snapshot.text(STATUS) or "").splitlines():
        words = line.split()
        if len(words) > 2 and words[0] == "Uid:" and words[2].isdigit():
            return int(words[2])
    return None


def read_only_mount(snapshot: Snapshot, path: str) -> str | None:
    """The mount point that holds a path (the last, longest in /proc/mounts), if it is read-only."""
    best: tuple[str, tuple[str, ...]] = ("", ())
    for point, options in mounts.mounts(snapshot.text("/proc/mounts") or ""):
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = point, options
    return best[0] if "ro" in best[1] else None
