# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shells of this machine as hosts that a shell reaches, beside this machine as Python has it.

What a script would do outside the folder of a test, it does in that folder.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shutil
import subprocess
import time
import typing as t

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import shell_quoting
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote import RemoteHost
from ansible_collections.netops.conntrack.plugins.module_utils.plan import FILE, SYSCTL, Outcome, Step
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob, Item
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading, Snapshot

Shell = t.Tuple[str, ...]

SHELLS: tuple[Shell, ...] = (("dash",), ("bash", "--posix"), ("busybox", "sh"), ("ksh",), ("mksh",), ("sh",))


def _here() -> t.Iterator[Shell]:
    """Those that this machine has; sh is mostly one of the others."""
    known = set()
    for shell in SHELLS:
        program = shutil.which(shell[0])
        if program and os.path.realpath(program) not in known:
            known.add(os.path.realpath(program))
            yield shell


# A script does not depend on the Python that wrote it: one run tries every shell, those by other Pythons the first.
HERE = list(_here())[: None if os.environ.get("SHELLS") == "all" else 1]
every_shell = pytest.mark.parametrize("shell", HERE, ids=" ".join)
one_shell = pytest.mark.parametrize("shell", HERE[:1], ids=" ".join)

FROM_INPUT = 'eval "$(cat)"'
_SECONDS = 60
_TOOLS = "/usr/sbin:/usr/bin:/sbin:/bin"
_NOBODY = 65534
NO_TEXT = "failed: it is no text"


class Connection:
    """Sends scripts to a shell. What ``edits`` hold is put in the place of what they name, in every script.

    ``programs`` is a folder whose programs come before all others. ``answers`` are what was printed.
    """

    def __init__(
        self,
        shell: Shell,
        folder: t.Any,
        by_input: bool = True,
        programs: t.Any = None,
        as_nobody: bool = False,
        edits: t.Mapping[str, str] | None = None,
        **environment: str,
    ) -> None:
        self.shell = shell
        self.by_input = by_input
        self.environment = {**os.environ, **environment}
        self.folder = str(folder)
        self.edits = {**_apart(self.folder), **(edits or {})}
        self.before = ""
        self.prefix = _to_nobody(folder) if as_nobody and os.geteuid() == 0 else []
        self.answers: list[bytes] = []
        if programs is not None:
            self.environment["PATH"] = "%s:%s" % (programs, _TOOLS)
            if prefers_its_own(shell):
                # It looks at PATH for what it has not itself, but for its functions first.
                names = sorted(filter(str.isidentifier, os.listdir(str(programs))))
                self.before = "".join('%s() { %s/%s "$@"; }\n' % (name, programs, name) for name in names)
                self.edits["set -- setsid"] = "set --"

    def send(self, script: str) -> bytes:
        done = self.run(script)
        assert (done.stderr, done.returncode) == (b"", 0)
        self.answers.append(done.stdout)
        return done.stdout

    def run(self, script: str) -> subprocess.CompletedProcess[bytes]:
        argv, data = self.call(script)
        return subprocess.run(
            argv, input=data, capture_output=True, env=self.environment, timeout=_SECONDS, check=False
        )

    def call(self, script: str) -> tuple[list[t.Any], bytes]:
        """What is run, and what it is given."""
        data = (self.before + self.edited(script)).encode("utf-8", "surrogateescape")
        if self.by_input:
            return [*self.prefix, *self.shell, "-c", FROM_INPUT], data
        return [*self.prefix, *self.shell, "-c", data], b""

    def edited(self, script: str) -> str:
        for old, new in self.edits.items():
            script = script.replace(old, new)
        return script


def _to_nobody(folder: t.Any) -> list[str]:
    _open(folder)
    if not shutil.which("setpriv"):
        pytest.skip("there is no setpriv, which makes a shell nobody's")
    return ["setpriv", "--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups"]


def _open(folder: t.Any) -> None:
    """Lets everybody into a folder of the tests, which pytest keeps closed."""
    for each in (folder, *folder.parents):
        if str(each) in ("/", "/tmp"):
            break
        each.chmod(0o755)


