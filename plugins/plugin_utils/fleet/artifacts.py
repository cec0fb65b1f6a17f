# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible.builtin.set_stats hands to AWX: small, whatever the size of the fleet. docs/awx.md describes it."""

from __future__ import annotations

import itertools
import typing as t

SCHEMA = 1
HOSTS = 1000
_TEXT = 300


def artifact(
    playbook: str, totals: t.Mapping[str, t.Any], hosts: t.Sequence[t.Mapping[str, t.Any]], **more: t.Any
) -> dict[str, t.Any]:
    """``hosts`` are plain records, those first that matter most."""
    told = [{name: _cut(value) for name, value in row.items()} for row in itertools.islice(hosts, HOSTS)]
    left_off = len(hosts) - len(told)
    return {"schema": SCHEMA, "playbook": playbook, **more, "totals": dict(totals), "hosts": told, "left_off": left_off}


def _cut(value: t.Any) -> t.Any:
    return value[:_TEXT] + "…" if isinstance(value, str) and len(value) > _TEXT else value
