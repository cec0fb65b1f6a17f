# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table as a shell reads it: what Python reads of the same file, or an error, and never a smaller table."""

from __future__ import annotations

import shutil
import socket

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.conntrack_entry import IPV4, TCP
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import remote_table, shell_answer
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local_table import LocalTableHost
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.remote_table import RemoteTableHost
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.shell_answer import Unanswered
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import ABSENT, FORBIDDEN
from ansible_collections.netops.conntrack.plugins.module_utils.table.batch import COLUMNS
from ansible_collections.netops.conntrack.plugins.module_utils.table.filter import Filter
from ansible_collections.netops.conntrack.plugins.module_utils.table.reading import (
    CTNETLINK,
    END,
    ERROR,
    PROCFS,
    SAMPLE,
    TIME,
    Progress,
    Unreadable,
    Wanted,
)
from ansible_collections.netops.conntrack.tests.unit.plugins.module_utils.hosts.test_remote_terminal import Terminal
from ansible_collections.netops.conntrack.tests.unit.shells import Connection, every_shell, nobody, one_shell, programs

NEW, OLD = "nf_conntrack", "ip_conntrack"
# One line each of what kernels print, with a number in it.
KINDS = {
    NEW: (
        "ipv4     2 tcp      6 76%d ESTABLISHED src=10.99.0.1 dst=10.99.0.2 sport=%d dport=8080 packets=4 bytes=221 "
        "src=10.99.0.2 dst=10.99.0.1 sport=8080 dport=%d packets=3 bytes=1164 [ASSURED] mark=0 zone=0 "
        "delta-time=0 use=2\n",
        "ipv4     2 udp      17 2%d src=10.99.0.1 dst=10.99.0.9 sport=%d dport=53 [UNREPLIED] "
        "src=10.99.0.9 dst=192.0.2.1 sport=53 dport=%d mark=42 zone=7 use=2\n",
        "ipv6     10 icmpv6   58 2%d src=fd99:0000:0000:0000:0000:0000:0000:0001 "
        "dst=fd99:0000:0000:0000:0000:0000:0000:0002 type=128 code=0 id=%d "
        "src=fd99:0000:0000:0000:0000:0000:0000:0002 dst=fd99:0000:0000:0000:0000:0000:0000:0001 "
        "type=129 code=0 id=%d mark=0 use=2\n",
    ),
    OLD: (
        "tcp      6 43199%d ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=%d dport=80 "
        "src=10.0.0.2 dst=10.0.0.1 sport=80 dport=%d [ASSURED] use=1 \n",
        "udp      17 2%d src=10.0.0.1 dst=10.0.0.2 sport=%d dport=53 packets=1 bytes=60 [UNREPLIED] "
        "src=10.0.0.2 dst=10.0.0.1 sport=53 dport=%d packets=0 bytes=0 use=1\n",
    ),
}
MANY = 30
WITHOUT_GZIP = {"gzip": "exit 127"}
# Its sed takes a NUL for the end of a line.
BUSYBOX = {name: 'exec busybox %s "$@"' % name for name in ("gzip", "sed")} if shutil.which("busybox") else {}
packed_or_not = pytest.mark.parametrize("tools", [{}, WITHOUT_GZIP], ids=["packed", "plain"])
any_tools = pytest.mark.parametrize("tools", [{}, WITHOUT_GZIP, BUSYBOX], ids=["packed", "plain", "busybox"])
RAW_TCP = Filter(family=IPV4, protocol=TCP)


def lines(name=NEW, many=MANY):
    kinds = KINDS[name]
    return "".join(kinds[number % len(kinds)] % (number % 10, 1024 + number, 1024 + number) for number in range(many))


