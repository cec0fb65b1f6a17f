# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for live values: what is refused and why, in which order the rest is written, and what ``auto`` is."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe, sizing
from ansible_collections.netops.conntrack.plugins.module_utils.facts import usage
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.facts.settings import HASHSIZE
from ansible_collections.netops.conntrack.plugins.module_utils.planners import settings as planner
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import Invalid, parse
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading
from ansible_collections.netops.conntrack.tests.unit import planning, recorded
from hypothesis import given
from hypothesis import strategies as st

NF = planning.NF


def plan(snapshot, settings, **options):
    return planner.plan(snapshot, parse(settings), Options(**options))


def row(snapshot, name, value, **options):
    found = plan(snapshot, {name: value}, **options)
    assert len(found.rows) == 1
    return found.rows[0]


def reason(snapshot, name, value, **options):
    found = row(snapshot, name, value, **options)
    assert (found.reason is None) == (found.detail is None)
    assert found.reason is None or found.step is None
    return found.reason


def live(found):
    return [(step.path, step.after) for step in found.live]


def load(name):
    return recorded.load(name)


# What is refused


def test_a_host_that_does_not_track():
    found = plan(load("not-tracking"), {"max": 131072, "udp_timeout": 20})
    assert {row.setting.name: row.reason for row in found.rows} == {"max": "not_loaded", "udp_timeout": "not_loaded"}
    assert found.live == ()
    drop_in, rule = found.files
    assert drop_in.path == "/etc/sysctl.d/99-zz-netops-conntrack.conf"
    assert rule.path == "/etc/udev/rules.d/90-netops-conntrack.rules"
    assert "net.netfilter.nf_conntrack_max = 131072\n" in found.files[0].after


def test_a_host_that_does_not_track_is_made_to_when_asked():
    """A table that is yet to be loaded is empty, so no max is too low for it."""
    found = plan(load("not-tracking"), {"max": 1000, "udp_timeout": 20}, load=True)
    assert [row.reason for row in found.rows] == [None, None]
    assert [(step.kind, step.after) for step in found.live] == [
        ("module", "nf_conntrack"),
        ("sysctl", "1000"),
        ("sysctl", "20"),
    ]
    assert "/etc/modules-load.d/netops-conntrack.conf" in [step.path for step in found.files]


def test_auto_on_a_host_that_is_made_to_track_is_no_less_than_the_kernel_takes_by_itself():
    snapshot = load("not-tracking")
    kernel = identify(snapshot).kernel
    (row,) = plan(snapshot, {"max": "auto"}, load=True).rows
    assert (
        row.wanted
        >= sizing.default_max(kernel)
        == sizing.entries_per_bucket(kernel) * sizing.round_buckets(sizing.default_buckets(kernel), kernel)
    )


def test_what_this_kernel_never_had_is_not_waited_for():
    (row,) = plan(load("not-tracking"), {"tcp_log_invalid": 1}, load=True).rows
    assert row.reason == "unsupported"


@pytest.mark.parametrize(
    ("name", "setting", "value", "said"),
    [
        ("kernel-6.18-builtin", "helper", 1, "removed in Linux 6.0"),
        ("kernel-6.18-builtin", "dccp_timeout_open", 60, "removed in Linux 6.17"),
        ("rhel5-origin", "acct", 1, "new in Linux 2.6.27"),
        ("rhel3", "tcp_timeout_established", 216000, "new in Linux 2.4.32"),
        ("debian12", "tcp_no_window_check", 1, "this kernel has no such setting"),
    ],
)
def test_a_setting_that_the_kernel_has_not(name, setting, value, said):
    found = row(load(name), setting, value)
    assert found.reason == "unsupported"
    assert said in found.detail
    assert not found.to_persist


def test_a_child_namespace_owns_its_timeouts_but_not_the_sizes():
    found = plan(
        load("namespace-child"), {"max": 131072, "buckets": 65536, "expect_max": 100, "tcp_timeout_established": 86400}
    )
    assert {row.setting.name: row.reason for row in found.rows} == {
        "max": "host_owned",
        "buckets": "host_owned",
        "expect_max": "host_owned",
        "tcp_timeout_established": None,
    }
    assert live(found) == [(NF + "tcp_timeout_established", "86400")]
    text = "".join(step.after for step in found.files)
    assert "nf_conntrack_tcp_timeout_established = 86400" in text
    assert "max" not in text
    assert "hashsize" not in text


