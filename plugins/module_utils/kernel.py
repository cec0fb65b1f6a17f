# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decisions need to know of a machine and its kernel."""

from __future__ import annotations

import re
import typing as t


class Kernel(t.NamedTuple):
    """``release`` as in /proc/sys/kernel/osrelease, ``machine`` as by ``uname -m``; sizes and ``ram`` in bytes.

    ``ip_only`` says that it speaks the ip_conntrack generation and no other. ``ram`` is None where unknown.
    """

    release: str
    machine: str
    page_size: int
    pointer_size: int
    ram: int | None
    ip_only: bool

    @property
    def version(self) -> tuple[int, ...]:
        return version(self.release)

    def before(self, *version_: int) -> bool:
        """Whether the release is older. An unknown release is taken for a new one."""
        return bool(self.version) and self.version < version_

    def vendor(self, tag: str) -> bool:
        """Whether the release carries a vendor's tag such as el7."""
        return vendor(self.release, tag)


def version(release: str) -> tuple[int, ...]:
    """``(2, 6, 18)`` for ``2.6.18-274.el5``; empty where it cannot be told."""
    match = re.match(r"\d+(?:\.\d+)*", release)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def vendor(release: str, tag: str) -> bool:
    """Whether ``el9`` is a part of ``5.14.0-284.el9_2.x86_64``."""
    return re.search(r"(?:^|[.\-])%s(?:[._\-]|$)" % re.escape(tag), release) is not None
