# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""many_entries.py ENTRIES: fills the table of the network namespace that it runs in, over ctnetlink.

The make-up is always the same: a tenth is one source's, three fifths are TCP to port 443, three tenths UDP to port 53,
the rest TCP to any port; seven tenths are assured; timers are spread over five days. Prints how many there are then.
"""

from __future__ import annotations

import random
import socket
import struct
import sys

NETLINK_NETFILTER = 12
_CREATE = 0x1 | 0x400
_BATCH = 60000
_STATES = (1, 3, 3, 3, 3, 7)


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def nested(kind, *within):
    return attribute(kind | 0x8000, b"".join(within))


def side(kind, source, destination, protocol, source_port, destination_port):
    addresses = nested(1, attribute(1, source), attribute(2, destination))
    ports = (attribute(2, struct.pack(">H", source_port)), attribute(3, struct.pack(">H", destination_port)))
    return nested(kind, addresses, nested(2, attribute(1, bytes([protocol])), *ports))


def entry(number, chance):
    source = struct.pack(">I", 0x0A000000 + (number % 50000 if number % 10 else 7))
    destination = struct.pack(">I", 0x0B000000 + number // 60000)
    port, kind = 1024 + number % 60000, chance.random()
    protocol, service = (6, 443) if kind < 0.6 else (17, 53) if kind < 0.9 else (6, chance.randrange(1, 1000))
    status = 0x8 | (0x6 if chance.random() < 0.7 else 0)
    body = side(1, source, destination, protocol, port, service) + side(2, destination, source, protocol, service, port)
    body += attribute(3, struct.pack(">I", status)) + attribute(7, struct.pack(">I", chance.randrange(1000, 432000)))
    if protocol == 6:
        body += nested(4, nested(1, attribute(1, bytes([chance.choice(_STATES)]))))
    return struct.pack("=IHHII", 20 + len(body), 0x100, _CREATE, number, 0) + struct.pack("=BBH", 2, 0, 0) + body


def main(entries):
    chance = random.Random(1)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        kernel.bind((0, 0))
        pending, size = [], 0
        for number in range(entries):
            pending.append(entry(number, chance))
            size += len(pending[-1])
            if size > _BATCH or number == entries - 1:
                kernel.send(b"".join(pending))
                pending, size = [], 0
    with open("/proc/sys/net/netfilter/nf_conntrack_count", encoding="ascii") as file:
        print(file.read().strip())


if __name__ == "__main__":
    main(int(sys.argv[1]))