def test_what_stands_in_a_child_namespace_already_is_no_fault():
    snapshot = load("namespace-child")
    assert reason(snapshot, "max", snapshot.integer(NF + "max")) is None


def test_a_container_that_is_shown_no_settings():
    hidden = {NF + name: None for name in ("count", "max", "buckets")}
    readings = planning.readings(files={**hidden, planning.HOST_ALIAS: None, HASHSIZE[0]: None})
    snapshot = planning.Snapshot({path: it for path, it in readings.items() if not path.startswith(NF)})
    found = row(snapshot, "tcp_timeout_established", 86400)
    assert found.reason == "host_owned"
    assert "set it on its host" in found.detail
    assert not found.to_persist
    assert reason(load("userns-hidden"), "max", 131072) == "host_owned"
    assert reason(load("userns-hidden"), "tcp_timeout_established", 86400) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({NF + "udp_timeout": Reading(text="30\n", mode=0o444)}, "shows /proc/sys/net/netfilter/nf_conntrack_udp"),
        (
            {"/proc/mounts": "proc /proc proc rw 0 0\nproc /proc/sys proc ro,nosuid 0 0\n"},
            "/proc/sys is mounted read-only",
        ),
        ({"/proc/self/status": "Uid:\t1000\t1000\t1000\t1000\n"}, "use become"),
    ],
)
def test_what_may_not_be_written(changed, said):
    found = row(planning.snapshot(files=changed), "udp_timeout", 20)
    assert found.reason == "read_only"
    assert said in found.detail
    assert not found.to_persist


def test_a_writable_mount_over_a_read_only_one_can_be_written():
    mounts = "proc /proc/sys proc ro 0 0\nproc /proc/sys/net proc rw 0 0\n"
    assert reason(planning.snapshot(files={"/proc/mounts": mounts}), "udp_timeout", 20) is None


def test_an_ordinary_user_may_set_nothing():
    found = plan(load("forbidden"), {"max": 300000, "udp_timeout": 20})
    assert {row.reason for row in found.rows} == {"read_only"}
    assert found.live == found.files == ()


def test_one_refusal_leaves_the_others_alone():
    snapshot = planning.snapshot(files={NF + "udp_timeout": Reading(text="30\n", mode=0o444)})
    found = plan(snapshot, {"udp_timeout": 20, "helper": 1, "tcp_timeout_established": 86400})
    assert live(found) == [(NF + "tcp_timeout_established", "86400")]
    assert "udp_timeout" not in found.files[0].after


# Lowering max


@pytest.mark.parametrize(
    ("current", "count", "wanted", "refused"),
    [
        (65536, 1000, 1001, False),
        (65536, 1000, 1000, True),
        (65536, 1000, 500, True),
        (65536, 1000, 65536, False),
        (0, 1000, 1000, True),  # from unlimited
        (0, 1000, 1001, False),
        (500, 1000, 800, False),  # a raise, though more is in use
        (65536, None, 65535, True),
        (65536, None, 65537, False),
        (0, None, 65536, True),
        (65536, 1000, "unlimited", False),
        (65536, None, "unlimited", False),
        (None, 1000, 1001, False),
        (None, 1000, 1000, True),
        (None, None, 1 << 30, True),
    ],
)
def test_max_is_not_lowered_below_use(current, count, wanted, refused):
    unread = Reading(reason="forbidden", mode=0o644)
    files = {NF + "count": unread} if count is None else {}
    if current is None:
        files[NF + "max"] = unread
    snapshot = planning.snapshot(keys={"max": current or 0, "count": count or 0}, files=files)
    assert reason(snapshot, "max", wanted) == ("would_lower" if refused else None)
    assert reason(snapshot, "max", wanted, allow_lower=True) is None


def test_the_refusal_says_how_much_is_in_use_and_nothing_is_persisted():
    found = plan(planning.snapshot(), {"max": 500})
    assert found.rows[0].detail == (
        "1000 entries are in use; with max 500 new connections would be refused "
        "(allow_lower, in the role conntrack_allow_lower, permits it)"
    )
    assert found.live == found.files == ()


def test_the_original_case_may_be_raised_to_less_than_is_in_use():
    assert reason(load("rhel5-origin"), "max", 32768) is None
    assert reason(load("rhel5-origin"), "max", 16000) == "would_lower"


# In which order


