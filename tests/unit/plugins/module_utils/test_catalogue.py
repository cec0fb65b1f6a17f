# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue, against itself, against known hosts, and against the kernel these tests run on."""

from __future__ import annotations

import glob
import json
import os
import platform
import subprocess
import sys

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue
from ansible_collections.netops.conntrack.plugins.module_utils.kernel import version
from hypothesis import given
from hypothesis import strategies as st

PROC = "/proc/sys/net/netfilter/"
RELEASES = {
    "rhel3": "2.4.21-63.EL",
    "rhel4": "2.6.9-89.29.1.EL",
    "rhel5": "2.6.18-274.7.1.el5",
    "rhel6": "2.6.32-642.6.2.el6.x86_64",
    "rhel7": "3.10.0-1160.el7.x86_64",
    "rhel8": "4.18.0-240.el8.x86_64",
    "rhel9": "5.14.0-284.11.1.el9_2.x86_64",
    "debian12": "6.1.0-18-amd64",
    "debian13": "6.12.9-amd64",
    "newest": "6.18.44",
}


def setting(name):
    return catalogue.BY_NAME[name]


def default(name, host):
    return catalogue.default(setting(name), RELEASES.get(host, host))


def test_names_and_keys_belong_to_one_setting():
    names = [row.name for row in catalogue.SETTINGS]
    keys = [key for row in catalogue.SETTINGS for key in row.keys]
    assert len(names) == len(set(names))
    assert len(keys) == len(set(keys))
    assert all(row.keys for row in catalogue.SETTINGS)


@pytest.mark.parametrize("row", catalogue.SETTINGS, ids=lambda row: row.name)
def test_each_row_is_sound(row):
    assert row.unit in ("entries", "buckets", "seconds", "switch", "number", "bytes", "protocol")
    assert row.scope in ("host", "netns")
    assert row.meaning
    assert "\n" not in row.meaning + (row.note or "")
    assert 0 <= row.minimum < row.maximum <= 2147483647
    assert all(row.minimum <= known.value <= row.maximum for known in row.defaults)
    for known in (row, *row.defaults):
        if known.since and known.until:
            assert version(known.since) <= version(known.until)
    assert all(key.endswith(row.name) for key in row.keys)
    assert row.scope == "netns" or row.netns_since is None


@pytest.mark.parametrize("row", catalogue.SETTINGS, ids=lambda row: row.name)
def test_rows_of_the_same_vendor_do_not_overlap(row):
    for first in row.defaults:
        for second in row.defaults:
            if first is second or first.vendor or second.vendor:
                continue
            assert (first.until and second.since and version(first.until) <= version(second.since)) or (
                second.until and first.since and version(second.until) <= version(first.since)
            )


@pytest.mark.parametrize("row", catalogue.SETTINGS, ids=lambda row: row.name)
def test_a_setting_is_found_under_every_name(row):
    assert catalogue.find(row.name) is row
    for key in row.keys:
        assert catalogue.find(key) is row
        assert catalogue.find(key.replace(".", "/")) is row
        assert catalogue.find(catalogue.path(key)) is row
        assert catalogue.find(" " + key.rpartition(".")[2] + "\n") is row


def test_the_four_names_of_max_are_one_knob():
    assert {
        "net.netfilter.nf_conntrack_max",
        "net.nf_conntrack_max",
        "net.ipv4.netfilter.ip_conntrack_max",
        "net.ipv4.ip_conntrack_max",
    } == set(setting("max").keys)
    assert setting("max").keys[0] == "net.netfilter.nf_conntrack_max"


@pytest.mark.parametrize("word", ["", ".", "maximum", "net.ipv4.ip_forward", "net.netfilter.nf_log.0", "hashsize"])
def test_strange_words_are_not_found(word):
    assert catalogue.find(word) is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tcp_timeout_establised", "tcp_timeout_established"),
        ("net.netfilter.nf_conntrack_udp_timeout_streams", "udp_timeout_stream"),
        ("ip_conntrack_acct", "acct"),
        ("TCP_LOOSE", "tcp_loose"),
        ("conntrack_bucket", "buckets"),
    ],
)
def test_a_slip_is_understood(word, meant):
    assert catalogue.find(word) is None
    assert catalogue.suggest(word)[0] == meant


def test_nothing_is_suggested_for_something_else():
    assert catalogue.suggest("kernel.panic") == []


@given(st.text(), st.text())
def test_any_word_is_answered(word, release):
    found = catalogue.find(word)
    assert found is None or found in catalogue.SETTINGS
    assert set(catalogue.suggest(word)) <= set(catalogue.BY_NAME)
    for row in catalogue.SETTINGS:
        assert catalogue.default(row, release) in (None, *(known.value for known in row.defaults))
        assert catalogue.removed(row, release) is None or row.since or row.until


@pytest.mark.parametrize("release", ["", "linux", "-6.1"])
def test_an_unknown_release_gives_no_default_and_no_reason(release):
    for row in catalogue.SETTINGS:
        assert catalogue.default(row, release) is None
        assert catalogue.removed(row, release) is None


