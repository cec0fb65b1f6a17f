# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is put through to compare transports: every module, its checks, errors and ways back, in one play.

A chapter is a module, its arguments and whether it runs in check mode. What two hosts told is the same when what is
left of their results is: a clock, and which process is which, differ from run to run.
"""

from __future__ import annotations

import re

FACTS, SETTINGS, CONFIG, UNLOAD = "conntrack_facts", "conntrack_settings", "iptables_config", "conntrack_unload"
CURE = {"settings": {"max": 131072, "tcp_timeout_established": 216000}}
# Names that no kernel or not every kernel has, sizes that are rounded or belong to a host, an alias.
MIXED = {
    "settings": {
        "buckets": 40000,
        "expect_max": 300,
        "sctp_timeout_established": 210,
        "gre_timeout": 40,
        "net.netfilter.nf_conntrack_udp_timeout": 41,
        "frag6_timeout": 61,
        "tcp_loose": False,
    }
}
CONFIG_PATH = {"paths": ["/etc/sysconfig/iptables-config"]}

REFUSED = (
    (FACTS, {"gather_subset": ["usage", "nothing"]}, False),
    (FACTS, {"interval": -1}, False),
    (FACTS, {"intervall": 1}, False),
    (SETTINGS, {}, False),
    (SETTINGS, {"settings": {"maximum": 1}}, False),
    (SETTINGS, {"settings": {"max": 0}}, False),
    (SETTINGS, {"settings": {"tcp_timeout_established": "5d"}}, False),
    (SETTINGS, {**CURE, "memory_percent": 99}, False),
    (SETTINGS, {**CURE, "may_skip": ["nothing"]}, False),
    (SETTINGS, {**CURE, "confirm": 2}, False),
    (CONFIG, {"state": "absent"}, False),
    (CONFIG, {"paths": ["etc/sysconfig/iptables-config"]}, False),
    (UNLOAD, {"modules_load": ["/etc/shadow"]}, False),
    (UNLOAD, {"when": "later"}, False),
)
CHANGES = (
    (FACTS, {}, False),
    (SETTINGS, CURE, True),
    (SETTINGS, CURE, False),
    (SETTINGS, CURE, False),
    (SETTINGS, MIXED, True),
    (SETTINGS, MIXED, False),
    (SETTINGS, {**MIXED, "persist": False}, False),
    (SETTINGS, {"settings": {"max": "auto", "buckets": "auto"}}, True),
    (FACTS, {"gather_subset": ["limits", "timeouts", "persistence"]}, False),
    (CONFIG, {"modules": ["ip_conntrack_ftp"], "state": "present"}, True),
    (CONFIG, {"modules": ["ip_conntrack_ftp"], "state": "present"}, False),
    (CONFIG, {**CONFIG_PATH, "modules": ["ip_conntrack_netbios_ns"], "backup": True}, False),
    (CONFIG, {"state": "commented"}, False),
    (CONFIG, {"state": "commented"}, False),
    (UNLOAD, {}, True),
    (UNLOAD, {"when": "boot"}, True),
    (UNLOAD, {"when": "boot", "deny": "blacklist"}, False),
    (UNLOAD, {"helpers_only": True}, True),
    (SETTINGS, {"state": "restored"}, True),
    (SETTINGS, {"state": "restored"}, False),
    (SETTINGS, {"state": "restored", "allow_lower": True}, False),
    (SETTINGS, {"state": "restored"}, False),
    (FACTS, {}, False),
)

# Where conntrack is a module: loaded, unloaded for real, and back again.
MODULAR = (
    (FACTS, {}, False),
    (SETTINGS, {**CURE, "load": True}, True),
    (SETTINGS, {**CURE, "load": True}, False),
    (SETTINGS, MIXED, False),
    (FACTS, {"gather_subset": ["limits", "timeouts", "modules", "persistence"]}, False),
    (UNLOAD, {}, True),
    (UNLOAD, {"confirm": 60}, False),
    (UNLOAD, {}, False),
    (SETTINGS, {"state": "restored"}, True),
    (SETTINGS, {"state": "restored"}, False),
    (FACTS, {}, False),
)


def tasks(chapters):
    return [
        {"name": f"Chapter {number}", "netops.conntrack." + module: arguments, "check_mode": check, "diff": True}
        for number, (module, arguments, check) in enumerate(chapters)
    ]


# What a clock, or the process that asks, makes of a result.
_OF_THE_MOMENT = ("looked_at_from", "looked_at_to", "first", "last", "at")
_COPY = re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~")
_AGO = re.compile(r"last \S.* ago")


# The slab is one for all network namespaces of a machine, and so for all that goes on there meanwhile.
OF_THE_MACHINE = ("now_bytes",)


def left(result, without=()):
    """A result without what differs from one run to the next, and without the transport's name."""
    if isinstance(result, dict):
        # Of older Ansible only: how a failure came about, in Ansible's own words.
        dropped = ("transport", "exception", "deprecations", "conntrack_transports", *_OF_THE_MOMENT, *without)
        return {key: left(value, without) for key, value in result.items() if key not in dropped}
    if isinstance(result, list):
        return [left(each, without) for each in result]
    if isinstance(result, str):
        return _AGO.sub("last MOMENTS ago", _COPY.sub(".COPY~", result))
    return result


def differences(one, other, path=""):
    """Where two results are not the same, in words."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from differences(one.get(key, "(nothing)"), other.get(key, "(nothing)"), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (this, that) in enumerate(zip(one, other)):
            yield from differences(this, that, f"{path}[{number}]")
    elif one != other:
        yield f"{path}: {one!r}, not {other!r}"


def same(one, other, without=()):
    """Fails where what two hosts told is not the same."""
    assert len(one) == len(other)
    for number, (this, that) in enumerate(zip(one, other)):
        found = list(differences(left(this, without), left(that, without)))
        assert not found, f"chapter {number}: {found}"
