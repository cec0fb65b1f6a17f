# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What TuneD sets when it starts, which is after the sysctl files were read at boot.

From TuneD 2.20 and 2.25: profiles/loader.py, locator.py and merger.py (which profile, in which order),
plugins/plugin_sysctl.py (its [sysctl] section, and which files it applies again afterwards) and plugin_net.py.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ..formats import tuned_conf
from ..formats.sysctl_conf import normalize_key
from ..probe import TUNED_ACTIVE
from ..snapshot import Snapshot
from . import boot_files
from .boot_words import Pass, Said, read

MAIN = "/etc/tuned/tuned-main.conf"
HASHSIZE = "nf_conntrack_hashsize"

_FOLDERS = ("/etc/tuned/profiles", "/etc/tuned", "/usr/lib/tuned/profiles", "/usr/lib/tuned")
_WANTED = "/etc/systemd/system/*.wants/tuned.service"
# The files that it applies again: not those of /usr/lib, and sysctl.conf last. (Those of /run are gone after a boot.)
_SYSCTL_D = ("/etc/sysctl.d/*.conf",)
_NAME = re.compile(r"[a-zA-Z0-9_.-]+\Z")
# What a section says of itself; with the last two it holds on some hardware only.
_OWN = {"type", "enabled", "devices", "devices_udev_regex", "script_pre", "script_post", "priority"}
_CONDITIONS = {"uname_regex", "cpuinfo_regex"}
_REAPPLY = re.compile(r"^\s*reapply_sysctl\s*=\s*(\w+)", re.MULTILINE)


class Option(t.NamedTuple):
    path: str
    line: int
    value: str


class Profile(t.NamedTuple):
    """What the active profiles come to: a section's options by its name; the last profile wins."""

    names: str
    sections: dict[str, dict[str, Option]]

    def sysctls(self) -> dict[str, Option]:
        """By their spelling there. A value that holds under a condition begins with a dollar sign, like a variable."""
        found: dict[str, Option] = {}
        for options in self.sections.values():
            if _type(options, "sysctl"):
                condition = "${%s} " % "".join(sorted(_CONDITIONS & set(options))) if _CONDITIONS & set(options) else ""
                for key, option in options.items():
                    if key not in _OWN | _CONDITIONS:
                        found[key] = option._replace(value=condition + option.value)
        return found

    def hashsize(self) -> Option | None:
        for options in self.sections.values():
            if _type(options, "net") and HASHSIZE in options:
                return options[HASHSIZE]
        return None


def starts(snapshot: Snapshot) -> bool:
    """Whether it is enabled, or runs."""
    if not snapshot.exists(TUNED_ACTIVE):
        return False
    return bool(snapshot.glob(_WANTED)) or any(
        (snapshot.text(path) or "").strip() == "tuned" for path in snapshot.glob("/proc/[0-9]*/comm")
    )


def writes(snapshot: Snapshot, names: t.Collection[str]) -> Pass | None:
    """What it sets of one setting, in its order; None where it does not start, or has no [sysctl] section."""
    profile = active(snapshot) if starts(snapshot) else None
    if profile is None or not any(_type(options, "sysctl") for options in profile.sections.values()):
        return None
    own = tuple(
        Said(option.path, option.line, normalize_key(key), option.value)
        for key, option in profile.sysctls().items()
        if normalize_key(key) in names
    )
    if not reapplies(snapshot):
        return Pass(own)
    files = [*boot_files.by_name(snapshot, _SYSCTL_D, hidden=True), boot_files.CONF]
    again = read(snapshot, "TuneD", names, files)
    return Pass((*own, *again.standing), again.lost)


def reapplies(snapshot: Snapshot) -> bool:
    """Whether the sysctl files are applied again after its profile, as is the default."""
    found = _REAPPLY.findall(snapshot.text(MAIN) or "")
    return not found or found[-1].lower() in ("1", "yes", "true", "on")


@functools.lru_cache(maxsize=4)
def active(snapshot: Snapshot) -> Profile | None:
    """The active profiles with all that they include; None where there is none, or one is missing."""
    names = [name for name in (snapshot.text(TUNED_ACTIVE) or "").split() if _NAME.match(name)]
    after = (snapshot.text("/etc/tuned/post_loaded_profile") or "").split()
    sections: dict[str, dict[str, Option]] = {}
    done: list[str] = []
    if not names or not all(_load(snapshot, name, sections, done) for name in (*names, *after)):
        return None
    return Profile(" ".join(names), sections)


def _load(snapshot: Snapshot, name: str, sections: dict[str, dict[str, Option]], done: list[str]) -> bool:
    optional = name.startswith("-")
    paths = ["%s/%s/tuned.conf" % (folder, name.lstrip("-").rsplit("/", 1)[-1]) for folder in _FOLDERS]
    path = next((path for path in paths if snapshot.exists(path) and path not in done), None)
    if path is None:
        return optional or any(path in done for path in paths)
    done.append(path)
    own = _parse(snapshot, path)
    for included in re.split(r"\s*[,;]\s*|\s+", own.get("main", {}).get("include", Option(path, 0, "")).value):
        if included and "$" not in included and not _load(snapshot, included, sections, done):
            return False
    for section, options in own.items():
        if section == "main":
            continue
        merged = sections.setdefault(section, {})
        if _true(options.pop("replace", None)):
            merged.clear()
        dropped = options.pop("drop", None)
        for key in re.split(r"[\s,;]+", dropped.value) if dropped else ():
            merged.pop(key, None)
        merged.update(options)
        # A section's own name is its type, unless it says otherwise.
        merged.setdefault("type", Option(path, 0, section))
    return True


def _parse(snapshot: Snapshot, path: str) -> dict[str, dict[str, Option]]:
    return {
        section: {key: Option(path, *option) for key, option in options.items()}
        for section, options in tuned_conf.sections(snapshot.text(path) or "").items()
    }


def _type(options: t.Mapping[str, Option], wanted: str) -> bool:
    kind, enabled = options.get("type"), options.get("enabled")
    return bool(kind and kind.value == wanted and (enabled is None or _true(enabled)))


def _true(option: Option | None) -> bool:
    return option is not None and option.value in ("1", "true", "True")
