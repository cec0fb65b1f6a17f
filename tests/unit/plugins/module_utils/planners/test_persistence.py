# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file a value goes to on each kind of host, and that nothing else in that file moves."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue, probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot, boot_files
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.plan import predict
from ansible_collections.netops.conntrack.plugins.module_utils.planners import applying, loading, persistence
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.tests.unit import planning, recorded
from hypothesis import given
from hypothesis import strategies as st

DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
MODPROBE = "/etc/modprobe.d/zz-netops-conntrack.conf"
HEADER = "# Written by the Ansible collection netops.conntrack; other settings here are kept.\n"
NO_SYSTEMD = {"/run/systemd/system": None}


def steps(snapshot, settings):
    values = {wanted.setting: wanted.value for wanted in parse(settings)}
    return {step.path: step for step in persistence.steps(snapshot, identify(snapshot), values)}


def texts(snapshot, settings):
    return {path: step.after for path, step in steps(snapshot, settings).items()}


# Which file


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({}, DROP_IN),
        ({"/run/systemd/system": None, "/usr/lib/systemd/systemd-sysctl": ""}, DROP_IN),
        ({"/etc/sysctl.conf": "# mine\n"}, DROP_IN),
        ({**NO_SYSTEMD, "/etc/init.d/procps": ""}, DROP_IN),
        (NO_SYSTEMD, DROP_IN),
        ({**NO_SYSTEMD, "/etc/rc.d/rc.sysinit": "for f in /etc/sysctl.d/*; do :; done\n"}, DROP_IN),
        (
            {
                **NO_SYSTEMD,
                "/etc/rc.d/rc.sysinit": "apply_sysctl\n",
                "/etc/rc.d/init.d/functions": "sysctl -e -p /etc/sysctl.d/*\n",
            },
            DROP_IN,
        ),
        ({**NO_SYSTEMD, "/etc/rc.d/rc.sysinit": "sysctl -e -p /etc/sysctl.conf\n"}, "/etc/sysctl.conf"),
        ({**NO_SYSTEMD, "/etc/sysctl.d": None, "/etc/sysctl.conf": ""}, "/etc/sysctl.conf"),
        ({**NO_SYSTEMD, "/etc/sysctl.d": None}, None),
    ],
)
def test_the_file_that_is_read_at_boot(files, path):
    assert list(texts(planning.snapshot(files=files), {"max": 131072})) == ([path] if path else [])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("rhel3", "/etc/sysctl.conf"),
        ("rhel4", "/etc/sysctl.conf"),
        ("rhel5-origin", "/etc/sysctl.conf"),
        ("rhel6", DROP_IN),
        ("rhel7", DROP_IN),
        ("debian11", DROP_IN),
        ("debian13", DROP_IN),
        ("not-tracking", DROP_IN),
        ("kernel-6.18-builtin", DROP_IN),
        ("userns-hidden", None),
    ],
)
def test_the_file_of_recorded_hosts(name, path):
    found = texts(recorded.load(name, ("persistence",)), {"udp_timeout": 20})
    assert [each for each in found if "sysctl" in each] == ([path] if path else [])


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({}, MODPROBE),
        ({"/etc/modprobe.conf": "alias eth0 e1000\n"}, MODPROBE),
        ({"/etc/modprobe.d": None, "/etc/modprobe.conf": "alias eth0 e1000\n"}, "/etc/modprobe.conf"),
        (
            {"/etc/modprobe.d": None, "/etc/modprobe.conf": "", "/etc/modules.conf": "alias eth0 e100\n"},
            "/etc/modprobe.conf",
        ),
        ({"/etc/modprobe.d": None, "/etc/modules.conf": "alias eth0 e100\n"}, "/etc/modules.conf"),
        ({"/etc/modprobe.d": None}, MODPROBE),
    ],
)
def test_the_file_with_the_options_of_the_module(files, path):
    snapshot = planning.snapshot(files=files)
    found = texts(snapshot, {"max": 131072, "buckets": 32768})
    assert sorted(found) == sorted([path, DROP_IN])
    before = snapshot.text(path)
    assert found[path] == (HEADER if before is None else before) + "options nf_conntrack hashsize=32768\n"


def test_buckets_alone_on_a_kernel_that_takes_them_as_a_sysctl():
    """A hashsize would change max too, which nobody asked for."""
    found = texts(planning.snapshot(), {"buckets": 32768})
    assert found == {DROP_IN: HEADER + "net.netfilter.nf_conntrack_buckets = 32768\n"}


@pytest.mark.parametrize("release", ["2.6.32-642.el6.x86_64", "3.10.0-1160.el7.x86_64", "4.4.0-1"])
def test_before_4_8_buckets_are_no_sysctl(release):
    found = texts(planning.snapshot(release), {"buckets": 32768})
    assert found == {MODPROBE: HEADER + "options nf_conntrack hashsize=32768\n"}


