# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that a command does: modules and chains, by a shell as by Python. The commands are stand-ins."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import commands
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.plan import CHAIN, MODULE, UNLOAD
from ansible_collections.netops.conntrack.tests.unit.shells import (
    every_shell,
    left_behind,
    local,
    prefers_its_own,
    programs,
    remote,
    step,
    told,
)

NAT = "{ type nat hook prerouting priority dstnat; policy accept; }"
SHOWN = r"table ip nat {\n\tchain IN {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t}\n}\n"
LOAD = step(None, "netops_none", "/sys/module/netops_none", MODULE)
TAKE_OFF = step("netops_none", None, "/sys/module/netops_none", UNLOAD)
ADD = step(None, NAT, "ip nat IN", CHAIN)
DELETE = step(NAT, None, "ip nat IN", CHAIN)

COMPLAINTS = {
    "says why": "echo 'FATAL: Module netops_none not found' >&2; exit 1",
    "says it on both": "echo err >&2; echo out; printf 'err 2' >&2; echo out 2; exit 2",
    "says nothing": "exit 3",
    "says it in bytes": r"printf '\n\ncaf\351 \377\n\n' >&2; exit 1",
    "says it over lines": r"printf '  first\n  last  \n' >&2; exit 255",
    "says an error of the system": "echo 'netops_none: No such device' >&2; exit 1",
}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(commands, "_PAUSE", 0)


def both(shell, tmp_path, steps, scripts, edits=None):
    """What both say, which must be the same, and what they ran."""
    log = tmp_path / "log"
    scripts = {name: 'echo "%s $*" >>%s\n%s' % (name, log, script) for name, script in scripts.items()}
    edits = {"sleep 0.2": "sleep 0", **(edits or {})}
    folder = programs(tmp_path, **scripts)
    found = []
    for host in (remote(shell, tmp_path, programs=folder, edits=edits), local(folder)):
        for each in (log, tmp_path / "turn"):
            if each.exists():
                each.unlink()
        outcomes = told(host.carry_out(steps))
        found.append((outcomes, log.read_text(encoding="utf-8").splitlines() if log.exists() else []))
    assert found[0] == found[1]
    return found[0]


@every_shell
def test_a_module_is_loaded_and_udev_waited_for(shell, tmp_path):
    load = LOAD._replace(after="netops_none ports=21,2121 x='$HOME'")
    for udevadm in ("", "echo no >&2; exit 1"):
        outcomes, ran = both(shell, tmp_path, [load], {"modprobe": "echo said; echo more >&2", "udevadm": udevadm})
        assert outcomes == [(None, None)]
        assert ran == ["modprobe -- netops_none ports=21,2121 x='$HOME'", "udevadm settle --timeout=10"]


@every_shell
@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_a_command_that_fails(shell, complaint, tmp_path):
    fails = dict.fromkeys(("modprobe", "rmmod", "nft"), COMPLAINTS[complaint])
    # nft says nothing beside what it complains of.
    steps = [LOAD, TAKE_OFF, ADD] if "both" in complaint else [LOAD, TAKE_OFF, ADD, DELETE]
    outcomes, _ran = both(shell, tmp_path, steps, {**fails, "udevadm": ""})
    assert [error for error, _detail in outcomes] == ["ENODEV", "EBUSY", "ENODEV", "EIO"][: len(steps)]


@every_shell
def test_a_command_that_is_missing(shell, tmp_path):
    def run(argv, _seconds):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    steps = [LOAD, TAKE_OFF, ADD, DELETE]
    edits = {name: "netops-no-" + name for name in ("modprobe", "rmmod", "nft")}
    outcomes = told(remote(shell, tmp_path, edits=edits).carry_out(steps))
    assert outcomes == told(LocalHost(run=run).carry_out(steps))
    assert {error for error, _detail in outcomes} == {"ENOENT"}


@every_shell
def test_a_command_that_does_not_end(shell, tmp_path):
    if prefers_its_own(shell):
        pytest.skip("this BusyBox takes its own programs, whatever is on PATH")
    mark = "%s-%s" % (tmp_path, os.getpid())
    folder = programs(tmp_path, modprobe="sleep 1000", rmmod="exec sleep 1000", nft="sleep 1000; :")
    edits = {"aloud 30 ": "aloud 1 ", "watched 30 ": "watched 1 "}
    host = remote(shell, tmp_path, programs=folder, edits=edits, NETOPS_MARK=mark)
    outcomes = told(host.carry_out([LOAD, TAKE_OFF]))
    assert left_behind(mark) == []
    assert outcomes == [
        ("ETIMEDOUT", "/sys/module/netops_none: modprobe: no answer within 30 seconds"),
        ("ETIMEDOUT", "/sys/module/netops_none: rmmod: no answer within 30 seconds"),
    ]


@every_shell
@pytest.mark.parametrize("times", [0, 2, 9, 10])
def test_a_module_that_is_in_use_for_a_moment(shell, times, tmp_path):
    rmmod = "echo >>%s/turn; [ $(wc -l <%s/turn) -gt %d ] && exit; echo 'Module is in use' >&2; exit 1"
    outcomes, ran = both(shell, tmp_path, [TAKE_OFF], {"rmmod": rmmod % (tmp_path, tmp_path, times)})
    assert (outcomes[0][0], len(ran)) == ("EBUSY" if times == 10 else None, min(times + 1, 10))


@every_shell
def test_a_module_that_busybox_finds_in_use(shell, tmp_path):
    rmmod = "echo >>%s/turn; [ $(wc -l <%s/turn) -gt 2 ] && exit; echo 'Resource temporarily unavailable' >&2; exit 1"
    folder = programs(tmp_path, rmmod=rmmod % (tmp_path, tmp_path))
    host = remote(shell, tmp_path, programs=folder, edits={"sleep 0.2": "sleep 0"})
    assert told(host.carry_out([TAKE_OFF])) == [(None, None)]


@every_shell
def test_a_chain(shell, tmp_path):
    shown = "[ \"$1\" = list ] && printf '%s'" % SHOWN
    changed = shown.replace("accept;\\n", "accept;\\n\\t\\tmasquerade\\n")
    outcomes, ran = both(shell, tmp_path, [ADD, DELETE], {"nft": shown + "\nexit 0"})
    assert outcomes == [(None, None)] * 2
    added = "nft add table ip nat; add chain ip nat IN " + NAT
    assert ran == [added, "nft list chain ip nat IN", "nft delete chain ip nat IN"]
    outcomes, ran = both(shell, tmp_path, [DELETE], {"nft": changed + "\nexit 0"})
    assert (outcomes[0][0], len(ran)) == ("ESTALE", 1)
    outcomes, _ran = both(shell, tmp_path, [DELETE], {"nft": shown + " && exit\necho busy >&2; exit 1"})
    assert outcomes == [("EBUSY", "busy")]
    outcomes, _ran = both(shell, tmp_path, [DELETE], {"nft": "exit 1"})
    assert outcomes == [("EIO", "ip nat IN: exit status 1")]


@every_shell
def test_words_of_a_chain_are_no_patterns(shell, tmp_path):
    (tmp_path / "xyz").touch()
    star = ADD._replace(path="ip x*z *", before=NAT, after=None)
    nft = "cd %s; [ \"$1\" = list ] && printf 'table ip x*z { chain * %s }'\nexit 0" % (tmp_path, NAT)
    assert both(shell, tmp_path, [star], {"nft": nft})[0] == [(None, None)]
