# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program made a rule, by the names that it gives its tables and chains: it will make it again."""

from __future__ import annotations

import re

_OWNERS = (
    ("ufw", re.compile(r"\bufw6?-")),
    ("Docker", re.compile(r"\bDOCKER\b|\bDOCKER-|\bdocker-bridges\b")),
    ("libvirt", re.compile(r"\bLIBVIRT_|\blibvirt_network\b")),
    ("kube-proxy", re.compile(r"\bKUBE-|\bkube-proxy\b")),
    ("a CNI plugin", re.compile(r"\b(?:CNI-|cali-|FLANNEL-|CILIUM_|KUBE-ROUTER)")),
    ("podman", re.compile(r"\bNETAVARK|\bnetavark\b")),
    ("firewalld", re.compile(r"\bfirewalld\b|\b(?:INPUT|FORWARD|PREROUTING|POSTROUTING)_(?:direct|ZONES)\b")),
    ("lxc-net", re.compile(r"\blxc\b|\blxcbr")),
)


def owner(where: str, text: str) -> str | None:
    """``where`` names table and chain, ``text`` is the rule; None where neither tells."""
    return next((name for name, mark in _OWNERS if mark.search(where) or mark.search(text)), None)
