# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module tests share: a module run by Ansible, network namespaces, and a machine that is put back.

The limit of entries is one number for the whole machine and can be written only in its first network namespace, so
some tests change the machine itself. `machine` takes a lock against a second run, and afterwards puts back every
value and every file, whatever became of the test. No test makes the first namespace track connections.
"""

from __future__ import annotations

import fcntl
import glob
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import uuid

import pytest

PROC = "/proc/sys/net/netfilter/"
RECORD = "/var/lib/netops-conntrack/original.json"
DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
# Where conntrack_settings writes.
FILES = ("/etc/sysctl.conf", "/etc/sysctl.d/*", "/etc/modprobe.d/*", "/var/lib/netops-conntrack/*")
# The modules serve Python 3.8 and later; the system's own is the one an ordinary user may run too.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable

# One socket, one destination a flow: 127.1.x.y, all of them the receiver's. Ends with how many the kernel refused.
# With a pause it goes on until its input is closed or the flows are all sent.
SENDER = """
import select, socket, sys
first, flows, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("0.0.0.0", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("127.0.0.1", 0))
refused = 0
for flow in range(first, first + flows):
    try:
        sender.sendto(b"x", ("127.1.%d.%d" % divmod(flow, 250), receiver.getsockname()[1]))
    except PermissionError:
        refused += 1
    if flow == first and pause:
        print("begun", flush=True)
    if pause and select.select([sys.stdin], [], [], pause)[0]:
        break
print(refused)
"""


def pytest_configure(config):
    # Who ends a run wants no guest of it left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What pytest-ansible does, not what the tests do.
    for warning in ("Host management is deprecated", "AnsibleCollectionFinder has already", ".*use of fork"):
        config.addinivalue_line("filterwarnings", "ignore:%s" % warning)


def output(*argv):
    """What a command prints; the test fails with its complaint where it does not succeed."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, "%s: %s" % (" ".join(argv), done.stderr)
    return done.stdout


def read(path):
    with open(path, "rb") as stream:
        return stream.read()


@pytest.fixture(scope="session")
def root():
    """Skips, with the reason, where the machine cannot be changed or has no namespaces to offer."""
    if os.geteuid() != 0:
        pytest.skip("not run: changing a host needs root")
    if not os.path.exists(PROC + "nf_conntrack_max"):
        pytest.skip("not run: this kernel has no connection tracking")
    if not shutil.which("ip") or subprocess.run(["ip", "netns"], capture_output=True, check=False).returncode:
        pytest.skip("not run: 'ip netns' does not work here")


@pytest.fixture(name="wrapper")
def fixture_wrapper():
    return wrapper


@pytest.fixture(name="output")
def fixture_output():
    return output


def wrapper(folder, name, *command):
    """The path of a Python, and with "-sh" of a shell, that run under this command, in a network namespace say."""
    path = os.path.join(str(folder), name)
    for file, program in ((path, PYTHON), (path + "-sh", "/bin/sh")):
        with open(file, "w", encoding="utf-8") as stream:
            stream.write('#!/bin/sh\nexec %s %s "$@"\n' % (shlex.join(command), program))
        os.chmod(file, 0o755)
    return path


@pytest.fixture(params=["python", "shell"])
def transport(request):
    """Every behaviour is the same by both."""
    return request.param


@pytest.fixture
def play(root, ansible_module, transport):
    """play(module, arguments, keyword=value...): the result of one task; keywords are those of a play."""
    build = ansible_module._build_play_ds

    def run(module, arguments=None, interpreter=PYTHON, variables=None, **keywords):
        # pytest-ansible has no check mode for one call, nor variables: they are keywords of the play it builds.
        keywords["vars"] = {
            "ansible_python_interpreter": interpreter,
            "ansible_shell_executable": "/bin/sh" if interpreter == PYTHON else interpreter + "-sh",
            "conntrack_transport": transport,
            **(variables or {}),
        }
        ansible_module._build_play_ds = lambda given: {**build(given), **keywords}
        return dict(getattr(ansible_module, module)(**(arguments or {}))["localhost"])

    return run


@pytest.fixture(scope="session")
def tell(tmp_path_factory):
    """tell(inventory, host, tasks, argument..., variable=value...): what playing.play gives."""
    # The collection can be imported when pytest-ansible has made its way, which is after this file was read.
    from ansible_collections.netops.conntrack.tests.integration import playing

    return lambda *arguments, **variables: playing.play(tmp_path_factory.mktemp("play"), *arguments, **variables)


