# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether connection tracking can be taken off, by what the kernel and the tools of a host say.

What a real kernel says to many more rule sets is tried in tests/integration/guests/test_unload_table.py.
"""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.plan import CHAIN, UNLOAD
from ansible_collections.netops.conntrack.plugins.module_utils.planners import keep_off, unload
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading
from ansible_collections.netops.conntrack.tests.unit import planning

BARE = "nf_conntrack 172032 0 - Live 0x0\nnf_defrag_ipv4 16384 1 nf_conntrack, Live 0x0\n"
UNUSED = "xt_conntrack 16384 0 - Live 0x0\nnf_conntrack 172032 1 xt_conntrack, Live 0x0\n"
RULE = "nft_ct 16384 1 - Live 0x0\nnf_conntrack 172032 1 nft_ct, Live 0x0\nnf_tables 303104 4 nft_ct, Live 0x0\n"
NAT = """\
nft_chain_nat 16384 2 - Live 0x0
nf_nat 57344 1 nft_chain_nat, Live 0x0
nf_conntrack 172032 1 nf_nat, Live 0x0
nf_tables 303104 1 nft_chain_nat, Live 0x0
"""
LEGACY = """\
iptable_nat 16384 0 - Live 0x0
nf_nat 57344 1 iptable_nat, Live 0x0
nf_conntrack 172032 1 nf_nat, Live 0x0
"""
FTP = """\
nf_nat_ftp 16384 0 - Live 0x0
nf_conntrack_ftp 24576 1 nf_nat_ftp, Live 0x0
nf_nat 57344 1 nf_nat_ftp, Live 0x0
nf_conntrack 172032 3 nf_nat_ftp,nf_conntrack_ftp,nf_nat, Live 0x0
"""
OVS = "openvswitch 192512 0 - Live 0x0\nnf_conntrack 172032 1 openvswitch, Live 0x0\n"
NFT = "$ nft list ruleset"
STATEFUL = """\
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
    }
}
"""
EMPTY_NAT = """\
table ip nat {
    chain PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
    }
    chain POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
    }
}
"""
SSH = (
    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=22 "
    "src=10.0.0.2 dst=10.0.0.1 sport=22 dport=40000 [ASSURED] mark=0 zone=0 use=2\n"
)
TRANSLATED = SSH.replace("src=10.0.0.2 dst=10.0.0.1", "src=192.168.0.9 dst=10.0.0.1")
TABLE = {"/proc/net/nf_conntrack": ""}
NOBODY = {"/etc/modules-load.d/firewall.conf": None}
CONFIG = "/etc/sysconfig/iptables-config"


def decide(modules, files=None, when=unload.NOW, **options):
    given = {"/proc/modules": modules, **NOBODY, **TABLE, **(files or {})}
    return unload.plan(planning.snapshot(files=given), when, keep_off.Options(**options))


def test_nothing_holds_it():
    plan = decide(BARE)
    assert (plan.answer, plan.refusal, plan.warnings) == (unload.NOTHING_HOLDS, None, ())
    assert [(step.kind, step.before) for step in plan.live] == [(UNLOAD, "nf_conntrack"), (UNLOAD, "nf_defrag_ipv4")]


def test_the_values_that_go_with_it_are_noted_in_the_order_that_undoes_them():
    names = [step.setting for step in decide(BARE).lost]
    assert names[-3:] == ["expect_max", "max", "buckets"]
    assert all(step.after is None and step.before for step in decide(BARE).lost)


@pytest.mark.parametrize(
    ("modules", "files"),
    [(UNUSED, {}), (LEGACY, {"/proc/net/ip_tables_names": ""}), (FTP, {}), (NAT, {NFT: EMPTY_NAT})],
    ids=["match", "iptable_nat", "helpers", "empty chains"],
)
def test_leftovers_go(modules, files):
    plan = decide(modules, files)
    assert (plan.answer, plan.refusal) == (unload.LEFTOVERS, None)
    assert plan.live[-1].before == "nf_conntrack"


def test_empty_nat_chains_are_deleted_first_and_can_be_made_again():
    chains = [step for step in decide(NAT, {NFT: EMPTY_NAT}).live if step.kind == CHAIN]
    assert [step.path for step in chains] == ["ip nat PREROUTING", "ip nat POSTROUTING"]
    assert chains[0].before == "{ type nat hook prerouting priority dstnat; policy accept; }"
    assert all(step.after is None for step in chains)


@pytest.mark.parametrize(
    ("modules", "files", "words"),
    [
        (RULE, {NFT: STATEFUL}, ["nft inet filter input", "ct state established,related accept", "leave tracking on"]),
        (RULE, {NFT: ""}, ["nft_ct", "1 reference"]),
        (RULE, {}, ["nft_ct", "not all rules could be read"]),
        (NAT, {NFT: EMPTY_NAT.split("\n    chain POST", maxsplit=1)[0] + "\n}\n"}, ["nft_chain_nat", "2 reference"]),
        (NAT, {NFT: EMPTY_NAT.replace("srcnat; policy accept", "srcnat; policy drop")}, ["policy drop"]),
        (NAT, {NFT: EMPTY_NAT.replace("nat {", "nat {\n\tflags owner", 1)}, ["owner"]),
        (NAT, {NFT: EMPTY_NAT.replace("srcnat; policy accept;", "srcnat;\n\tmasquerade")}, ["masquerade"]),
        (OVS, {}, ["Open vSwitch", "openvswitch uses nf_conntrack", "left alone"]),
        (UNUSED.replace("_conntrack 16384 0", "_conntrack 16384 1"), {}, ["xt_conntrack", "another network namespace"]),
        (BARE.replace("0 - Live", "0 [permanent], Live"), {}, ["does not unload this module"]),
        (LEGACY, {"/proc/net/nf_conntrack": SSH + TRANSLATED}, ["1 translated connection", "192.168.0.9"]),
        (LEGACY, {"/proc/net/nf_conntrack": Reading(reason="too_large")}, ["the table of connections", "too_large"]),
        (LEGACY, {"/proc/net/ip_tables_names": "nat\n"}, ["iptables", "would be lost"]),
    ],
)  # fmt: skip
def test_something_needs_it(modules, files, words):
    plan = decide(modules, files)
    assert plan.answer == unload.NEEDED
    assert all(word in plan.refusal for word in words), plan.refusal
    assert plan.live == plan.files == plan.lost == ()


def test_translated_connections_are_nothing_without_a_nat_chain():
    assert decide(FTP, {"/proc/net/nf_conntrack": TRANSLATED}).answer == unload.LEFTOVERS


def test_parameters_of_a_helper_are_kept_for_the_way_back():
    files = {
        "/sys/module/nf_conntrack_ftp/parameters/ports": "21,2121\n",
        "/sys/module/nf_conntrack_ftp/parameters/odd": "(null)\n",
    }
    assert [step.before for step in decide(FTP, files, helpers_only=True).live] == [
        "nf_nat_ftp", "nf_conntrack_ftp ports=21,2121",
    ]  # fmt: skip


def test_connections_that_are_not_translated_do_not_hold_it():
    assert decide(LEGACY, {"/proc/net/nf_conntrack": SSH}).answer == unload.LEFTOVERS


def test_a_rule_of_another_network_namespace_is_quoted_with_its_process():
    files = {
        "/proc/self/ns/net": Reading(text="", link="net:[1]"),
        "/proc/77/ns/net": Reading(text="", link="net:[2]"),
        "/proc/77/comm": "dnsmasq\n",
        NFT: "",
        "$ nsenter --net=/proc/77/ns/net nft list ruleset": STATEFUL,
    }
    refusal = decide(RULE, files).refusal
    assert "process 77 (dnsmasq)" in refusal
    assert "ct state established,related accept" in refusal


def test_a_namespace_that_is_met_by_process_and_by_name_is_told_once():
    files = {
        "/proc/self/ns/net": Reading(text="", link="net:[1]"),
        "/proc/77/ns/net": Reading(text="", link="net:[2]"),
        "/run/netns/blue": "",
        NFT: STATEFUL,
        "$ nsenter --net=/proc/77/ns/net nft list ruleset": STATEFUL,
        "$ nsenter --net=/run/netns/blue nft list ruleset": STATEFUL,
    }
    assert [holder.namespace for holder in decide(RULE, files).holders] == [None, "process 77"]


def test_the_program_that_made_a_rule_brings_it_back():
    files = {NFT: STATEFUL.replace("chain input", "chain ufw-before-input")}
    assert decide(RULE, files).holders[0].brought_back_by == "ufw"


def test_a_file_that_is_restored_at_boot_brings_its_rules_back():
    link = "/etc/systemd/system/sysinit.target.wants/nftables.service"
    files = {
        NFT: STATEFUL,
        "/etc/nftables.conf": STATEFUL,
        link: Reading(text="", link="/lib/systemd/system/nftables.service"),
    }
    plan = decide(RULE, files)
    assert plan.holders[0].brought_back_by == "/etc/nftables.conf"
    assert plan.returns[0].source == "/etc/nftables.conf"


def test_what_a_rule_uses_is_no_leftover():
    assert [holder.name for holder in decide(RULE, {NFT: STATEFUL}).holders] == ["nft inet filter input"]


def test_not_loaded_is_no_failure_and_files_are_seen_to_all_the_same():
    files = {CONFIG: 'IPTABLES_MODULES="nf_conntrack_ftp"\n', "/sys/module/nf_conntrack": None}
    plan = decide(
        "x_tables 1 0 - Live 0x0\n", {**files, **dict.fromkeys(planning.readings(), None), CONFIG: files[CONFIG]}
    )
    assert (plan.answer, plan.refusal) == (unload.NOT_LOADED, None)
    assert [step.path for step in plan.files] == [CONFIG]


class TestHelpers:
    def test_only_they_go(self):
        plan = decide(FTP, helpers_only=True)
        assert [step.before for step in plan.live] == ["nf_nat_ftp", "nf_conntrack_ftp"]
        assert plan.lost == ()

    def test_a_stateful_rule_does_not_keep_them(self):
        modules = (
            FTP.replace("nf_conntrack 172032 3 ", "nf_conntrack 172032 4 nft_ct,")
            + RULE.split("nf_conn", maxsplit=1)[0]
        )
        assert decide(modules + "nf_tables 1 4 nft_ct, Live 0x0\n", {NFT: STATEFUL}, helpers_only=True).refusal is None

    def test_a_warning_names_one_that_is_at_work(self):
        line = "297 l3proto = 2 proto=6 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=1234 PERMANENT ftp\n".replace(
            "PERMANENT ", ""
        )
        files = {"/proc/net/nf_conntrack_expect": line}
        assert any(
            "ftp" in warning and "expectations" in warning for warning in decide(FTP, files, helpers_only=True).warnings
        )

    def test_a_warning_tells_of_automatic_helpers(self):
        files = {planning.NF + "helper": "1\n"}
        assert any("nf_conntrack_helper is 1" in each for each in decide(FTP, files, helpers_only=True).warnings)

    def test_a_rule_that_assigns_one_keeps_it(self):
        modules = FTP.replace("nf_conntrack_ftp 24576 1", "nf_conntrack_ftp 24576 3") + "nf_tables 1 1 - Live 0x0\n"
        ruleset = 'table inet t {\n\tct helper f {\n\t\ttype "ftp" protocol tcp\n\t}\n}\n'
        refusal = decide(modules, {NFT: ruleset}, helpers_only=True).refusal
        assert 'type "ftp"' in refusal

    def test_none_loaded(self):
        assert decide(BARE, helpers_only=True).answer == unload.NOT_LOADED


class TestBoot:
    EARLY = {"/etc/modules-load.d/site.conf": "nf_conntrack\n"}

    def test_only_files_change(self):
        files = {CONFIG: 'IPTABLES_MODULES="nf_conntrack_ftp"\n'}
        plan = decide(FTP, files, when=unload.BOOT)
        assert (plan.live, plan.refusal) == ((), None)
        assert [step.path for step in plan.files] == [CONFIG]

    def test_it_is_refused_while_something_loads_it_all_the_same(self):
        plan = decide(BARE, self.EARLY, when=unload.BOOT)
        assert "as modules_load (in the role conntrack_modules_load) does" in plan.refusal
        assert plan.files == ()

    def test_unless_that_is_to_be_edited(self):
        plan = decide(BARE, self.EARLY, when=unload.BOOT, modules_load=tuple(self.EARLY))
        assert plan.refusal is None
        assert [step.after for step in plan.files] == ["#nf_conntrack\n"]

    def test_now_it_is_a_warning(self):
        plan = decide(BARE, self.EARLY)
        assert plan.refusal is None
        assert any("/etc/modules-load.d/site.conf" in warning for warning in plan.warnings)

    def test_rules_that_nothing_brings_back_do_not_stand_in_the_way(self):
        plan = decide(RULE, {NFT: STATEFUL}, when=unload.BOOT)
        assert (plan.answer, plan.refusal) == (unload.NEEDED, None)
        assert any("needed now, by 1 holder" in warning for warning in plan.warnings)


class TestDeny:
    DEP = {"/lib/modules/6.1.0-18-amd64/modules.dep": "kernel/nf_conntrack.ko: kernel/nf_defrag_ipv4.ko\n"}

    @pytest.mark.parametrize("deny", [keep_off.BLACKLIST, keep_off.INSTALL])
    def test_not_while_a_rule_needs_it(self, deny):
        refusal = decide(RULE, {NFT: STATEFUL, **self.DEP}, when=unload.BOOT, deny=deny).refusal
        assert "ct state established,related accept" in refusal
        assert refusal.startswith("deny: ")

    def test_where_nothing_needs_it(self):
        assert keep_off.MODPROBE in [step.path for step in decide(BARE, self.DEP, deny=keep_off.INSTALL).files]


class TestBuiltIn:
    @staticmethod
    def decide(files, release="6.1.0-18-amd64"):
        given = {"/proc/modules": Reading(reason="absent"), **NOBODY, **TABLE, **files}
        return unload.plan(planning.snapshot(release, files=given), unload.NOW, keep_off.Options())

    def test_it_tracks_nothing_without_a_rule(self):
        plan = self.decide({NFT: ""})
        assert (plan.answer, plan.refusal, plan.live, plan.files) == (unload.BUILT_IN, None, (), ())
        assert "tracks nothing" in plan.warnings[0]

    def test_a_rule_makes_it_track(self):
        refusal = self.decide({NFT: STATEFUL}).refusal
        assert "ct state established,related accept" in refusal
        assert "notrack" in refusal

    def test_helpers_may_be_modules_all_the_same(self):
        modules = "nf_conntrack_ftp 24576 0 - Live 0x0\n"
        plan = decide(modules, {"/proc/modules": modules}, helpers_only=True)
        assert [step.before for step in plan.live] == ["nf_conntrack_ftp"]

    def test_helpers_that_are_built_in(self):
        given = {"/proc/modules": Reading(reason="absent"), "/sys/module/nf_conntrack_ftp": "", **NOBODY, **TABLE}
        plan = unload.plan(planning.snapshot(files=given), unload.NOW, keep_off.Options(helpers_only=True))
        assert plan.answer == unload.BUILT_IN
        assert "nf_conntrack_ftp" in plan.refusal

    def test_before_4_10_it_tracks_everything(self):
        assert "before Linux 4.10" in self.decide({NFT: ""}, "4.4.0-210-generic").refusal


def test_in_a_container_modules_are_the_hosts():
    plan = decide(BARE, {planning.HOST_ALIAS: None})
    assert plan.answer == unload.NEEDED
    assert "do this on the host" in plan.refusal


def test_a_kernel_that_takes_no_more_changes():
    plan = decide(BARE, {"/proc/sys/kernel/modules_disabled": "1\n"})
    assert "when: boot" in plan.refusal
