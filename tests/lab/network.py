# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: a bridge on this machine, one /24 of 198.18.0.0/15 (the block for test beds, RFC 2544).

A lab takes its /24 by creating the bridge that is named after it: creation fails when another lab has it, so
labs can start side by side. The bridge's MAC is made from the state directory: only a bridge with it is deleted.
"""

from __future__ import annotations

import hashlib
import json
import subprocess

from state import LabError, Unavailable

PREFIX_LENGTH = 24


def ip(*arguments, check=True):
    """Run ip(8); returns the finished process."""
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def ensure(state):
    """Make this lab's bridge unless it is there."""
    if state.bridge and _is_ours(state.bridge):
        return
    digest = hashlib.sha256(state.folder.encode()).digest()
    # The last byte tells the machines on the bridge apart, as in their addresses: the bridge is 1, hosts start at 10.
    mac = "02:" + "".join(f"{byte:02x}:" for byte in digest[:4]) + "01"
    start, taken, problem = int.from_bytes(digest[5:7], "big") % 512, _routed(), "all are routed already"
    for step in range(512):
        second, third = divmod((start + step) % 512, 256)
        network = f"198.{18 + second}.{third}"
        if network in taken:
            continue
        bridge = {"name": f"lab{18 + second}-{third}", "mac": mac, "network": network}
        state.set_bridge(bridge)
        made = ip("link", "add", "name", bridge["name"], "address", mac, "type", "bridge", check=False)
        if made.returncode:
            problem = made.stderr.strip()
            if "exists" in problem:
                continue
            break
        ip("address", "add", f"{network}.1/{PREFIX_LENGTH}", "dev", bridge["name"])
        ip("link", "set", bridge["name"], "up")
        return
    state.set_bridge(None)
    raise Unavailable(f"no bridge for the lab could be made: {problem}")


def remove(state):
    """Take this lab's bridge away; harmless when it is gone or never was."""
    if state.bridge and _is_ours(state.bridge):
        ip("link", "delete", state.bridge["name"])
    state.set_bridge(None)


def port_name(state, number):
    """What a host's end of the bridge is called on this machine."""
    digest = hashlib.sha256(state.folder.encode()).hexdigest()[:6]
    return f"lab{digest}-{number}"


def link(bridge, port, number, pid):
    """Join the network namespace of process pid to the bridge; its end is called eth0."""
    ip("link", "delete", port, check=False)
    peer = ("name", "eth0", "address", _mac(bridge, number), "netns", str(pid))
    ip("link", "add", "name", port, "type", "veth", "peer", *peer)
    ip("link", "set", port, "master", bridge["name"], "up")


def tap(bridge, port, number):
    """Join a virtual machine to the bridge by a tap device; returns the MAC that the machine's card is to have."""
    ip("link", "delete", port, check=False)
    ip("tuntap", "add", "dev", port, "mode", "tap")
    ip("link", "set", port, "master", bridge["name"], "up")
    return _mac(bridge, number)


def _mac(bridge, number):
    """It follows from the host's number: a host that is started again is found before ARP forgets the old one."""
    return f"{bridge['mac'][:-2]}{number:02x}"


def unlink(port):
    """Delete a host's link; the kernel does so by itself, but a moment after the host ended."""
    ip("link", "delete", port, check=False)


def _is_ours(bridge):
    shown = ip("-j", "link", "show", "dev", bridge["name"], check=False)
    return shown.returncode == 0 and json.loads(shown.stdout)[0]["address"] == bridge["mac"]


def _routed():
    """The /24 networks of the block that this machine already reaches some way of its own."""
    shown = ip("-j", "-4", "route", "show", "table", "all", check=False)
    if shown.returncode:
        raise LabError(f"ip route: {shown.stderr.strip()}")
    destinations = [route.get("dst", "") for route in json.loads(shown.stdout or "[]")]
    return {".".join(each.split("/")[0].split(".")[:3]) for each in destinations if each.startswith("198.1")}
