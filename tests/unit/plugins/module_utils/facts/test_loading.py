# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What loads conntrack before the sysctls are set, and what sets them again once it is loaded."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue
from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot, loading
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import ABSENT, Reading, Snapshot

MAX, ALIAS = "net.netfilter.nf_conntrack_max", "net.nf_conntrack_max"
UDP = "net.netfilter.nf_conntrack_udp_timeout"
RELEASE = "6.1.0-18-amd64"
DROP_IN = "/etc/sysctl.d/50-a.conf"
BASE = {
    "/proc/sys/kernel/osrelease": RELEASE + "\n",
    "/proc/meminfo": "MemTotal: 3994832 kB\n",
    "/proc/modules": "nf_conntrack 155648 0 - Live 0x0\n",
    "/proc/sys/net/nf_conntrack_max": "65536\n",
    "/proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
    "/proc/sys/net/netfilter/nf_conntrack_udp_timeout": "30\n",
    DROP_IN: MAX + " = 5\n" + UDP + " = 6\n",
}
SYSTEMD = {"/run/systemd/system": ""}
PROCPS = {"/etc/init.d/procps": "", "/etc/sysctl.d": ""}
SYSINIT = {"/etc/rc.d/rc.sysinit": "for file in /etc/sysctl.d/* ; do\n"}
DEP = "/lib/modules/%s/modules.dep" % RELEASE
DEPENDENCIES = (
    "kernel/net/netfilter/nf_conntrack.ko.xz: kernel/net/ipv4/netfilter/nf_defrag_ipv4.ko.xz\n"
    "kernel/net/netfilter/nft_ct.ko.xz: kernel/net/netfilter/nf_conntrack.ko.xz kernel/x/nf_defrag_ipv4.ko.xz\n"
    "kernel/net/netfilter/nf_conntrack_ftp.ko.xz: kernel/net/netfilter/nf_conntrack.ko.xz\n"
)


def snapshot(files=None, by=None, without=()):
    texts = {**BASE, **(SYSTEMD if by is None else by), **(files or {})}
    return Snapshot(
        {
            path: value if isinstance(value, Reading) else Reading(text=value, mode=0o644)
            for path, value in texts.items()
            if path not in without
        }
    )


def early(files, by=None, key=""):
    host = snapshot(files, by)
    return loading.early(host, identify(host), key)


def after(files, name="max", by=None, **rest):
    host = snapshot(files, by, **rest)
    return boot.after_boot(host, catalogue.BY_NAME[name], identify(host))


LOAD = "/etc/modules-load.d/x.conf"
INITRAMFS = "/etc/initramfs-tools/modules"


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (LOAD, "# early\nnf_conntrack\n", True),
        ("/usr/lib/modules-load.d/x.conf", "nf-conntrack\n", True),
        (LOAD, "nf_conntrack # to systemd the whole line is a name\n", False),
        (LOAD, "nf_conntrack hashsize=4096\n", False),
        (LOAD, "#nf_conntrack\n;nf_conntrack\n", False),
        (LOAD, "nf_conntrack_ftp\n", True),
        (LOAD, "ip_conntrack\n", True),
        (LOAD, "nf_defrag_ipv4\n", False),
        ("/etc/modules-load.d/x", "nf_conntrack\n", False),
        ("/etc/modules", "nf_conntrack\n", False),  # without a link in modules-load.d
        ("/proc/cmdline", "quiet modules-load=dummy,nf-conntrack ro\n", True),
        ("/proc/cmdline", "modules_load=nf_conntracks\n", False),
        (INITRAMFS, "# x\nnf_conntrack hashsize=4096\n", True),
        ("/etc/dracut.conf.d/c.conf", 'force_drivers+=" xfs nf_conntrack "\n', True),
        ("/etc/dracut.conf.d/c.conf", 'add_drivers+=" nf_conntrack "\n', False),
        ("/etc/sysctl.d/x.conf", "nf_conntrack\n", False),
        ("/etc/sysconfig/modules/c.modules", Reading(text="modprobe nf_conntrack\n", mode=0o755), False),
    ],
)
def test_what_loads_conntrack_early_with_systemd(path, text, found):
    assert early({path: text}) == (path if found else None)


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ({}, "/usr/lib/modules-load.d/x.conf"),
        ({LOAD: ""}, None),
        ({LOAD: Reading(text="", link="/dev/null")}, None),
        ({LOAD: Reading(reason=ABSENT, link="nowhere")}, None),
    ],
)
def test_masks_of_modules_load(mask, found):
    assert early({"/usr/lib/modules-load.d/x.conf": "nf_conntrack\n", **mask}) == found


