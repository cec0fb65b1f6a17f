# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values over a restart of RHEL's iptables service, whose script unloads conntrack and loads it again.

The script is reconstructed from what those of RHEL 6 and 7 do; the kernel, the modules and sysctl are real.
"""

from __future__ import annotations

import pytest

WANTED = {"max": 70000, "udp_timeout": 25, "tcp_timeout_established": 216000}
DEFAULTS = {"udp_timeout": 30, "tcp_timeout_established": 432000}
CONFIG = "/etc/sysconfig/iptables-config"
STOCK = '# Load additional iptables modules\nIPTABLES_MODULES=""\nIPTABLES_MODULES_UNLOAD="yes"\n'
SCRIPT = """#!/bin/sh
IPTABLES_MODULES_UNLOAD=yes
[ -f /etc/sysconfig/iptables-config ] && . /etc/sysconfig/iptables-config

load_sysctl() {
    for item in $IPTABLES_SYSCTL_LOAD_LIST; do
        grep -hsF "$item" %s | sysctl -p - >/dev/null 2>&1
    done
}

stop() {
    nft flush ruleset
    if [ "x$IPTABLES_MODULES_UNLOAD" = "xyes" ]; then
        modprobe -r nft_ct 2>/dev/null
        modprobe -r nf_conntrack
    fi
}

start() {
    nft 'table inet firewall { chain input { type filter hook input priority 0; ct state established accept; }; }'
    load_sysctl
}

case "$1" in restart) stop; start ;; esac
"""


@pytest.fixture(params=["/etc/sysctl.d/*", "/etc/sysctl.conf"], ids=["reads sysctl.d", "reads sysctl.conf"])
def firewall(guest, request):
    """A host with such a service, up and tracking; the script reads these files again."""
    guest.run("mkdir -p /etc/sysconfig /usr/libexec/iptables")
    guest.write(CONFIG, STOCK)
    guest.write("/usr/libexec/iptables/iptables.init", SCRIPT % request.param, "755")
    restart(guest)
    yield guest
    guest.run("nft flush ruleset; rm -r /etc/sysconfig /usr/libexec/iptables")


def restart(guest):
    guest.run("/usr/libexec/iptables/iptables.init restart")


def values(guest, names):
    return {name: guest.value(name) for name in names}


def test_without_us_a_restart_loses_the_values(firewall):
    firewall.run("sysctl -q -w net.netfilter.nf_conntrack_udp_timeout=25")
    restart(firewall)
    assert values(firewall, DEFAULTS) == DEFAULTS


def test_a_restart_keeps_the_values(firewall):
    applied = firewall.module("conntrack_settings", settings=WANTED)
    assert not applied["failed"], applied
    try:
        # Without the rule of udev, which would mend the values a moment later.
        firewall.run("rm /etc/udev/rules.d/90-netops-conntrack.rules")
        restart(firewall)
        assert values(firewall, WANTED) == WANTED
        again = firewall.module("conntrack_settings", settings=WANTED)
        assert [step["path"] for step in again["steps"]] == ["/etc/udev/rules.d/90-netops-conntrack.rules"]
    finally:
        restored = firewall.module("conntrack_settings", state="restored", allow_lower=True)
    assert not restored["failed"], restored
    assert firewall.run(f"cat {CONFIG}") == STOCK
    restart(firewall)
    assert values(firewall, DEFAULTS) == DEFAULTS
