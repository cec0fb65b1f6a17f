# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for faults, and what must hold after each of them: see Host.unharmed and Host.recovers."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import typing

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
RECORDED = os.path.join(CHECKOUT, "tests", "unit", "fixtures", "hosts")
RECORD = "/var/lib/netops-conntrack/original.json"
# Whatever a killed run may leave. No program takes a name like this for its configuration.
TEMPORARY = re.compile(r"/\.netops-conntrack-[^/]*~$")
# System calls that change files, and those that a lock takes. Not every machine has all of them.
CHANGING = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "chmod", "fchmod",
    "fchmodat", "chown", "fchown", "fchownat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "utimensat",
    "ftruncate", "link", "linkat", "symlink", "symlinkat", "flock",
)  # fmt: skip
_OURS = re.compile(r'[<"](/(?:etc|var/lib|proc/sys|run/netops-conntrack)[^">]*)')


class Call(typing.NamedTuple):
    """A system call of a run: the ``number``-th of this name, and the path that it is about."""

    name: str
    number: int
    path: str


class Scenario(typing.NamedTuple):
    """``before`` runs make the host what it is, ``act`` is the run with the fault, ``other`` a different change."""

    before: tuple
    act: tuple
    other: tuple
    setup: str = ""
    recorded: str | None = None


RESTORE = ("conntrack_settings", {"state": "restored", "allow_lower": True})


