# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of conntrack_unload over recorded hosts, which have no kernel to unload anything from."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.calls import unload as call
from ansible_collections.netops.conntrack.plugins.module_utils.formats import modules
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.host import Host
from ansible_collections.netops.conntrack.plugins.module_utils.plan import UNLOAD, Outcome
from ansible_collections.netops.conntrack.plugins.module_utils.planners import (
    keep_off,
    record,
    undoing,
    unload,
    unloading,
)
from ansible_collections.netops.conntrack.tests.unit import planning, recorded

CONFIG = "/etc/sysconfig/iptables-config"
LINE = 'IPTABLES_MODULES="nf_conntrack_ftp"\n'


class Unloading(Host):
    """A recorded host whose list of modules loses what is unloaded; ``stubborn`` ones stay, as if something came."""

    def __init__(self, host, stubborn=()):
        self._host = host
        self._stubborn = stubborn
        self.loaded_again = []

    def read(self, items):
        return self._host.read(items)

    def carry_out(self, steps):
        outcomes = []
        for step in steps:
            if step.kind == UNLOAD and step.before in self._stubborn:
                outcomes.append(Outcome(step, "EBUSY", "rmmod: Module %s is in use" % step.before))
            elif step.kind == UNLOAD:
                path = self._host.root + "/proc/modules"
                with open(path, encoding="utf-8") as stream:
                    text = stream.read()
                planning.overwrite(path, modules.without(text, step.before))
                outcomes.append(Outcome(step))
            elif step.kind == "module":
                self.loaded_again.append(step.after)
                outcomes.append(Outcome(step))
            else:
                outcomes += self._host.carry_out([step])
        return outcomes


def run(host, when=unload.BOOT, check=False, **options):
    return unloading.apply(host, when, keep_off.Options(**options), check)


def bytes_of(host, path):
    with open(host.root + path, "rb") as stream:
        return stream.read()


def test_the_original_case(tmp_path):
    """Its line is commented and nothing else changes; a boot is what it takes."""
    host = recorded.copy("rhel5-origin", tmp_path)
    before = planning.tree(host.root)
    predicted = run(host, check=True)
    assert planning.tree(host.root) == before
    done = run(host)
    assert done.values == predicted.values
    assert (done.changed, done.refusal, done.values["reboot_required"]) == (True, None, True)
    changed = planning.changes(before, planning.tree(host.root))
    line = b'IPTABLES_MODULES="ip_conntrack_netbios_ns"'
    assert changed == {CONFIG: (before[CONFIG], before[CONFIG].replace(line, b"#" + line))}
    assert not run(host).changed
    undoing.undo(host, allow_lower=True, check=False)
    assert planning.tree(host.root) == before


# As iptables-services of RHEL 7 has it, in part; reconstructed.
EL7 = """\
# Load additional iptables modules (nat helpers)
#   Default: -none-
# Space separated list of nat helpers (e.g. 'nf_nat_ftp nf_nat_irc'), which
# are loaded after the firewall rules are applied. Options for the helpers are
# stored in /etc/modprobe.conf.
IPTABLES_MODULES=""

# Save current firewall rules on stop.
#   Value: yes|no,  default: no
IPTABLES_SAVE_ON_STOP="no"

# Load sysctl settings on start
#IPTABLES_SYSCTL_LOAD_LIST=".nf_conntrack .bridge-nf"
"""


@pytest.mark.parametrize("name", ["rhel6", "rhel7"])
@pytest.mark.parametrize("listed", ["ip_conntrack_netbios_ns", "nf_conntrack_ftp nf_nat_ftp"])
def test_the_files_of_later_releases(name, listed, tmp_path):
    host = recorded.copy(name, tmp_path)
    line = b'IPTABLES_MODULES="%s"' % listed.encode()
    if name == "rhel7":
        os.makedirs(host.root + os.path.dirname(CONFIG), exist_ok=True)
        with open(host.root + CONFIG, "w", encoding="utf-8") as stream:
            stream.write(EL7)
    text = bytes_of(host, CONFIG).replace(b'IPTABLES_MODULES=""', line)
    assert line in text
    planning.overwrite(host.root + CONFIG, text.decode())
    before = planning.tree(host.root)
    early = "/etc/modules-load.d/conntrack.conf"
    assert run(host, modules_load=(early,)).refusal is None
    changed = planning.changes(before, planning.tree(host.root))
    changed.pop(early, None)
    assert changed == {CONFIG: (text, text.replace(line, b"#" + line))}
    undoing.undo(host, allow_lower=True, check=False)
    assert planning.tree(host.root) == before


