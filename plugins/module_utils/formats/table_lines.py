# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/net/nf_conntrack and ip_conntrack: whether the kernel translates the addresses of a connection.

Each line gives the tuple of both directions; without NAT the second is the first turned round
(net/netfilter/nf_conntrack_standalone.c, ct_seq_show).
"""

from __future__ import annotations

import re

_FIELD = re.compile(r"\b(src|dst|sport|dport)=(\S+)")


def translated(line: str) -> bool:
    """Whether addresses or ports are changed; False for a line that is none of the table."""
    found: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(line):
        found.setdefault(name, []).append(value)
    pairs = (("src", "dst"), ("dst", "src"), ("sport", "dport"), ("dport", "sport"))
    return any(
        len(found.get(there, ())) == 2 and len(found.get(back, ())) == 2 and found[there][0] != found[back][1]
        for there, back in pairs
    )
