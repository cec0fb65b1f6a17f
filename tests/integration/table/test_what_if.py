# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is foretold of another timeout, beside what the kernel then does."""

from __future__ import annotations

import subprocess
import time

import pytest

TABLE = "netops.conntrack.conntrack_table"
# UDP without an answer; a new flow every 10 ms, half of which have another packet 8 s after the first one.
TIMEOUT, LOWER = 16, 6
GAP, LONGEST = 8, 90
TRAFFIC = """
import select, socket, sys, time
gap, longest = float(sys.argv[1]), float(sys.argv[2])
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("0.0.0.0", 0))
port = receiver.getsockname()[1]
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("127.0.0.1", 0))
began = time.monotonic()
flow = later = 0
while time.monotonic() - began < longest and not select.select([sys.stdin], [], [], 0.002)[0]:
    for_new, for_old = (time.monotonic() - began) / 0.01, (time.monotonic() - began - gap) / 0.01
    while flow <= for_new:
        sender.sendto(b"x", ("127.1.%d.%d" % divmod(flow, 250), port))
        flow += 1
    while later <= for_old:
        if later % 2:
            sender.sendto(b"x", ("127.1.%d.%d" % divmod(later, 250), port))
        later += 1
"""


@pytest.fixture
def traffic(namespace):
    """A namespace whose table has settled under even traffic, which goes on."""
    namespace.run("sysctl", "-q", "net.netfilter.nf_conntrack_udp_timeout=%d" % TIMEOUT)
    argv = ["ip", "netns", "exec", namespace.name, "python3", "-c", TRAFFIC, str(GAP), str(LONGEST)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        try:
            time.sleep(GAP + TIMEOUT + 2)
            yield namespace
        finally:
            process.stdin.close()


@pytest.mark.parametrize("transport", ["python"], indirect=True)
def test_the_table_settles_where_it_was_foretold(traffic, play):
    def table(**options):
        result = play(TABLE, {"sample": 0, **options}, interpreter=traffic.interpreter)
        assert not result.get("failed"), result
        return result["table"]

    seen = table(what_if={"timeouts": {"udp_timeout": LOWER}})
    foretold = seen["what_if"]["table"]
    # 50 flows a second stay for 16 s, 50 for 24 s; later for 6 s, and for 6 s twice.
    assert 1700 < seen["sampled"] < 2200
    assert foretold["settles_after"] == TIMEOUT
    traffic.run("sysctl", "-q", "net.netfilter.nf_conntrack_udp_timeout=%d" % LOWER)
    # Entries keep their timers until their next packet.
    assert table()["sampled"] > foretold["settled"]["high"]
    time.sleep(foretold["settles_after"] + 1)
    settled = table()["sampled"]
    assert 750 < settled < 1050
    assert foretold["settled"]["high"] - foretold["settled"]["low"] < settled / 3
    assert foretold["settled"]["low"] <= settled <= foretold["settled"]["high"]