def _apart(folder: str) -> dict[str, str]:
    """The lock, what a host with systemd has, and the folder that is removed when it is empty."""
    return {
        "for D in /run /var/run;": "for D in %s;" % shell_quoting.word(folder + "/run"),
        "/run/systemd/system": folder + "/run/systemd/system",
        "rmdir /var/lib/netops-conntrack": "rmdir %s/var/lib/netops-conntrack" % folder,
    }


@functools.lru_cache(maxsize=None)
def prefers_its_own(shell: Shell) -> bool:
    """Whether a shell has the tools in itself, as BusyBox may, and takes those before what is on PATH."""
    argv = [shutil.which(shell[0]) or "", *shell[1:], "-c", "ls /"]
    return subprocess.run(argv, env={"PATH": "/nowhere"}, capture_output=True, check=False).returncode == 0


def remote(shell: Shell, folder: t.Any, changes: bool = True, backup: bool = False, **options: t.Any) -> RemoteHost:
    return RemoteHost(Connection(shell, folder, **options).send, changes, backup)


def local(programs: t.Any = None, **options: t.Any) -> LocalHost:
    """This machine itself, with commands as an Ansible module runs them."""
    path = "%s:%s" % (programs, _TOOLS) if programs else "%s:%s" % (os.environ.get("PATH", ""), _TOOLS)

    def run(argv: t.Sequence[str], seconds: int) -> tuple[int, bytes, bytes]:
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                env={**os.environ, "LC_ALL": "C", "PATH": path},
            )
        except subprocess.TimeoutExpired as error:
            said = "%s: no answer within %d seconds" % (argv[0], seconds)
            raise TimeoutError(errno.ETIMEDOUT, said) from error
        return done.returncode, done.stdout, done.stderr

    return LocalHost(run=run, **options)


def alike(by_shell: Snapshot, by_python: Snapshot, words: t.Sequence[str] = ()) -> None:
    """Fails where they say something else.

    Where only lines with certain ``words`` count, a shell tells these and the number of each, and nothing of a file
    that is no text; Python stops at a limit.
    """

    def held(reading: Reading) -> Reading:
        lines = (reading.text or "").split("\n")
        kept = [(number, line) for number, line in enumerate(lines) if any(word in line for word in words)]
        return reading._replace(text=repr(kept)) if words and reading.text is not None else reading

    ours, theirs = dict(by_shell.items()), dict(by_python.items())
    found = []
    for path in sorted({*ours, *theirs}):
        one, other = ours.get(path), theirs.get(path)
        if words and one and other and (other.partial or one.reason == NO_TEXT) and "\0" in (other.text or "\0"):
            continue
        one, other = one and held(one), other and held(other)
        if words and one and other and other.partial and (one.text or "").startswith((other.text or "")[:-1]):
            other = other._replace(text=one.text)
        if not one or not other or one._replace(partial=False) != other._replace(partial=False):
            found.append("%r\n  by shell:  %s\n  by Python: %s" % (path, _short(one), _short(other)))
    if found:
        pytest.fail("\n".join(found[:20]))


def _short(reading: Reading | None) -> Reading | None:
    if reading is None or len(reading.text or "") < 500:
        return reading
    text = t.cast(str, reading.text)
    return reading._replace(text="%s ... %s, %d letters" % (text[:100], text[-100:], len(text)))


def reads_alike(shell: Shell, folder: t.Any, items: t.Iterable[Item], **options: t.Any) -> Snapshot:
    """What both read, which must be the same."""
    items = list(items)
    # What of a file only counts where a word stands in it is read in another way.
    lines = [item for item in items if isinstance(item, (File, Glob)) and item.keep and not item.tail]
    expected = local().read(items)
    for some in (lines, [item for item in items if item not in lines]):
        if some:
            wanted = [word for item in some for word in item.keep] if some is lines else ()
            # Who changes nothing reads small files together.
            for changes in (True, False):
                alike(remote(shell, folder, changes, **options).read(some), local().read(some), wanted)
    return expected


def programs(folder: t.Any, **scripts: str) -> t.Any:
    """A folder of programs, each a shell script by its name."""
    folder = folder / "programs"
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text("#!/bin/sh\n" + script + "\n", encoding="utf-8")
        path.chmod(0o755)
    return folder


def step(before: str | None, after: str | None, path: t.Any, kind: str = FILE, **rest: t.Any) -> Step:
    return Step(kind, str(path), before, after, "because", **rest)


