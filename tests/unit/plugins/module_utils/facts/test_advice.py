# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is advised for each status: settings and values, where to set them, and why."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue, sizing
from ansible_collections.netops.conntrack.plugins.module_utils.facts import advice, verdict
from ansible_collections.netops.conntrack.plugins.module_utils.facts.verdict import Signs
from ansible_collections.netops.conntrack.plugins.module_utils.kernel import Kernel

DEBIAN12 = Kernel("6.1.0-18-amd64", "x86_64", 4096, 8, 16 << 30, False)
RHEL8 = Kernel("4.18.0-240.el8.x86_64", "x86_64", 4096, 8, 16 << 30, False)
RHEL5 = Kernel("2.6.18-274.el5", "x86_64", 4096, 8, 1064960 * 1024, True)
SIGNS = Signs(
    state="loaded",
    namespace="host",
    count=1000,
    count_source="sysctl",
    maximum=65536,
    ratio=0.01,
    log_readable=True,
    log_lines=0,
    log_suppressed=0,
    log_answered=0,
    log_elsewhere=0,
    log_last=None,
    now=1.7e9,
    drops=0,
    drop_rate=None,
    early_drop_rate=None,
    insert_failed_rate=0.0,
    chainlength_rate=0.0,
    seconds_to_full=None,
)


def advised(status, kernel=DEBIAN12, buckets=65536, established=216000, object_size=256, **signs):
    seen = SIGNS._replace(**signs)
    full = status in ("full", "was_full")
    sized = sizing.recommend(kernel, seen.count, seen.maximum, buckets, full=full, object_size=object_size)
    return advice.advise(status, seen, kernel, sized, buckets, established)


def settings(todo):
    return [(item.setting, item.value) for item in todo]


@pytest.mark.parametrize("status", ["ok", "not_tracking"])
def test_a_healthy_host_is_left_alone(status):
    assert advised(status, established=432000) == []


@pytest.mark.parametrize("status", ["race", "host_owned", "unknown"])
def test_what_no_setting_cures_gets_a_sentence(status):
    (item,) = advised(status, insert_failed_rate=1.0)
    assert (item.setting, item.value) == (None, None)
    assert item.why.endswith(".")


def test_the_original_case():
    found = advised("full", RHEL5, 8192, 432000, 384, count=36271, maximum=16640, ratio=2.18)
    assert settings(found) == [("max", 131072), ("tcp_timeout_established", 216000)]


def test_a_full_table_gets_four_times_the_room_a_pressed_one_twice():
    assert settings(advised("full", count=65536, buckets=262144)) == [("max", 262144)]
    small = DEBIAN12._replace(ram=2 << 30)
    assert settings(advised("pressure", small, count=60000, buckets=131072)) == [("max", 131072)]
    assert settings(advised("was_full", count=10, buckets=262144)) == [("max", 262144)]


def test_buckets_go_along_where_the_chains_would_be_long():
    assert settings(advised("full", count=65536, buckets=65536)) == [("max", 262144), ("buckets", 262144)]
    assert settings(advised("full", RHEL8, count=65536, buckets=16384)) == [("max", 262144), ("buckets", 65536)]
    assert settings(advised("full", RHEL8, count=65536, buckets=32768)) == [("max", 262144)]


@pytest.mark.parametrize(
    ("established", "told"), [(432000, True), (216001, True), (216000, False), (86400, False), (None, False)]
)
def test_the_timeout_is_only_ever_shortened(established, told):
    assert ("tcp_timeout_established" in dict(settings(advised("full", established=established)))) is told


def test_no_memory_for_a_larger_table():
    small = DEBIAN12._replace(ram=256 << 20)
    found = advised("pressure", small, count=104858, maximum=131072, ratio=0.8, buckets=131072)
    assert [item.setting for item in found] == [None]
    assert "5 % of the RAM" in found[0].why


def test_a_container_sets_its_limit_on_the_host_and_its_timeouts_here():
    where = {item.setting: item.where for item in advised("full", count=65536, established=432000, namespace="child")}
    assert where == {"max": "host", "buckets": "host", "tcp_timeout_established": "here"}


def test_long_chains_want_more_buckets():
    assert settings(advised("race", chainlength_rate=1.0, buckets=65536)) == [("buckets", 131072)]


@pytest.mark.parametrize("status", verdict.STATUSES)
@pytest.mark.parametrize("namespace", ["host", "child"])
def test_advice_is_what_conntrack_settings_takes(status, namespace):
    for item in advised(status, count=70000, established=432000, insert_failed_rate=1.0, namespace=namespace):
        assert item.why[0].isupper()
        assert item.why.endswith(".")
        assert item.where in ("here", "host")
        assert (item.setting is None) == (item.value is None)
        if item.setting is not None:
            setting = catalogue.BY_NAME[item.setting]
            assert setting.minimum <= item.value <= setting.maximum