def test_ip_conntrack_is_a_module_of_its_own_name():
    found = texts(recorded.load("rhel4", ("persistence",)), {"buckets": 32768, "max": 300000})
    assert "options ip_conntrack hashsize=32768\n" in found["/etc/modprobe.conf"]
    assert "net.ipv4.ip_conntrack_max = 300000\n" in found["/etc/sysctl.conf"]
    assert "buckets" not in found["/etc/sysctl.conf"]


def test_what_is_built_in_has_no_module_options():
    built_in = {"/proc/modules": None}
    found = texts(planning.snapshot(files=built_in), {"max": 131072, "buckets": 32768})
    assert list(found) == [DROP_IN]
    assert "nf_conntrack_buckets = 32768" in found[DROP_IN]
    assert list(texts(recorded.load("kernel-6.18-builtin", ("persistence",)), {"max": 9, "buckets": 512})) == [DROP_IN]


def test_a_child_namespace_has_no_module_options():
    child = {planning.HOST_ALIAS: None}
    assert list(texts(planning.snapshot(files=child), {"max": 131072, "buckets": 32768})) == [DROP_IN]


def test_a_host_that_does_not_track_is_prepared_under_the_names_of_its_kernel():
    found = texts(recorded.load("not-tracking", ("persistence",)), {"max": 131072, "buckets": 32768})
    assert found.pop(loading.UDEV_RULE)
    assert found == {
        DROP_IN: HEADER + "net.netfilter.nf_conntrack_max = 131072\n" + "net.netfilter.nf_conntrack_buckets = 32768\n",
        MODPROBE: HEADER + "options nf_conntrack hashsize=32768\n",
    }
    bare = {
        path: reading
        for path, reading in planning.readings("2.6.18-274.el5", files=NO_SYSTEMD).items()
        if "conntrack" not in path
    }
    bare["/etc/sysctl.d"] = planning.Reading(reason="absent")
    bare["/etc/sysctl.conf"] = planning.Reading(text="", mode=0o644)
    bare["/proc/modules"] = planning.Reading(text="", mode=0o644)
    assert texts(planning.Snapshot(bare), {"max": 131072}) == {
        "/etc/sysctl.conf": "net.ipv4.netfilter.ip_conntrack_max = 131072\n"
    }


# What is in the file


def test_a_new_drop_in_says_who_wrote_it():
    step = steps(planning.snapshot(), {"max": 131072})[DROP_IN]
    assert step.before is None
    assert step.mode == 0o644
    assert step.after == HEADER + "net.netfilter.nf_conntrack_max = 131072\n"


ODD = (
    "# a comment with net.netfilter.nf_conntrack_max = 5\r\n"
    "kernel.sysrq=0\t\n\n"
    ";net/netfilter/nf_conntrack_max = 6\n"
    "  -net/netfilter/nf_conntrack_max\t=  7  \n"
    "net.ipv4.ip_forward = \udcff1\n"
    "net.nf_conntrack_max = 8\n"
    "no newline at the end = 1"
)


def test_only_the_value_changes_under_every_name_of_the_setting():
    found = texts(planning.snapshot(files={DROP_IN: ODD}), {"max": 131072, "udp_timeout": 20})
    assert found[DROP_IN] == (
        ODD.replace("=  7  \n", "=  131072  \n").replace("max = 8\n", "max = 131072\n")
        + "\nnet.netfilter.nf_conntrack_udp_timeout = 20\n"
    )


def test_nothing_is_planned_where_the_files_say_so_already():
    files = {
        DROP_IN: "net.nf_conntrack_max=131072\nnet/netfilter/nf_conntrack_buckets = 32768\n",
        MODPROBE: "options nf_conntrack acct=1 hashsize=32768\n",
    }
    assert steps(planning.snapshot(files=files), {"max": 131072, "buckets": 32768}) == {}


def test_other_options_of_the_module_stay():
    files = {
        MODPROBE: "# mine\noptions nf_conntrack acct=1 hashsize=8192 \\\n  nf_conntrack_helper=0\nblacklist pcspkr"
    }
    found = texts(planning.snapshot(files=files), {"max": 131072, "buckets": 32768})
    assert found[MODPROBE] == files[MODPROBE].replace("8192", "32768")


@given(
    st.text(alphabet=st.sampled_from('net.filr/_cokuabsx=-#; \t\r\n\\"8\udcff'), max_size=200), st.integers(1, 1 << 20)
)
def test_lines_that_are_not_ours_are_kept_to_the_byte(text, value):
    snapshot = planning.snapshot(files={DROP_IN: text})
    after = texts(snapshot, {"max": value})[DROP_IN]
    assert after.startswith(text)
    assert after[len(text) :].strip("\r\n") == "net.netfilter.nf_conntrack_max = %d" % value
    assert steps(snapshot.with_text(DROP_IN, after), {"max": value}) == {}


