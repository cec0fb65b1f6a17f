# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of each setting on a host, read under whichever of its names this kernel has (/proc/sys)."""

from __future__ import annotations

import typing as t

from .. import catalogue
from ..catalogue import SETTINGS, Setting
from ..snapshot import Snapshot

HASHSIZE = (
    "/sys/module/nf_conntrack/parameters/hashsize",
    "/sys/module/ip_conntrack/parameters/hashsize",
    "/sys/module/ip_conntrack/hashsize",
)


class Live(t.NamedTuple):
    """``key`` is the preferred one of ``keys``, all the names of this setting that the kernel shows.

    ``value`` is None where it cannot be read, and then ``reason`` says why.
    """

    setting: Setting
    key: str
    keys: tuple[str, ...]
    path: str
    value: int | None
    reason: str | None
    mode: int | None


def live(snapshot: Snapshot, setting: Setting) -> Live | None:
    """None where this kernel, or this network namespace, has no such key."""
    keys = tuple(key for key in setting.keys if snapshot.exists(catalogue.path(key)))
    if not keys:
        return None
    path = catalogue.path(keys[0])
    reading = snapshot.reading(path)
    return Live(setting, keys[0], keys, path, snapshot.integer(path), reading.reason, reading.mode)


def value(snapshot: Snapshot, name: str) -> int | None:
    """The value of one setting by its canonical name."""
    found = live(snapshot, catalogue.BY_NAME[name])
    return found.value if found else None


def buckets(snapshot: Snapshot) -> int | None:
    """The hash size, from the sysctl or from the module's parameter where there is no such sysctl."""
    found = value(snapshot, "buckets")
    if found is not None:
        return found
    for path in HASHSIZE:
        number = snapshot.integer(path)
        if number:  # 2.6.9 shows 0 here unless the size was given at load
            return number
    return None


def facts(snapshot: Snapshot, release: str) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Timeouts, and all other settings but the sizes: ``{name: {value, default, unit, key, meaning}}`` each."""
    timeouts: dict[str, t.Any] = {}
    switches: dict[str, t.Any] = {}
    for setting in SETTINGS:
        found = live(snapshot, setting)
        if found is None or setting.unit in ("entries", "buckets"):
            continue
        row = {
            "value": found.value,
            "default": catalogue.default(setting, release),
            "unit": setting.unit,
            "key": found.key,
        }
        if found.value is None:
            row["reason"] = found.reason or "not a number"
        (timeouts if setting.unit == "seconds" else switches)[setting.name] = row
    return timeouts, switches
