# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that keep packets out of the table, as text to look at: lines for nft -f, and commands of iptables.

Those of nft are in a table of their own, which "nft delete table inet conntrack_relief" takes off again. Loaded twice
they stand there twice.
"""

from __future__ import annotations

import typing as t

from ..formats.conntrack_entry import IPV4

Rules = t.Dict[str, t.List[str]]

_TABLE = "inet conntrack_relief"
# Conntrack looks at a packet at -200: before it, as iptables' raw table, and after it, as iptables' mangle table.
_BEFORE, _AFTER = -300, -150
# How many connections a client may have is the owner's to say.
_EXAMPLE = 1000


def untracked(*ports: int) -> Rules:
    """UDP to and from these ports is not tracked: questions and answers, of this host and of those it routes for."""
    hooks, ends = ("prerouting", "output"), ("dport", "sport")
    return {
        "nft": [
            "add table %s" % _TABLE,
            *(_chain(hook, hook, _BEFORE) for hook in hooks),
            *(
                "add rule %s %s udp %s %d notrack" % (_TABLE, hook, end, port)
                for port in ports
                for hook in hooks
                for end in ends
            ),
        ],
        "iptables": [
            "%s -t raw -A %s -p udp --%s %d -j CT --notrack" % (command, hook.upper(), end, port)
            for command in ("iptables", "ip6tables")
            for port in ports
            for hook in hooks
            for end in ends
        ],
    }


def dropped(sources: t.Iterable[tuple[int, str]]) -> Rules:
    """Nothing that comes in from these gets as far as the table; each is a family and an address."""
    sources = list(sources)
    return {
        "nft": [
            "add table %s" % _TABLE,
            _chain("prerouting", "prerouting", _BEFORE),
            *("add rule %s prerouting %s saddr %s drop" % (_TABLE, _ip(family), source) for family, source in sources),
        ],
        "iptables": [
            "%s -t raw -A PREROUTING -s %s -j DROP" % (_command(family), source) for family, source in sources
        ],
    }


def limited(family: int, source: str) -> Rules:
    """A source may have so many connections at a time, to this host and through it; those from before do not count."""
    return {
        "nft": [
            "add table %s" % _TABLE,
            _chain("clients", "prerouting", _AFTER),
            "add rule %s clients %s saddr %s ct state new ct count over %d drop"
            % (_TABLE, _ip(family), source, _EXAMPLE),
        ],
        "iptables": [
            "%s -t mangle -A PREROUTING -s %s -m conntrack --ctstate NEW -m connlimit --connlimit-above %d -j DROP"
            % (_command(family), source, _EXAMPLE)
        ],
    }


def _chain(name: str, hook: str, priority: int) -> str:
    return "add chain %s %s { type filter hook %s priority %d; }" % (_TABLE, name, hook, priority)


def _ip(family: int) -> str:
    return "ip" if family == IPV4 else "ip6"


def _command(family: int) -> str:
    return "iptables" if family == IPV4 else "ip6tables"
