# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which ways the table can be read, the best first.

ctnetlink is the quicker one. Where it is a module that is not loaded, asking would have the kernel load it, as
conntrack -L does; the file under /proc loads nothing. Source: nfnetlink_rcv_msg in net/netfilter/nfnetlink.c.
"""

from __future__ import annotations

from ..formats import modules
from ..probe import TABLE_FILES
from ..snapshot import Snapshot
from ..table.reading import CTNETLINK, PROCFS

_MODULES = ("nf_conntrack_netlink", "ip_conntrack_netlink")


def ways(snapshot: Snapshot) -> list[str]:
    files = [PROCFS] if any(snapshot.exists(path) for path in TABLE_FILES) else []
    return [CTNETLINK, *files] if _is_there(snapshot) or not files else [*files, CTNETLINK]


def _is_there(snapshot: Snapshot) -> bool:
    listed = snapshot.text("/proc/modules")
    if listed is None or any(module.name in _MODULES for module in modules.parse(listed)):
        return True
    release = (snapshot.text("/proc/sys/kernel/osrelease") or "").strip()
    built_in = snapshot.text("/lib/modules/%s/modules.builtin" % release) or ""
    return any("/%s.ko" % name in built_in for name in _MODULES)
