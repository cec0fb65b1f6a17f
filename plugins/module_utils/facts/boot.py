# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each setting will be after the next boot, and which file says so."""

from __future__ import annotations

import fnmatch
import functools
import re
import typing as t

from .. import catalogue, sizing
from ..catalogue import SETTINGS, Setting
from ..formats import modprobe_conf, sysctl_conf
from ..kernel import Kernel
from ..snapshot import Snapshot
from . import boot_files, settings
from .identity import Identity

_MODPROBE = (
    "/etc/modprobe.d/*",
    "/run/modprobe.d/*",
    "/usr/local/lib/modprobe.d/*",
    "/usr/lib/modprobe.d/*",
    "/lib/modprobe.d/*",
)
_LOADERS = (
    "/etc/modules-load.d/*",
    "/run/modules-load.d/*",
    "/usr/local/lib/modules-load.d/*",
    "/usr/lib/modules-load.d/*",
)


class Said(t.NamedTuple):
    """One file's word on a setting; ``value`` is the text that stands there."""

    path: str
    line: int
    key: str
    value: str


class AfterBoot(t.NamedTuple):
    """``value`` is None where it cannot be told. ``source`` is the winner, or ``kernel default``.

    ``losers`` are other files with another value for the same setting, in the order in which they are applied.
    """

    value: int | None
    source: str
    losers: tuple[Said, ...]


def after_boot(snapshot: Snapshot, setting: Setting, identity: Identity) -> AfterBoot:
    said = words(snapshot, setting, boot_files.reader(snapshot))
    if said:
        winner = said[-1]
        losers = tuple(word for word in said[:-1] if word.value != winner.value and word.path != winner.path)
        value = _number(winner.value)
        if value is not None and setting.name == "buckets":
            value = sizing.round_buckets(value, identity.kernel)
        return AfterBoot(value, winner.path, losers)
    return _default(snapshot, setting, identity)


def words(snapshot: Snapshot, setting: Setting, by: str) -> list[Said]:
    """Every assignment of this setting, under any of its names, in the order in which it takes effect."""
    names = set(setting.keys)
    live = settings.live(snapshot, setting)
    if live:
        names &= set(live.keys)  # a name that this kernel lacks is skipped at boot
    said, exclusions = _entries(snapshot, by)
    found = [word for word in said if _any_match(names, word.key)]
    if by != boot_files.SYSTEMD:
        return found
    return _as_systemd(found, names, {name for name in names for key in exclusions if _any_match({name}, key)})


# The same snapshot is asked once for each setting, and parsing every file each time took most of a task's time.
@functools.lru_cache(maxsize=4)
def _entries(snapshot: Snapshot, by: str) -> tuple[tuple[Said, ...], tuple[str, ...]]:
    """All assignments and all exclusions of the files that are read at boot."""
    said, exclusions = [], []
    for path in boot_files.files(snapshot, by):
        for entry in sysctl_conf.parse(snapshot.text(path) or ""):
            if isinstance(entry, sysctl_conf.Assignment):
                said.append(Said(path, entry.line, entry.key, entry.value))
            else:
                exclusions.append(entry.key)
    return tuple(said), tuple(exclusions)


def _any_match(names: set[str], key: str) -> bool:
    return key in names or (_is_glob(key) and any(_fits(name, key) for name in names))


def _fits(name: str, pattern: str) -> bool:
    """Whether a glob matches a key, part by part: it is matched against paths, where no star crosses a slash."""
    parts, patterns = name.split("."), pattern.split(".")
    try:
        return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))
    except re.error:  # before Python 3.11, for such as [z-a]
        return False


def _as_systemd(found: list[Said], names: set[str], excluded: set[str]) -> list[Said]:
    """systemd keeps one value a key: a later one takes its place at the end, an equal one stays where it was.

    A glob leaves alone what is named in full somewhere, and what a line "-key" excludes.
    """
    kept: dict[str, Said] = {}
    for said in found:
        if said.key not in kept or kept[said.key].value != said.value:
            kept.pop(said.key, None)
            kept[said.key] = said
    open_to_globs = names - excluded - set(kept)
    standing = [said for said in kept.values() if not _is_glob(said.key) or _any_match(open_to_globs, said.key)]
    return [said for said in found if said not in standing] + standing if standing else []


