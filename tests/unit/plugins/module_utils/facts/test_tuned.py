# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What TuneD makes of conntrack settings, by its profiles and by the files that it applies again."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue
from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot, tuned
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Snapshot
from ansible_collections.netops.conntrack.tests.unit import planning

DEFAULT = 262144
MAX = "net.netfilter.nf_conntrack_max"
WANTED = "/etc/systemd/system/multi-user.target.wants/tuned.service"
CONF = "/etc/tuned/mine/tuned.conf"
FILE = "/etc/sysctl.d/90-a.conf"
NO_REAPPLY = {"/etc/tuned/tuned-main.conf": "daemon = 1\nreapply_sysctl = 0\n"}
SYSCTL = "[sysctl]\n%s=%s\n"
HOST = {WANTED: "", "/etc/tuned/active_profile": "mine\n", "/etc/modules-load.d/c.conf": "nf_conntrack\n"}


def host(files) -> Snapshot:
    return planning.snapshot(files={**HOST, **files})


def after(files, name="max"):
    snapshot = host(files)
    return boot.after_boot(snapshot, catalogue.BY_NAME[name], identify(snapshot))


def test_a_profile_beats_the_kernel_default():
    assert after({CONF: SYSCTL % (MAX, 11)})[:4] == (11, CONF, (), "TuneD")


def test_the_files_are_applied_again_and_win():
    assert after({CONF: SYSCTL % (MAX, 11), FILE: MAX + " = 12\n"})[:2] == (12, FILE)


def test_unless_that_is_switched_off():
    found = after({CONF: SYSCTL % (MAX, 11), FILE: MAX + " = 12\n", **NO_REAPPLY})
    assert found[:2] == (11, CONF)
    assert [(said.path, said.value) for said in found.losers] == [(FILE, "12")]


@pytest.mark.parametrize(
    ("files", "source", "value"),
    [
        # not those of /usr/lib
        ({"/usr/lib/sysctl.d/90-a.conf": MAX + " = 12\n"}, CONF, 11),
        # sysctl.conf last, though systemd does not read it
        ({FILE: MAX + " = 12\n", "/etc/sysctl.conf": MAX + " = 13\n"}, "/etc/sysctl.conf", 13),
        # it knows neither dashes nor patterns
        ({FILE: "-%s = 12\n" % MAX}, CONF, 11),
        ({FILE: "net.netfilter.nf_conntrack_ma? = 12\n"}, CONF, 11),
    ],
)
def test_which_files_it_applies_again(files, source, value):
    found = after({CONF: SYSCTL % (MAX, 11), **files})
    assert (found.source, found.value) == (source, value)


def test_a_profile_without_conntrack_still_makes_sysctl_conf_the_last_word():
    files = {FILE: MAX + " = 12\n", "/etc/sysctl.conf": MAX + " = 13\n"}
    assert after({CONF: "[sysctl]\nvm.swappiness=1\n", **files})[:2] == (13, "/etc/sysctl.conf")
    assert after({CONF: "[vm]\ntransparent_hugepages=never\n", **files})[:2] == (12, FILE)


def test_only_where_it_starts():
    assert after({CONF: SYSCTL % (MAX, 11), WANTED: None}).value == DEFAULT
    assert after({CONF: SYSCTL % (MAX, 11), WANTED: None, "/proc/77/comm": "tuned\n"}).value == 11


@pytest.mark.parametrize(
    ("active", "texts", "value"),
    [
        ("mine", {"base": SYSCTL % (MAX, 1), "mine": "[main]\ninclude=base\n" + SYSCTL % (MAX, 2)}, 2),
        ("mine", {"base": SYSCTL % (MAX, 1), "mine": "[main]\ninclude=base\n"}, 1),
        (
            "mine",
            {"base": SYSCTL % (MAX, 1), "mine": "[main]\ninclude=base\n[sysctl]\nreplace=1\nvm.swappiness=1\n"},
            None,
        ),
        ("mine", {"base": SYSCTL % (MAX, 1), "mine": "[main]\ninclude=base\n[sysctl]\ndrop=%s\n" % MAX}, None),
        ("base mine", {"base": SYSCTL % (MAX, 1), "mine": SYSCTL % (MAX, 2)}, 2),
        ("mine base", {"base": SYSCTL % (MAX, 1), "mine": SYSCTL % (MAX, 2)}, 1),
        ("mine", {"mine": "[own]\ntype=sysctl\n%s=3\n" % MAX}, 3),
        ("mine", {"mine": "[sysctl]\nenabled=false\n%s=3\n" % MAX}, None),
        ("mine", {"mine": '[sysctl]\n%s="3" # three\n' % MAX}, 3),
        ("mine", {"mine": '[sysctl]\n%s="3"\n' % MAX}, 3),
        ("mine", {"mine": "[main]\ninclude=missing\n" + SYSCTL % (MAX, 2)}, None),
        ("mine", {"mine": "[main]\ninclude=-missing\n" + SYSCTL % (MAX, 2)}, 2),
        ("mine missing", {"mine": SYSCTL % (MAX, 2)}, None),
    ],
)
def test_which_profile_has_the_last_word(active, texts, value):
    files = {"/etc/tuned/%s/tuned.conf" % name: text for name, text in texts.items()}
    assert after({"/etc/tuned/active_profile": active, **files}).value == (value or DEFAULT)


def test_etc_comes_before_usr():
    assert after({CONF: SYSCTL % (MAX, 2), "/usr/lib/tuned/mine/tuned.conf": SYSCTL % (MAX, 1)}).value == 2
    assert after({"/usr/lib/tuned/profiles/mine/tuned.conf": SYSCTL % (MAX, 1)}).value == 1


@pytest.mark.parametrize("value", ["${size}", ">262144"])
def test_what_it_makes_up_when_it_starts_cannot_be_told(value):
    found = after({CONF: SYSCTL % (MAX, value)})
    assert found.value is None
    assert value in found.detail


def test_a_section_for_some_hardware_cannot_be_told():
    found = after({CONF: "[sysctl]\nuname_regex=aarch64\n%s=5\n" % MAX})
    assert found.value is None


def test_where_conntrack_may_come_later_than_it_the_value_cannot_be_told():
    found = after(
        {CONF: SYSCTL % (MAX, 11), "/etc/modules-load.d/c.conf": None, "/etc/modules-load.d/firewall.conf": None}
    )
    assert found.value is None
    assert str(DEFAULT) in found.detail and "11" in found.detail


def test_the_hash_size_of_its_plugin_for_networks():
    profile = tuned.active(host({CONF: "[net]\nnf_conntrack_hashsize=1024\n"}))
    assert profile.hashsize() == (CONF, 2, "1024")
