# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that keep connection tracking off at the next boot, and every byte of them that stays."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.planners import keep_off
from ansible_collections.netops.conntrack.plugins.module_utils.planners.loading import MODULES_LOAD, MODULES_SCRIPT
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading
from ansible_collections.netops.conntrack.tests.unit import planning

CONFIG = "/etc/sysconfig/iptables-config"
CONFIG6 = "/etc/sysconfig/ip6tables-config"
RELEASE = "6.1.0-18-amd64"
DEP = {
    "/lib/modules/%s/modules.dep" % RELEASE: """\
kernel/net/netfilter/nf_conntrack.ko: kernel/net/ipv4/netfilter/nf_defrag_ipv4.ko
kernel/net/netfilter/nft_ct.ko: kernel/net/netfilter/nf_conntrack.ko kernel/net/netfilter/nf_tables.ko
kernel/net/netfilter/nf_conntrack_ftp.ko: kernel/net/netfilter/nf_conntrack.ko
kernel/net/openvswitch/openvswitch.ko: kernel/net/netfilter/nf_conntrack.ko
"""
}

RHEL5 = """\
# Load additional iptables modules (nat helpers)
#   Default: -none-
# Space separated list of nat helpers (e.g. 'ip_nat_ftp ip_nat_irc'), which
# are loaded after the firewall rules are applied. Options for the helpers are
# stored in /etc/modprobe.conf.
IPTABLES_MODULES="ip_conntrack_netbios_ns"

# Unload modules on restart and stop
IPTABLES_MODULES_UNLOAD="yes"
"""


def planned(files=None, release=RELEASE, **options):
    snapshot = planning.snapshot(release, files=files)
    return keep_off.steps(snapshot, identify(snapshot), keep_off.Options(**options))


def steps(*args, **rest):
    return {step.path: step.after for step in planned(*args, **rest).steps}


def test_the_original_line_is_commented_and_every_other_byte_stays():
    assert steps({CONFIG: RHEL5}) == {CONFIG: RHEL5.replace('IPTABLES_MODULES="ip', '#IPTABLES_MODULES="ip')}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("IPTABLES_MODULES=ip_conntrack_ftp\n", "#IPTABLES_MODULES=ip_conntrack_ftp\n"),
        ("IPTABLES_MODULES='nf_conntrack_ftp'\r\n", "#IPTABLES_MODULES='nf_conntrack_ftp'\r\n"),
        ('IPTABLES_MODULES="nf_conntrack"', '#IPTABLES_MODULES="nf_conntrack"'),
        (
            'IPTABLES_MODULES="ip_conntrack_ftp"\nIPTABLES_MODULES="ip_nat_ftp"\n',
            '#IPTABLES_MODULES="ip_conntrack_ftp"\n#IPTABLES_MODULES="ip_nat_ftp"\n',
        ),
        (
            'IPTABLES_MODULES="ip_conntrack_ftp \\\n  ip_nat_ftp"\nX=1\n',
            '#IPTABLES_MODULES="ip_conntrack_ftp \\\n#  ip_nat_ftp"\nX=1\n',
        ),
    ],
    ids=["bare", "single quotes and CRLF", "no newline at the end", "two assignments", "continuation"],
)
def test_odd_files(before, after):
    assert steps({CONFIG: before}) == {CONFIG: after}


def test_modules_of_others_stay_in_the_list():
    text = steps({CONFIG: 'IPTABLES_MODULES="ip_conntrack_ftp xt_recent"\n'})[CONFIG]
    assert text.startswith('#IPTABLES_MODULES="ip_conntrack_ftp xt_recent"\nIPTABLES_MODULES="xt_recent"')


def test_both_twins():
    found = steps({CONFIG: 'IPTABLES_MODULES="nf_nat_ftp"\n', CONFIG6: 'IP6TABLES_MODULES="nf_conntrack_ftp"\n'})
    assert found == {CONFIG: '#IPTABLES_MODULES="nf_nat_ftp"\n', CONFIG6: '#IP6TABLES_MODULES="nf_conntrack_ftp"\n'}


def test_only_helpers_where_only_they_are_to_go():
    text = steps({CONFIG: 'IPTABLES_MODULES="nf_conntrack nf_conntrack_ftp"\n'}, helpers_only=True)[CONFIG]
    assert '\nIPTABLES_MODULES="nf_conntrack"' in text


