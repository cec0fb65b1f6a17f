# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services that bring connection tracking with them when they start, one row each.

Unit and script names from the packages of Debian 12 and RHEL 5 to 9.
"""

from __future__ import annotations

import typing as t

from ..probe import Item
from . import boot_services, service_needs
from .service_needs import Needs, always, rules_in, switched_on

RULES = "rules"
CONTAINER_ENGINE = "container_engine"
IPVS = "ipvs"
OPENVSWITCH = "openvswitch"


class Service(t.NamedTuple):
    """``needs`` looks into the service's files; with none of these findings it needs no tracking.

    ``change`` is what the operator does, unless a finding has something smaller to say.
    """

    name: str
    units: tuple[str, ...]
    scripts: tuple[str, ...]
    kind: str
    needs: Needs
    change: str


def _stop(*units: str) -> str:
    return "turn the service off (systemctl disable %s, or chkconfig off)" % " ".join(units)


_STATEFUL = "its rules let in the answers to connections"
_NAT = "it makes NAT rules for its networks"
_KUBERNETES = (
    "kubelet",
    "kube-proxy",
    "k3s",
    "k3s-agent",
    "rke2-server",
    "rke2-agent",
    "snap.microk8s.daemon-kubelite",
)

SERVICES: tuple[Service, ...] = (
    Service(
        "iptables",
        ("iptables.service",),
        ("iptables",),
        RULES,
        rules_in(("/etc/sysconfig/iptables", "iptables"), ("/etc/iptables/iptables.rules", "iptables")),
        _stop("iptables"),
    ),
    Service(
        "ip6tables",
        ("ip6tables.service",),
        ("ip6tables",),
        RULES,
        rules_in(("/etc/sysconfig/ip6tables", "ip6tables"), ("/etc/iptables/ip6tables.rules", "ip6tables")),
        _stop("ip6tables"),
    ),
    Service(
        "netfilter-persistent",
        ("netfilter-persistent.service", "iptables-persistent.service"),
        ("netfilter-persistent", "iptables-persistent"),
        RULES,
        rules_in(
            ("/etc/iptables/rules.v4", "iptables"),
            ("/etc/iptables/rules.v6", "ip6tables"),
            ("/etc/iptables/rules", "iptables"),
        ),
        _stop("netfilter-persistent"),
    ),
    Service(
        "nftables",
        ("nftables.service",),
        ("nftables",),
        RULES,
        rules_in(("/etc/nftables.conf", "nft"), ("/etc/sysconfig/nftables.conf", "nft")),
        _stop("nftables"),
    ),
    Service("firewalld", ("firewalld.service",), ("firewalld",), RULES, always(_STATEFUL), _stop("firewalld")),
    Service(
        "ufw",
        ("ufw.service",),
        ("ufw",),
        RULES,
        switched_on(service_needs.UFW, "ENABLED", "no", _STATEFUL),
        "ufw disable",
    ),
    Service("ferm", ("ferm.service",), ("ferm",), RULES, service_needs.ferm, _stop("ferm")),
    Service(
        "shorewall",
        ("shorewall.service",),
        ("shorewall",),
        RULES,
        switched_on(service_needs.SHOREWALL[0], "STARTUP_ENABLED", "no", _STATEFUL),
        _stop("shorewall"),
    ),
    Service(
        "shorewall6",
        ("shorewall6.service",),
        ("shorewall6",),
        RULES,
        switched_on(service_needs.SHOREWALL[1], "STARTUP_ENABLED", "no", _STATEFUL),
        _stop("shorewall6"),
    ),
    Service(
        "arno-iptables-firewall",
        ("arno-iptables-firewall.service",),
        ("arno-iptables-firewall",),
        RULES,
        always(_STATEFUL),
        _stop("arno-iptables-firewall"),
    ),
    Service(
        "Docker",
        ("docker.service", "snap.docker.dockerd.service"),
        ("docker",),
        CONTAINER_ENGINE,
        service_needs.docker,
        _stop("docker.service", "docker.socket"),
    ),
    Service(
        "containerd", ("containerd.service",), ("containerd",), CONTAINER_ENGINE, service_needs.cni, _stop("containerd")
    ),
    Service("CRI-O", ("crio.service",), (), CONTAINER_ENGINE, service_needs.cni, _stop("crio")),
    Service(
        "podman",
        ("podman-restart.service",),
        (),
        CONTAINER_ENGINE,
        always("it starts containers, whose networks make NAT rules"),
        _stop("podman-restart"),
    ),
    Service(
        "Kubernetes",
        tuple(name + ".service" for name in _KUBERNETES),
        (),
        CONTAINER_ENGINE,
        always("services and pods are reached by NAT rules"),
        "take the host out of its cluster",
    ),
    Service(
        "libvirt",
        ("libvirtd.service", "virtnetworkd.service"),
        ("libvirtd", "libvirt-bin"),
        CONTAINER_ENGINE,
        service_needs.libvirt,
        _stop("libvirtd"),
    ),
    Service(
        "lxc-net",
        ("lxc-net.service",),
        ("lxc-net",),
        CONTAINER_ENGINE,
        switched_on(service_needs.LXC_NET, "USE_LXC_BRIDGE", "true", _NAT),
        _stop("lxc-net"),
    ),
    Service(
        "LXD or Incus",
        ("snap.lxd.daemon.service", "lxd.service", "incus.service"),
        (),
        CONTAINER_ENGINE,
        always(_NAT),
        "stop its bridges from making NAT rules (ipv4.nat, ipv4.firewall), or turn the service off",
    ),
    Service(
        "keepalived", ("keepalived.service",), ("keepalived",), IPVS, service_needs.keepalived, _stop("keepalived")
    ),
    Service("ipvsadm", ("ipvsadm.service",), ("ipvsadm",), IPVS, service_needs.ipvsadm, _stop("ipvsadm")),
    Service(
        "Open vSwitch",
        ("openvswitch-switch.service", "openvswitch.service", "ovs-vswitchd.service"),
        ("openvswitch-switch", "openvswitch"),
        OPENVSWITCH,
        service_needs.openvswitch,
        _stop("openvswitch-switch"),
    ),
)

ITEMS: tuple[Item, ...] = (
    *boot_services.items(unit for service in SERVICES for unit in service.units),
    *service_needs.ITEMS,
)
