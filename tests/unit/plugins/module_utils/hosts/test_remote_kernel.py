# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine's kernel: values, processes, namespaces, large tables; read, never written."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob, Names
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Snapshot
from ansible_collections.netops.conntrack.tests.unit.shells import (
    alike,
    every_shell,
    local,
    nobody,
    reads_alike,
    remote,
)

STEADY = (
    *probe.SYSCTLS,
    Glob("/proc/sys/net/ipv4/*", limit=4096),
    Glob("/proc/sys/net/core/*mem*", limit=64),
    Glob("/proc/sys/kernel/*", limit=4096),
    Glob("/proc/sys/net/ipv4/conf/[adl][leo]*/*", limit=64),
    Glob("/sys/module/[in][pf]_*/parameters/*", limit=4096, most=4096),
    Glob("/sys/module/*/parameters/*", limit=4096, most=4096),
    Glob("/sys/kernel/slab/*/slab_size", limit=64, most=4096),
    File("/proc/sys/kernel/osrelease", limit=256),
    File("/proc/sys/fs/file-max", limit=2),
    File("/proc/sys/net/none", limit=64),
    File("/proc/sys/net", limit=64),
    File("/proc/self/ns/net/none", limit=64),
    File("/proc/cmdline"),
    File("/proc/modules", limit=1 << 18),
    File("/proc/version", limit=10),
    File("/proc/filesystems"),
    File("/proc/filesystems", limit=1 << 22),
)


def between(shell, folder, as_nobody=False):
    """What a shell read, and what Python read before and after it: without what changed by itself meanwhile."""

    def machine():
        with nobody(folder) if as_nobody else contextlib.nullcontext():
            return dict(local().read(STEADY).items())

    host = remote(shell, folder, as_nobody=as_nobody)
    before, found, after = machine(), dict(host.read(STEADY).items()), machine()
    moving = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    return [Snapshot({path: each[path] for path in each if path not in moving}) for each in (found, before)]


@every_shell
def test_values_and_tables(shell, tmp_path):
    by_shell, by_python = between(shell, tmp_path)
    alike(by_shell, by_python)
    numbers = [by_python.integer(path) for path, _reading in by_python.items()]
    assert any(number and number >= 10**4 for number in numbers)


@every_shell
def test_values_as_nobody(shell, tmp_path):
    alike(*between(shell, tmp_path, as_nobody=True))


@every_shell
@pytest.mark.parametrize("items", [probe.TABLE, (probe.UNAME, probe.PAGE_SIZE), (probe.OWN_NAMESPACE,)], ids=repr)
def test_what_it_says_of_itself(shell, items, tmp_path):
    reads_alike(shell, tmp_path, items)


@every_shell
def test_processes_and_their_namespaces(shell, tmp_path):
    """They come and go, so those that were there before and after must be told, and as they are."""
    items = (Glob("/proc/[0-9]*/comm", limit=64, most=4096), Names("/proc/[0-9]*/ns/net", most=4096))
    host, machine = remote(shell, tmp_path), local()
    before, found, after = (dict(each.read(items).items()) for each in (machine, host, machine))
    # A worker of the kernel is called after what it does at the moment.
    named = {path for path, reading in found.items() if not (reading.text or "").startswith("kworker")}
    steadily = {
        # Nobody asks for the mode of a process's file, and a shell does not tell it.
        path: each._replace(mode=None)
        for path, each in before.items()
        if after.get(path) == each and path in named
    }
    assert len(steadily) > 4
    assert {path: found.get(path) for path in steadily} == steadily


@every_shell
def test_every_process_twice(shell, tmp_path):
    """Two subsets of the facts ask for the same with limits of their own."""
    items = (Glob("/proc/[0-9]*/comm", limit=64, most=4096), Glob("/proc/[0-9]*/comm", limit=65, most=2048))
    items += (File("/proc/sys/kernel/osrelease", limit=64), File("/proc/sys/kernel/osrelease", limit=1 << 16))
    items += (File("/proc/version", limit=1 << 16), File("/proc/version", limit=1024))
    items += (Glob("/proc/sys/kernel/os*", limit=60), Glob("/proc/sys/kernel/*type", limit=61))
    found = remote(shell, tmp_path).read(items)
    for path in ("/proc/1/comm", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/ostype", "/proc/version"):
        with open(path, encoding="utf-8") as stream:
            assert found.text(path) == stream.read()