@pytest.mark.parametrize(
    ("name", "host", "value"),
    [
        ("tcp_timeout_established", "rhel5", 432000),
        ("tcp_timeout_established", "newest", 432000),
        ("udp_timeout_stream", "rhel7", 180),
        ("udp_timeout_stream", "rhel8", 120),
        ("udp_timeout_stream", "4.18.20-100.fc27.x86_64", 180),
        ("udp_timeout_stream", "4.20.17", 180),
        ("udp_timeout_stream", "5.0", 120),
        ("udp_timeout_stream", "5.0.0-8-generic", 120),
        ("tcp_loose", "rhel4", 3),
        ("tcp_loose", "rhel5", 1),
        ("tcp_loose", "2.6.18-6-686", 3),
        ("tcp_loose", "rhel6", 1),
        ("acct", "rhel6", 0),
        ("acct", "2.6.32-5-amd64", None),
        ("acct", "rhel7", 0),
        ("events", "rhel8", 1),
        ("events", "5.14.0-70.el9_0.x86_64", 1),
        ("events", "rhel9", 2),
        ("events", "5.14.21", 1),
        ("events", "debian12", 2),
        ("helper", "rhel7", 1),
        ("helper", "rhel8", 0),
        ("frag6_high_thresh", "rhel6", 4194304),
        ("frag6_high_thresh", "2.6.32-5-amd64", 262144),
        ("sctp_timeout_established", "rhel8", 432000),
        ("sctp_timeout_established", "5.4.231", 210),
        ("sctp_timeout_established", "newest", 210),
        ("sctp_timeout_established", "debian12", None),
        ("sctp_timeout_shutdown_sent", "rhel7", 0),
        ("sctp_timeout_shutdown_sent", "5.15.128", 3),
        ("sctp_timeout_shutdown_sent", "debian12", None),
        ("sctp_timeout_shutdown_sent", "debian13", 3),
        ("max", "newest", None),
        ("buckets", "newest", None),
        ("expect_max", "newest", None),
        ("count", "newest", None),
    ],
)
def test_defaults_by_release(name, host, value):
    assert default(name, host) == value


@pytest.mark.parametrize(
    ("name", "host", "reason"),
    [
        ("helper", "debian12", "removed in Linux 6.0"),
        ("helper", "rhel5", "new in Linux 3.6"),
        ("helper", "rhel9", None),
        ("dccp_loose", "newest", "removed in Linux 6.17"),
        ("dccp_timeout_open", "debian13", None),
        ("tcp_timeout_established", "rhel3", "new in Linux 2.4.32"),
        ("timestamp", "rhel6", "new in Linux 2.6.39"),
        ("flowtable_tcp_pickup", "rhel9", "removed in Linux 5.14"),
        ("max", "rhel3", None),
    ],
)
def test_age_explains_absence(name, host, reason):
    assert catalogue.removed(setting(name), RELEASES[host]) == reason


def test_keys_by_generation():
    both = setting("tcp_timeout_established")
    assert catalogue.keys_of(both, "ip_conntrack") == ("net.ipv4.netfilter.ip_conntrack_tcp_timeout_established",)
    assert catalogue.keys_of(both, "nf_conntrack") == ("net.netfilter.nf_conntrack_tcp_timeout_established",)
    assert catalogue.keys_of(setting("acct"), "ip_conntrack") == ()
    assert catalogue.keys_of(setting("tcp_timeout_syn_sent2"), "nf_conntrack") == ()
    assert catalogue.generation_of("net.netfilter.nf_flowtable_tcp_timeout") == "nf_conntrack"


def test_bounds_hold_on_every_kernel():
    assert setting("tcp_timeout_established").maximum * 1000 <= 2147483647
    assert setting("buckets").maximum * 8 <= 2147483647
    assert setting("max").minimum == 1
    assert not setting("count").writable
    assert setting("buckets").writable_since == "4.8"


def test_this_kernel_has_no_setting_the_catalogue_lacks():
    paths = glob.glob(PROC + "nf_conntrack_*") + glob.glob(PROC + "nf_flowtable_*")
    paths += glob.glob("/proc/sys/net/ipv4/netfilter/ip_conntrack_*") + glob.glob("/proc/sys/net/*conntrack_max")
    print(f"{len(paths)} conntrack keys on Linux {platform.release()}")
    missing = [path for path in paths if catalogue.find(path) is None]
    assert not missing, "no row for " + ", ".join(missing)


def fresh_namespace():
    """{path: value} of the conntrack keys in a new network namespace, or why there is none."""
    if os.geteuid() != 0:
        return None, "not root"
    script = (
        "import glob, json, sys\n"
        "paths = [path for name in sys.argv[1:] for path in glob.glob(name)]\n"
        "print(json.dumps({path: open(path).read() for path in paths}))\n"
    )
    names = [PROC + "nf_conntrack_*", PROC + "nf_flowtable_*"]
    try:
        done = subprocess.run(
            ["unshare", "-n", sys.executable, "-c", script, *names],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        return None, f"unshare: {error}"
    if done.returncode:
        return None, done.stderr.strip()
    return json.loads(done.stdout), None


def test_a_fresh_namespace_starts_with_our_defaults():
    release = platform.release()
    values, reason = fresh_namespace()
    if values is not None and not values:
        reason = "this kernel tracks no connections"
    if reason:
        print("no fresh network namespace to look at: " + reason)
        pytest.skip("no fresh network namespace to look at: " + reason)
    wrong = []
    compared = 0
    for path, text in sorted(values.items()):
        row = catalogue.find(path)
        expected = catalogue.default(row, release) if row else None
        old = row and row.netns_since and version(release) < version(row.netns_since)
        if expected is None or row.scope == "host" or old:
            continue
        compared += 1
        if int(text) != expected:
            wrong.append(f"{row.name}: {int(text)}, not {expected}")
    print(f"{compared} of {len(values)} keys compared on Linux {release}")
    assert compared
    assert not wrong, "; ".join(wrong)
