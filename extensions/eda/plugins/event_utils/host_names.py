# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host an alert or a line of the log speaks of, as a name that is no pattern of Ansible's.

The name is written by whoever can write a label or a hostname, and ends in the limit of a run that changes hosts.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
_WITH_PORT = re.compile(r"([^:]+):[0-9]{1,5}")
_IPV6_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]{1,5})?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
# Every inventory has these groups.
_GROUPS = ("all", "ungrouped")


class Refused(ValueError):
    """The sentence says what was refused, and why."""


def host_of(told: t.Any) -> str:
    """The host in ``gw1``, ``gw1:9100``, ``192.0.2.1:9100``, ``2001:db8::1`` or ``[2001:db8::1]:9100``."""
    if isinstance(told, str):
        bracketed = _IPV6_WITH_PORT.fullmatch(told)
        if bracketed and _is_ipv6(bracketed.group(1)):
            return bracketed.group(1)
        with_port = _WITH_PORT.fullmatch(told)
        name = with_port.group(1) if with_port else told
        if _NAME.fullmatch(name) and name not in _GROUPS:
            return name
        if _is_ipv6(told):
            return told
    raise Refused(
        "%s is no name of a host; allowed: letters, digits, '_', after the first one '.' and '-', or an IPv6 address"
        % shown(told)
    )


def limit_to(host: str) -> list[str]:
    """Patterns that choose this host and never two.

    Ansible has no pattern for hosts alone: the name of a group would choose all of its hosts. The first of what the
    name stands for and the last of it are the same only where it stands for one.
    """
    return ["%s[0]" % host, "&%s[-1]" % host]


def shown(told: t.Any) -> str:
    """What others wrote, for a message: on one line, and not long."""
    if isinstance(told, str):
        return ascii(told[:100])[:102]
    if told is None or isinstance(told, (bool, int, float)):
        return str(told)[:102]
    return "a value of the type %s" % type(told).__name__


def _is_ipv6(text: str) -> bool:
    if not _IPV6.fullmatch(text):
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
