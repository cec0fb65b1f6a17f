# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services start at the next boot, by systemd's links and by those of the runlevels.

From systemd.unit(5) (.wants, .requires, masked units), systemd-sysv-generator(8), and chkconfig's and update-rc.d's
links in rc2.d to rc5.d and, on Debian, rcS.d.
"""

from __future__ import annotations

import functools
import typing as t

from ..probe import Item, Names
from ..snapshot import Snapshot
from . import boot_files

_UNITS = "/etc/systemd/system/"
_SHIPPED = ("/usr/lib/systemd/system/", "/lib/systemd/system/")
_WANTED = (_UNITS + "*.wants/*", _UNITS + "*.requires/*")
# rc.d is what RHEL's /etc/rc3.d points into. What is started in rcS.d on Debian is started in every runlevel.
_RUNLEVELS = ("/etc/rc.d/rc[2345].d/S[0-9][0-9]*", "/etc/rc[2345S].d/S[0-9][0-9]*")


def items(units: t.Iterable[str]) -> tuple[Item, ...]:
    """What to read to tell of these units, and of scripts, whether they start."""
    return (
        *(Names(pattern, most=2048) for pattern in _WANTED),
        *(Names(pattern, most=1024) for pattern in _RUNLEVELS),
        Names(_UNITS + "*.service", most=2048),
        *(Names(folder + unit) for unit in units for folder in _SHIPPED),
    )


def starts(snapshot: Snapshot, units: t.Iterable[str], scripts: t.Iterable[str]) -> str | None:
    """The link by which one of these units or init scripts starts at boot; None where none does."""
    if boot_files.reader(snapshot) != boot_files.SYSTEMD:
        return next((link for link in map(_by_runlevel(snapshot).get, scripts) if link), None)
    for unit in units:
        link = _by_systemd(snapshot).get(unit)
        if link and not masked(snapshot, unit):
            return link
    for script in scripts:
        unit = script + ".service"
        link = _by_runlevel(snapshot).get(script)
        # A script counts for systemd only where there is no unit of that name.
        if link and not any(snapshot.exists(folder + unit) for folder in (_UNITS, *_SHIPPED)):
            return link
    return None


def masked(snapshot: Snapshot, unit: str) -> bool:
    return snapshot.reading(_UNITS + unit).link == "/dev/null"


def wanted(snapshot: Snapshot, prefix: str) -> list[str]:
    """The links to units whose name begins so, as those of a template do."""
    return [link for unit, link in sorted(_by_systemd(snapshot).items()) if unit.startswith(prefix)]


@functools.lru_cache(maxsize=4)
def _by_systemd(snapshot: Snapshot) -> dict[str, str]:
    return {path.rsplit("/", 1)[-1]: path for pattern in reversed(_WANTED) for path in snapshot.glob(pattern)}


@functools.lru_cache(maxsize=4)
def _by_runlevel(snapshot: Snapshot) -> dict[str, str]:
    """By the script's name: S08iptables starts iptables."""
    paths = [path for pattern in _RUNLEVELS for path in snapshot.glob(pattern)]
    return {path.rsplit("/", 1)[-1][3:]: path for path in reversed(paths)}
