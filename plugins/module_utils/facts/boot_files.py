# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program sets sysctls at boot on a host, which files it reads, and in which order.

From sysctl.d(5) and systemd's sysctl.c and conf-files.c (247 to 257), from procps' sysctl.c (3.3 and 4.0), and from
initscripts' rc.sysinit.
"""

from __future__ import annotations

import fnmatch
import functools

from ..snapshot import ABSENT, Snapshot

SYSTEMD = "systemd"
PROCPS = "procps"
RC_SYSINIT = "rc.sysinit"
SYSCTL_CONF = "sysctl.conf"
NONE = "none"

GONE = "/run/sysctl.d/*.conf"

CONF = "/etc/sysctl.conf"

# For the same file name the first directory shadows the others; then names decide the order, not directories. What lies
# in /run, which ranks second, is gone after a boot, so it takes no part here.
_SYSCTL_D = (
    "/etc/sysctl.d/*.conf",
    "/usr/local/lib/sysctl.d/*.conf",
    "/usr/lib/sysctl.d/*.conf",
    "/lib/sysctl.d/*.conf",
)

# is_ignored_file() of RHEL 6, which reads every other name, whatever it ends in.
_LEFT_BEHIND = ("~", ".bak", ".orig", ".rpmnew", ".rpmorig", ".rpmsave")


def reader(snapshot: Snapshot) -> str:
    """``systemd``, ``procps`` (sysctl --system), ``rc.sysinit``, ``sysctl.conf`` (only that file) or ``none``."""
    if any(
        snapshot.exists(path)
        for path in ("/run/systemd/system", "/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")
    ):
        return SYSTEMD
    if snapshot.exists("/etc/rc.d/rc.sysinit"):
        return RC_SYSINIT if _rc_reads_directory(snapshot) else SYSCTL_CONF
    if snapshot.exists("/etc/init.d/procps") or snapshot.exists("/etc/init.d/sysctl"):
        return PROCPS
    if snapshot.exists("/etc/sysctl.d"):
        return PROCPS
    return SYSCTL_CONF if snapshot.exists(CONF) else NONE


# Asked for each setting.
@functools.lru_cache(maxsize=4)
def files(snapshot: Snapshot, by: str) -> list[str]:
    """The files in the order in which they are applied: the last one wins. Shadowed files are left out."""
    if by == SYSTEMD:
        return by_name(snapshot, _SYSCTL_D)
    if by == PROCPS:
        return [*by_name(snapshot, _SYSCTL_D, hidden=True), *_conf(snapshot)]
    if by == RC_SYSINIT:
        return [
            *_conf(snapshot),
            *(path for path in by_name(snapshot, ("/etc/sysctl.d/*",)) if not path.endswith(_LEFT_BEHIND)),
        ]
    return _conf(snapshot) if by == SYSCTL_CONF else []


def by_name(snapshot: Snapshot, patterns: tuple[str, ...], hidden: bool = False) -> list[str]:
    """Matching files by their base names; of equal ones that of the earliest pattern only.

    Also an empty file, a link to /dev/null and a link to nowhere mask those of later patterns. ``hidden`` is for
    programs that read files whose name starts with a dot.
    """
    dangling = [path for path, reading in snapshot.items() if reading.link and reading.reason == ABSENT]
    chosen: dict[str, str] = {}
    for pattern in patterns:
        nowhere = [path for path in dangling if fnmatch.fnmatchcase(path, pattern)]
        for path in (*snapshot.glob(pattern), *nowhere):
            name = path.rsplit("/", 1)[-1]
            if hidden or not name.startswith("."):
                chosen.setdefault(name, path)
    return [chosen[name] for name in sorted(chosen) if snapshot.exists(chosen[name])]


def _conf(snapshot: Snapshot) -> list[str]:
    return [CONF] if snapshot.exists(CONF) else []


def _rc_reads_directory(snapshot: Snapshot) -> bool:
    """RHEL 6 reads /etc/sysctl.d after sysctl.conf, RHEL 5 and older know no such directory."""
    scripts = ("/etc/rc.d/rc.sysinit", "/etc/rc.d/init.d/functions")
    return any("sysctl.d" in (snapshot.text(path) or "") for path in scripts)
