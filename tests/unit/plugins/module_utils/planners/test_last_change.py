# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that has a name is undone alone: the host is then as it was before that change, not as it was at first."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.calls import settings as call
from ansible_collections.netops.conntrack.plugins.module_utils.formats import record_file
from ansible_collections.netops.conntrack.plugins.module_utils.planners import (
    applying,
    iptables_config,
    record,
    transaction,
    undoing,
)
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.tests.unit import planning

DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
IPTABLES = "/etc/sysconfig/iptables-config"
FOLDER = "/var/lib/netops-conntrack"


@pytest.fixture
def host(tmp_path):
    return planning.copy("debian12", tmp_path)


def change(host, name, **wanted):
    result = applying.apply(host, parse(wanted), Options(), False, change=name)
    assert not result.unapplied and result.changed
    return result


def undo(host, name, check=False):
    return undoing.undo(host, True, check, change=name)


def state(host):
    """Every file of the host but those of the record of the last change, with its content."""
    return planning.tree(host.root, leave_out=(record_file.LAST_CHANGE,))


def test_the_first_change_undone_leaves_nothing(host):
    before = state(host)
    change(host, "rollout-1", max=131072, tcp_timeout_established=216000)
    assert state(host) != before

    result = undo(host, "rollout-1")

    assert result.changed and not result.unapplied and not result.warnings
    assert state(host) == before
    assert not os.path.exists(host.root + FOLDER)


def test_a_later_change_undone_leaves_the_earlier_one_and_its_way_back(host):
    first = state(host)
    change(host, None, max=131072, tcp_timeout_established=216000)
    tuned = state(host)
    change(host, "rollout-2", max=262144, udp_timeout=20)

    assert undo(host, "rollout-2").changed
    assert state(host) == tuned

    assert not undoing.undo(host, True, False).unapplied
    assert state(host) == first


def test_check_mode_foretells_the_undoing_and_does_nothing(host):
    change(host, "rollout", max=262144, udp_timeout=20)
    changed = state(host)

    foretold = undo(host, "rollout", check=True)
    assert state(host) == changed

    done = undo(host, "rollout")
    assert (foretold.settings, foretold.steps, foretold.diff) == (done.settings, done.steps, done.diff)


@pytest.mark.parametrize("asked", ["another", "rollout.", "Rollout"])
def test_a_change_of_another_name_is_left_alone(host, asked):
    change(host, "rollout", max=262144)
    changed = state(host)
    result = undo(host, asked)
    assert not result.changed and not result.steps
    assert state(host) == changed


def test_runs_of_one_name_are_one_change(host):
    before = state(host)
    change(host, "rollout", max=131072)
    change(host, "rollout", max=262144, tcp_timeout_established=216000)
    change(host, "rollout", max=524288)
    assert undo(host, "rollout").changed
    assert state(host) == before


@pytest.mark.parametrize("name", [None, "next"])
def test_after_another_change_there_is_no_way_back_to_before_the_one_named(host, name):
    change(host, "rollout", max=131072)
    change(host, name, udp_timeout=20)
    changed = state(host)
    assert not undo(host, "rollout").changed
    assert state(host) == changed


def test_a_change_of_another_module_counts_as_one(host):
    change(host, "rollout", max=131072)
    os.makedirs(os.path.dirname(host.root + IPTABLES), exist_ok=True)
    with open(host.root + IPTABLES, "w", encoding="utf-8") as stream:
        stream.write('IPTABLES_MODULES="ip_conntrack_ftp"\n')
    iptables_config.apply(host, [IPTABLES], None, "commented", False)
    assert not undo(host, "rollout").changed


def test_a_run_that_changes_nothing_is_no_change(host):
    before = state(host)
    change(host, "rollout", max=131072)
    assert not applying.apply(host, parse({"max": 131072}), Options(), False, change="next").changed
    assert undo(host, "rollout").changed
    assert state(host) == before


def test_once_undone_it_is_over(host):
    change(host, "rollout", max=131072)
    assert undo(host, "rollout").changed
    assert not undo(host, "rollout").changed


def test_what_somebody_else_wrote_since_is_left_and_the_rest_put_back(host):
    change(host, None, max=131072)
    change(host, "rollout", max=262144, udp_timeout=20)
    planning.overwrite(host.root + DROP_IN, "# by hand\n")

    result = undo(host, "rollout")

    assert [(row.what, row.reason) for row in result.unapplied] == [(DROP_IN, "changed_since")]
    assert state(host)[DROP_IN] == b"# by hand\n"
    assert state(host)[planning.NF + "max"] == b"131072\n"
    # Both records know what is left to do.
    assert [row.what for row in undo(host, "rollout", check=True).unapplied] == [DROP_IN]
    assert [row.what for row in undoing.undo(host, True, True).unapplied] == [DROP_IN]


