# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is said to load connection tracking at the next boot, by name: lists of modules, modprobe's files, scripts."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts import bringers
from ansible_collections.netops.conntrack.plugins.module_utils.facts.bringers import Bringer
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.formats import shell_assignments
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading
from ansible_collections.netops.conntrack.tests.unit import planning, recorded

RELEASE = "6.1.0-18-amd64"
DEP = "/lib/modules/%s/modules.dep" % RELEASE
DEPENDENCIES = """\
kernel/net/netfilter/nf_conntrack.ko: kernel/net/ipv4/netfilter/nf_defrag_ipv4.ko
kernel/net/netfilter/nf_conntrack_netbios_ns.ko: kernel/net/netfilter/nf_conntrack.ko
kernel/net/netfilter/nf_conntrack_netlink.ko: kernel/net/netfilter/nf_conntrack.ko
kernel/net/netfilter/xt_MASQUERADE.ko: kernel/net/netfilter/nf_nat.ko kernel/net/netfilter/nf_conntrack.ko
kernel/net/netfilter/ipvs/ip_vs.ko: kernel/net/netfilter/nf_conntrack.ko
kernel/net/openvswitch/openvswitch.ko: kernel/net/netfilter/nf_conntrack.ko
"""
CONFIG = "/etc/sysconfig/iptables-config"
CONFIG6 = "/etc/sysconfig/ip6tables-config"
STARTED = {"/etc/systemd/system/basic.target.wants/iptables.service": ""}
LISTED = 'IPTABLES_MODULES="nf_conntrack_ftp ip_tables"\nIPTABLES_MODULES_UNLOAD="yes"\n'
LOAD = "/etc/modules-load.d/netops-conntrack.conf"


def found(files, release=RELEASE, keys=None, without=("/etc/modules-load.d/firewall.conf",)) -> list[Bringer]:
    host = planning.snapshot(release, keys, {**files, **dict.fromkeys(without)})
    return bringers.find(host, identify(host))


def script(text):
    return Reading(text=text, mode=0o755)


def test_nothing_is_named_on_a_host_that_brings_nothing():
    assert found({}) == []


def rhel5(**files):
    host = recorded.RecordedHost(os.path.join(recorded.HOSTS, "rhel5-origin"))
    read = host.read(dict.fromkeys((*probe.items(["persistence"]), *bringers.ITEMS)))
    return read.with_readings({path: Reading(text=text, mode=0o755) for path, text in files.items()})


def test_the_original_host_loads_its_helper_by_the_iptables_script():
    link = "/etc/rc.d/rc3.d/S08iptables"
    host = rhel5(**{link: ""})
    (one,) = bringers.find(host, identify(host))
    assert (one.source, one.loads, one.kind) == (CONFIG, "ip_conntrack_netbios_ns", "iptables_modules")
    assert link in one.evidence and 'IPTABLES_MODULES="ip_conntrack_netbios_ns"' in one.evidence
    assert "IPTABLES_MODULES" in one.change and CONFIG in one.change


