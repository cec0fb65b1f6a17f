# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an execution environment is to a job of AWX, without containers: run as root in a mount namespace of its own.

The private data dir is at /mnt/runner, in it the project and its collections are read-only, /tmp is empty, and of this
machine's Python there is just what runs Ansible. Then it is nobody, whose home is nowhere, and calls ansible-runner as
AWX does. HOME is the private data dir, which the entry point of execution environments falls back on.

  unshare --mount --propagation private PYTHON environment.py PRIVATE_DATA_DIR PROJECT COLLECTIONS IDENT \
      PLAYBOOK
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

RUNNER = "/mnt/runner"
NOBODY = 65534
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind=None, flags=0, options=None):
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    if _LIBC.mount(*words, flags, None if options is None else options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def covers(needed):
    """/tmp, /mnt, and whatever bars nobody from what is needed."""
    found = {"/tmp", "/mnt"}
    for path in needed:
        while path != "/":
            path = os.path.dirname(path)
            if not os.stat(path).st_mode & 1:
                found.add(path)
    # One over another would hide it.
    return [path for path in found if not any(path.startswith(other + "/") for other in found)]


def prepare(private_data_dir, project, collections):
    needed = {sys.prefix, sys.base_prefix}
    kept = {path: os.open(path, os.O_PATH) for path in (*needed, private_data_dir, project, collections)}
    for path in covers(needed):
        mount("nothing", path, "tmpfs", 0, "mode=1777" if path == "/tmp" else "mode=0755")
    for path, target in (
        *((path, path) for path in needed),
        (private_data_dir, RUNNER),
        (project, RUNNER + "/project"),
        (collections, RUNNER + "/requirements_collections"),
    ):
        os.makedirs(target, exist_ok=True)
        mount("/proc/self/fd/%d" % kept[path], target, flags=MS_BIND)
        if path != private_data_dir:
            mount("nothing", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
        os.close(kept[path])


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.umask(0o022)
    os.chdir(RUNNER)
    os.environ.clear()
    os.environ.update(
        HOME=RUNNER, LANG="C.UTF-8", LC_ALL="C.UTF-8", PATH="%s/bin:/usr/local/bin:/usr/bin:/bin" % sys.prefix
    )


def run(ident, playbook):
    """As awx.main.tasks.jobs does; the files of the private data dir are there already."""
    import ansible_runner

    with open("params.json", encoding="utf-8") as stream:
        params = json.load(stream)
    made = ansible_runner.run(
        private_data_dir=RUNNER, ident=ident, playbook=playbook, suppress_env_files=True, fact_cache_type="", **params
    )
    print(made.status, made.rc)


if __name__ == "__main__":
    prepare(*sys.argv[1:4])
    become_nobody()
    run(*sys.argv[4:])