def test_what_comes_back_only_with_a_boot_is_told(tmp_path):
    host = recorded.copy("not-tracking", tmp_path)
    early = "/etc/modules-load.d/site.conf"
    os.makedirs(host.root + os.path.dirname(early), exist_ok=True)
    with open(host.root + early, "w", encoding="utf-8") as stream:
        stream.write("nf_conntrack\n")
    assert run(host, modules_load=(early,)).changed
    told = undoing.undo(host, allow_lower=True, check=False).warnings
    assert told == ["connection tracking is not loaded now; %s counts from the next boot on" % early]


def test_the_original_case_now(tmp_path):
    """Its rules, whatever they are, hold xt_state: no tool is there to quote them."""
    host = recorded.copy("rhel5-origin", tmp_path)
    before = planning.tree(host.root)
    done = run(host, when=unload.NOW)
    assert done.values["answer"] == unload.NEEDED
    assert "xt_state" in done.refusal
    assert planning.tree(host.root) == before


def test_the_helper_of_the_original_case(tmp_path):
    host = recorded.copy("rhel5-origin", tmp_path)
    done = run(Unloading(host), when=unload.NOW, helpers_only=True)
    assert done.values["modules"]["before"] == ["ip_conntrack_netbios_ns", "xt_state", "ip_conntrack"]
    assert done.values["modules"]["after"] == ["xt_state", "ip_conntrack"]
    assert b"\n#IPTABLES_MODULES=" in bytes_of(host, CONFIG)


@pytest.mark.parametrize("name", recorded.names())
def test_check_mode_says_what_the_run_does(name, tmp_path):
    for number, when in enumerate((unload.NOW, unload.BOOT)):
        host = Unloading(recorded.copy(name, tmp_path / str(number)))
        try:
            predicted = run(host, when, check=True)
        except keep_off.Refused as error:
            with pytest.raises(keep_off.Refused, match="root" if "root" in str(error) else ""):
                run(host, when)
            continue
        done = run(host, when)
        assert done.values == predicted.values
        assert (done.changed, done.refusal) == (predicted.changed, predicted.refusal)


def tracking(folder):
    """A host that tracks, with two modules that nothing needs and a list that loads one of them."""
    copy = recorded.copy("not-tracking", folder)
    texts = {
        "/proc/modules": "nf_conntrack_ftp 24576 0 - Live 0x0\nnf_conntrack_netlink 57344 0 - Live 0x0\n"
        "nf_conntrack 172032 2 nf_conntrack_ftp,nf_conntrack_netlink, Live 0x0\n",
        CONFIG: LINE,
        planning.HOST_ALIAS: "65536\n",
        planning.NF + "max": "65536\n",
    }
    for path, text in texts.items():
        os.makedirs(copy.root + os.path.dirname(path), exist_ok=True)
        with open(copy.root + path, "w", encoding="utf-8") as stream:
            stream.write(text)
    return copy


def test_the_values_that_go_with_it_are_on_record(tmp_path):
    copy = tracking(tmp_path)
    done = run(Unloading(copy), when=unload.NOW)
    assert (done.failures, done.values["modules"]["after"]) == ([], [])
    found = record.read(copy.read([probe.RECORD]))
    assert found[planning.NF + "max"].text == "65536"
    assert found["/sys/module/nf_conntrack_ftp"].text == "nf_conntrack_ftp"
    assert found[CONFIG].text == LINE


class Filling(Unloading):
    """So many entries are in its table once something was unloaded."""

    def __init__(self, host, entries):
        super().__init__(host)
        self.entries = entries
        self.backups = {}

    def carry_out(self, steps):
        steps = list(steps)
        if any(step.kind == UNLOAD for step in steps):
            planning.overwrite(self._host.root + planning.NF + "count", "%d\n" % self.entries)
        return super().carry_out(steps)


@pytest.mark.parametrize("entries, worse", [(200, False), (65536, True)])
def test_a_host_that_is_worse_off_without_its_helpers_fails(entries, worse, tmp_path):
    copy = tracking(tmp_path)
    with open(copy.root + planning.NF + "count", "w", encoding="utf-8") as stream:
        stream.write("100\n")
    defaults = {name: each.get("default") for name, each in call.ARGUMENTS.items()}
    options = {**defaults, "helpers_only": True, "watch": 1}
    returned = call.call(lambda: Filling(copy, entries), options, False)
    assert returned.values["changed"]
    assert returned.values["health"]["verdict_after"] == ("full" if worse else "ok")
    assert bool(returned.failure) == worse
    if worse:
        assert returned.failure.startswith("worse off after the change: it was ok and is full now: ")


def test_what_was_unloaded_comes_back_where_the_kernel_refuses_the_rest(tmp_path):
    copy = tracking(tmp_path)
    host = Unloading(copy, stubborn=("nf_conntrack_netlink", "nf_conntrack"))
    done = run(host, when=unload.NOW)
    assert host.loaded_again == ["nf_conntrack_ftp"]
    assert any("nf_conntrack_netlink is in use" in failure for failure in done.failures)
    assert bytes_of(copy, CONFIG) == LINE.encode()
