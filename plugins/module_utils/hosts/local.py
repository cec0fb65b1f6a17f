# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine this Python runs on: reads a probe, carries out a plan. Nothing here decides anything."""

from __future__ import annotations

import errno
import glob
import io
import os
import stat
import typing as t

from ..plan import CHAIN, FILE, MODULE, START, SYSCTL, UNLOAD, Outcome, Step
from ..probe import Command, File, Glob, Item, Names
from ..snapshot import ABSENT, CANNOT_BE_UNPACKED, FORBIDDEN, TOO_LARGE, Reading, Snapshot, command_key
from . import commands, lock, replacing
from .host import Host

_REASONS = {
    errno.ENOENT: ABSENT,
    errno.ENOTDIR: ABSENT,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
}


_VALIDATE_SECONDS = 10
# Of a compressed log at most this many times the limit is unpacked.
_UNPACKED = 32


class LocalHost(Host):
    """``root`` moves every path, so that a folder of recorded files can stand for a machine.

    ``move(source, destination)`` puts a finished file in its place atomically, with the security context that belongs
    there. ``run(argv, seconds)`` gives exit status, standard output and standard error of a command; it
    raises OSError where there is no such command and TimeoutError where it took longer. ``backup(path)`` is called
    before a file is replaced.
    """

    def __init__(
        self,
        root: str = "/",
        run: commands.Run | None = None,
        move: t.Callable[[str, str], None] = os.replace,
        backup: t.Callable[[str], str] | None = None,
    ) -> None:
        self._root = root.rstrip("/")
        self._run = run
        self._move = move
        self._backup = backup
        self.backups: dict[str, str] = {}
        self._locked: t.BinaryIO | None = None

    def lock(self, seconds: float) -> None:
        """Keeps every other run that changes something away from now on. Raises lock.Busy where one is at work."""
        self._locked = lock.take(self._root, seconds)

    def read(self, items: t.Iterable[Item]) -> Snapshot:
        readings: dict[str, Reading] = {}
        patterns = []
        for item in items:
            if isinstance(item, File):
                readings[item.path] = self._file(item.path, item)
            elif isinstance(item, Glob):
                patterns.append(item.pattern)
                files = [path for path in self._matches(item.pattern) if not os.path.isdir(self._root + path)]
                for path in self._newest(files, item.most):
                    readings[path] = self._file(path, item)
            elif isinstance(item, Names):
                for path in self._matches(item.pattern)[: item.most]:
                    readings[path] = Reading(text="", link=self._link(path))
            else:
                readings[command_key(item.argv)] = self._command(item)
        if self._locked:
            self._sweep([*readings, *patterns])
        return Snapshot(readings)

    def carry_out(self, steps: t.Iterable[Step]) -> list[Outcome]:
        acts: dict[str, t.Callable[[Step], Outcome]] = {
            SYSCTL: self._write,
            FILE: self._replace,
            MODULE: lambda step: commands.load(self._run, step),
            UNLOAD: lambda step: commands.unload(self._run, step),
            CHAIN: lambda step: commands.chain(self._run, step),
            START: self._start,
        }
        outcomes = []
        for step in steps:
            try:
                outcome = acts[step.kind](step)
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "EIO")
                outcome = Outcome(step, name, "%s: %s" % (step.path, error.strerror or error))
            outcomes.append(outcome)
        return outcomes

    def _sweep(self, paths: t.Iterable[str]) -> None:
        """What is written was read before, so what a killed run left lies beside what is read."""
        files = [path for path in paths if path.startswith("/") and not path.startswith(("/proc/", "/sys/"))]
        for folder in {os.path.dirname(os.path.realpath(self._root + path)) for path in files}:
            replacing.sweep(folder)

    def _matches(self, pattern: str) -> list[str]:
        found = glob.glob(glob.escape(self._root) + pattern)
        return sorted(path[len(self._root) :] for path in found)

    def _newest(self, paths: list[str], most: int) -> list[str]:
        if len(paths) <= most:
            return paths

        def changed(path: str) -> float:
            try:
                return os.stat(self._root + path).st_mtime
            except OSError:
                return 0.0

        return sorted(sorted(paths, key=changed)[-most:])

    def _link(self, path: str) -> str | None:
        try:
            return os.readlink(self._root + path)
        except OSError:
            return None

    def _file(self, path: str, item: File | Glob) -> Reading:
        real = self._root + path
        link = self._link(path)
        try:
            mode = stat.S_IMODE(os.stat(real).st_mode)
        except OSError as error:
            return Reading(reason=_reason(error), link=link)
        try:
            data, partial, head_cut = _content(real, item.limit, item.tail)
        except Exception as error:  # a damaged log raises zlib.error or lzma.LZMAError, which are only loaded for one
            reason = _reason(error) if getattr(error, "errno", None) else CANNOT_BE_UNPACKED
            return Reading(reason=reason, mode=mode, link=link)
        if partial and not item.tail and not item.keep:
            return Reading(reason=TOO_LARGE, mode=mode, link=link)
        text, left_out = _kept(data, item.keep, head_cut)
        return Reading(text=text, mode=mode, link=link, partial=partial or left_out)

    def _write(self, step: Step) -> Outcome:
        descriptor = os.open(self._root + step.path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, ("%s\n" % step.after).encode())
        finally:
            os.close(descriptor)
        return Outcome(step)

    def _replace(self, step: Step) -> Outcome:
        # A symbolic link stays one: what it points to is replaced.
        real = os.path.realpath(self._root + step.path)
        current = self._current(real)
        wanted = None if step.before is None else step.before.encode("utf-8", "surrogateescape")
        if current != wanted:
            return Outcome(step, "ESTALE", "%s changed after it was read; nothing was written to it" % step.path)
        if step.after is None:
            self._keep(step, real)
            replacing.remove(real, step.private)
            return Outcome(step)

        def approve(temporary: str) -> str | None:
            complaint = self._complaint(step.validate, temporary) if step.validate else None
            if complaint is None and current is not None:
                self._keep(step, real)
            return complaint

        data = step.after.encode("utf-8", "surrogateescape")
        complaint = replacing.replace(real, data, step.mode, approve, self._move)
        return Outcome(step, "EINVAL", "%s: %s" % (step.path, complaint)) if complaint else Outcome(step)

    def _start(self, step: Step) -> Outcome:
        systemd = os.path.isdir(self._root + "/run/systemd/system")
        return commands.start(self._run, step, self._root + step.path, systemd)

    def _keep(self, step: Step, real: str) -> None:
        if self._backup and not step.private:
            self.backups[step.path] = self._backup(real)

    def _command(self, item: Command) -> Reading:
        if self._run is None:
            return Reading(reason="failed: no commands are run here")
        try:
            status, data, errors = self._run(item.argv, item.seconds)
        except TimeoutError:
            return Reading(reason="failed: no answer within %d seconds" % item.seconds)
        except OSError as error:
            return Reading(reason=_reason(error))
        if status:
            complaint = errors.decode("utf-8", "replace").strip().splitlines()
            last = complaint[-1] if complaint else "exit status %d" % status
            refused = "not permitted" in last or "ermission denied" in last
            missing = "No such file" in last
            return Reading(reason=FORBIDDEN if refused else ABSENT if missing else "failed: %s" % last)
        partial = len(data) > item.limit
        text, left_out = _kept(data[-item.limit :], item.keep, head_cut=partial)
        return Reading(text=text, partial=partial or left_out)

    def _complaint(self, validate: tuple[str, ...], path: str) -> str | None:
        if self._run is None:
            return None
        said = commands.refusal(self._run, [word.replace("%s", path) for word in validate], _VALIDATE_SECONDS)
        return said and "%s refuses the new text: %s" % (validate[0], said.replace(path, "the new text"))

    @staticmethod
    def _current(real: str) -> bytes | None:
        try:
            kind = os.stat(real).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "not a regular file")
        with open(real, "rb") as stream:
            return stream.read()


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return _REASONS.get(number or 0) or "failed: %s" % (getattr(error, "strerror", None) or error)