def test_buckets_then_max_then_the_rest():
    found = plan(
        planning.snapshot(),
        {"udp_timeout": 20, "expect_max": 512, "tcp_timeout_established": 86400, "max": 131072, "buckets": 32768},
    )
    assert [step.setting for step in found.live] == [
        "buckets",
        "max",
        "expect_max",
        "tcp_timeout_established",
        "udp_timeout",
    ]


@pytest.mark.parametrize(
    ("high", "low"),
    [(8388608, 6291456), (2097152, 1048576), (8388608, 1048576), (4194305, 3145729)],
)
def test_the_high_threshold_is_never_below_the_low_one_on_the_way(high, low):
    snapshot = planning.snapshot()
    standing = {"frag6_high_thresh": 4194304, "frag6_low_thresh": 3145728}
    found = plan(snapshot, {"frag6_low_thresh": low, "frag6_high_thresh": high, "udp_timeout": 20})
    assert len(found.live) == 3
    for step in found.live:
        standing[step.setting] = int(step.after)
        assert standing["frag6_low_thresh"] <= standing["frag6_high_thresh"]


# Sizes


@pytest.mark.parametrize(
    ("machine", "page", "wanted", "rounded"),
    [
        ("x86_64", 4096, 100000, 100352),
        ("x86_64", 4096, 100352, 100352),
        ("x86_64", 4096, 1, 512),
        ("i686", 4096, 100000, 100352),
        ("i686", 4096, 100353, 101376),
        ("aarch64", 65536, 100000, 106496),
        ("ppc64le", 65536, 1, 8192),
    ],
)
def test_buckets_fill_pages(machine, page, wanted, rounded):
    kernel = {"$ uname -m": machine + "\n", "$ getconf PAGESIZE": "%d\n" % page}
    found = row(planning.snapshot(files=kernel), "buckets", wanted)
    assert (found.wanted, found.predicted, found.step.after) == (wanted, rounded, str(rounded))
    again = planning.snapshot(keys={"buckets": rounded}, files=kernel)
    assert row(again, "buckets", wanted).step is None
    assert row(again, "buckets", wanted).reason is None


def test_ip_conntrack_takes_any_number_of_buckets():
    found = row(load("rhel5-origin"), "buckets", 10007)
    assert found.predicted == 10007


def test_before_4_8_buckets_are_set_through_the_modules_parameter():
    snapshot = planning.snapshot("3.10.0-1160.el7.x86_64", files={NF + "buckets": Reading(text="16384\n", mode=0o444)})
    found = plan(snapshot, {"buckets": 100000})
    assert live(found) == [(HASHSIZE[0], "100352")]
    assert found.live[0].before == "16384"
    assert live(plan(planning.snapshot(), {"buckets": 100000})) == [(NF + "buckets", "100352")]


def test_a_size_that_takes_no_writes_is_left_to_the_next_load():
    found = plan(load("rhel4"), {"buckets": 32768})
    assert found.rows[0].reason == "read_only"
    assert found.rows[0].to_persist
    assert [step.path for step in found.files] == ["/etc/modprobe.conf"]
    assert "options ip_conntrack hashsize=32768" in found.files[0].after


def test_unlimited_is_the_zero_of_the_kernel():
    assert live(plan(planning.snapshot(), {"max": "unlimited"})) == [(NF + "max", "0")]
    assert plan(load("unlimited"), {"max": "unlimited"}).live == ()


def test_what_stands_is_not_written_again():
    files = {"/etc/sysctl.d/99-zz-netops-conntrack.conf": "net.netfilter.nf_conntrack_max = 65536\n"}
    found = plan(planning.snapshot(files=files), {"max": 65536})
    assert found.live == found.files == ()
    assert found.rows[0].reason is None


def test_without_persist_no_file_is_planned():
    found = plan(planning.snapshot(), {"max": 131072, "buckets": 32768}, persist=False)
    assert len(found.live) == 2
    assert found.files == ()


def test_the_value_is_written_under_the_names_that_the_kernel_shows():
    found = plan(load("rhel5-origin"), {"max": 131072, "tcp_timeout_established": 216000})
    assert live(found) == [(planning.IP + "max", "131072"), (planning.IP + "tcp_timeout_established", "216000")]
    assert live(plan(load("rhel3"), {"max": 131072})) == [("/proc/sys/net/ipv4/ip_conntrack_max", "131072")]
    assert live(plan(load("rhel6"), {"max": 300000})) == [(NF + "max", "300000")]


# auto


def test_auto_in_the_original_case():
    found = plan(load("rhel5-origin"), {"max": "auto", "buckets": "auto"})
    assert {row.setting.name: row.wanted for row in found.rows} == {"max": 131072, "buckets": 16384}


