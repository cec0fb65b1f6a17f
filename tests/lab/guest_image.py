# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images for guests: Debian made of its packages by mmdebstrap(1), as an ext4 file with its kernel beside it.

  .cache/lab/images/debian12-KEY/root.ext4, kernel, initrd     or under $LAB_CACHE/images

KEY is a digest of all that an image is made from: the suite, this file and the folder guest/. So a change here
makes a new image, and removes the old one. The mirror is the one that apt uses on this machine. An image gets
its name only when it is whole, and a lock keeps two labs from making the same one at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile

from processes import PATH
from state import LabError, Unavailable

# What a guest may be asked to be -> Debian's name for it.
SUITES = {"debian11": "bullseye", "debian12": "bookworm", "debian13": "trixie"}
PACKAGES = (
    "busybox-static",
    "conntrack",
    "cpio",
    "dbus",
    "e2fsprogs",
    "iproute2",
    "iptables",
    "kmod",
    "linux-image-cloud-amd64",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "systemd-sysv",
    "udev",
)
# On a common Debian 13 this comes with procps, which only recommends it.
MORE_PACKAGES = {"trixie": ("linux-sysctl-defaults",)}
# As the installer makes it; Debian 11 has not the package that mmdebstrap's own way takes.
MERGED_USR = {
    "bullseye": '--setup-hook=cd "$1" && for name in bin lib lib32 lib64 libx32 sbin; do '
    "mkdir -p usr/$name && ln -s usr/$name $name; done"
}
COMMANDS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "apt-get": "apt", "xz": "xz-utils"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DOWNLOAD = "/usr/lib/apt/apt-helper"
HERE = os.path.dirname(os.path.abspath(__file__))
# Only what Linux 5.10 and the e2fsck of Debian 11 know, whatever this machine's mke2fs would choose.
FEATURES = (
    "none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,"
    "dir_nlink,extra_isize,metadata_csum"
)
SIZE = "2G"


def find(guest):
    """The image for a kind of guest, made now unless it is there: the folder with root.ext4, kernel and initrd."""
    images = os.path.join(_cache(), "images")
    image = os.path.join(images, f"{guest}-{_key(guest)}")
    if os.path.isdir(image):
        return image
    os.makedirs(images, exist_ok=True)
    with open(os.path.join(images, f"{guest}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(image):
            _build(guest, image)
    return image


def _cache():
    return os.path.abspath(os.environ.get("LAB_CACHE") or os.path.join(HERE, "..", "..", ".cache", "lab"))


def _key(guest):
    digest = hashlib.sha256(guest.encode())
    folder = os.path.join(HERE, "guest")
    for path in (os.path.abspath(__file__), *(os.path.join(folder, name) for name in sorted(os.listdir(folder)))):
        with open(path, "rb") as file:
            digest.update(path[len(HERE) :].encode() + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:12]


def _build(guest, image):
    suite = SUITES[guest]
    _require(suite)
    images = os.path.dirname(image)
    # With the lock held, whatever else has this guest's name is an old image, or one that was never finished.
    for name in os.listdir(images):
        if name.startswith(f"{guest}-"):
            shutil.rmtree(os.path.join(images, name))
        elif name == f"{guest}.log":
            os.remove(os.path.join(images, name))
    work = tempfile.mkdtemp(prefix=f"{guest}-new-", dir=images)
    root, made = os.path.join(work, "root"), os.path.join(work, "made")
    log = os.path.join(images, f"{guest}.log")
    os.mkdir(made)
    packages = ",".join((*PACKAGES, *MORE_PACKAGES.get(suite, ())))
    _logged(
        log,
        ["mmdebstrap", "--mode=root", "--variant=apt", "--architectures=amd64", f"--include={packages}",
         MERGED_USR.get(suite, "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"),
         "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
         "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=force-unsafe-io",
         *(f"--aptopt={line}" for line in _proxies()),
         f"--customize-hook={os.path.join(HERE, 'guest', 'customize')}",
         suite, root, f"deb {_mirror()} {suite} main"],
        work,
    )  # fmt: skip
    boot = os.path.join(root, "boot")
    kernel = next(name for name in sorted(os.listdir(boot)) if name.startswith("vmlinuz-"))
    shutil.copyfile(os.path.join(boot, kernel), os.path.join(made, "kernel"))
    shutil.move(os.path.join(boot, "initrd"), os.path.join(made, "initrd"))
    _logged(
        log,
        ["mke2fs", "-q", "-F", "-t", "ext4", "-O", FEATURES, "-N", "65536", "-m", "0", "-L", "root", "-d", root,
         "-E", "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0", os.path.join(made, "root.ext4"), SIZE],
        work,
    )  # fmt: skip
    os.rename(made, image)
    shutil.rmtree(work)


def _logged(log, command, work):
    """Run a part of the making; what it says goes to a file and, when it fails, its end to whoever asked."""
    # INITRD: the guest boots with its own small one, and Debian's takes a while to make.
    environment = {**os.environ, "PATH": PATH, "INITRD": "No", "TMPDIR": work, "LC_ALL": "C"}
    with open(log, "a", encoding="utf-8") as output:
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, check=False
        ).returncode
    if status:
        shutil.rmtree(work, ignore_errors=True)
        with open(log, encoding="utf-8", errors="replace") as output:
            raise LabError(f"{command[0]} could not make a guest's image: {output.read().strip()[-2000:]}")


def _require(suite):
    """Raise Unavailable with a plain sentence where this machine cannot make the image."""
    if os.geteuid() != 0:
        raise Unavailable("making a guest's image takes root")
    if platform.machine() != "x86_64":
        raise Unavailable(f"guests are made on x86_64 machines only, and this one is {platform.machine()}")
    packages = [package for command, package in COMMANDS.items() if not shutil.which(command, path=PATH)]
    if not os.path.exists(KEYRING):
        packages.append("debian-archive-keyring")
    if packages:
        raise Unavailable(f"making a guest's image takes these Debian packages: {', '.join(packages)}")
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            [DOWNLOAD, "download-file", f"{_mirror()}/dists/{suite}/InRelease", os.path.join(folder, "InRelease")],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    if tried.returncode:
        reason = " ".join(line for line in tried.stderr.splitlines() if line.startswith("E:"))
        raise Unavailable(f"apt's Debian mirror does not give this machine {suite} to make a guest of: {reason}")


def _mirror():
    """Where this machine's apt gets Debian from."""
    wanted = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
    shown = _apt("apt-get", "indextargets", "--format", "$(SITE)", *wanted)
    if not shown:
        raise Unavailable("apt knows no Debian mirror on this machine: is it a Debian, and was apt-get update run?")
    return shown[0].rstrip("/")


def _proxies():
    """The lines of this machine's apt configuration that say how a mirror is reached."""
    lines = _apt("apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', "Acquire::http", "Acquire::https")
    return [line for line in lines if "proxy" in line.lower()]


def _apt(*command):
    shown = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, env={**os.environ, "PATH": PATH}
    )
    return shown.stdout.splitlines()
