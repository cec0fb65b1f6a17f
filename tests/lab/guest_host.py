# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are virtual machines: a Debian of its own with its kernel, modules and systemd, emulated by QEMU,
with no need for KVM. It can be rebooted, and lose power. Up in half a minute.

A guest sits on the lab's bridge, beside the namespace hosts, by a tap device. It has no route elsewhere. Its disk
is the image of its kind below (guest_image.py) and what it writes above, which lasts until it is stopped. Its name
and keys come on a second disk, a tar file, and its address by the kernel's command line: guest/init takes them up.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import tarfile
import uuid

import guest_image
import network
import processes
from processes import PATH
from state import LabError, Unavailable, make_key

COMMANDS = {
    "ip": "iproute2",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
START_SECONDS = 300
LOG_BYTES = 1 << 20
KERNEL_LINE = (
    "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 panic=1 mitigations=off audit=0 "
    "random.trust_cpu=on rcupdate.rcu_expedited=1 8250.nr_uarts=1 systemd.gpt_auto=0"
)
# Without cx16: QEMU 7.2 leaves wrong flags behind a cmpxchg16b, of which a Linux 6.12 dies sooner or later. The
# others only cost time: they load modules for nested machines, and make each page walk longer.
CPU = "max,cx16=off,svm=off,vmx=off,la57=off"
# The bound of the log is kept by a reader of what QEMU prints; with QEMU it ends.
READER = 'dd bs=4096 iflag=count_bytes count="$1" status=none; exec cat >/dev/null'
# exec keeps the process: its number is on record before it becomes QEMU.
WAIT_THEN_BECOME = 'read -r go && exec "$@"'


def require():
    """Raise Unavailable with a plain sentence where this machine cannot run guests."""
    if os.geteuid() != 0:
        raise Unavailable("guests take root: a bridge and tap devices")
    missing = {package for command, package in COMMANDS.items() if not shutil.which(command, path=PATH)}
    if missing:
        raise Unavailable(f"running guests takes these Debian packages: {', '.join(sorted(missing))}")
    if not os.path.exists("/dev/net/tun"):
        raise Unavailable("running guests takes tap devices, and there is no /dev/net/tun")


def start(state, name, kind):
    """Start one guest, whose number is claimed, and wait until its sshd answers. kind: debian12 and the like."""
    folder = state.path("hosts", name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    number = state.hosts[name]["number"]
    make_key(os.path.join(folder, "host_key"))
    record = {
        "kind": "guest",
        "guest": kind,
        "number": number,
        "address": f"{state.bridge['network']}.{number}",
        "port": network.port_name(state, number),
        "image": guest_image.find(kind),
        "pid": None,
    }
    state.set_host(name, record)
    _identity(state, name, record)
    base = os.path.join(record["image"], "root.ext4")
    _run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, os.path.join(folder, "disk"))
    _power_on(state, name, record)


def reset(state, name):
    """Cut a guest's power and give it back: what had not reached its disk is lost."""
    record = state.hosts[name]
    if not os.path.isdir(record.get("image", "")):
        raise LabError(f"{name} cannot start again: its image is gone, as another one has replaced it")
    processes.end(record, name, _is_reader)
    _power_on(state, name, record)


def stop(state, name):
    """End one guest and throw away its disk."""
    record = state.hosts[name]
    processes.end(record, name, _is_reader)
    if record.get("port"):
        network.unlink(record["port"])
    state.set_host(name, None)
    shutil.rmtree(state.path("hosts", name), ignore_errors=True)


def enter(state, record, argv):
    """Run a command inside; returns its exit status."""
    command = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]
    command += ["-o", f"UserKnownHostsFile={state.path('known_hosts')}", "-o", "LogLevel=ERROR"]
    command += ["-i", state.path("key"), "-F", "none", f"root@{record['address']}", "--", shlex.join(argv)]
    return subprocess.run(command, check=False).returncode


def _power_on(state, name, record):
    folder = state.path("hosts", name)
    mac = network.tap(state.bridge, record["port"], record["number"])
    with open(os.path.join(folder, "log"), "ab") as log:
        reader = subprocess.Popen(
            ["sh", "-c", READER, "lab-log", str(LOG_BYTES)],
            stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, cwd="/", env={"PATH": PATH},
        )  # fmt: skip
    # Should this command die before the number is on record, the pipe closes and the process ends by itself.
    machine = subprocess.Popen(
        ["sh", "-c", WAIT_THEN_BECOME, "lab-guest", *_qemu(name, folder, record, mac)],
        stdin=subprocess.PIPE, stdout=reader.stdin, stderr=reader.stdin, start_new_session=True, cwd="/",
        env={"PATH": PATH},
    )  # fmt: skip
    reader.stdin.close()
    record.update(pid=machine.pid, born=processes.born(machine.pid), reader=reader.pid)
    state.set_host(name, record)
    machine.stdin.write(b"go\n")
    machine.stdin.close()
    processes.wait_for_sshd(record, name, folder, START_SECONDS)


def _qemu(name, folder, record, mac):
    line = f"{KERNEL_LINE} lab.address={record['address']}/{network.PREFIX_LENGTH}"
    return [
        "qemu-system-x86_64", "-name", name, "-nodefaults", "-no-user-config", "-nographic",
        "-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "2", "-m", "512",
        "-kernel", os.path.join(record["image"], "kernel"), "-initrd", os.path.join(record["image"], "initrd"),
        "-append", line,
        # A power cut loses what the guest did not sync; what it did is safe with this machine.
        "-drive", f"file={_quoted(folder)}/disk,format=qcow2,if=virtio,cache=unsafe",
        "-drive", f"file={_quoted(folder)}/identity.tar,format=raw,if=virtio,readonly=on",
        "-netdev", f"tap,id=net,ifname={record['port']},script=no,downscript=no",
        "-device", f"virtio-net-pci,netdev=net,mac={mac},romfile=",
        "-chardev", "file,id=console,path=/dev/fd/1", "-serial", "chardev:console",
    ]  # fmt: skip


def _quoted(path):
    """A path in a QEMU option, where a comma ends it."""
    return path.replace(",", ",,")


def _identity(state, name, record):
    """The tar file that makes this guest itself: name, machine id, its host key, and the key that opens it."""
    folder = state.path("hosts", name)
    own = f"127.0.0.1 localhost\n{record['address']} {name}\n"
    files = {
        "etc/hostname": (f"{name}\n", 0o644),
        "etc/hosts": (own, 0o644),
        "etc/machine-id": (f"{uuid.uuid4().hex}\n", 0o444),
        "etc/ssh/ssh_host_ed25519_key": (_read(os.path.join(folder, "host_key")), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (_read(os.path.join(folder, "host_key.pub")), 0o644),
        "root/.ssh/authorized_keys": (_read(state.path("key.pub")), 0o600),
        "etc/lab-identity": (f"{name}\n", 0o644),
    }
    with tarfile.open(os.path.join(folder, "identity.tar"), "w", format=tarfile.USTAR_FORMAT) as archive:
        for path, (text, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text), mode
            archive.addfile(entry, io.BytesIO(text.encode("ascii")))


def _is_reader(record):
    """Whether the process that writes the log is still about to end."""
    try:
        with open(f"/proc/{record['reader']}/cmdline", "rb") as file:
            return b"lab-log" in file.read()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={"PATH": PATH})


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read()