def _content(real: str, limit: int, tail: bool) -> tuple[bytes, bool, bool]:
    """At most ``limit`` bytes of a file, whether there was more, and whether it was more before them."""
    with _opened(real) as stream:
        if tail and isinstance(stream, io.BufferedReader):
            size = os.fstat(stream.fileno()).st_size
            if size > limit:
                stream.seek(size - limit)
                return stream.read(limit), True, True
        data = stream.read(limit + 1)
        # A compressed log is unpacked to its end, within reason: the newest lines stand there.
        for _turn in range(_UNPACKED if tail else 0):
            more = stream.read(limit)
            if not more:
                break
            data = (data + more)[-limit - 1 :]
    if tail and len(data) > limit:
        return data[-limit:], True, True
    return data[:limit], len(data) > limit, False


def _opened(real: str) -> t.Any:
    # Compressed logs are rare, their libraries are slow to load: only when there is one.
    if real.endswith(".gz"):
        import gzip

        return gzip.open(real, "rb")
    if real.endswith(".bz2"):
        import bz2

        return bz2.open(real, "rb")
    if real.endswith(".xz"):
        import lzma

        return lzma.open(real, "rb")
    # Non-blocking, so that a FIFO in a configuration directory cannot hold us up.
    return os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK), "rb")


def _kept(data: bytes, words: tuple[str, ...], head_cut: bool) -> tuple[str, bool]:
    """The text, without a first line that was cut in two, and with the lines blank that were not asked for."""
    if head_cut:
        data = data[data.find(b"\n") + 1 :]
    if not words:
        return data.decode("utf-8", "surrogateescape"), False
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    wanted = [word.encode() for word in words]
    last = len(lines) - 1
    kept = [
        line if number in (0, last) or any(word in line for word in wanted) else b""
        for number, line in enumerate(lines)
    ]
    return b"".join(line + b"\n" for line in kept).decode("utf-8", "surrogateescape"), kept != lines