@pytest.fixture
def facts(play):
    """facts(arguments, ...): what conntrack_facts finds."""

    def gather(arguments=None, **rest):
        result = play("netops.conntrack.conntrack_facts", arguments, **rest)
        assert not result.get("failed"), result
        return result["ansible_facts"]["conntrack"]

    return gather


@pytest.fixture
def settings(play):
    """settings(values, persist=..., check_mode=...): the result of conntrack_settings, failed or not."""

    def set_(values=None, interpreter=PYTHON, check_mode=False, **options):
        arguments = options if values is None else {"settings": values, **options}
        return play("netops.conntrack.conntrack_settings", arguments, interpreter, check_mode=check_mode, diff=True)

    return set_


class Namespace:
    """A network namespace that tracks what it sends over its own loopback."""

    def __init__(self, folder):
        self.name = "conntrack-test-%s" % uuid.uuid4().hex[:8]
        self.interpreter = wrapper(folder, self.name, "ip", "netns", "exec", self.name)
        output("ip", "netns", "add", self.name)

    def track(self):
        self.run("ip", "link", "set", "lo", "up")
        self.run("nft", "add table inet test")
        self.run("nft", "add chain inet test out { type filter hook output priority 0; }")
        self.run("nft", "add rule inet test out ct state new counter")

    def run(self, *argv):
        return output("ip", "netns", "exec", self.name, *argv)

    def python(self, code, *arguments):
        return self.run(PYTHON, "-c", code, *arguments)

    def value(self, key):
        return int(self.run("cat", PROC + key))

    def send(self, flows, first=0):
        """Sends one packet in each of so many flows; how many sendto() refused with EPERM."""
        return int(self.python(SENDER, str(first), str(flows), "0"))

    def sending(self):
        """A process that begins a flow every 10 ms, for half a minute at most; it has begun."""
        argv = ["ip", "netns", "exec", self.name, PYTHON, "-c", SENDER, "0", "3000", "0.01"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"begun\n"
        return process

    @property
    def inode(self):
        return os.stat("/run/netns/" + self.name).st_ino

    def delete(self):
        output("ip", "netns", "delete", self.name)


@pytest.fixture
def namespace(root, tmp_path):
    made = Namespace(str(tmp_path))
    try:
        made.track()
        yield made
    finally:
        made.delete()


class Machine:
    """The values and files of this machine that the modules change."""

    proc = PROC
    record = RECORD
    drop_in = DROP_IN

    def __init__(self):
        self.first = self.state()

    def state(self):
        """The conntrack values that can be written, and the files where settings are kept with their modes."""
        paths = [path for path in glob.glob(PROC + "nf_*") if os.stat(path).st_mode & stat.S_IWUSR]
        files = [path for pattern in FILES for path in glob.glob(pattern)]
        return {path: read(path).decode().strip() for path in paths}, {
            path: (read(path), stat.S_IMODE(os.stat(path).st_mode)) for path in files if os.path.isfile(path)
        }

    def value(self, key):
        return int(read(PROC + key))

    def restore(self):
        values, files = self.first
        present = self.state()[1]
        for path in present.keys() - files.keys():
            os.unlink(path)
        for path, (data, mode) in files.items():
            if present.get(path) != (data, mode):
                with open(path, "wb") as stream:
                    stream.write(data)
                os.chmod(path, mode)
        # A threshold may have to wait for the other one of its pair.
        for path in sorted(values, key=lambda path: "buckets" not in path) * 2:
            if read(path).decode().strip() != values[path]:
                with open(path, "w", encoding="ascii") as stream:
                    stream.write(values[path] + "\n")


@pytest.fixture
def machine(root):
    """This machine, locked against another run, and put back at the end."""
    folder = os.path.dirname(RECORD)
    lock = os.open("/var/lib", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(RECORD) or os.path.exists(DROP_IN):
            pytest.skip("not run: netops.conntrack manages this machine (%s, %s)" % (RECORD, DROP_IN))
        there = os.path.isdir(folder)
        made = Machine()
        try:
            yield made
        finally:
            made.restore()
            if not there and os.path.isdir(folder):
                os.rmdir(folder)
            assert made.state() == made.first
    finally:
        os.close(lock)
