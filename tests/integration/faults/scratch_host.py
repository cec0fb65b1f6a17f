# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host for faults: process 1 of new network, mount and process namespaces, with /etc, /var/lib and /run of its own.

Takes orders on its standard input, one line of JSON each, and answers likewise. The modules are imported once; each
run is a child that reads its arguments as Ansible hands them over. strace(1) makes the faults: the system call that is
chosen is not carried out, but answered with an error or with SIGKILL. Needs root; all it makes ends with it.
"""

from __future__ import annotations

import base64
import contextlib
import glob
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

# What the modules change lies below these.
FOLDERS = ("/etc", "/var/lib")
VALUES = ("/proc/sys/net/netfilter/nf_*", "/proc/sys/net/nf_conntrack_max")
# Where the kernel's own /proc is on a host that shows a recorded one.
PROC = "/run/proc"
# As much of /etc as the commands need that modules call.
KEPT = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime")


def main():
    settings = json.loads(sys.argv[1])
    build(settings["recorded"])
    sys.path[:0] = [settings["collections"]]
    orders = {"run": run, "together": together, "state": state, "put": put, "shell": shell}
    from ansible_collections.netops.conntrack.plugins.modules import conntrack_settings, iptables_config

    modules = {"conntrack_settings": conntrack_settings.main, "iptables_config": iptables_config.main}
    for line in sys.stdin:
        order = json.loads(line)
        name = order.pop("do")
        if name in ("run", "together"):
            order["modules"] = modules
        print(json.dumps(orders[name](**order)), flush=True)


def build(recorded):
    """The file systems of the host; ``recorded`` is a folder with the kernel's files as another host showed them."""
    kept = tempfile.mkdtemp()
    for name in KEPT:
        if os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, kept)
    for folder in (*FOLDERS, "/run"):
        command("mount", "-t", "tmpfs", "-o", "mode=755", "scratch", folder)
    for name in os.listdir(kept):
        shutil.copy(os.path.join(kept, name), "/etc")
    shutil.rmtree(kept)
    for folder in ("sysctl.d", "modprobe.d", "modules-load.d", "udev/rules.d", "sysconfig"):
        os.makedirs("/etc/" + folder, 0o755)
    os.chdir("/")
    if not recorded:
        command("mount", "-t", "proc", "proc", "/proc")
        return
    os.mkdir(PROC)
    command("mount", "-t", "proc", "proc", PROC)
    command("mount", "-t", "tmpfs", "-o", "mode=755", "scratch", "/proc")
    shutil.copytree(recorded + "/proc", "/proc", dirs_exist_ok=True)
    for name in ("self", "1", "mounts", "cmdline"):
        os.symlink(PROC + "/" + name, "/proc/" + name)


def command(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def run(modules, module, arguments, trace=(), inject=None):
    """One run, traced from its first system call on where that is asked for; waits for its end."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("output", "trace")}
        gate, opener = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            be(modules[module], arguments, paths["output"], gate)
        os.close(gate)
        tracer = strace(pid, paths["trace"], trace, inject) if trace else None
        os.close(opener)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        lines = []
        if tracer:
            tracer.communicate()
            lines = text(paths["trace"]).splitlines()
        return {"status": status, "output": text(paths["output"]), "trace": lines}


def together(modules, runs):
    """Several runs at the same moment."""
    with tempfile.TemporaryDirectory() as folder:
        gate, opener = os.pipe()
        children = []
        for number, (module, arguments) in enumerate(runs):
            output = os.path.join(folder, str(number))
            pid = os.fork()
            if pid == 0:
                os.close(opener)
                be(modules[module], arguments, output, gate)
            children.append((pid, output))
        os.close(gate)
        os.close(opener)
        ended = [(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output) for pid, output in children]
        return [{"status": status, "output": text(output), "trace": []} for status, output in ended]


def be(main_, arguments, output, gate):
    """Becomes a module: what it is told and where its result goes; begins when the gate is closed."""
    from ansible.module_utils import basic

    status = 70
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        if hasattr(basic, "_ANSIBLE_PROFILE"):
            basic._ANSIBLE_PROFILE = "legacy"
        os.read(gate, 1)
        main_()
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def strace(pid, output, trace, inject):
    if os.path.isdir(PROC):
        os.symlink("%s/%d" % (PROC, pid), "/proc/%d" % pid)
    argv = ["strace", "-y", "-o", output, "-e", "trace=" + ",".join(trace), "-p", str(pid)]
    if inject:
        argv += ["-e", "inject=" + inject]
    tracer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = tracer.stderr.readline()
    if "attached" not in said:
        os.kill(pid, signal.SIGKILL)
        raise RuntimeError("strace: " + said)
    return tracer


def text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def state():
    """Every file and folder below FOLDERS, and every live value that can be written."""
    files = {}
    for top in FOLDERS:
        for folder, folders, names in os.walk(top):
            for path in (os.path.join(folder, name) for name in (*folders, *names)):
                files[path] = entry(path)
    paths = [path for pattern in VALUES for path in glob.glob(pattern) if os.stat(path).st_mode & stat.S_IWUSR]
    return {"files": files, "values": {path: text(path) for path in paths}}


def entry(path):
    """[content, mode, owner, group]; a folder has no content, and that of a link begins with an arrow."""
    about = os.lstat(path)
    content = None
    if stat.S_ISLNK(about.st_mode):
        content = "-> " + os.readlink(path)
    elif stat.S_ISREG(about.st_mode):
        with open(path, "rb") as stream:
            content = base64.b64encode(stream.read()).decode()
    return [content, about.st_mode, about.st_uid, about.st_gid]


def put(files, values):
    """Makes the files and values what they were in a state."""
    now = state()
    for path in sorted(now["files"], reverse=True):
        if now["files"][path] != files.get(path):
            if stat.S_ISDIR(now["files"][path][1]) and path not in files:
                os.rmdir(path)
            elif not stat.S_ISDIR(now["files"][path][1]):
                os.unlink(path)
    for path, (content, mode, owner, group) in sorted(files.items()):
        if now["files"].get(path) == [content, mode, owner, group]:
            continue
        if stat.S_ISLNK(mode):
            os.symlink(content[3:], path)
            continue
        if stat.S_ISDIR(mode):
            os.makedirs(path, exist_ok=True)
        else:
            with open(path, "wb") as stream:
                stream.write(base64.b64decode(content))
        os.chown(path, owner, group)
        os.chmod(path, stat.S_IMODE(mode))
    # A threshold may have to wait for the other one of its pair.
    for path, value in (*values.items(), *values.items()):
        if text(path) != value:
            with open(path, "w", encoding="ascii") as stream:
                stream.write(value)


def shell(script):
    done = subprocess.run(
        ["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    return {"status": done.returncode, "output": done.stdout}


if __name__ == "__main__":
    main()