def test_modules_that_were_named_and_the_whole_line():
    line = 'IPTABLES_MODULES="xt_recent nf_conntrack_ftp"\n'
    assert '\nIPTABLES_MODULES="nf_conntrack_ftp"' in steps({CONFIG: line}, iptables_modules=("xt_recent",))[CONFIG]
    assert steps({CONFIG: line}, iptables_modules=())[CONFIG] == "#" + line


def test_a_file_without_conntrack_is_left_alone():
    assert steps({CONFIG: 'IPTABLES_MODULES=""\nIPTABLES_MODULES_UNLOAD="yes"\n'}) == {}


def test_files_that_load_it_for_us_go_and_those_of_others_stay():
    ours = {MODULES_LOAD: "nf_conntrack\n", MODULES_SCRIPT: "#!/bin/sh\n"}
    assert steps(ours) == {MODULES_LOAD: None, MODULES_SCRIPT: None}
    assert steps(ours, helpers_only=True) == {}


def test_lines_in_files_that_were_asked_for():
    text = "# site\nnf_conntrack\n loop\nnf-conntrack-ftp # for FTP\n"
    asked = {"/etc/modules-load.d/site.conf": text, "/etc/modules": "lp\nip_conntrack hashsize=4096\n"}
    assert steps(
        asked, modules_load=("/etc/modules", "/etc/modules-load.d/site.conf", "/etc/modules-load.d/no.conf")
    ) == {
        "/etc/modules": "lp\n#ip_conntrack hashsize=4096\n",
        "/etc/modules-load.d/site.conf": "# site\n#nf_conntrack\n loop\n#nf-conntrack-ftp # for FTP\n",
    }


def test_a_file_that_was_asked_for_and_is_not_there_is_told():
    files = planned(modules_load=("/etc/modules-load.d/no.conf",))
    assert files.left_alone == ("modules_load: there is no /etc/modules-load.d/no.conf here",)


def test_install_denies_the_core_under_both_names():
    lines = steps(DEP, deny="install")[keep_off.MODPROBE].splitlines()[1:]
    assert lines == ["install nf_conntrack /bin/false", "install ip_conntrack /bin/false"]
    lines = steps(DEP, deny="install", helpers_only=True)[keep_off.MODPROBE].splitlines()[1:]
    assert lines == ["install nf_conntrack_ftp /bin/false"]


def test_blacklist_names_all_that_rules_load():
    lines = steps(DEP, deny="blacklist")[keep_off.MODPROBE].splitlines()[1:]
    assert set(lines) == {
        "blacklist nf_conntrack", "blacklist ip_conntrack", "blacklist nft_ct", "blacklist nf_conntrack_ftp",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        ({}, {"deny": "blacklist"}, "modules.dep"),
        ({CONFIG: "IPTABLES_MODULES=$(ls nf_conntrack)\n"}, {"iptables_modules": ("nf_conntrack",)}, CONFIG),
        ({CONFIG: Reading(reason="too_large")}, {"iptables_modules": ()}, "too_large"),
        ({CONFIG: RHEL5, "/proc/mounts": "/dev/sda1 / ext4 ro 0 0\n"}, {}, "read-only"),
        ({"/etc/modules": Reading(reason="forbidden")}, {"modules_load": ("/etc/modules",)}, "forbidden"),
    ],
)
def test_what_cannot_be_edited_is_refused(files, options, words):
    with pytest.raises(keep_off.Refused, match=words):
        steps(files, **options)


@pytest.mark.parametrize("reading", ["IPTABLES_MODULES=$(ls nf_conntrack)\n", Reading(reason="too_large")])
def test_a_file_that_nobody_asked_for_is_left_alone_where_it_cannot_be_understood(reading):
    files = planned({CONFIG: reading, CONFIG6: 'IP6TABLES_MODULES="nf_conntrack_ftp"\n'})
    assert [step.path for step in files.steps] == [CONFIG6]
    assert [said.startswith("left alone: " + CONFIG) for said in files.left_alone] == [True]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modules_load": ("/usr/lib/modules-load.d/x.conf",)}, "allowed: /etc/modules"),
        ({"modules_load": ("/etc/modules-load.d/../shadow",)}, "modules_load: "),
        ({"iptables_modules": ("a b",)}, "iptables_modules: 'a b'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_before_anything_is_read(options, words):
    with pytest.raises(keep_off.Refused, match=words):
        keep_off.check(keep_off.Options(**options))
