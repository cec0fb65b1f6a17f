# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which conntrack modules are loaded, who holds the core, which helpers are there and in use."""

from __future__ import annotations

import re
import typing as t

from ..formats import modules as format_
from ..snapshot import ABSENT, Snapshot
from . import settings
from .identity import Identity
from .usage import EXPECTATIONS

_HELPERS = "amanda|ftp|h323|irc|netbios_ns|pptp|sane|sip|snmp|tftp"
_HELPER_MODULE = re.compile(r"^(?:ip|nf)_conntrack_(%s)$" % _HELPERS)
# An expectation's line ends in its helper's name, which the kernel spells with a dash and may follow by a class.
_IN_USE = re.compile(r"\b(amanda|ftp|H\.245|Q\.931|RAS|irc|netbios-ns|pptp|sane|sip|snmp_trap|tftp)(?:-\d+)?(?:/\S+)?$")


def facts(snapshot: Snapshot, identity: Identity) -> dict[str, t.Any]:
    """``loaded`` is None where the kernel has no list of modules."""
    text = snapshot.text("/proc/modules")
    modules = format_.parse(text or "")
    core = next((module for module in modules if module.name == identity.module), None)
    return {
        "core": identity.module,
        "state": identity.state,
        "loaded": None if text is None else [_row(module) for module in modules if _related(module)],
        "holders": list(core.users) if core else snapshot_holders(snapshot),
        "unnamed_references": format_.unnamed_references(core) if core else None,
        "helpers": helpers(snapshot),
        "helpers_in_use": helpers_in_use(snapshot),
        "automatic_helpers": settings.value(snapshot, "helper"),
    }


def helpers(snapshot: Snapshot) -> list[str]:
    """Names of the helper modules that are loaded, or built in where /sys shows them."""
    names = {module.name for module in format_.parse(snapshot.text("/proc/modules") or "")}
    names.update(path.rsplit("/", 1)[-1] for path in snapshot.glob("/sys/module/*"))
    return sorted(name for name in names if _HELPER_MODULE.match(name))


def snapshot_holders(snapshot: Snapshot) -> list[str]:
    return [path.rsplit("/", 1)[-1] for path in snapshot.glob("/sys/module/nf_conntrack/holders/*")]


def _related(module: format_.Module) -> bool:
    return "conntrack" in module.name or any("conntrack" in user for user in module.users)


def _row(module: format_.Module) -> dict[str, t.Any]:
    return {"name": module.name, "references": module.refcount, "users": list(module.users)}


def helpers_in_use(snapshot: Snapshot) -> list[str] | None:
    """Helpers that wait for a connection now; None where the list of expectations could not be read."""
    text = snapshot.text(EXPECTATIONS)
    if text is None:
        return [] if snapshot.reason(EXPECTATIONS) == ABSENT and not helpers(snapshot) else None
    found = (_IN_USE.search(line.rstrip()) for line in text.splitlines())
    return sorted({match.group(1) for match in found if match})
