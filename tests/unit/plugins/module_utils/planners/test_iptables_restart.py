# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written so that values stand when the iptables service is restarted. The scripts are reconstructed."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.planners import iptables_restart
from ansible_collections.netops.conntrack.tests.unit import planning

FOUR, SIX = (path for path, _prefix in iptables_restart.CONFIGS)
DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
UNLOADS = 'if [ "x$IPTABLES_MODULES_UNLOAD" = "xyes" ]; then\n  rmmod_r nf_conntrack\nfi\n'
LISTS = """
load_sysctl() {
    for item in $IPTABLES_SYSCTL_LOAD_LIST; do
        fgrep -hs $item %s | sysctl -p - >/dev/null 2>&1
    done
}
"""
STOCK = 'IPTABLES_MODULES=""\nIPTABLES_MODULES_UNLOAD="yes"\n#IPTABLES_SYSCTL_LOAD_LIST=".nf_conntrack .bridge-nf"\n'


def written(script, config=STOCK, six=None, sysctl_file=DROP_IN, generation="nf_conntrack"):
    files = {"/etc/rc.d/init.d/iptables": script, "/etc/init.d/iptables": script, FOUR: config, SIX: six}
    steps = iptables_restart.steps(planning.snapshot(files=files), sysctl_file, generation)
    return {step.path: step.after for step in steps}


def test_a_script_that_reads_our_file_again_is_told_to():
    assert written(UNLOADS + LISTS % "/etc/sysctl.d/*") == {FOUR: STOCK + 'IPTABLES_SYSCTL_LOAD_LIST=".nf_conntrack"\n'}


@pytest.mark.parametrize("script", [UNLOADS, UNLOADS + LISTS % "/etc/sysctl.conf"])
def test_a_script_that_does_not_read_our_file_leaves_the_modules_loaded(script):
    expected = STOCK.replace('MODULES_UNLOAD="yes"', 'MODULES_UNLOAD="no"')
    assert written(script) == {FOUR: expected}


def test_sysctl_conf_is_read_again_where_our_values_are_in_it():
    assert '=".nf_conntrack"' in written(UNLOADS + LISTS % "/etc/sysctl.conf", sysctl_file="/etc/sysctl.conf")[FOUR]


@pytest.mark.parametrize(
    ("script", "config"),
    [
        ("iptables-restore\n", STOCK),
        (UNLOADS + LISTS % "/etc/sysctl.d/*", STOCK + 'IPTABLES_SYSCTL_LOAD_LIST="bridge .nf_conntrack"\n'),
        (UNLOADS, "IPTABLES_MODULES_UNLOAD=no\n"),
        (UNLOADS, None),
    ],
)
def test_nothing_is_written_where_nothing_is_lost(script, config):
    assert written(script, config) == {}


def test_the_list_keeps_what_it_held():
    config = 'IPTABLES_SYSCTL_LOAD_LIST=".bridge-nf"\n'
    assert written(UNLOADS + LISTS % "/etc/sysctl.d/*", config) == {
        FOUR: 'IPTABLES_SYSCTL_LOAD_LIST=".bridge-nf .nf_conntrack"\n'
    }


def test_the_default_of_the_script_is_to_unload():
    assert written(UNLOADS, "# nothing\n") == {FOUR: '# nothing\nIPTABLES_MODULES_UNLOAD="no"\n'}


def test_ip6tables_unloads_it_too_unless_conntrack_is_of_ipv4_alone():
    six = 'IP6TABLES_MODULES_UNLOAD="yes"\n'
    assert written(UNLOADS, six=six)[SIX] == 'IP6TABLES_MODULES_UNLOAD="no"\n'
    assert SIX not in written(UNLOADS, six=six, generation="ip_conntrack")


def test_a_file_that_cannot_be_understood_keeps_every_byte():
    assert written(UNLOADS, 'IPTABLES_MODULES_UNLOAD="yes\n') == {}
