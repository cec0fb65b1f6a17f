# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of the network namespace that this process is in, by both ways."""

from __future__ import annotations

import os
import socket
import time

from ansible_collections.netops.conntrack.plugins.module_utils.formats import conntrack_lines, ctnetlink, netlink

NETLINK_NETFILTER = 12


def by_lines():
    with open("/proc/net/nf_conntrack", encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        lines = stream.readlines()
    found = [conntrack_lines.entry(line) for line in lines]
    assert None not in found, lines[found.index(None)]
    return found


def asked(message):
    """The payloads that the kernel answers a message with; raises OSError where it refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asking:
        asking.settimeout(10)
        asking.sendto(message, (0, 0))
        while True:
            data = asking.recv(1 << 17)
            for found in netlink.messages(data):
                if found.kind == netlink.DONE:
                    return
                if found.kind == netlink.ERROR:
                    number = netlink.error(data, found)
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                yield data, found


def by_netlink(family=0, filters=b"", filtered=False):
    found = []
    for data, message in asked(ctnetlink.request(family, 7, filters)):
        assert message.kind == ctnetlink.NEW
        assert bool(message.flags & netlink.DUMP_FILTERED) == filtered
        found.append(ctnetlink.entry(data, message, time.time_ns()))
    return found