def value(before: str | None, after: str | None, path: t.Any) -> Step:
    return step(before, after, path, SYSCTL)


@contextlib.contextmanager
def nobody(folder: t.Any) -> t.Iterator[None]:
    """Who may do less than root, for Python; he may enter the folder."""
    groups, group, user = os.getgroups(), os.getegid(), os.geteuid()
    if user == 0:
        _open(folder)
        os.setgroups([])
        os.setegid(_NOBODY)
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(user)
            os.setegid(group)
            os.setgroups(groups)


def left_behind(mark: str) -> list[str]:
    """The command lines of processes that still have ``mark`` in their environment, after a while for them to end."""
    end = time.monotonic() + 20
    while True:
        found = [line for line in map(functools.partial(_command_line, mark), os.listdir("/proc")) if line]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def _command_line(mark: str, pid: str) -> str:
    try:
        with open("/proc/%s/environ" % pid, "rb") as stream:
            if mark.encode() not in stream.read():
                return ""
        with open("/proc/%s/cmdline" % pid, "rb") as stream:
            return stream.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def told(outcomes: t.Iterable[Outcome]) -> list[tuple[str | None, str | None]]:
    return [(outcome.error, outcome.detail) for outcome in outcomes]


LONG_AGO = 1000000000


class Twice:
    """A folder in which both hosts do the same, each on what ``make(folder)`` puts there."""

    def __init__(self, shell: Shell, tmp_path: t.Any, make: t.Callable[[t.Any], None]) -> None:
        self.shell = shell
        self.tmp_path = tmp_path
        self.folder = tmp_path / "host"
        self._make = make

    def do(self, *steps: Step, backup: bool = False, as_nobody: bool = False, **options: t.Any) -> list[Outcome]:
        """What became of the steps, which must be the same for both, as must be what they leave in the folder."""
        kept = self._copy if backup else None
        by_shell = remote(self.shell, self.tmp_path, backup=backup, as_nobody=as_nobody, **options)
        by_python = local(options.get("programs"), backup=kept)
        ours, theirs = self._done(by_shell, steps), self._done(by_python, steps, as_nobody)
        for one, other in zip(ours[1:], theirs[1:]):
            unlike = [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)]
            if unlike:
                pytest.fail("\n".join("%s\n  by shell:  %s\n  by Python: %s" % each for each in unlike[:5]))
        return t.cast("list[Outcome]", ours[0])

    def _done(self, host: t.Any, steps: t.Sequence[Step], as_nobody: bool = False) -> tuple[t.Any, ...]:
        if self.folder.exists():
            shutil.rmtree(str(self.folder))
        self.folder.mkdir()
        self._make(self.folder)
        with nobody(self.tmp_path) if as_nobody else contextlib.nullcontext():
            outcomes = host.carry_out(steps)
        backups = {path: _nameless(copy) for path, copy in host.backups.items()}
        return outcomes, dict(enumerate(told(outcomes))), state(self.folder), backups

    def _copy(self, path: str) -> str:
        copy = "%s.%d.2026-01-02@03:04:05~" % (path, os.getpid())
        shutil.copy2(path, copy)
        if os.geteuid() == 0:
            os.chown(copy, os.stat(path).st_uid, os.stat(path).st_gid)
        return copy


def state(folder: t.Any) -> dict[str, t.Any]:
    """All that is in a folder: kind, mode, owner, content, and whether it is new."""
    found: dict[str, t.Any] = {}
    for above, folders, files in os.walk(str(folder)):
        for name in (*folders, *files):
            path = os.path.join(above, name)
            about = os.lstat(path)
            content: t.Any = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as stream:
                    content = stream.read()
            fresh = about.st_mtime > LONG_AGO + 1 if os.path.isfile(path) else None
            about_it = (oct(about.st_mode), about.st_uid, about.st_gid, about.st_nlink, fresh, content)
            found[_nameless(os.path.relpath(path, str(folder)))] = about_it
    return found


def _nameless(path: str) -> str:
    """A copy's name without the process and the time."""
    return re.sub(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~$", ".PID.TIME~", path)


def put(path: t.Any, content: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """A file that is there for long."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if owner and os.geteuid() == 0:
        os.chown(str(path), *owner)
    path.chmod(mode)
    os.utime(str(path), (LONG_AGO, LONG_AGO))
