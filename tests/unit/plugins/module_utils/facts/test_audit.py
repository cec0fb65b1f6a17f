# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit: drift, who overrules a value later, and what a restart of the firewall does to it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot, iptables_service
from ansible_collections.netops.conntrack.plugins.module_utils.facts.audit import facts
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import gather
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.formats import record_file
from ansible_collections.netops.conntrack.tests.unit import planning

MAX = "net.netfilter.nf_conntrack_max"
FILE = "/etc/sysctl.d/90-a.conf"
EARLY = {"/etc/modules-load.d/c.conf": "nf_conntrack\n"}
CONFIG = "/etc/sysconfig/iptables-config"

# In the manner of RHEL's scripts, without what they do besides.
HEAD = '# unloads with IPTABLES_MODULES_UNLOAD\nIPTABLES_CONFIG=/etc/sysconfig/iptables-config\n. "$IPTABLES_CONFIG"\n'
UNLOADS = (
    'stop() {\n    if [ "x$IPTABLES_MODULES_UNLOAD" = "xyes" ]; then\n        modprobe -r nf_conntrack\n    fi\n}\n'
)
LIST = (
    "load_sysctl() {\n    for item in $IPTABLES_SYSCTL_LOAD_LIST; do\n"
    "        %s | sysctl -p - >/dev/null\n    done\n}\n"
)
EL6 = HEAD + UNLOADS + LIST % "fgrep $item /etc/sysctl.conf"
EL7 = HEAD + UNLOADS + LIST % "fgrep -hs $item /etc/sysctl.d/* /etc/sysctl.conf"
EL8 = HEAD + LIST % "fgrep -hs $item /etc/sysctl.d/*"
SYSV, UNIT = "/etc/rc.d/init.d/iptables", "/usr/libexec/iptables/iptables.init"


def audit(files, keys=None):
    host = planning.snapshot(files={**EARLY, FILE: MAX + " = 65536\n", **files}, keys=keys)
    return facts(host, identify(host))


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (SYSV, EL6, (SYSV, True, ("/etc/sysctl.conf",))),
        (UNIT, EL7, (UNIT, True, ("/etc/sysctl.conf", "/etc/sysctl.d"))),
        (UNIT, EL8, (UNIT, False, ("/etc/sysctl.d",))),
        ("/etc/init.d/iptables", HEAD + UNLOADS, ("/etc/init.d/iptables", True, ())),
    ],
)
def test_the_iptables_service_is_known_by_its_script(path, text, expected):
    assert iptables_service.service(planning.snapshot(files={path: text})) == expected


def test_no_script_no_service():
    assert iptables_service.service(planning.snapshot()) is None
    row = audit({})["settings"]["max"]
    assert (row["restart_keeps"], row["restart_why"]) == (None, None)


@pytest.mark.parametrize(
    ("script", "config", "path", "keeps"),
    [
        (EL6, "", FILE, False),
        (EL6, 'IPTABLES_MODULES_UNLOAD="no"\n', FILE, True),
        (EL6, 'IPTABLES_SYSCTL_LOAD_LIST=".nf_conntrack"\n', FILE, False),
        (EL7, 'IPTABLES_SYSCTL_LOAD_LIST=".nf_conntrack"\n', FILE, True),
        (EL7, '#IPTABLES_SYSCTL_LOAD_LIST=".nf_conntrack"\n', FILE, False),
        (EL7, 'IPTABLES_SYSCTL_LOAD_LIST=".bridge-nf"\n', FILE, False),
        (EL7, "IPTABLES_MODULES_UNLOAD=$(something)\n", FILE, None),
        (EL8, 'IPTABLES_MODULES_UNLOAD="yes"\n', FILE, True),
    ],
)
def test_what_a_restart_of_the_firewall_does(script, config, path, keeps):
    row = audit({UNIT: script, CONFIG: config})["settings"]["max"]
    assert row["restart_keeps"] is keeps
    assert row["restart_why"]
    assert [one["writer"] for one in row["overruled_later"]] == (["iptables service"] if keeps is False else [])


def test_a_rule_keeps_values_over_a_restart():
    rule = 'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nf_conntrack", RUN+="/lib/systemd/systemd-sysctl"\n'
    row = audit({UNIT: EL6, CONFIG: "", "/etc/udev/rules.d/90-x.rules": rule})["settings"]["max"]
    assert row["restart_keeps"] is True
    assert "/etc/udev/rules.d/90-x.rules" in row["restart_why"]


def test_a_default_comes_back_by_itself():
    row = audit({UNIT: EL6, CONFIG: ""})["settings"]["udp_timeout"]
    assert row["restart_keeps"] is True