@pytest.fixture
def tree(tmp_path):
    """tree(name=content...): files in /proc/net of a host."""
    net = tmp_path / "proc" / "net"
    net.mkdir(parents=True)

    def make(**contents):
        for name, content in contents.items():
            (net / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def look(host, columns=COLUMNS, way=PROCFS, **wanted):
    """All that was found, or the reason why nothing could be."""
    request = Wanted(columns, **wanted)
    progress = Progress(request)
    try:
        batches = list(host.table(way, request, progress))
    except Unreadable as error:
        return error.reason
    return {
        "batches": batches,
        "scanned": progress.scanned,
        "taken": progress.taken,
        "malformed": progress.malformed,
        "ended_by": progress.ended_by,
        "error": progress.error,
        "filtered": progress.filtered,
    }


def connection(shell, tmp_path, tools=None, kind=Connection, **options):
    edits = {"/proc/net/": "%s/proc/net/" % tmp_path}
    found = programs(tmp_path, **tools) if tools else None
    return kind(shell, tmp_path, programs=found, edits=edits, **options)


def by_shell(shell, tmp_path, tools=None, **wanted):
    return look(RemoteTableHost(connection(shell, tmp_path, tools).send, changes=False), **wanted)


def by_python(tmp_path, **wanted):
    return look(LocalTableHost(root=str(tmp_path)), **wanted)


def alike(shell, tmp_path, tools=None, **wanted):
    found = by_shell(shell, tmp_path, tools, **wanted)
    assert found == by_python(tmp_path, **wanted)
    return found


@any_tools
@pytest.mark.parametrize("name", [NEW, OLD])
@every_shell
def test_all_of_it(shell, name, tools, tree, tmp_path):
    tree(**{name: lines(name)})
    found = alike(shell, tmp_path, tools)
    assert (found["scanned"], found["malformed"], found["ended_by"]) == (MANY, 0, END)


def test_in_one_answer_and_packed(tree, tmp_path):
    tree(nf_conntrack=lines(many=3000))
    asked = connection(("sh",), tmp_path)
    assert look(RemoteTableHost(asked.send, changes=False))["scanned"] == 3000
    (answer,) = asked.answers
    assert len(answer) * 5 < len(lines(many=3000))


def test_the_newer_name_is_read_first(tree, tmp_path):
    tree(nf_conntrack=lines(NEW, 5), ip_conntrack=lines(OLD, 9))
    assert alike(("sh",), tmp_path)["scanned"] == 5


@any_tools
@pytest.mark.parametrize("most", [1, 7, MANY - 1, MANY, MANY + 1, 0])
@one_shell
def test_as_many_as_are_wanted(shell, most, tools, tree, tmp_path):
    tree(nf_conntrack=lines())
    found = alike(shell, tmp_path, tools, most=most)
    assert found["scanned"] == min(most or MANY, MANY)
    assert found["ended_by"] == (SAMPLE if 0 < most <= MANY else END)


@pytest.mark.parametrize(
    "wanted",
    [
        RAW_TCP,
        Filter(mark=42),
        Filter(zone=0),
        Filter(unreplied=True),
        Filter(state="ESTABLISHED"),
        Filter(family=IPV4, destination=socket.inet_aton("10.99.0.9"), destination_port=53),
        Filter(source_port=1),
    ],
)
@one_shell
def test_what_a_filter_lets_through(shell, wanted, tree, tmp_path):
    tree(nf_conntrack=lines(many=3001))
    for most in (0, 10, 2000):
        alike(shell, tmp_path, filter=wanted, most=most)
    assert alike(shell, tmp_path, filter=wanted)["ended_by"] == END


@one_shell
def test_only_the_columns_that_are_asked_for(shell, tree, tmp_path):
    tree(nf_conntrack=lines())
    assert alike(shell, tmp_path, columns=("status", "left"))["taken"] == MANY


@pytest.mark.parametrize("wanted", [{}, {"most": 100}, {"filter": RAW_TCP}, {"filter": RAW_TCP, "most": 100}])
@one_shell
def test_a_bound_is_no_end(shell, wanted, tree, tmp_path, monkeypatch):
    tree(nf_conntrack=lines())
    monkeypatch.setattr(remote_table, "MOST_LINES", 12)
    found = by_shell(shell, tmp_path, **wanted)
    assert (found["scanned"], found["ended_by"]) == (12, SAMPLE)
    assert found["taken"] == (4 if "filter" in wanted else 12)


@any_tools
@every_shell
def test_an_empty_one(shell, tools, tree, tmp_path):
    tree(nf_conntrack=b"")
    found = alike(shell, tmp_path, tools)
    assert (found["scanned"], found["ended_by"]) == (0, END)


@any_tools
@every_shell
def test_none(shell, tools, tree, tmp_path):
    assert alike(shell, tmp_path, tools) == ABSENT


@every_shell
def test_one_that_may_not_be_read(shell, tree, tmp_path):
    tree(nf_conntrack=lines())
    (tmp_path / "proc" / "net" / NEW).chmod(0)
    send = connection(shell, tmp_path, as_nobody=True).send
    assert look(RemoteTableHost(send, changes=False)) == FORBIDDEN
    with nobody(tmp_path):
        assert by_python(tmp_path) == FORBIDDEN


def test_a_shell_cannot_ask_ctnetlink():
    assert look(RemoteTableHost(None), way=CTNETLINK) == remote_table.NEEDS_PYTHON


NOISE = {
    "no newline at the end": lines() + lines(many=1)[:-1],
    "a line that is cut off": lines() + lines(many=1)[:50],
    "no entries": b"nothing\n" * 20,
    "blank lines": "\n\n" + lines() + "\n",
    "nul": lines().encode() + b"\0\0\n\0" + lines(many=3).encode() + b"a\0b",
    "not utf-8": b"\xff\xfe\n" + lines().encode() + bytes(range(256)),
    "carriage returns": lines().replace("\n", "\r\n") + "\r" + lines(),
    "a megabyte": lines() + "x" * (1 << 20) + "\n" + lines(),
    "an entry of a megabyte": lines() + lines(many=1).replace("ESTABLISHED", "E" * (1 << 20)) + lines(),
    "a context of a megabyte": lines().replace(" use=", " secctx=%s use=" % ("x" * (1 << 16))),
    "an end": b"\n@@0@1@\n@0-1t\n@0-1.\n" + lines().encode(),
}


@any_tools
@pytest.mark.parametrize("content", NOISE.values(), ids=list(NOISE))
@every_shell
def test_what_is_no_entry(shell, content, tools, tree, tmp_path):
    tree(nf_conntrack=content)
    assert alike(shell, tmp_path, tools)["ended_by"] == END


@any_tools
@pytest.mark.parametrize("content", NOISE.values(), ids=list(NOISE))
@one_shell
def test_a_part_of_what_is_no_entry_is_not_the_end(shell, content, tools, tree, tmp_path):
    content = content if isinstance(content, bytes) else content.encode()
    tree(nf_conntrack=content + lines().encode())
    assert by_shell(shell, tmp_path, tools, most=15)["ended_by"] == SAMPLE


@any_tools
@one_shell
def test_what_a_nul_ends_is_not_the_end(shell, tools, tree, tmp_path):
    tree(nf_conntrack=b"\0\0\0" + lines().encode())
    assert by_shell(shell, tmp_path, tools, most=10)["ended_by"] == SAMPLE


class Cut(Connection):
    """Keeps what was printed up to a place."""

    at = 0

    def send(self, script):
        return super().send(script)[: self.at]


@packed_or_not
@one_shell
def test_a_cut_answer_is_none(shell, tools, tree, tmp_path):
    tree(nf_conntrack=lines(many=5))
    asked = connection(shell, tmp_path, tools, Cut)
    host = RemoteTableHost(asked.send, changes=False)
    asked.at = None
    assert look(host)["scanned"] == 5
    (answer,) = asked.answers
    for asked.at in range(0, len(answer) - 1, 29):
        with pytest.raises(Unanswered):
            look(host, most=5)


@pytest.mark.parametrize(
    ("gzip", "said"),
    [
        ('if read -r line; then echo "$line"; exit 1; fi', "ended with exit status 1"),
        ("if read -r line; then kill -9 $$; fi", "ended with exit status 137"),
        ('/bin/gzip "$@" | { dd bs=60 count=1 2>/dev/null; cat >/dev/null; }', "has no end"),
        ("if read -r line; then cat >/dev/null; echo no; fi", "is damaged"),
        ('/bin/gzip "$@" | tr "\\101-\\120" "\\102-\\121"', "is damaged"),
    ],
)
@every_shell
def test_what_packs_badly_makes_no_smaller_table(shell, gzip, said, tree, tmp_path):
    tree(nf_conntrack=lines())
    with pytest.raises(Unanswered, match=said):
        by_shell(shell, tmp_path, {"gzip": gzip})


@one_shell
def test_no_more_is_unpacked_than_fits(shell, tree, tmp_path, monkeypatch):
    tree(nf_conntrack=lines())
    monkeypatch.setattr(shell_answer, "MOST_BYTES", 1000)
    with pytest.raises(Unanswered, match="has no end within 1000 bytes"):
        by_shell(shell, tmp_path)


FIRST_THREE = '/bin/sed 3q "$2"; '
BROKEN = 'echo "sed: read error on $2: Input/output error" >&2; exit 4'


@packed_or_not
@every_shell
def test_what_came_before_an_error_counts(shell, tools, tree, tmp_path):
    tree(nf_conntrack=lines())
    found = by_shell(shell, tmp_path, {"sed": FIRST_THREE + BROKEN, **tools})
    assert (found["scanned"], found["ended_by"], found["error"]) == (3, ERROR, "Input/output error")


@pytest.mark.parametrize(
    ("sed", "reason"),
    [
        (BROKEN, "failed: Input/output error"),
        ("echo sh: sed: not found >&2; exit 127", "failed: sh: sed: not found"),
        ("exit 3", "failed: sed ended with exit status 3"),
        ("kill -15 $$", "failed: sed ended with exit status 143"),
    ],
)
@one_shell
def test_no_reading_it(shell, sed, reason, tree, tmp_path):
    tree(nf_conntrack=lines())
    assert by_shell(shell, tmp_path, {"sed": sed}, seconds=5.0) == reason


@packed_or_not
@every_shell
def test_what_takes_too_long_is_ended(shell, tools, tree, tmp_path):
    """The kernel takes its time with a large table; the line that is cut off is none."""
    tree(nf_conntrack=lines())
    busy = FIRST_THREE + 'printf "ipv4     2 tcp"; while :; do :; done'
    found = by_shell(shell, tmp_path, {"sed": busy, **tools}, seconds=0.2)
    assert (found["scanned"], found["malformed"], found["ended_by"]) == (3, 0, TIME)


@one_shell
def test_an_answer_that_took_long_is_looked_at(shell, tree, tmp_path):
    tree(nf_conntrack=lines())
    found = by_shell(shell, tmp_path, seconds=1e-6)
    assert (found["scanned"], found["ended_by"]) == (MANY, END)


@any_tools
@every_shell
def test_over_a_terminal(shell, tools, tree, tmp_path):
    """To which gzip writes nothing."""
    tree(nf_conntrack=lines(many=3000) + "\r\n\r")
    send = connection(shell, tmp_path, tools, Terminal, by_input=False).send
    assert look(RemoteTableHost(send, changes=False)) == by_python(tmp_path)