@pytest.mark.parametrize(
    ("modprobe", "found"),
    [
        ("blacklist nf_conntrack\n", None),
        ("blacklist nf_conntrack_ftp\n", LOAD),
        ("install nf_conntrack /bin/false\n", None),
        ("install nf_conntrack /sbin/modprobe --ignore-install nf_conntrack\n", LOAD),
    ],
)
def test_what_modprobe_may_not_load_is_not_loaded(modprobe, found):
    assert early({LOAD: "nf_conntrack\n", "/etc/modprobe.d/b.conf": modprobe}) == found


def test_modules_dep_tells_what_comes_with_a_module():
    assert early({LOAD: "nft_ct\n", DEP: DEPENDENCIES}) == LOAD
    assert early({LOAD: "nft_ct\n"}) is None
    assert early({LOAD: "nf_conntrack_ipv4\n", DEP: DEPENDENCIES}) is None, "this kernel has no such module"
    assert early({LOAD: "nf_defrag_ipv4\n", DEP: DEPENDENCIES}) is None


def test_keys_that_come_with_a_module_of_their_own():
    old = {"/proc/modules": "nf_conntrack 1 0 - Live 0x0\nnf_conntrack_ipv4 1 0 - Live 0x0\n"}
    icmp = "net.netfilter.nf_conntrack_icmp_timeout"
    assert early({LOAD: "nf_conntrack\n", **old}, key=MAX) == LOAD
    assert early({LOAD: "nf_conntrack\n", **old}, key=icmp) is None
    assert early({LOAD: "nf_conntrack_ipv4\n", **old}, key=icmp) == LOAD
    assert early({LOAD: "nf_conntrack\n"}, key=icmp) == LOAD, "it is in the core here"


def test_init_scripts_read_more_than_systemd():
    assert early({"/etc/modules": "nf_conntrack hashsize=4096\n"}, PROCPS) == "/etc/modules"
    assert early({LOAD: "nf_conntrack # early\n"}, PROCPS) == LOAD
    assert early({LOAD: "nf_conntrack\n"}, SYSINIT) is None
    script = "/etc/sysconfig/modules/c.modules"
    text = "#!/bin/sh\nexec /sbin/modprobe nf_conntrack >/dev/null 2>&1\n"
    assert early({script: Reading(text=text, mode=0o755)}, SYSINIT) == script
    assert early({script: Reading(text=text, mode=0o644)}, SYSINIT) is None
    assert early({script: Reading(text="modprobe -r nf_conntrack\n", mode=0o755)}, SYSINIT) is None


def test_without_anything_the_files_do_not_count():
    found = after({})
    assert (found.value, found.source, found.through) == (65536, "kernel default", None)
    assert [(said.path, said.line, said.value, said.why) for said in found.losers] == [
        (DROP_IN, 1, "5", boot.NOT_LOADED)
    ]


def test_loaded_early_they_count():
    assert after({LOAD: "nf_conntrack\n"})[:2] == (5, DROP_IN)
    assert after({LOAD: "nf_conntrack\n"}).through == LOAD


RULE = "/etc/udev/rules.d/90-x.rules"
HEAD = 'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nf_conntrack", '
ALL = HEAD + 'RUN+="/usr/lib/systemd/systemd-sysctl"\n'


def run(command, head=HEAD):
    return '%sRUN+="%s"\n' % (head, command)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (ALL, 5),
        (run("/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter"), 5),
        (run("/lib/systemd/systemd-sysctl --prefix /net/netfilter"), 5),
        (run("/lib/systemd/systemd-sysctl --prefix=/proc/sys/net/netfilter/nf_conntrack_max"), 5),
        (run("/lib/systemd/systemd-sysctl --prefix=net.netfilter"), 5),
        (run("/lib/systemd/systemd-sysctl --prefix=/net/nf_conntrack_max"), None),
        (run("/lib/systemd/systemd-sysctl --prefix=/net/netfilter/nf_conntrack"), None),
        (run("/lib/systemd/systemd-sysctl --prefix=/net/bridge"), None),
        (run("/sbin/sysctl -q -e --system"), 5),
        (run("/sbin/sysctl -q -e --system --pattern nf_"), 5),
        (run("/sbin/sysctl --system -r ^net\\\\.ipv4"), None),
        (run("/sbin/sysctl -p"), None),
        (run("/sbin/sysctl -e -q -p /etc/sysctl.d/50-a.conf"), 5),
        (run("/sbin/sysctl -qp/etc/sysctl.d/50-a.conf"), 5),
        (run("/sbin/sysctl -w net.netfilter.nf_conntrack_max=77"), 77),
        (run("/bin/sh -c 'sleep 1; /sbin/sysctl --system'"), 5),
        (
            run(
                "/bin/sh -c 'for i in 1 2; do sleep 1; done; exec /lib/systemd/systemd-sysctl --prefix=/net/netfilter'"
            ),
            5,
        ),
        (run("/bin/sh -c 'echo 99 > /proc/sys/net/netfilter/nf_conntrack_max'"), 99),
        (run("/bin/echo sysctl --system"), None),
        (ALL.replace("nf_conntrack", "nf_conntrack|br_netfilter"), 5),
        (ALL.replace("nf_conntrack", "nf_*"), 5),
        (ALL.replace("nf_conntrack", "br_netfilter"), None),
        (ALL.replace('"add"', '"remove"'), None),
        (ALL.replace('"module"', '"net"'), None),
        ("#" + ALL, None),
        (ALL.replace("RUN+=", "\\\n  RUN+="), 5),
        ('ENV{X}=="1", ' + ALL, None),
        ('SUBSYSTEM=="module", GOTO="end"\n' + ALL + 'LABEL="end"\n', None),
        ('SUBSYSTEM!="module", GOTO="end"\n' + ALL + 'LABEL="end"\n', 5),
    ],
)
def test_a_rule_sets_the_values_again(rule, value):
    found = after({RULE: rule})
    assert found.value == (value or 65536)
    assert (found.through == RULE) == bool(value)


