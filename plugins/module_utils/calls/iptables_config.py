# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables_config: its options, and what it does with them on any host."""

from __future__ import annotations

import typing as t

from ..planners import iptables_config
from ..planners.record import Unusable
from .returned import Returned, refused, returned

CHANGES = True
ARGUMENTS: dict[str, t.Any] = {
    "modules": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": list(iptables_config.STATES), "default": "commented"},
    "paths": {"type": "list", "elements": "path", "default": list(iptables_config.PATHS)},
    "backup": {"type": "bool", "default": False},
}
CONSTRAINTS: dict[str, t.Any] = {}


def call(host: t.Callable[[], t.Any], params: t.Mapping[str, t.Any], check: bool) -> Returned:
    """``host`` gives the host when it is needed; its ``backups`` are the copies kept, by the path of the file."""
    try:
        iptables_config.check_request(params["modules"], params["state"], params["paths"])
        there = host()
        result = iptables_config.apply(there, params["paths"], params["modules"], params["state"], check)
    except (iptables_config.Refused, Unusable) as error:
        return refused(error, CHANGES)
    values = {
        "changed": result.changed,
        "files": result.files,
        "still_loaded": result.still_loaded,
        "reboot_required": bool(result.still_loaded),
        "steps": result.steps,
        "diff": result.diff,
        "backup_files": there.backups,
    }
    return returned(values, result.warnings)