@pytest.mark.parametrize("name", recorded.names())
def test_what_is_persisted_is_what_stands_after_a_boot(name):
    snapshot = recorded.load(name, ("persistence",))
    identity = identify(snapshot)
    found = persistence.steps(
        snapshot, identity, {catalogue.BY_NAME["max"]: 300000, catalogue.BY_NAME["udp_timeout"]: 21}
    )
    if boot_files.reader(snapshot) == boot_files.NONE:
        assert found == []
        return
    after = predict(snapshot, found)
    for setting, value in (("max", 300000), ("udp_timeout", 21)):
        then = boot.after_boot(after, catalogue.BY_NAME[setting], identity)
        overruled = (262144, "/etc/sysctl.d/zz-conntrack.conf") if (name, setting) == ("rhel6", "max") else None
        assert (then.value, then.source) == (overruled or (value, found[0].path))
    assert persistence.steps(after, identity, {catalogue.BY_NAME["max"]: 300000}) == []


def test_a_module_that_comes_too_late_loses_its_values_and_that_is_said():
    late = {**NO_SYSTEMD, "/etc/rc.d/rc.sysinit": "sysctl.d\n"}
    result = apply(planning.snapshot(files=late), {"udp_timeout": 20})
    assert [(row.what, row.reason) for row in result.unapplied] == [("udp_timeout", "not_persistent")]
    assert "nothing loads it before" in result.unapplied[0].detail
    assert result.settings["udp_timeout"]["after_boot"] == 30


def test_a_drop_in_that_somebody_masked_stays_masked_and_that_is_said():
    """A hashsize by itself would change max, too."""
    mask = {DROP_IN: planning.Reading(text="", mode=0o666, link="/dev/null")}
    snapshot = planning.snapshot(files=mask)
    assert texts(snapshot, {"max": 131072, "buckets": 20000, "udp_timeout": 20}) == {}
    result = apply(snapshot, {"max": 131072, "udp_timeout": 20})
    assert {row.reason for row in result.unapplied} == {"not_persistent"}
    assert "masked by a link to /dev/null: remove the link" in result.unapplied[0].detail


# Files that rank higher


@pytest.mark.parametrize(
    ("reader", "path"),
    [
        ({}, "/etc/sysctl.d/99-zzz-mine.conf"),
        ({}, "/usr/lib/sysctl.d/99-zzz-vendor.conf"),
        ({**NO_SYSTEMD, "/etc/init.d/procps": ""}, "/etc/sysctl.conf"),
        (
            {**NO_SYSTEMD, "/etc/rc.d/rc.sysinit": "sysctl.d\n", "/etc/rc.d/init.d/network": "apply_sysctl\n"},
            "/etc/sysctl.d/zz-mine",
        ),
    ],
)
def test_a_file_that_overrules_ours_is_named(reader, path):
    line = {path: "net.nf_conntrack_max = 4096\n"}
    result = apply(planning.snapshot(files={**reader, **line}), {"max": 131072, "udp_timeout": 20})
    assert [warning for warning in result.warnings if "overrules" in warning] == [
        "max: after a boot %s sets it to 4096, which overrules 131072" % path
    ]
    assert result.settings["max"]["after_boot"] == 4096
    assert result.settings["max"]["after_boot_source"] == path
    assert result.settings["udp_timeout"]["after_boot_source"] == DROP_IN


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"/etc/sysctl.d/99-zzz-mine.conf": "net.nf_conntrack_max = 131072\n"}, "the same value"),
        ({"/etc/sysctl.d/10-early.conf": "net.nf_conntrack_max = 4096\n"}, "an earlier file"),
        ({"/etc/sysctl.conf": "net.nf_conntrack_max = 4096\n"}, "a file that systemd does not read"),
        ({"/etc/sysctl.d/99-zzz.txt": "net.nf_conntrack_max = 4096\n"}, "a name that is not read"),
    ],
)
def test_no_warning_of(files, what):
    assert apply(planning.snapshot(files=files), {"max": 131072}).warnings == [], what


def apply(snapshot, settings):
    """The result that check mode gives on a host with this snapshot."""

    class Host:
        @staticmethod
        def read(_items):
            return snapshot

    return applying.apply(Host(), parse(settings), Options(), check=True)


def test_the_probe_reads_every_file_that_may_be_written():
    patterns = [item for item in probe.PERSISTENCE if isinstance(item, (probe.File, probe.Glob))]
    named = {item.path for item in patterns if isinstance(item, probe.File)}
    globs = {item.pattern for item in patterns if isinstance(item, probe.Glob)}
    assert {"/etc/sysctl.conf", "/etc/modprobe.conf", "/etc/modules.conf"} <= named
    assert {"/etc/sysctl.d/*", "/etc/modprobe.d/*"} <= globs