def test_the_original_host_brings_nothing_with_its_line_commented():
    host = rhel5(**{"/etc/rc.d/rc3.d/S08iptables": ""})
    new = shell_assignments.comment_out(host.text(CONFIG), "IPTABLES_MODULES", None).text
    assert bringers.find(host.with_text(CONFIG, new), identify(host)) == []


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({CONFIG: LISTED, **STARTED}, ["nf_conntrack_ftp"]),
        ({CONFIG: LISTED}, []),
        ({CONFIG: LISTED, "/usr/libexec/iptables/iptables.init": "#!/bin/bash\n"}, ["nf_conntrack_ftp"]),
        ({CONFIG: LISTED, **STARTED, "/etc/systemd/system/iptables.service": Reading("", link="/dev/null")}, []),
        (
            {
                CONFIG: LISTED,
                "/usr/libexec/iptables/iptables.init": "#!/bin/bash\n",
                "/etc/systemd/system/iptables.service": Reading("", link="/dev/null"),
            },
            [],
        ),
        ({CONFIG: LISTED, "/etc/systemd/system/multi-user.target.requires/iptables.service": ""}, ["nf_conntrack_ftp"]),
        ({CONFIG: 'IPTABLES_MODULES="ip_tables"\n', **STARTED}, []),
        ({CONFIG: '#IPTABLES_MODULES="nf_conntrack_ftp"\n', **STARTED}, []),
        ({CONFIG: LISTED + 'IPTABLES_MODULES=""\n', **STARTED}, []),
        ({CONFIG6: 'IP6TABLES_MODULES="nf_conntrack_ftp"\n', **STARTED}, []),
        (
            {
                CONFIG6: 'IP6TABLES_MODULES="nf_conntrack_ftp"\n',
                "/etc/systemd/system/multi-user.target.wants/ip6tables.service": "",
            },
            ["nf_conntrack_ftp"],
        ),
        ({CONFIG6: 'IP6TABLES_MODULES="nf_nat_ftp"\n', "/usr/libexec/iptables/ip6tables.init": ""}, ["nf_nat_ftp"]),
        ({CONFIG: 'IPTABLES_MODULES="$(cat /etc/mods)"\n', **STARTED}, ["modules that only a running shell can tell"]),
        ({CONFIG: LISTED, **STARTED, "/etc/modprobe.d/x.conf": "install nf_conntrack /bin/false\n"}, []),
        ({CONFIG: LISTED, **STARTED, "/etc/modprobe.d/x.conf": "install nf_conntrack_ftp /bin/true\n"}, []),
        ({CONFIG: LISTED, **STARTED, "/etc/modprobe.d/x.conf": "blacklist nf_conntrack_ftp\n"}, ["nf_conntrack_ftp"]),
    ],
)
def test_lists_of_the_iptables_scripts(files, named):
    result = found(files)
    assert [one.loads for one in result] == named
    assert {one.kind for one in result} <= {"iptables_modules"}


def test_an_old_name_is_an_alias_so_a_blacklist_stops_it():
    """modprobe ignores the aliases of a blacklisted module, also for whoever asks by hand."""
    old = {CONFIG: 'IPTABLES_MODULES="ip_conntrack_netbios_ns"\n', **STARTED, DEP: DEPENDENCIES}
    assert [one.loads for one in found(old)] == ["ip_conntrack_netbios_ns"]
    assert found({**old, "/etc/modprobe.d/x.conf": "blacklist nf_conntrack_netbios_ns\n"}) == []


def test_modules_dep_says_what_the_kernel_has():
    listed = {CONFIG: 'IPTABLES_MODULES="nf_conntrack_sane ipt_MASQUERADE ip_vs"\n', **STARTED}
    assert [one.loads for one in found({**listed, DEP: DEPENDENCIES})] == ["ipt_MASQUERADE", "ip_vs"]
    assert [one.loads for one in found(listed)] == ["nf_conntrack_sane", "ipt_MASQUERADE"]


def test_an_init_script_counts_for_systemd_only_where_there_is_no_unit():
    link = {CONFIG: LISTED, "/etc/rc3.d/S08iptables": ""}
    assert [one.loads for one in found(link)] == ["nf_conntrack_ftp"]
    assert found({**link, "/usr/lib/systemd/system/iptables.service": ""}) == []


