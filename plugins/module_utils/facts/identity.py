# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel this is, which names it speaks, and whether connection tracking is in it.

Decided by what is below /proc/sys and /sys/module, never by a version number: vendors move features between
versions, and a kernel with the core built in has no /proc/modules to ask.
"""

from __future__ import annotations

import functools
import typing as t

from ..formats import modules as module_list
from ..kernel import Kernel, version
from ..probe import PAGE_SIZE, UNAME
from ..snapshot import Snapshot, command_key

NF = "nf_conntrack"
IP = "ip_conntrack"

HOST_ALIAS = "/proc/sys/net/nf_conntrack_max"
_NF_KEYS = "/proc/sys/net/netfilter/nf_conntrack_*"
_IP_KEYS = "/proc/sys/net/ipv4/netfilter/ip_conntrack_*"
_IP_MAX = "/proc/sys/net/ipv4/ip_conntrack_max"


class Identity(t.NamedTuple):
    """``generation`` is nf_conntrack, ip_conntrack, both or none.

    ``state`` is ``loaded`` (a module), ``built_in``, ``hidden`` (there, but its keys are not shown in this
    container) or ``absent``. ``namespace`` is host, child or unknown: the alias net.nf_conntrack_max is registered in
    the first network namespace only, in every kernel that has namespaces.
    """

    generation: str
    state: str
    namespace: str
    module: str | None
    kernel: Kernel


# Asked of one snapshot by everything that looks at it.
@functools.lru_cache(maxsize=4)
def identify(snapshot: Snapshot) -> Identity:
    nf = snapshot.exists(HOST_ALIAS) or any(_is_core(path) for path in snapshot.glob(_NF_KEYS))
    ip = snapshot.exists(_IP_MAX) or bool(snapshot.glob(_IP_KEYS))
    generation = "both" if nf and ip else NF if nf else IP if ip else "none"
    module, listed = _module(snapshot)
    if nf or ip:
        state = "loaded" if listed else "built_in"
    else:
        state = "hidden" if module else "absent"
    if nf:
        namespace = "host" if snapshot.exists(HOST_ALIAS) else "child"
    elif ip:
        namespace = "host"  # ip_conntrack is older than network namespaces
    else:
        namespace = "child" if state == "hidden" else "unknown"
    return Identity(generation, state, namespace, module, _kernel(snapshot, nf, ip))


def _kernel(snapshot: Snapshot, nf: bool, ip: bool) -> Kernel:
    release = (snapshot.text("/proc/sys/kernel/osrelease") or "").strip()
    machine = (snapshot.text(command_key(UNAME.argv)) or "").strip()
    page_size = snapshot.integer(command_key(PAGE_SIZE.argv)) or 4096
    # s390x and the like end in x or nothing; every 64-bit name but these holds "64".
    wide = "64" in machine or machine in ("s390x", "alpha", "ia64") or not machine
    # Without a key to go by, the release must do: nf_conntrack came in 2.6.20.
    old = bool(version(release)) and version(release) < (2, 6, 20)
    ip_only = ip and not nf if ip or nf else old
    return Kernel(release, machine, page_size, 8 if wide else 4, _ram(snapshot), ip_only)


def _is_core(path: str) -> bool:
    # nf_defrag_ipv6 registers the frag6 keys without the core.
    return "/nf_conntrack_frag6_" not in path


def _module(snapshot: Snapshot) -> tuple[str | None, bool]:
    """The core module's name, and whether /proc/modules lists it."""
    for module in module_list.parse(snapshot.text("/proc/modules") or ""):
        if module.name in (NF, IP):
            return module.name, True
    for name in (NF, IP):
        if snapshot.exists("/sys/module/" + name):
            return name, False
    return None, False


def _ram(snapshot: Snapshot) -> int | None:
    for line in (snapshot.text("/proc/meminfo") or "").splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "MemTotal:" and words[1].isdigit():
            return int(words[1]) * 1024
    return None