def test_a_name_that_is_not_on_record_is_told(host):
    def warned(name):
        return [text for text in undoing.undo(host, False, True, change=name).warnings if text.startswith("change:")]

    unknown = (
        "change: first is not on record here, so nothing is undone: it has been undone, it was not made here, or "
        "another change came after it"
    )
    assert warned("first") == [unknown]
    change(host, "first", max=131072)
    assert warned("first") == []
    change(host, "second", max=262144)
    assert warned("first") == [unknown + "; the last change on record is second"]
    assert warned(None) == []


def test_a_change_that_failed_in_part_is_undone_as_a_whole(host):
    change(host, None, max=131072)
    before = state(host)
    faulty = planning.FaultyHost(host, {planning.NF + "udp_timeout": "EINVAL"})
    result = applying.apply(faulty, parse({"max": 262144, "udp_timeout": 20}), Options(), False, change="rollout")
    assert [row.what for row in result.unapplied] == ["udp_timeout"]
    # The record of the first state was set right then, and is ours all the same.
    assert not undo(host, "rollout").unapplied
    assert state(host) == before


def test_a_change_without_a_name_that_failed_in_part_leaves_nothing_to_say_of_the_one_before(host):
    change(host, "rollout", max=131072)
    faulty = planning.FaultyHost(host, {planning.NF + "udp_timeout": "EINVAL"})
    result = applying.apply(faulty, parse({"max": 262144, "udp_timeout": 20}), Options(), False)
    assert result.unapplied
    assert not [warning for warning in result.warnings if "up to date" in warning]
    assert not os.path.exists(host.root + record_file.LAST_CHANGE)


def test_the_first_state_stays_on_record_while_something_of_the_change_does(host):
    change(host, "rollout", max=524288)
    planning.overwrite(host.root + planning.NF + "count", "400000\n")
    result = undoing.undo(host, False, False, change="rollout")
    assert [row.reason for row in result.unapplied] == ["would_lower"]
    assert any(path.endswith("nf_conntrack_max") for path in record.read(host.read(transaction.ITEMS)))


def test_the_way_back_to_the_first_state_ends_that_to_a_later_one(host):
    before = state(host)
    change(host, "rollout", max=131072)
    assert undoing.undo(host, True, False).changed
    assert state(host) == before
    assert not os.path.exists(host.root + FOLDER)


def test_a_damaged_record_is_no_way_back_and_no_obstacle(host):
    change(host, "rollout", max=131072)
    planning.overwrite(host.root + record_file.LAST_CHANGE, "{")
    with pytest.raises(record.Unusable, match="last-change.json is damaged"):
        undo(host, "rollout")
    change(host, "next", max=262144)
    assert undo(host, "next").changed


def test_only_root_may_read_the_record(host):
    change(host, "rollout", max=131072)
    assert os.stat(host.root + record_file.LAST_CHANGE).st_mode & 0o777 == 0o600


def test_the_module_takes_the_name_there_and_back(host):
    change(host, None, max=131072)
    before = state(host)
    defaults = {option: spec.get("default") for option, spec in call.ARGUMENTS.items()}
    there = {**defaults, "settings": {"max": 262144}, "change": "rollout"}
    back = {**defaults, "state": "restored", "allow_lower": True, "change": "rollout"}
    assert call.call(lambda: host, there, False).values["changed"]
    assert call.call(lambda: host, back, False).values["changed"]
    assert state(host) == before
    assert not call.call(lambda: host, back, False).values["changed"]


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a\n", "é", "x" * 65])
def test_what_is_no_name_is_refused_before_anything_is_read(name):
    defaults = {option: spec.get("default") for option, spec in call.ARGUMENTS.items()}

    def host():
        raise AssertionError("the host was asked for")

    returned = call.call(host, {**defaults, "settings": {"max": 1000}, "change": name}, False)
    assert returned.failure.startswith("change: '") and "' is no name; allowed: up to 64" in returned.failure


def test_undone_in_two_steps_it_leaves_nothing_either(host):
    before = state(host)
    change(host, "rollout", max=524288, udp_timeout=20)
    planning.overwrite(host.root + planning.NF + "count", "400000\n")
    assert undoing.undo(host, False, False, change="rollout").unapplied
    planning.overwrite(host.root + planning.NF + "count", before[planning.NF + "count"].decode())

    assert not undo(host, "rollout").unapplied

    assert state(host) == before
    assert not os.path.exists(host.root + FOLDER)


def test_where_nothing_is_left_to_undo_the_first_state_is_off_the_record_too(host):
    """As after a trial that the host has ended by itself: what is set by hand later would be gone behind."""
    before = state(host)
    assert applying.apply(host, parse({"max": 131072}), Options(persist=False), False, change="rollout").changed
    for path in (planning.NF + "max", planning.HOST_ALIAS):
        planning.overwrite(host.root + path, before[path].decode())

    assert undo(host, "rollout").steps == []

    assert not os.path.exists(host.root + FOLDER)
