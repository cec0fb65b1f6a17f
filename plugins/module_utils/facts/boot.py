# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each setting will be after the next boot, once conntrack is loaded, and which file says so.

A value of a sysctl file holds where conntrack is there when the file is read, or where something sets it again when the
module is loaded; what the module is loaded with, or the kernel's default, holds otherwise. TuneD comes last. That an
event of udev may come before the module has made its keys is from kernel/module.c: mended in 5.11, 5.4.124, 5.10.198.
"""

from __future__ import annotations

import re
import typing as t

from .. import catalogue, sizing
from ..catalogue import Setting
from ..kernel import Kernel, version
from ..probe import TUNED_ACTIVE
from ..snapshot import Snapshot
from . import boot_files, boot_words, loading, settings
from .boot_words import Again, Pass, Said
from .identity import Identity
from .modprobe import hashsize

DEFAULT = "kernel default"
NOT_LOADED = "conntrack is not there yet when this is read, and nothing sets it again"
GONE = "what lies in /run is gone after a boot, unless something writes it anew"


class AfterBoot(t.NamedTuple):
    """``value`` is None where it cannot be told. ``source`` is the winner, or ``kernel default``.

    ``losers`` are other words on the same setting that have no effect, in the order in which they are read. ``through``
    is what makes the source count: ``built in``, the file that loads conntrack early, or the one that sets values
    again. ``detail`` says what is doubtful.
    """

    value: int | None
    source: str
    losers: tuple[Said, ...]
    through: str | None = None
    detail: str | None = None


def after_boot(snapshot: Snapshot, setting: Setting, identity: Identity) -> AfterBoot:
    then = _unless_unread(snapshot, _booted(snapshot, setting, identity))
    return _tuned(snapshot, setting, identity, then) if snapshot.exists(TUNED_ACTIVE) else then


def _unless_unread(snapshot: Snapshot, then: AfterBoot) -> AfterBoot:
    """Nothing can be told where a file that could not be read is applied after the one that decides."""
    files = boot_files.files(snapshot, boot_files.reader(snapshot))
    later = files[files.index(then.source) + 1 :] if then.source in files else files
    unread = [path for path in later if snapshot.text(path) is None and snapshot.exists(path)]
    if not unread:
        return then
    why = "%s cannot be read (%s)" % (unread[-1], snapshot.reason(unread[-1]))
    return then._replace(value=None, detail=why if then.detail is None else "%s; %s" % (then.detail, why))


def names(snapshot: Snapshot, setting: Setting, identity: Identity) -> tuple[str, ...]:
    """The names under which this kernel has the setting: a line with another one is skipped at boot."""
    live = settings.live(snapshot, setting)
    if live:
        return live.keys
    if identity.state != "absent":
        return setting.keys
    generation = "ip_conntrack" if identity.kernel.ip_only else "nf_conntrack"
    own = catalogue.keys_of(setting, generation)
    both = not identity.kernel.ip_only and identity.kernel.before(4, 9)
    return setting.keys if both or not own else own


def words(snapshot: Snapshot, setting: Setting, identity: Identity) -> list[Said]:
    """Every assignment of this setting, under any of its names, that is read at boot."""
    found = _at_boot(snapshot, setting, identity)
    return [*found.lost, *found.standing]


def _at_boot(snapshot: Snapshot, setting: Setting, identity: Identity) -> Pass:
    by, own = boot_files.reader(snapshot), names(snapshot, setting, identity)
    found = boot_words.sift(boot_words.read(snapshot, by, own), setting, _read_only(snapshot, setting, identity))
    in_run = snapshot.glob(boot_files.GONE) if by in (boot_files.SYSTEMD, boot_files.PROCPS) else []
    gone = [said._replace(why=GONE) for said in boot_words.read(snapshot, by, own, in_run).standing] if in_run else []
    return Pass(found.standing, (*gone, *found.lost))


def _booted(snapshot: Snapshot, setting: Setting, identity: Identity) -> AfterBoot:
    """Without what starts later."""
    own = names(snapshot, setting, identity)
    read_only = _read_only(snapshot, setting, identity)
    at_boot = _at_boot(snapshot, setting, identity)
    early = loading.early(snapshot, identity, own[0])
    later = []
    if identity.state != "built_in":
        for again in loading.after_load(snapshot, identity, own[0], own):
            later.append(again._replace(found=boot_words.sift(again.found, setting, read_only)))
    if early is None:
        lost = [said._replace(why=said.why or NOT_LOADED) for said in (*at_boot.lost, *at_boot.standing)]
    else:
        lost = list(at_boot.lost)
    last = next((again for again in reversed(later) if again.found.standing), None)
    if early and at_boot.standing:
        then = _won(setting, identity, at_boot, lost, early)
        if last:
            other = _won(setting, identity, last.found, lost, last.source)
            if other.value != then.value:
                # udev runs its rules for modules that are there already, at about the same time.
                return then._replace(
                    value=None,
                    losers=(*then.losers, last.found.standing[-1]),
                    detail="%s makes it %s and %s makes it %s, whichever comes last"
                    % (early, then.value, last.source, other.value),
                )
        return then
    if last:
        return _won(setting, identity, last.found, lost, last.source)._replace(detail=_race(identity.kernel, last))
    return _default(snapshot, setting, identity)._replace(losers=tuple(lost))


def _won(setting: Setting, identity: Identity, found: Pass, lost: t.Sequence[Said], through: str) -> AfterBoot:
    winner = found.standing[-1]
    value = boot_words.number(winner.value, setting)
    if value is not None and setting.name == "buckets":
        value = sizing.round_buckets(value, identity.kernel)
    read_again = {(said.path, said.line) for said in (*found.lost, *found.standing)}
    before = (said for said in lost if (said.path, said.line) not in read_again)
    losers = [
        said
        for said in (*before, *found.lost, *found.standing)
        if said.value != winner.value and (said.path != winner.path or said.why)
    ]
    return AfterBoot(value, winner.path, tuple(losers), through)


def _read_only(snapshot: Snapshot, setting: Setting, identity: Identity) -> bool:
    live = settings.live(snapshot, setting)
    if live:
        # In a container it is the namespace that keeps it from being written, not the kernel.
        return identity.namespace == "host" and live.mode is not None and not live.mode & 0o222
    since = setting.writable_since
    return bool(since and identity.kernel.before(*version(since)))


def _race(kernel: Kernel, again: Again) -> str | None:
    """What a rule without a waiting loop means where the kernel announces a module before its keys are there."""
    if again.waits or not kernel.version or not kernel.before(5, 11) or _mended(kernel):
        return None
    return "this kernel may announce the module before its keys are there: then %s comes too early" % again.source


def _mended(kernel: Kernel) -> bool:
    debian = re.match(r"5\.10\.0-(\d+)-", kernel.release)
    if debian:
        return int(debian.group(1)) >= 27  # 5.10.205
    line = kernel.version[:2]
    return (line == (5, 4) and not kernel.before(5, 4, 124)) or (line == (5, 10) and not kernel.before(5, 10, 198))


def _tuned(snapshot: Snapshot, setting: Setting, identity: Identity, then: AfterBoot) -> AfterBoot:
    from . import tuned  # on few hosts

    found = tuned.writes(snapshot, names(snapshot, setting, identity))
    if found is None:
        return then
    read_only = _read_only(snapshot, setting, identity)
    open_ended = [said for said in found.standing if "$" in said.value or said.value[:1] in "<>"]
    found = boot_words.sift(found, setting, read_only)
    if open_ended and not read_only and (not found.standing or found.standing[-1].path == open_ended[-1].path):
        detail = "TuneD makes something of %s when it starts" % open_ended[-1].value
        return AfterBoot(None, open_ended[-1].path, then.losers, "TuneD", detail)
    if not found.standing or boot_words.number(found.standing[-1].value, setting) == then.value:
        return then
    later = _won(setting, identity, found, then.losers, "TuneD")
    beaten = [said for said in words(snapshot, setting, identity) if said.path == then.source and not said.why]
    if later.source != then.source:
        later = later._replace(losers=tuple(dict.fromkeys((*later.losers, *beaten))))
    if loading.early(snapshot, identity, names(snapshot, setting, identity)[0]):
        return later
    return then._replace(
        value=None,
        losers=(*then.losers, found.standing[-1]),
        detail="%s; %s by TuneD where conntrack is loaded before it starts" % (then.value, later.value),
    )


def _default(snapshot: Snapshot, setting: Setting, identity: Identity) -> AfterBoot:
    kernel = identity.kernel
    if setting.name not in ("max", "buckets", "expect_max"):
        return AfterBoot(catalogue.default(setting, kernel.release), DEFAULT, ())
    option = hashsize(snapshot, identity)
    size = option.value if option else sizing.default_buckets(kernel)
    if size is None:
        return AfterBoot(None, DEFAULT, ())
    # The table fills whole pages.
    rounded = sizing.round_buckets(size, kernel)
    source = option.source if option else DEFAULT
    if setting.name == "buckets":
        return AfterBoot(rounded, source, ())
    if setting.name == "expect_max":
        return AfterBoot(4 * max(rounded // 256, 1), source, ())
    # Loading with hashsize=N makes max 8 times N; up to 4.6, of what was before the rounding.
    if option:
        return AfterBoot(8 * (size if kernel.before(4, 7) else rounded), source, ())
    return AfterBoot(sizing.default_max(kernel), source, ())