def test_auto_counts_what_was_seen_at_the_peak():
    idle = planning.snapshot(keys={"count": 2, "max": 4096, "buckets": 4096})
    found = plan(idle, {"max": "auto", "buckets": "auto"}, peak=200000)
    assert {row.setting.name: row.wanted for row in found.rows}["max"] == 524288
    assert "A peak of 200000 entries" in found.explanation[0]
    assert row(planning.snapshot(), "max", "auto").step is None
    with pytest.raises(Invalid, match="peak: 2000000000 entries do not fit on this host: A table of 2147483647"):
        plan(idle, {"max": "auto"}, peak=2000000000)
    # What is set takes most of the memory already, and that is not the peak's doing.
    large = planning.snapshot(
        keys={"count": 2, "max": 1 << 22, "buckets": 4096}, files={"/proc/meminfo": "MemTotal: 1048576 kB\n"}
    )
    assert plan(large, {"max": "auto"}, peak=100).rows[0].wanted == 1 << 22


def test_auto_buckets_follow_a_max_that_is_given():
    assert row(planning.snapshot(), "buckets", "auto").wanted == 65536
    found = plan(planning.snapshot(), {"max": 1 << 20, "buckets": "auto"})
    assert {row.setting.name: row.wanted for row in found.rows} == {"max": 1 << 20, "buckets": 1 << 20}


@pytest.mark.parametrize("name", recorded.names())
def test_auto_on_every_host_is_no_less_than_is_set_or_in_use(name):
    snapshot = recorded.host(name).read(probe.items(("usage", "persistence")))
    before = planner.settings.value(snapshot, "max")
    entries = usage.count(snapshot)
    found = plan(snapshot, {"max": "auto", "buckets": "auto"})
    values = {row.setting.name: row.wanted for row in found.rows}
    assert values["max"] >= max(before or 0, entries.entries if entries else 0)
    assert values["buckets"] >= (planner.settings.buckets(snapshot) or 0)
    assert "would_lower" not in {row.reason for row in found.rows}


@given(
    count=st.integers(0, 1 << 22),
    current=st.integers(1, 1 << 22),
    buckets=st.integers(1, 1 << 20),
    ram=st.integers(1 << 14, 1 << 30),
    percent=st.floats(0.1, 50),
    release=st.sampled_from(["2.6.32-642.el6", "3.10.0-1160.el7", "4.18.0-240.el8", "5.14.0-1.el9", "6.12.9"]),
)
def test_auto_is_never_below_use_or_below_what_is_set(count, current, buckets, ram, percent, release):
    snapshot = planning.snapshot(
        release,
        keys={"count": count, "max": current, "buckets": buckets},
        files={"/proc/meminfo": "MemTotal: %d kB\n" % ram},
    )
    found = plan(snapshot, {"max": "auto", "buckets": "auto"}, memory_percent=percent)
    values = {row.setting.name: row.predicted for row in found.rows}
    assert values["max"] >= current
    assert values["max"] >= count * 1.25 - 1
    assert values["buckets"] >= buckets
    assert not [row for row in found.rows if row.reason]


# Warnings


@pytest.mark.parametrize(("value", "warned"), [(7439, True), (7440, False), (0, True)])
def test_the_least_of_rfc_5382(value, warned):
    found = plan(planning.snapshot(), {"tcp_timeout_established": value})
    assert any("RFC 5382" in warning for warning in found.warnings) == warned


@pytest.mark.parametrize(("value", "warned"), [(29, True), (30, False), (31, False)])
def test_a_shorter_timeout_does_not_reach_idle_entries(value, warned):
    found = plan(planning.snapshot(), {"udp_timeout": value})
    assert any("keep their old timer" in warning for warning in found.warnings) == warned


def test_a_hashsize_alone_makes_the_module_reset_max():
    old = planning.snapshot("3.10.0-1160.el7.x86_64", files={NF + "buckets": Reading(text="16384\n", mode=0o444)})
    warned = "makes max 8 times that"
    assert any(warned in warning for warning in plan(old, {"buckets": 32768}).warnings)
    assert not any(warned in warning for warning in plan(old, {"buckets": 32768, "max": 131072}).warnings)
    assert not any(warned in warning for warning in plan(old, {"buckets": 32768}, persist=False).warnings)
    assert not any(warned in warning for warning in plan(planning.snapshot(), {"buckets": 32768}).warnings)
