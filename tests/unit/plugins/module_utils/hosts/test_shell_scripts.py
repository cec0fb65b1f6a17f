# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole scripts, as they are sent: what shellcheck says of them, how long they are, and that every shell takes them."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote import RemoteHost
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.shell_answer import Unanswered
from ansible_collections.netops.conntrack.plugins.module_utils.plan import (
    CHAIN,
    FILE,
    MODULE,
    START,
    SYSCTL,
    UNLOAD,
    Step,
)
from ansible_collections.netops.conntrack.plugins.module_utils.planners import unloading
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Command, File, Glob, Names
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell

ITEMS = (
    *probe.items(probe.SUBSETS),
    *unloading.ITEMS,
    File("/etc/it's"),
    Glob("/etc/a b/*.conf", tail=True, keep=("it's", "/\\")),
    Names("/var/*"),
    Command(("nft", "list", "ruleset")),
)
STAGES = (
    (
        Step(FILE, "/etc/it's", "old\n", "new %s\n", "", mode=0o600, validate=("sh", "-n", "%s")),
        Step(FILE, "/etc/new", None, "new\n", ""),
        Step(FILE, "/etc/gone", "old\n", None, "", mode=0o600),
    ),
    (
        Step(MODULE, "/sys/module/nf_conntrack", None, "nf_conntrack hashsize=1024", ""),
        Step(SYSCTL, "/proc/sys/net/netfilter/nf_conntrack_max", "1\n", "2", ""),
        Step(SYSCTL, "/proc/sys/net/netfilter/nf_conntrack_tcp_loose", None, "it's", ""),
        Step(UNLOAD, "/sys/module/nf_nat", "nf_nat", None, ""),
        Step(CHAIN, "ip nat IN", "{ type nat hook prerouting priority dstnat; policy accept; }", None, ""),
        Step(CHAIN, "ip nat IN", None, "{ type nat hook prerouting priority dstnat; policy accept; }", ""),
    ),
    (Step(START, "/run/netops conntrack/undo", None, None, ""),),
)
NAMES = ("reading", "acting", "looking")
# Why each of them is right as it is.
EXCEPTIONS = {
    "SC1003": "a word may end in a backslash",
    "SC2012": "ls alone sorts by time and prints modes on every host",
    "SC2046": "names are split at newlines, where IFS is one",
    "SC2059": "the format holds the mark of the answer",
    "SC2086": "patterns, and the names of functions with their arguments, are to be split",
    "SC2089": "so are quotes, of which the names of files may hold any",
    "SC2090": "as SC2089",
    "SC3013": "every shell has -ef; one that has not reads a file twice",
    "SC3045": "every shell has ulimit -t; one that has not unpacks without a limit",
}


def scripts():
    sent = []

    def send(script):
        sent.append(script)
        return b""

    host = RemoteHost(send, backup=True)
    looking = RemoteHost(send, changes=False)
    for question in (lambda: host.read(ITEMS), lambda: host.in_stages(STAGES, ITEMS), lambda: looking.read(ITEMS)):
        with pytest.raises(Unanswered):
            question()
    return dict(zip(NAMES, sent))


@pytest.mark.parametrize("name", NAMES)
def test_shellcheck(name):
    if not shutil.which("shellcheck"):
        pytest.skip("there is no shellcheck")
    argv = ["shellcheck", "-s", "sh", "-f", "gcc", "-e", ",".join(EXCEPTIONS), "-"]
    done = subprocess.run(argv, input=scripts()[name].encode(), capture_output=True, check=False)
    assert done.stdout.decode() == ""


@pytest.mark.parametrize("name", NAMES)
@every_shell
def test_syntax(shell, name, tmp_path):
    (tmp_path / "script").write_bytes(scripts()[name].encode())
    done = subprocess.run([*shell, "-n", str(tmp_path / "script")], capture_output=True, check=False)
    # ksh gives advice about old ways to write things.
    said = [line for line in done.stderr.splitlines() if b"warning:" not in line]
    assert (said, done.returncode) == ([], 0)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_room_for_one_on_a_command_line(name):
    """It is one argument of a shell's, at most 128 KiB long; what a become quotes in it counts more than once."""
    assert len(scripts()[name]) < 64 << 10
