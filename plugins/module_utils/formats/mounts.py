# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/mounts (proc(5), fs/proc_namespace.c): where something is mounted, and how."""

from __future__ import annotations

import re
import typing as t

# What would end a word or a line, and the backslash, are written as octal numbers.
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mounts(text: str) -> t.Iterator[tuple[str, tuple[str, ...]]]:
    """Each mount point with its options, in the order in which they were mounted."""
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) >= 4:
            yield _ESCAPED.sub(lambda found: chr(int(found.group(1), 8)), words[1]), tuple(words[3].split(","))