@pytest.mark.parametrize(
    ("path", "text", "loads", "kind"),
    [
        (LOAD, "nf_conntrack\n", "nf_conntrack", "modules_load"),
        ("/usr/lib/modules-load.d/x.conf", "# x\nnf-nat\n", "nf_nat", "modules_load"),
        (LOAD, "#nf_conntrack\n", None, None),
        (LOAD, "br_netfilter\noverlay\n", None, None),
        ("/proc/cmdline", "ro modules_load=nf-conntrack\n", "nf_conntrack", "modules_load"),
        ("/etc/initramfs-tools/modules", "nf_conntrack hashsize=4096\n", "nf_conntrack", "initramfs"),
        ("/etc/dracut.conf.d/c.conf", 'force_drivers+=" nf_conntrack "\n', "nf_conntrack", "initramfs"),
        ("/etc/systemd/system/sysinit.target.wants/modprobe@nf_conntrack.service", "", "nf_conntrack", "modules_load"),
        ("/etc/rc.local", script("/sbin/modprobe nf_conntrack_ftp\nexit 0\n"), "nf_conntrack_ftp", "modules_load"),
        ("/etc/rc.local", "/sbin/modprobe nf_conntrack_ftp\n", None, None),  # nobody runs it
        (
            "/etc/udev/rules.d/90-x.rules",
            'ACTION=="add", SUBSYSTEM=="net", RUN+="/sbin/modprobe nf_conntrack"\n',
            "nf_conntrack",
            "modules_load",
        ),
        ("/etc/modprobe.d/x.conf", "softdep ip_tables post: nf_conntrack_ftp\n", "nf_conntrack_ftp", "modprobe"),
        (
            "/etc/modprobe.d/x.conf",
            "install ip_tables /sbin/modprobe --ignore-install ip_tables; /sbin/modprobe nf_conntrack\n",
            "nf_conntrack",
            "modprobe",
        ),
        # firewalld's: sets sysctls once something else has loaded it
        (
            "/usr/lib/modprobe.d/firewalld-sysctls.conf",
            "install nf_conntrack /usr/sbin/modprobe --ignore-install nf_conntrack && sysctl -q --pattern x\n",
            None,
            None,
        ),
        ("/etc/modprobe.d/x.conf", "options nf_conntrack hashsize=4096\n", None, None),
    ],
)
@pytest.mark.parametrize("denied", [False, True])
def test_modules_loaded_by_name(path, text, loads, kind, denied):
    denial = {"/etc/modprobe.d/zz-off.conf": "install nf_conntrack /bin/false\n"} if denied else {}
    result = found({path: text, **denial})
    if loads is None or denied:
        assert result == []
        return
    (one,) = result
    assert (one.loads, one.kind) == (loads, kind)
    assert one.source in (path, "kernel command line")
    assert one.evidence and one.change
    if kind == "initramfs":
        assert "rebuild the initramfs" in one.change


@pytest.mark.parametrize(
    ("denial", "stopped"), [("blacklist nf_conntrack\n", True), ("blacklist nf_conntrack_ftp\n", False)]
)
def test_systemd_minds_the_blacklist(denial, stopped):
    assert bool(found({LOAD: "nf_conntrack\n", "/etc/modprobe.d/b.conf": denial})) is not stopped


def test_etc_modules_is_named_where_a_link_has_it_read():
    """And a plan that predicts a new text for it sees it gone."""
    link = Reading(text="nf_conntrack\n", mode=0o644, link="../modules")
    files = {"/etc/modules": "nf_conntrack\n", "/etc/modules-load.d/modules.conf": link}
    (one,) = found(files)
    assert (one.source, one.evidence, one.kind) == ("/etc/modules", "nf_conntrack", "modules_load")
    assert found({**files, "/etc/modules": "# nf_conntrack\n"}) == []
    assert found({**files, "/etc/modules-load.d/modules.conf": link._replace(text="# nf_conntrack\n")}) == []


def test_scripts_of_old_hosts():
    files = {
        "/run/systemd/system": None,
        "/etc/sysctl.d": None,
        "/etc/rc.d/rc.sysinit": "sysctl -e -p /etc/sysctl.conf\n",
        "/etc/sysconfig/modules/netops-conntrack.modules": script("#!/bin/sh\nmodprobe nf_conntrack\n"),
    }
    (one,) = found(files, "2.6.32-754.el6.x86_64")
    assert (one.source, one.evidence) == ("/etc/sysconfig/modules/netops-conntrack.modules", "modprobe nf_conntrack")
    plain = Reading(text="modprobe nf_conntrack\n", mode=0o644)
    assert found({**files, "/etc/sysconfig/modules/netops-conntrack.modules": plain}, "2.6.32-754.el6.x86_64") == []


def test_a_core_that_is_built_in_has_nothing_to_load():
    files = {"/proc/modules": "", LOAD: "nf_conntrack\n", CONFIG: LISTED, **STARTED}
    assert found(files) == []


def test_the_words_that_are_its_own_in_each_list():
    host = planning.snapshot(
        files={
            CONFIG: 'IPTABLES_MODULES="ip_conntrack_netbios_ns ip_tables nf-nat-ftp"\n',
            CONFIG6: 'IP6TABLES_MODULES="ip6_tables"\n',
        }
    )
    assert bringers.module_lists(host) == {CONFIG: ["ip_conntrack_netbios_ns", "nf-nat-ftp"]}