def test_a_rule_for_one_name_does_not_cover_the_other():
    prefix = run("/lib/systemd/systemd-sysctl --prefix=/net/netfilter")
    files = {RULE: prefix, DROP_IN: ALIAS + " = 8\n" + UDP + " = 9\n"}
    assert after(files).value == 65536
    assert after(files, "udp_timeout").value == 9
    host = snapshot(files)
    assert loading.reapplied(host, identify(host), MAX) == RULE
    assert loading.reapplied(host, identify(host), ALIAS) is None


def test_a_rule_makes_what_it_covers_win_over_a_later_file():
    files = {
        RULE: run("/lib/systemd/systemd-sysctl --prefix=/net/netfilter"),
        "/etc/sysctl.d/60-b.conf": ALIAS + "=8\n",
    }
    assert after(files)[:2] == (5, DROP_IN)


def test_a_rule_is_masked_by_its_name():
    low = "/usr/lib/udev/rules.d/90-x.rules"
    assert after({low: ALL}).through == low
    assert after({low: ALL, RULE: ""}).value == 65536


def test_procps_in_a_rule_reads_sysctl_conf_last():
    files = {RULE: run("/sbin/sysctl --system"), "/etc/sysctl.conf": MAX + " = 7\n"}
    assert after(files)[:2] == (7, "/etc/sysctl.conf")


def test_what_early_loading_and_a_rule_make_different_cannot_be_told():
    found = after({RULE: run("/sbin/sysctl -w %s=77" % MAX), LOAD: "nf_conntrack\n"})
    assert found.value is None
    assert "5" in found.detail and "77" in found.detail
    assert after({RULE: ALL, LOAD: "nf_conntrack\n"}).value == 5


def test_modprobe_may_set_them_too():
    install = (
        "install nf_conntrack /sbin/modprobe --ignore-install nf_conntrack $CMDLINE_OPTS && /sbin/sysctl --system\n"
    )
    found = after({"/etc/modprobe.d/c.conf": install})
    assert (found.value, found.through, found.detail) == (5, "/etc/modprobe.d/c.conf", None)


@pytest.mark.parametrize(
    ("release", "late"),
    [
        ("6.1.0-18-amd64", False),
        ("5.11.0", False),
        ("5.10.0-26-amd64", True),
        ("5.10.0-28-amd64", False),
        ("5.10.100", True),
        ("5.10.198", False),
        ("5.4.123", True),
        ("5.4.124", False),
        ("5.5.0", True),
        ("4.18.0-240.el8.x86_64", True),
        ("3.10.0-1160.el7.x86_64", True),
    ],
)
def test_a_kernel_that_announces_a_module_too_early_makes_a_plain_rule_doubtful(release, late):
    kernel = {"/proc/sys/kernel/osrelease": release + "\n"}
    assert bool(after({RULE: ALL, **kernel}).detail) == late
    waiting = run("/bin/sh -c 'until [ -e /proc/sys/net/nf_conntrack_max ]; do sleep 1; done; /sbin/sysctl --system'")
    found = after({RULE: waiting, **kernel})
    assert (found.value, found.detail) == (5, None)


def test_an_old_host_sets_them_again_when_networking_starts():
    network = {"/etc/rc.d/init.d/network": "apply_sysctl\n"}
    assert after(network, by=SYSINIT)[:2] == (5, DROP_IN)
    assert after({}, by=SYSINIT).value == 65536
    host = snapshot(network, SYSINIT)
    assert loading.reapplied(host, identify(host), MAX) is None, "that is at boot only"


def test_built_in_needs_neither():
    assert after({}, without=["/proc/modules"])[:4] == (5, DROP_IN, (), "built in")


def test_what_the_initramfs_loads_is_named():
    host = snapshot({INITRAMFS: "nf_conntrack\n"})
    found = loading.initramfs(host, identify(host))
    assert (found["loads"], found["source"]) == ("nf_conntrack", INITRAMFS)
    assert "update-initramfs" in found["note"]
    assert loading.initramfs(snapshot(), identify(snapshot())) is None
