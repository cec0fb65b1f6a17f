# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other network namespaces of a host: those that processes are in, and those that ip-netns(8) keeps by a name."""

from __future__ import annotations

import typing as t

from ..probe import OWN_NAMESPACE
from ..snapshot import Snapshot

MOST = 64

_OF_PROCESSES = "/proc/[0-9]*/ns/net"
_NAMED = ("/run/netns/*", "/var/run/netns/*")


class Namespace(t.NamedTuple):
    """``path`` is what nsenter(1) takes, ``name`` says for people whose it is."""

    path: str
    name: str

    @property
    def surely_another(self) -> bool:
        """Not so where only the name is known: that namespace may be met a second time, or be our own."""
        return self.path.startswith("/proc/")

    @property
    def prefix(self) -> tuple[str, ...]:
        """What runs a command in there."""
        return ("nsenter", "--net=" + self.path)


def others(snapshot: Snapshot) -> list[Namespace]:
    """Every one but that of whoever read the snapshot, once for each process' and once for each name."""
    own = snapshot.reading(OWN_NAMESPACE.pattern).link
    found: dict[str, Namespace] = {}
    for path in sorted(snapshot.glob(_OF_PROCESSES), key=_process):
        link = snapshot.reading(path).link
        if link and own and link != own and link not in found:
            comm = (snapshot.text("/proc/%d/comm" % _process(path)) or "").strip()
            found[link] = Namespace(path, "process %d%s" % (_process(path), " (%s)" % comm if comm else ""))
    named = {path.rsplit("/", 1)[-1]: path for pattern in _NAMED[::-1] for path in snapshot.glob(pattern)}
    return [*found.values(), *(Namespace(path, "netns " + name) for name, path in sorted(named.items()))]


def _process(path: str) -> int:
    return int(path.split("/")[2])
