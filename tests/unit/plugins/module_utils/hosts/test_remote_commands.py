# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: what they print, what they complain of, and those that do not end."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Command
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import command_key
from ansible_collections.netops.conntrack.tests.unit.shells import (
    alike,
    every_shell,
    left_behind,
    local,
    nobody,
    prefers_its_own,
    programs,
    reads_alike,
    remote,
)

WORDS = ("table full",)


def sh(code, *arguments, **options):
    return Command(("sh", "-c", code, "sh", *arguments), **options)


CASES = {
    "prints": sh("echo a; echo b"),
    "prints nothing": sh(":"),
    "prints no newline": sh("printf a"),
    "prints every kind of byte": sh(r"printf 'a\000b\377\r\n\n\303\251\001'"),
    "is only for uname": Command(("uname", "-m")),
    "is only for getconf": Command(("getconf", "PAGESIZE")),
    "counts": Command(("wc", "-l", "/proc/self/mounts")),
    "complains": sh("echo a; echo first >&2; echo last >&2; exit 3"),
    "complains without a newline": sh("printf 'broken' >&2; exit 1"),
    "complains in bytes": sh(r"printf 'caf\351 \377\n' >&2; exit 1"),
    "complains and ends well": sh("echo a; echo b >&2"),
    "fails without a word": sh("exit 4"),
    "fails with blank lines": sh("echo x >&2; echo >&2; exit 4"),
    "may not": sh("echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1"),
    "may not either": sh("echo 'permission denied' >&2; exit 1"),
    "misses a file": Command(("wc", "-l", "/nowhere/none")),
    "is not there": Command(("netops-no-such-command", "-x")),
    "is nowhere": Command(("/nowhere/none",)),
    "is not there to be looked for": Command(("/nowhere/none",), keep=WORDS),
    "takes odd words": sh('printf "<%s>" "$@"', "it's", "a b", "$HOME", "`id`", "*", "", "\\n", "two\nlines", "-n"),
    "takes bytes": sh('printf "<%s>" "$@"', "caf\u00e9 \udcff"),
    "reads its input": Command(("cat",)),
    "keeps lines": sh("echo first; echo x; echo 'table full'; echo y; echo last", keep=WORDS),
    "keeps lines without a newline": sh("echo first; echo x; printf last", keep=WORDS),
    "keeps nothing": sh(":", keep=WORDS),
    "keeps and fails": sh("echo 'table full'; echo why >&2; exit 2", keep=WORDS),
    "keeps and complains": sh("echo 'table full'; echo why >&2", keep=WORDS),
    "prints a lot": sh("for i in 1 2 3 4 5 6 7 8 9; do echo $i$i$i$i; done", limit=23),
    "prints just that much": sh("for i in 1 2 3 4; do echo $i$i$i$i; done", limit=20),
    "prints one more than that": sh("for i in 1 2 3 4; do echo $i$i$i$i; done", limit=19),
    "prints one long line": sh("printf 123456789", limit=5),
    "prints megabytes": Command(("seq", "400000"), limit=1 << 16),
    "starts what goes on": sh("sleep 0.01 >/dev/null 2>&1 & echo a"),
}


@every_shell
@pytest.mark.parametrize("by_input", [True, False], ids=["by input", "by command line"])
def test_a_command_that(shell, by_input, tmp_path):
    reads_alike(shell, tmp_path, CASES.values(), by_input=by_input)


@every_shell
def test_a_command_that_may_not_be_run(shell, tmp_path):
    (tmp_path / "program").write_text("#!/bin/sh\n", encoding="utf-8")
    items = [Command((str(tmp_path / "program"),)), Command((str(tmp_path),)), Command((str(tmp_path / "program/x"),))]
    reads_alike(shell, tmp_path, items)


@every_shell
def test_a_command_that_is_for_root(shell, tmp_path):
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    (tmp_path / "secret").chmod(0)
    items = [Command(("cat", str(tmp_path / "secret"))), Command(("wc", "-l", str(tmp_path / "secret")))]
    by_shell = remote(shell, tmp_path, as_nobody=True)
    with nobody(tmp_path):
        found = by_shell.read(items), local().read(items)
    alike(*found)


@every_shell
def test_one_that_does_not_end_is_ended_with_all_that_it_started(shell, tmp_path):
    mark = "%s-%s" % (tmp_path, os.getpid())
    items = [
        sh("echo begun; exec sleep 1000", seconds=1),
        sh("echo begun; sleep 1000; echo table full", seconds=1, keep=WORDS),
        sh("echo after"),
    ]
    found = remote(shell, tmp_path, NETOPS_MARK=mark).read(items)
    reasons = [found.reason(command_key(item.argv)) for item in items]
    assert reasons == ["failed: no answer within 1 seconds"] * 2 + [None]
    assert left_behind(mark) == []


@every_shell
def test_what_watches_over_a_command_ends_with_it(shell, tmp_path):
    mark = "%s-%s" % (tmp_path, os.getpid())
    remote(shell, tmp_path, NETOPS_MARK=mark).read([sh("echo %d" % number, seconds=1000) for number in range(20)])
    assert left_behind(mark) == []


@every_shell
def test_a_program_of_the_path(shell, tmp_path):
    if prefers_its_own(shell):
        pytest.skip("this BusyBox takes its own programs, whatever is on PATH")
    folder = programs(tmp_path, dmesg="echo '[1.0] nf_conntrack: table full'; echo '[2.0] x'; echo '[3.0] y'")
    items = [Command(("dmesg",), keep=WORDS)]
    alike(remote(shell, tmp_path, programs=folder).read(items), local(folder).read(items))
