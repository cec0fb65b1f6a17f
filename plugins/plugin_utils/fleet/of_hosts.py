# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible knows of the hosts of a play, one host at a time."""

from __future__ import annotations

import collections.abc
import typing as t

from . import given


def variables(
    task_vars: t.Mapping[str, t.Any], hosts: t.Iterable[str] | None = None
) -> t.Iterator[tuple[str, t.Mapping[t.Any, t.Any]]]:
    """Each host once, by default all of the play, with its variables as they were found: none of it is a template."""
    if hosts is None:
        hosts = task_vars.get("ansible_play_hosts_all") or ()
    for host in dict.fromkeys(hosts):
        found = task_vars["hostvars"].raw_get(host)
        yield str(host), found if isinstance(found, collections.abc.Mapping) else {}


def facts(known: t.Mapping[t.Any, t.Any]) -> t.Any:
    """What conntrack_facts told, in the variables of a host or in its result; of any kind, as the host made it."""
    return given.mapping(known.get("ansible_facts")).get("conntrack")
