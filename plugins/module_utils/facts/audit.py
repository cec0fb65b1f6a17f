# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of the next boot: each setting's value now, after a boot and as it was wanted, and where they differ."""

from __future__ import annotations

import typing as t

from .. import sizing
from ..catalogue import SETTINGS, Setting
from ..formats import record_file
from ..snapshot import Snapshot
from . import boot, boot_files, loading, modprobe, overruling, settings
from .boot_words import Said
from .identity import Identity


def facts(snapshot: Snapshot, identity: Identity) -> dict[str, t.Any]:
    by = boot_files.reader(snapshot)
    asked = record_file.wanted(snapshot.text(record_file.PATH) or "")
    rows = {}
    for setting in SETTINGS:
        live = settings.live(snapshot, setting)
        known = live or setting.name in asked or boot.words(snapshot, setting, identity)
        if setting.writable and known:
            rows[setting.name] = _row(snapshot, setting, identity, asked.get(setting.name))
    option = modprobe.hashsize(snapshot, identity)
    return {
        "reader": by,
        "files": boot_files.files(snapshot, by),
        "loaded_early": loading.early(snapshot, identity),
        "set_again": loading.reapplied(snapshot, identity, _core_key(identity)),
        "hashsize": option._asdict() if option else None,
        "initramfs": loading.initramfs(snapshot, identity) if identity.state != "built_in" else None,
        "command_line": _command_line(snapshot, identity, asked),
        "settings": rows,
        "drift": [found for name, row in rows.items() for found in _drift(name, row, identity)],
    }


def _row(snapshot: Snapshot, setting: Setting, identity: Identity, wanted: int | None) -> dict[str, t.Any]:
    live = settings.live(snapshot, setting)
    then = boot.after_boot(snapshot, setting, identity)
    keeps, why = overruling.restart(snapshot, setting, identity, then)
    return {
        "live": live.value if live else None,
        "after_boot": then.value,
        "wanted": wanted,
        "source": then.source,
        "through": then.through,
        "detail": then.detail,
        "losers": [_loser(said) for said in then.losers],
        "overruled_later": overruling.later(snapshot, setting, identity, then, keeps),
        "restart_keeps": keeps,
        "restart_why": why,
    }


def _loser(said: Said) -> dict[str, t.Any]:
    row = said._asdict()
    if said.why is None:
        del row["why"]
    return row


def _core_key(identity: Identity) -> str:
    if modprobe.module_name(identity) == "ip_conntrack":
        return "net.ipv4.ip_conntrack_max"
    return "net.netfilter.nf_conntrack_max"


def _command_line(snapshot: Snapshot, identity: Identity, asked: t.Mapping[str, int]) -> str | None:
    if identity.state != "built_in":
        return None
    size = asked.get("buckets") or settings.buckets(snapshot)
    return (
        "conntrack is built into this kernel, so options in modprobe.d do not apply: the number of buckets at boot is "
        "set by %s.hashsize=%s on the kernel command line" % (modprobe.module_name(identity), size or "N")
    )


def _drift(name: str, row: t.Mapping[str, t.Any], identity: Identity) -> t.Iterator[dict[str, t.Any]]:
    wanted = row["wanted"]
    if wanted is not None and name == "buckets":
        wanted = sizing.round_buckets(wanted, identity.kernel)
    if len({row["live"], row["after_boot"], wanted} - {None}) < 2:
        return
    yield {
        "setting": name,
        "live": row["live"],
        "after_boot": row["after_boot"],
        "wanted": row["wanted"],
        "detail": _detail(row),
    }


def _detail(row: t.Mapping[str, t.Any]) -> str:
    """Why it will be so: who decides, and what was set aside with a reason."""
    found = ["after a boot by %s" % row["source"]]
    if row["detail"]:
        found.append(row["detail"])
    for said in row["losers"]:
        if said.get("why"):
            found.append("%s, line %d, says %s: %s" % (said["path"], said["line"], said["value"], said["why"]))
    return "; ".join(found)