KUBE = "/var/lib/kube-proxy/config.conf"
YAML = "kind: KubeProxyConfiguration\nconntrack:\n%s\niptables:\n  min: 1\n"


def later(files, name):
    return {one["writer"]: one["knob"] for one in audit(files)["settings"][name]["overruled_later"]}


@pytest.mark.parametrize(
    ("files", "name", "written"),
    [
        ({"/proc/7/comm": "kube-proxy\n"}, "max", True),
        ({"/proc/7/comm": "kube-proxy\n"}, "udp_timeout", False),
        ({KUBE: YAML % "  maxPerCore: null\n  min: null"}, "max", True),
        ({KUBE: YAML % "  maxPerCore: 0\n  min: 0"}, "max", False),
        ({KUBE: YAML % "  maxPerCore: 0"}, "tcp_timeout_established", True),
        ({KUBE: YAML % "  tcpEstablishedTimeout: 0s"}, "tcp_timeout_established", False),
        ({KUBE: YAML % "  udpTimeout: 30s"}, "udp_timeout", True),
        ({KUBE: YAML % "  udpTimeout: 0s"}, "udp_timeout", False),
        ({KUBE: YAML % "  min: 5"}, "tcp_loose", False),
    ],
)
def test_kube_proxy_writes_what_its_configuration_says(files, name, written):
    assert ("kube-proxy" in later(files, name)) == written


def test_firewalld_that_unloads_modules():
    conf = "/etc/firewalld/firewalld.conf"
    assert "CleanupModulesOnExit=no" in later({conf: "CleanupModulesOnExit=yes\n"}, "max")["firewalld"]
    assert later({conf: "CleanupModulesOnExit=no\n"}, "max") == {}


def test_tuned_names_its_profile():
    tuned = {
        "/etc/systemd/system/multi-user.target.wants/tuned.service": "",
        "/etc/tuned/active_profile": "mine\n",
        "/etc/tuned/mine/tuned.conf": "[sysctl]\nnet.netfilter.nf_conntrack_udp_timeout=5\n"
        "[net]\nnf_conntrack_hashsize=9\n",
    }
    assert later(tuned, "udp_timeout")["TuneD"].startswith("[sysctl] in /etc/tuned/mine/tuned.conf, line 2")
    assert later(tuned, "buckets")["TuneD"].startswith("nf_conntrack_hashsize in the profile mine")
    assert later(tuned, "max") == {}


def record(**wanted):
    return {record_file.PATH: json.dumps({"wanted": wanted})}


@pytest.mark.parametrize(
    ("live", "file", "wanted", "drift"),
    [
        (65536, 65536, {}, None),
        (65536, 65536, {"max": 65536}, None),
        (131072, 65536, {}, (131072, 65536, None)),
        (65536, 65536, {"max": 5}, (65536, 65536, 5)),
        (5, 65536, {"max": 5}, (5, 65536, 5)),
    ],
)
def test_drift_between_now_and_the_boot_and_what_was_wanted(live, file, wanted, drift):
    files = {FILE: "%s = %d\n" % (MAX, file), planning.HOST_ALIAS: "%d\n" % live, **record(**wanted)}
    found = [row for row in audit(files, {"max": live})["drift"] if row["setting"] == "max"]
    assert [(row["live"], row["after_boot"], row["wanted"]) for row in found] == ([drift] if drift else [])
    assert all(FILE in row["detail"] for row in found)


def test_a_rounded_hash_size_is_no_drift():
    files = {**record(buckets=16000), FILE: "net.netfilter.nf_conntrack_buckets = 16000\n"}
    found = audit(files, {"buckets": 16384})
    assert found["settings"]["buckets"]["after_boot"] == 16384
    assert [row for row in found["drift"] if row["setting"] == "buckets"] == []


def test_drift_says_why_a_file_does_not_count():
    found = audit({"/etc/modules-load.d/c.conf": None, "/etc/modules-load.d/firewall.conf": None}, {"max": 65536})
    detail = next(row["detail"] for row in found["drift"] if row["setting"] == "max")
    assert FILE in detail and boot.NOT_LOADED in detail


def test_a_built_in_kernel_is_told_of_its_command_line():
    found = audit({"/proc/modules": None, **record(buckets=8192)})
    assert "nf_conntrack.hashsize=8192" in found["command_line"]
    assert found["initramfs"] is None
    assert audit({})["command_line"] is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "damaged"),
        ("", "damaged"),
        ('{"wanted": [1]}', "damaged"),
        ('{"version": 1, "paths": {}, "wanted": {}}', None),
    ],
)
def test_a_record_that_cannot_be_understood_is_told(text, told):
    found = gather(planning.snapshot(files={record_file.PATH: text}), ["persistence"])
    assert found["unread"].get(record_file.PATH) == told