class Host:
    """A scratch host that a scenario was prepared on.

    ``first`` is its first state, ``before`` that in which the act begins, ``after`` what the act leaves undisturbed.
    """

    def __init__(self, scenario):
        self.scenario = scenario
        self._recovered = set()
        recorded = scenario.recorded and os.path.join(RECORDED, scenario.recorded, "root")
        settings = {"collections": os.path.join(CHECKOUT, ".cache", "collections"), "recorded": recorded}
        argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        self._process = subprocess.Popen(
            [*argv, sys.executable, "-B", os.path.join(HERE, "scratch_host.py"), json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if scenario.setup:
            self.shell(scenario.setup)
        self.first = self.state()
        for each in scenario.before:
            self.succeed(each)
        self.before = self.state()
        self.succeed(scenario.act)
        self.after = self.state()
        assert self.after != self.before
        self.put(self.before)

    def order(self, do, **arguments):
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the scratch host is gone"
        return json.loads(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, what, **tracing):
        return self.order("run", module=what[0], arguments=what[1], **tracing)

    def succeed(self, what):
        """The result of a run that must not fail."""
        return result(self.run(what), 0)

    def shell(self, script):
        done = self.order("shell", script=script)
        assert done["status"] == 0, done["output"]
        return done["output"]

    def state(self):
        found = self.order("state")
        return {**found["files"], **found["values"]}

    def put(self, state):
        self.order(
            "put",
            files={path: row for path, row in state.items() if not path.startswith("/proc/")},
            values={path: row for path, row in state.items() if path.startswith("/proc/")},
        )

    def calls(self):
        """The system calls by which the act changes something, in order; the last one hands its result over."""
        done = self.run(self.scenario.act, trace=["?" + name for name in CHANGING])
        assert done["status"] == 0, done["output"]
        self.put(self.before)
        counts, found = {}, []
        for line in done["trace"]:
            called = re.match(r"(\w+)\((.*)", line)
            if not called:
                continue
            name, rest = called.groups()
            number = counts[name] = counts.get(name, 0) + 1
            about = _OURS.search(rest)
            if about and self.scenario.recorded and about.group(1).startswith("/proc/"):
                continue  # a plain file, which does not take values as the kernel does
            if about and (name != "openat" or re.search("O_WRONLY|O_RDWR", rest)):
                found.append(Call(name, number, plain(about.group(1))))
            elif name == "write" and rest.startswith("1<"):
                found.append(Call(name, number, "the result"))
        return found

    def fault(self, call, what, onwards=False):
        """The act with one fault: ``what`` is SIGKILL or the name of an error."""
        kind = "signal" if what.startswith("SIG") else "error"
        inject = "%s:%s=%s:when=%d%s" % (call.name, kind, what, call.number, "+" if onwards else "")
        for _attempt in range(3):
            self.put(self.before)
            done = self.run(self.scenario.act, trace=[call.name], inject=inject)
            if kind == "signal":
                assert done["status"] == -9, "it was to be killed: %s" % done
                return done
            hit = [plain(line) for line in done["trace"] if "(INJECTED)" in line]
            if hit and call.path in (*_OURS.findall(hit[0]), "the result"):
                return done
            # An import looked at a folder once more, or the like: the same call has another number.
        raise AssertionError("another call was hit: %s" % hit)

    def unharmed(self, refused=False):
        """Nothing is half written or lost; the state as the fault left it.

        ``refused``: a live value could not be set, so files may lack it: then each line must be an old or a new one.
        """
        now = self.state()
        for path in {*now, *self.before, *self.after} - {RECORD}:
            if TEMPORARY.search(path):
                continue
            expected = (self.before.get(path), self.after.get(path))
            if refused and composed(now.get(path), *expected):
                continue
            shown = [essence(path, state) for state in (now, self.before, self.after)]
            assert now.get(path) in expected, "%s is %s, neither %s nor %s" % (path, *shown)
        record = self._record(now)
        changed = [
            path for path in {*now, *self.first}
            if now.get(path) != self.first.get(path) and not is_folder(now.get(path) or self.first.get(path))
        ]  # fmt: skip
        for path in changed:
            if path != RECORD and not TEMPORARY.search(path):
                assert path in record, "%s is changed and its first state lost" % path
        for path, row in record.items():
            data = None if row["bytes"] is None else base64.b64decode(row["bytes"])
            assert data == content(self.first.get(path)), "the record of %s is wrong" % path
        return now

    def _record(self, now):
        if RECORD not in now:
            return {}
        text, mode, owner, group = now[RECORD]
        assert (mode & 0o7777, owner, group) == (0o600, 0, 0)
        assert now[os.path.dirname(RECORD)][1] & 0o7777 == 0o700
        return json.loads(base64.b64decode(text))["paths"]

    def recovers(self, left, refused=False):
        """From what a fault ``left`` behind, whatever is run next.

        ``refused``: what could not be set at first is added to a file later, and so below the other lines.
        What one fault left as another did is not tried again: a run knows nothing but what it finds.
        """
        shown = plain(json.dumps(left, sort_keys=True))
        if shown in self._recovered:
            self.put(self.before)
            return
        self.succeed(self.scenario.act)
        assert_same(self.state(), self.after, "after the next run", refused)
        assert self.succeed(self.scenario.act)["changed"] is False, "a second run changed something"
        assert_same(self.state(), self.after, "after a second run", refused)
        self.succeed(RESTORE)
        assert_same(self.state(), self.first, "after a restore of the next run")

        self.put(left)
        self.succeed(RESTORE)
        assert_same(self.state(), self.first, "after a restore at once")

        self.put(left)
        self.succeed(self.scenario.other)
        assert_same_names(self.state(), "after another change")
        self.succeed(RESTORE)
        assert_same(self.state(), self.first, "after a restore of another change")
        self.put(self.before)
        self._recovered.add(shown)


def result(done, status=None):
    """What a run says; it must say it as a module does."""
    assert "Traceback" not in done["output"], done["output"]
    said = json.loads(done["output"])
    assert status is None or done["status"] == status, said
    return said


def plain(text):
    return re.sub(r"\.netops-conntrack-[^/\">]*~", ".netops-conntrack-*~", text)


def is_folder(entry):
    return isinstance(entry, list) and entry[0] is None


def content(entry):
    """The bytes of a file or value, None where it was not there."""
    if entry is None:
        return None
    if isinstance(entry, str):
        return entry.strip().encode()
    return entry[0].encode() if entry[0].startswith("-> ") else base64.b64decode(entry[0])


def composed(now, old, new):
    """Whether a file is made of whole lines of its old and its new text, with the new one's owner and mode."""
    if not now or not new or isinstance(now, str) or is_folder(now) or now[1:] != new[1:]:
        return False
    known = content(old or new).splitlines(True) + content(new).splitlines(True)
    return set(content(now).splitlines(True)) <= set(known)


def assert_same(now, then, when, in_any_order=False):
    different = [path for path in {*now, *then} if essence(path, now) != essence(path, then)]
    if in_any_order:
        different = [path for path in different if not composed(now.get(path), then.get(path), then.get(path))]
    wrong = ["%s is %s instead of %s" % (path, essence(path, now), essence(path, then)) for path in different]
    assert not wrong, "%s: %s" % (when, "; ".join(wrong))


def essence(path, state):
    """What must be the same in two states: of the record, of what it holds the first state."""
    entry = state.get(path)
    if entry is None or isinstance(entry, str) or is_folder(entry):
        return entry
    if path == RECORD:
        return {about: row["bytes"] for about, row in json.loads(content(entry))["paths"].items()}
    return [content(entry), *entry[1:]]


def assert_same_names(now, when):
    left = [path for path in now if TEMPORARY.search(path)]
    assert not left, "%s: %s" % (when, left)