def _is_glob(key: str) -> bool:
    return any(sign in key for sign in "*?[")


def _default(snapshot: Snapshot, setting: Setting, identity: Identity) -> AfterBoot:
    kernel = identity.kernel
    if setting.name in ("max", "buckets"):
        option = hashsize(snapshot, identity)
        if option:
            # Loading with hashsize=N makes max 8 times N.
            size = sizing.round_buckets(option.value, kernel)
            return AfterBoot(size if setting.name == "buckets" else 8 * size, option.source, ())
        computed = sizing.default_buckets(kernel) if setting.name == "buckets" else sizing.default_max(kernel)
        return AfterBoot(computed, "kernel default", ())
    if setting.name == "expect_max":
        return AfterBoot(_expect_default(kernel), "kernel default", ())
    return AfterBoot(catalogue.default(setting, kernel.release), "kernel default", ())


def _expect_default(kernel: Kernel) -> int | None:
    buckets = sizing.default_buckets(kernel)
    return None if buckets is None else 4 * max(buckets // 256, 1)


class Hashsize(t.NamedTuple):
    value: int
    source: str


def hashsize(snapshot: Snapshot, identity: Identity) -> Hashsize | None:
    """The size that the module is loaded with, from modprobe's files, or from the kernel command line if built in."""
    module = module_name(identity)
    if identity.state == "built_in":
        text = snapshot.text("/proc/cmdline") or ""
        for word in reversed(text.split()):
            name, _sign, value = word.partition("=")
            if name == module + ".hashsize" and value.isdigit():
                return Hashsize(int(value), "/proc/cmdline")
        return None
    found = None
    for path in modprobe_files(snapshot):
        value = modprobe_conf.option(snapshot.text(path) or "", module, "hashsize")
        if value is not None and value.isdigit() and int(value):
            found = Hashsize(int(value), path)
    return found


def module_name(identity: Identity) -> str:
    """The module that takes hashsize: options for the alias ip_conntrack do not reach nf_conntrack."""
    return identity.module or ("ip_conntrack" if identity.kernel.ip_only else "nf_conntrack")


def modprobe_files(snapshot: Snapshot) -> list[str]:
    """modprobe's configuration in the order in which it is read; a file name shadows those of later directories."""
    old = [path for path in ("/etc/modules.conf", "/etc/modprobe.conf") if snapshot.exists(path)]
    return [*old, *boot_files.by_name(snapshot, _MODPROBE)]


def loaded_early(snapshot: Snapshot, identity: Identity) -> str | None:
    """What puts conntrack there before the sysctl files are read: a file, ``built in``, or None if nothing does."""
    if identity.state == "built_in":
        return "built in"
    module = module_name(identity)
    paths = [path for pattern in _LOADERS for path in snapshot.glob(pattern)]
    for path in (*paths, "/etc/modules"):
        for line in (snapshot.text(path) or "").splitlines():
            words_ = line.split("#", 1)[0].split()
            if words_ and words_[0].replace("-", "_") == module:
                return path
    return None


def facts(snapshot: Snapshot, identity: Identity) -> dict[str, t.Any]:
    """For each setting of this kernel: value after boot, live value, source, losers; and who sets sysctls at boot."""
    by = boot_files.reader(snapshot)
    rows = {}
    for setting in SETTINGS:
        live = settings.live(snapshot, setting)
        if not setting.writable or (live is None and not words(snapshot, setting, by)):
            continue
        then = after_boot(snapshot, setting, identity)
        rows[setting.name] = {
            "live": live.value if live else None,
            "after_boot": then.value,
            "source": then.source,
            "losers": [said._asdict() for said in then.losers],
        }
    option = hashsize(snapshot, identity)
    return {
        "reader": by,
        "files": boot_files.files(snapshot, by),
        "loaded_early": loaded_early(snapshot, identity),
        "hashsize": option._asdict() if option else None,
        "settings": rows,
    }


def _number(text: str) -> int | None:
    try:
        return int(text.split()[0], 0)
    except (IndexError, ValueError):
        return None
