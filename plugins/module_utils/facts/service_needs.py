# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the files of a service says that it needs connection tracking, one question each.

dockerd loads two modules by itself, also with iptables off (libnetwork's ns/init_linux.go). libvirt's networks forward
by NAT unless they say otherwise (formatnetwork.html). keepalived before 1.3 starts IPVS with any configuration.
"""

from __future__ import annotations

import json
import re
import typing as t

from ..formats import shell_assignments
from ..probe import File, Glob, Item, Names
from ..snapshot import Snapshot
from . import loading, modprobe, saved_rules
from .identity import Identity

_DOCKER = "/etc/docker/daemon.json"
_DOCKER_OPTIONS = ("/etc/sysconfig/docker", "/etc/default/docker")
_DOCKER_DROP_INS = "/etc/systemd/system/docker.service.d/*.conf"
_LIBVIRT = "/etc/libvirt/qemu/networks/autostart/*.xml"
_CNI = "/etc/cni/net.d/*"
_KEEPALIVED = "/etc/keepalived/keepalived.conf"
_IPVSADM = "/etc/default/ipvsadm"
LXC_NET = "/etc/default/lxc-net"
UFW = "/etc/ufw/ufw.conf"
SHOREWALL = ("/etc/shorewall/shorewall.conf", "/etc/shorewall6/shorewall6.conf")
FERM = "/etc/ferm/ferm.conf"

_NO_IPTABLES = re.compile(r"--iptables(?:=|\s+)[\"']?false\b")
_FORWARD = re.compile(r"<forward\b([^>]*)>")
_ROUTED = re.compile(r"mode\s*=\s*[\"'](?!nat\b)")
_STATEFUL_FERM = re.compile(r"\b(?:state|ctstate|conntrack|connmark|nat|MASQUERADE|[SD]NAT|REDIRECT|CT|CONNMARK)\b")
_IPVS_CONFIG = re.compile(r"^\s*(?:virtual_server|virtual_server_group|include)\b", re.MULTILINE)

ITEMS: tuple[Item, ...] = (
    *saved_rules.ITEMS,
    *(File(path) for path in (_DOCKER, *_DOCKER_OPTIONS, FERM, LXC_NET, _IPVSADM, UFW, *SHOREWALL)),
    File(_KEEPALIVED, limit=1 << 20),
    Glob(_DOCKER_DROP_INS),
    Glob(_LIBVIRT),
    Names(_CNI),
)


class Need(t.NamedTuple):
    """What of a service needs connection tracking: the file that says so (empty where the service itself does)."""

    source: str
    loads: str
    evidence: str
    change: str = ""


Needs = t.Callable[[Snapshot, Identity], t.List[Need]]


def always(why: str) -> Needs:
    return lambda snapshot, identity: [Need("", saved_rules.RULES, why)]


def rules_in(*families: tuple[str, str]) -> Needs:
    """Files that the service restores, each with iptables, ip6tables or nft."""

    def needs(snapshot: Snapshot, identity: Identity) -> list[Need]:
        found = ((path, saved_rules.need(snapshot, path, family)) for path, family in families)
        return [Need(path, saved.loads, saved.evidence, saved.change) for path, saved in found if saved]

    return needs


def switched_on(path: str, name: str, default: str, why: str) -> Needs:
    """A service that does nothing unless a variable of its shell file says yes, or true."""

    def needs(snapshot: Snapshot, identity: Identity) -> list[Need]:
        value, _reason = shell_assignments.effective(snapshot.text(path) or "", name)
        if value is None:
            return [Need(path, saved_rules.RULES, "what %s is in %s cannot be told; %s" % (name, path, why))]
        value = value or default
        if value.lower() not in ("yes", "true"):
            return []
        return [Need(path, saved_rules.RULES, "%s is %s; %s" % (name, value, why))]

    return needs


def docker(snapshot: Snapshot, identity: Identity) -> list[Need]:
    if _docker_makes_rules(snapshot):
        return [Need("", saved_rules.RULES, "it makes NAT rules for its networks")]
    if identity.state == "built_in":
        return []
    # It asks for them as it starts, and lives with a refusal; later releases no longer do.
    evidence = "dockerd runs modprobe nf_conntrack and nf_conntrack_netlink as it starts, also with iptables off"
    change = "deny it by an install line in modprobe.d"
    own = [name for name in ("nf_conntrack", "nf_conntrack_netlink") if loading.loads_core(snapshot, identity, name)]
    return [Need("", name, evidence, change) for name in own]


def _docker_makes_rules(snapshot: Snapshot) -> bool:
    try:
        config = json.loads(snapshot.text(_DOCKER) or "{}")
    except ValueError:
        config = {}
    if isinstance(config, dict) and config.get("iptables") is False:
        return False
    for path in (*_DOCKER_OPTIONS, *snapshot.glob(_DOCKER_DROP_INS)):
        lines = (snapshot.text(path) or "").split("\n")
        if any(_NO_IPTABLES.search(line) for line in lines if not line.lstrip().startswith(("#", ";"))):
            return False
    return True


def libvirt(snapshot: Snapshot, identity: Identity) -> list[Need]:
    found = []
    for path in snapshot.glob(_LIBVIRT):
        text = snapshot.text(path)
        forward = _FORWARD.search(text or "")
        if text is None or (forward and not _ROUTED.search(forward.group(1))):
            name = path.rsplit("/", 1)[-1][: -len(".xml")]
            evidence = "%s: %s" % (path, forward.group() if forward else snapshot.reason(path))
            found.append(Need(path, saved_rules.RULES, evidence, "virsh net-autostart --disable " + name))
    return found


def cni(snapshot: Snapshot, identity: Identity) -> list[Need]:
    files = snapshot.glob(_CNI)
    return [Need(files[0], saved_rules.RULES, "%s: its networks make NAT rules" % files[0])] if files else []


def ferm(snapshot: Snapshot, identity: Identity) -> list[Need]:
    text = snapshot.text(FERM)
    lines = [line.split("#")[0].strip() for line in (text or "").split("\n")]
    said = next((line for line in lines if _STATEFUL_FERM.search(line)), None)
    said = said or next((line for line in lines if line.startswith("@include")), None)
    return [Need(FERM, saved_rules.RULES, said or "it cannot be read")] if said or text is None else []


def keepalived(snapshot: Snapshot, identity: Identity) -> list[Need]:
    text = snapshot.text(_KEEPALIVED)
    said = _IPVS_CONFIG.search(text or "")
    if text is not None and not said and not identity.kernel.before(3):
        return []
    return _with_module(snapshot, identity, "ip_vs", "%s: %s" % (_KEEPALIVED, said.group().strip() if said else "-"))


def ipvsadm(snapshot: Snapshot, identity: Identity) -> list[Need]:
    """Debian's script does nothing without AUTO or DAEMON; RHEL's has no such file."""
    text = snapshot.text(_IPVSADM)
    if text is not None:
        auto = shell_assignments.effective(text, "AUTO")[0]
        daemon = shell_assignments.effective(text, "DAEMON")[0]
        if auto in ("", "false") and daemon in ("", "none"):
            return []
    return _with_module(snapshot, identity, "ip_vs", "it sets up IPVS")


def openvswitch(snapshot: Snapshot, identity: Identity) -> list[Need]:
    return _with_module(snapshot, identity, "openvswitch", "it loads the openvswitch module")


def _with_module(snapshot: Snapshot, identity: Identity, module: str, why: str) -> list[Need]:
    """Both modules can be built to work without connection tracking: modules.dep knows."""
    if not loading.needs_core(snapshot, identity, module):
        return []
    return [Need("", "%s, which needs %s" % (module, modprobe.module_name(identity)), why)]
