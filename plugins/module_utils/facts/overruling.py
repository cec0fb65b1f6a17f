# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who overrules a value after the boot, setting by setting, and whether a restart of the firewall keeps it.

kube-proxy's from its conntrack settings (KubeProxyConntrackConfiguration and pkg/proxy/conntrack of Kubernetes),
firewalld's from firewalld.conf(5), the iptables service's from its script.
"""

from __future__ import annotations

import re

from ..catalogue import Setting
from ..probe import IPTABLES_SCRIPTS, TUNED_ACTIVE
from ..snapshot import Snapshot
from . import boot, loading, tuned
from .boot import AfterBoot
from .identity import Identity
from .writers import KUBE_PROXY, seen

_KUBE_CONFIGS = ("/var/lib/kube-proxy/config.conf", "/var/lib/kube-proxy/config.yaml")
# Each setting, the fields that rule it, and whether it is written where the field is missing.
_KUBE_FIELDS: dict[str, tuple[tuple[str, ...], bool]] = {
    "max": (("maxPerCore", "min"), True),
    "buckets": (("maxPerCore", "min"), True),
    "tcp_timeout_established": (("tcpEstablishedTimeout",), True),
    "tcp_timeout_close_wait": (("tcpCloseWaitTimeout",), True),
    "tcp_be_liberal": (("tcpBeLiberal",), False),
    "udp_timeout": (("udpTimeout",), False),
    "udp_timeout_stream": (("udpStreamTimeout",), False),
}
_FIREWALLD = "/etc/firewalld/firewalld.conf"
_CLEANUP = re.compile(r"^\s*CleanupModulesOnExit\s*=\s*(\w+)", re.MULTILINE)


def later(
    snapshot: Snapshot, setting: Setting, identity: Identity, then: AfterBoot, restart_keeps: bool | None
) -> list[dict[str, str]]:
    """``{writer, knob}`` of each."""
    found = []
    knob = _kube_proxy(snapshot, setting)
    if knob:
        found.append({"writer": KUBE_PROXY.name, "knob": knob})
    if snapshot.exists(TUNED_ACTIVE):
        knob = _tuned(snapshot, setting, identity)
        if knob:
            found.append({"writer": "TuneD", "knob": knob})
    if then.source != boot.DEFAULT and identity.state != "built_in":
        if _firewalld_unloads(snapshot) and not _set_again(snapshot, setting, identity):
            knob = "CleanupModulesOnExit=no in %s: a restart unloads conntrack" % _FIREWALLD
            found.append({"writer": "firewalld", "knob": knob})
        if restart_keeps is False:
            knob = "IPTABLES_SYSCTL_LOAD_LIST, or IPTABLES_MODULES_UNLOAD=no, in /etc/sysconfig/iptables-config"
            found.append({"writer": "iptables service", "knob": knob})
    return found


def restart(
    snapshot: Snapshot, setting: Setting, identity: Identity, then: AfterBoot
) -> tuple[bool | None, str | None]:
    """Whether a restart of the iptables service keeps the value, and why; None, None where there is no such service."""
    if not any(snapshot.text(path) for path in IPTABLES_SCRIPTS):
        return None, None
    from . import iptables_service  # parses shell, which is slow to load

    found = iptables_service.restart(snapshot, boot.names(snapshot, setting, identity), then.source)
    if found is None:
        return None, None
    if identity.state == "built_in":
        return True, "conntrack is built in and cannot be unloaded"
    if found.keeps is False:
        if then.source == boot.DEFAULT:
            return True, "it is the kernel's default, which comes back"
        again = _set_again(snapshot, setting, identity)
        if again:
            return True, "%s sets it again when conntrack is loaded" % again
    return found.keeps, found.why


def _set_again(snapshot: Snapshot, setting: Setting, identity: Identity) -> str | None:
    """What sets it whenever the module is loaded."""
    own = boot.names(snapshot, setting, identity)
    for again in loading.on_load(snapshot, identity, own[0], own):
        if again.found.standing:
            return again.source
    return None


def _kube_proxy(snapshot: Snapshot, setting: Setting) -> str | None:
    if setting.name not in _KUBE_FIELDS or not seen(snapshot, KUBE_PROXY):
        return None
    fields, unasked = _KUBE_FIELDS[setting.name]
    for path in _KUBE_CONFIGS:
        text = snapshot.text(path)
        if text and "conntrack:" in text:
            said = {field: value for field, value in _kube_conntrack(text).items() if field in fields}
            if said.get(fields[0], "").startswith("0") or said.get(fields[0]) == "false":
                return None  # zero leaves it alone
            if not said and not unasked:
                return None
            return "conntrack.%s in %s" % (", ".join(fields), path)
    return KUBE_PROXY.knob if unasked else None


def _kube_conntrack(text: str) -> dict[str, str]:
    """The fields of the section ``conntrack`` that have a value: plain YAML, one a line."""
    found: dict[str, str] = {}
    inside = None
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if inside is not None and indent <= inside:
            inside = None
        if stripped == "conntrack:":
            inside = indent
        elif inside is not None:
            field, _colon, value = stripped.partition(":")
            value = value.strip().strip("\"'")
            if value not in ("", "null", "~"):
                found[field] = value
    return found


def _tuned(snapshot: Snapshot, setting: Setting, identity: Identity) -> str | None:
    if not tuned.starts(snapshot):
        return None
    profile = tuned.active(snapshot)
    if profile is None:
        return None
    if setting.name == "buckets" and profile.hashsize():
        return "%s in the profile %s" % (tuned.HASHSIZE, profile.names)
    found = tuned.writes(snapshot, boot.names(snapshot, setting, identity))
    own = [said for said in found.standing if said.path.endswith("/tuned.conf")] if found else []
    if not own or not found or found.standing[-1] not in own:
        return None  # it sets the sysctl files again, and these have the last word
    return "[sysctl] in %s, line %d; reapply_sysctl in %s" % (own[-1].path, own[-1].line, tuned.MAIN)


def _firewalld_unloads(snapshot: Snapshot) -> bool:
    text = snapshot.text(_FIREWALLD)
    if text is None:
        return False
    found = _CLEANUP.findall(text)
    return bool(found) and found[-1].lower() in ("yes", "true")
