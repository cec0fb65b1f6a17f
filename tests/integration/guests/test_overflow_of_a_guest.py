# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine whose table overflows, seen from outside: who gets in before and after the cure, and what the facts say."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time

import pytest

SMALL = 60
CLIENTS = 150
PORT = 8080

SERVER = (
    """
import socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", %d))
listener.listen(1024)
held = []
while True:
    held.append(listener.accept()[0])
    held[-1].send(b"x")
"""
    % PORT
)


@pytest.fixture
def server(guest):
    """The guest tracks what comes in, and serves; its table is small."""
    guest.write("/root/server.py", SERVER)
    guest.run(
        "nft 'table inet test { chain input { type filter hook input priority 0; ct state established accept; }; }'; "
        "systemd-run --quiet --unit=test-server python3 /root/server.py"
    )
    yield guest
    guest.run("systemctl stop test-server; nft delete table inet test")


def visit(stack, guest, seconds=5):
    """So many clients knock at once, and again after a second as TCP does; how many get an answer from the server.

    A connection may seem open to its client while the server's side has lost its entry again: only the answer counts.
    """
    waiting = []
    for _client in range(CLIENTS):
        client = stack.enter_context(socket.socket())
        client.setblocking(False)
        client.connect_ex((guest.address, PORT))
        waiting.append(client)
    inside = 0
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        for client in select.select(waiting, [], [], 0.2)[0]:
            waiting.remove(client)
            inside += client.recv(1) == b"x"
    return inside


def drops(guest):
    return sum(int(number) for number in re.findall(r" drop=(\d+)", guest.run("conntrack -S")))


def table_full(guest):
    return guest.run("dmesg").count("table full, dropping packet")


def test_clients_are_turned_away_until_the_table_is_large_enough(server):
    for _patience in range(50):
        if "8080" in server.run("ss -Htln sport = :8080"):
            break
        time.sleep(0.2)
    server.run(f"sysctl -q -w net.netfilter.nf_conntrack_max={SMALL}")

    before = server.facts()
    assert before["verdict"]["status"] == "ok", before["verdict"]
    assert before["usage"]["max"] == SMALL
    assert before["state"] == "loaded"
    assert (drops(server), table_full(server)) == (0, 0)

    with contextlib.ExitStack() as clients:
        inside = visit(clients, server)
        assert 0 < inside < SMALL
        full = server.facts()
        assert full["verdict"]["status"] == "full", full["verdict"]
        assert full["usage"]["ratio"] > 0.95
        assert full["statistics"]["total"]["drop"] > 0
        assert full["log"]["lines"] >= 1
        advice = next(item for item in full["verdict"]["advice"] if item["setting"] == "max")
        assert advice["value"] >= 2 * SMALL

        cured = server.module("conntrack_settings", settings={"max": "auto", "buckets": "auto"})
        assert not cured["failed"], cured
        assert server.value("max") == cured["settings"]["max"]["after"] > CLIENTS + SMALL
        # Those who were turned away knock again by themselves; what they set off ends before the count.
        time.sleep(3)
        dropped, said = drops(server), table_full(server)
        assert dropped > 0 < said

        assert visit(clients, server) == CLIENTS
        assert (drops(server), table_full(server)) == (dropped, said)
        after = server.facts()
        assert after["verdict"]["status"] not in ("full", "pressure", "unknown"), after["verdict"]
        assert "all before max was set here" in " ".join(after["verdict"]["evidence"])
        assert after["persistence"]["settings"]["max"]["after_boot"] == server.value("max")

    # With what is left of all those connections in a small table again, nobody could come in to look at it.
    server.run("conntrack -F 2>/dev/null")
    restored = server.module("conntrack_settings", state="restored")
    assert not restored["failed"], restored
    assert server.value("max") == SMALL
