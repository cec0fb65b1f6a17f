# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded hosts: fixtures/hosts/NAME is a folder of text files that a Snapshot is read from.

host.yml    origin (captured or reconstructed), from (what it was made of), kernel, and expect: facts that must hold;
            what git cannot keep: modes (path: "0444"), reasons (path: why it could not be read there),
            links (path: target), names (paths of folders and programs that exist but whose content is of no use)
root/       the files
commands/   what commands printed; the file's name is the command line with blanks as "_", slashes as "%"
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import typing as t

import yaml
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import SUBSETS
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import (
    ABSENT,
    Reading,
    Snapshot,
)

HOSTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "hosts")


class RecordedHost(LocalHost):
    """Reads a recorded host as a local host reads its machine, and writes into the folder ``root``."""

    def __init__(self, folder: str, root: str | None = None, **rest: t.Any) -> None:
        self.folder = folder
        self.root = root or os.path.join(folder, "root")
        self.about = describe(folder)
        super().__init__(root=self.root, run=self._recorded, **rest)

    def read(self, items: t.Iterable[probe.Item]) -> Snapshot:
        items = list(items)
        readings = dict(super().read(items).items())
        for path in list(readings):
            readings[path] = self._as_there(path, readings[path])
        for path in self._not_kept():
            if path not in readings and _asked_for(path, items):
                readings[path] = self._as_there(path, Reading())
        return Snapshot(readings)

    def _recorded(self, argv: t.Sequence[str], seconds: int) -> tuple[int, bytes, bytes]:
        """What a command printed there; one that was not recorded is not there. The shell checks new files."""
        if argv[0] == "sh":
            done = subprocess.run(argv, capture_output=True, timeout=seconds, check=False)
            return done.returncode, done.stdout, done.stderr
        with open(os.path.join(self.folder, "commands", command_file(argv)), "rb") as stream:
            return 0, stream.read(), b""

    def _as_there(self, path: str, reading: Reading) -> Reading:
        """With the mode, the link and the reason for not being read that git could not keep."""
        if path in self.about["names"]:
            reading = Reading(text="", link=self.about["links"].get(path))
        elif path in self.about["links"]:
            target = self.about["links"][path]
            pointed = os.path.normpath(os.path.join(os.path.dirname(path), target))
            there = Reading(text="") if target == "/dev/null" else super().read([probe.File(pointed)]).reading(pointed)
            reading = there._replace(link=target)
        if path in self.about["reasons"]:
            reading = Reading(reason=self.about["reasons"][path], mode=reading.mode)
        if path in self.about["modes"] and reading.reason != ABSENT:
            reading = reading._replace(mode=int(self.about["modes"][path], 8))
        elif reading.mode is not None:
            # The permissions of a checkout depend on who made it.
            reading = reading._replace(mode=0o644)
        return reading

    def _not_kept(self) -> t.Iterator[str]:
        for key in ("links", "names", "reasons"):
            yield from self.about[key]


def command_file(argv: t.Sequence[str]) -> str:
    """The name of the file that holds a command's output; a slash cannot stand in it and is a "%"."""
    return " ".join(argv).replace(" ", "_").replace("/", "%")


def names() -> list[str]:
    """The recorded hosts."""
    return sorted(os.listdir(HOSTS))


def describe(folder: str) -> dict[str, t.Any]:
    """host.yml of a folder, every key there."""
    with open(os.path.join(folder, "host.yml"), encoding="utf-8") as stream:
        about = yaml.safe_load(stream)
    empty: dict[str, t.Any] = {"modes": {}, "reasons": {}, "links": {}, "names": [], "expect": {}}
    return {**empty, **about}


def host(name: str) -> RecordedHost:
    return RecordedHost(os.path.join(HOSTS, name))


def load(name: str, subsets: t.Iterable[str] = SUBSETS) -> Snapshot:
    """What a run that gathers these subsets reads on this host."""
    return host(name).read(probe.items(subsets))


def expectations(name: str) -> dict[str, t.Any]:
    return describe(os.path.join(HOSTS, name))["expect"]


def copy(name: str, folder: t.Any, **rest: t.Any) -> RecordedHost:
    """The same host over a copy below ``folder`` that can be written to; its links are real ones.

    ``rest`` goes to LocalHost. The files keep their recorded modes, which do not stop root.
    """
    source = os.path.join(HOSTS, name)
    root = os.path.join(str(folder), "root")
    shutil.copytree(os.path.join(source, "root"), root)
    about = describe(source)
    for path, target in about["links"].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        os.symlink(target, root + path)
    for path, mode in about["modes"].items():
        if os.path.exists(root + path) and not stat.S_ISDIR(os.stat(root + path).st_mode):
            os.chmod(root + path, int(mode, 8))
    return RecordedHost(source, root, **rest)


def _asked_for(path: str, items: t.Iterable[probe.Item]) -> bool:
    for item in items:
        if isinstance(item, probe.Command):
            continue
        if isinstance(item, probe.File):
            if item.path == path:
                return True
        elif Snapshot({path: Reading(text="")}).glob(item.pattern):
            return True
    return False
