# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first state of a host is recorded once and comes back to the byte, but nobody else's work is undone with it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.formats import record_file
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.plan import FILE, SYSCTL, Step
from ansible_collections.netops.conntrack.plugins.module_utils.planners import (
    applying,
    iptables_config,
    record,
    restore,
    transaction,
    undoing,
)
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading, Snapshot
from ansible_collections.netops.conntrack.tests.unit import planning
from hypothesis import given
from hypothesis import strategies as st

DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
IPTABLES = "/etc/sysconfig/iptables-config"
NF = planning.NF


def setup(host, settings, check=False, **options):
    return applying.apply(host, parse(settings), Options(**options), check)


def restored(host, check=False, allow_lower=True):
    return undoing.undo(host, allow_lower, check)


def write(host, path, text):
    os.makedirs(os.path.dirname(host.root + path), exist_ok=True)
    if not os.path.exists(host.root + path):
        os.mknod(host.root + path, 0o644)
    planning.overwrite(host.root + path, text)


def read(host, path):
    with open(host.root + path, encoding="utf-8") as stream:
        return stream.read()


def the_record(host):
    """What is on record: path to the text that was there first."""
    found = record.read(host.read([probe.RECORD]))
    return {path: row.text for path, row in found.items()}


@pytest.fixture
def host(tmp_path):
    return planning.copy("debian12", tmp_path)


# The record


def test_only_root_may_read_the_record(host):
    setup(host, {"udp_timeout": 20})
    assert os.stat(host.root + record.PATH).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(host.root + record.PATH)).st_mode & 0o777 == 0o700


def test_each_path_is_recorded_once_before_its_first_change(host):
    setup(host, {"udp_timeout": 20})
    first = the_record(host)
    assert first == {NF + "udp_timeout": "30", DROP_IN: None, "/etc/modules-load.d/netops-conntrack.conf": None}
    setup(host, {"udp_timeout": 25})
    assert the_record(host) == first
    setup(host, {"udp_timeout": 20, "tcp_timeout_established": 86400})
    assert the_record(host) == {**first, NF + "tcp_timeout_established": "432000"}


def test_nothing_is_recorded_where_nothing_changes(host):
    value = host.read(transaction.ITEMS).integer(NF + "udp_timeout")
    setup(host, {"udp_timeout": value}, persist=False)
    setup(host, {"udp_timeout": 20}, check=True)
    assert not os.path.exists(host.root + record.PATH)


def test_what_was_asked_for_last_is_on_record(host):
    setup(host, {"udp_timeout": 20, "tcp_timeout_established": 86400})
    setup(host, {"udp_timeout": 25})
    text = host.read(transaction.ITEMS).text(record.PATH)
    assert record_file.wanted(text) == {"udp_timeout": 25, "tcp_timeout_established": 86400}


def test_what_is_asked_for_and_so_already_is_put_on_record_and_is_no_change(host):
    setup(host, {"udp_timeout": 20})
    write(host, NF + "udp_timeout", "25\n")
    write(host, DROP_IN, read(host, DROP_IN).replace("20", "25"))
    assert not setup(host, {"udp_timeout": 25}, check=True).changed
    assert not setup(host, {"udp_timeout": 25}).changed
    assert record_file.wanted(read(host, record.PATH)) == {"udp_timeout": 25}
    assert setup(host, {"udp_timeout": 30}, persist=False).changed
    assert record_file.wanted(read(host, record.PATH)) == {"udp_timeout": 25}


def test_the_record_holds_bytes_that_are_no_text():
    text = "IPTABLES_MODULES=\udcff\udcfe\r\n"
    change = Step(FILE, "/etc/x", text, "new", "why")
    step = record.step(Snapshot({}), [change])
    assert record.read(Snapshot({record.PATH: Reading(text=step.after)})) == {
        "/etc/x": record.Original(FILE, text, record.digest("new"), earlier=record.digest(text))
    }


def test_two_modules_share_the_record(tmp_path):
    host = planning.copy("rhel5-origin", tmp_path)
    before = planning.tree(host.root, ())
    setup(host, {"max": 131072})
    iptables_config.apply(host, [IPTABLES], ["ip_conntrack_netbios_ns"], "commented", False)
    assert set(the_record(host)) == {planning.IP + "max", "/etc/sysctl.conf", IPTABLES}
    result = restored(host)
    assert result.changed
    assert result.unapplied == []
    assert planning.tree(host.root, ()) == before


# Restored


def test_several_changes_are_undone_at_once(host):
    before = planning.tree(host.root, ())
    setup(host, {"max": 300000, "buckets": 300000, "udp_timeout": 20})
    setup(host, {"max": 400000, "tcp_timeout_established": 86400, "tcp_be_liberal": True})
    setup(host, {"max": 350000, "udp_timeout": 25}, persist=False)
    result = restored(host)
    assert planning.tree(host.root, ()) == before
    assert result.changed
    assert result.settings["max"]["before"] == 350000
    assert result.settings["max"]["after"] == int(before[NF + "max"])
    assert result.settings["max"]["after_boot_source"] == "kernel default"
    assert set(result.settings) == {"max", "buckets", "udp_timeout", "tcp_timeout_established", "tcp_be_liberal"}


def test_restored_twice_changes_nothing_more(host):
    setup(host, {"udp_timeout": 20})
    restored(host)
    before = planning.tree(host.root, ())
    result = restored(host)
    assert (result.changed, result.steps, result.settings, result.unapplied) == (False, [], {}, [])
    assert planning.tree(host.root, ()) == before


def test_a_host_that_was_never_changed_is_left_alone(host):
    before = planning.tree(host.root, ())
    result = restored(host)
    assert (result.changed, result.steps, result.diff, result.unapplied) == (False, [], [], [])
    assert planning.tree(host.root, ()) == before


def test_check_mode_tells_what_restored_will_do(host):
    setup(host, {"max": 300000, "udp_timeout": 20})
    before = planning.tree(host.root, ())
    predicted = restored(host, check=True)
    assert planning.tree(host.root, ()) == before
    assert restored(host)._asdict() == predicted._asdict()


def test_after_restored_a_new_first_state_is_recorded(host):
    setup(host, {"udp_timeout": 20})
    restored(host)
    write(host, NF + "udp_timeout", "40\n")
    setup(host, {"udp_timeout": 20})
    restored(host)
    assert read(host, NF + "udp_timeout") == "40\n"


def test_buckets_come_before_max_and_the_rest(host):
    setup(host, {"udp_timeout": 20, "max": 300000, "buckets": 300000})
    now = host.read(transaction.ITEMS)
    live = restore.plan(now, record.read(now), True).live
    assert [step.setting for step in live] == ["buckets", "max", "udp_timeout"]


@pytest.mark.parametrize(("high", "low"), [(8388608, 6291456), (2097152, 1048576)])
def test_the_high_threshold_is_never_below_the_low_one_on_the_way_back(host, high, low):
    setup(host, {"frag6_high_thresh": high, "frag6_low_thresh": low})
    standing = {"frag6_high_thresh": high, "frag6_low_thresh": low}
    now = host.read(transaction.ITEMS)
    live = restore.plan(now, record.read(now), True).live
    assert len(live) == 2
    for step in live:
        standing[step.setting] = int(step.after)
        assert standing["frag6_low_thresh"] <= standing["frag6_high_thresh"]


def test_max_does_not_go_back_below_use_unless_permitted(host):
    setup(host, {"max": 300000, "udp_timeout": 20})
    first = the_record(host)[NF + "max"]
    write(host, NF + "count", "290000\n")
    result = restored(host, allow_lower=False)
    assert [(row.what, row.reason) for row in result.unapplied] == [("max", "would_lower")]
    assert result.unapplied[0].detail == (
        "290000 entries are in use; with max %s new connections would be refused "
        "(allow_lower, in the role conntrack_allow_lower, permits it)" % first
    )
    assert read(host, NF + "max") == "300000\n"
    assert read(host, NF + "udp_timeout") == "30\n"
    assert the_record(host) == {NF + "max": first}
    result = restored(host, allow_lower=True)
    assert result.unapplied == []
    assert "with %s the host refuses new connections" % first in result.warnings[0]
    assert read(host, NF + "max") == first + "\n"
    assert not os.path.exists(host.root + record.PATH)


def test_max_may_go_back_up_though_more_is_in_use(host):
    write(host, NF + "max", "4096\n")
    setup(host, {"max": 1000}, allow_lower=True)
    write(host, NF + "count", "9000\n")
    assert restored(host, allow_lower=False).unapplied == []
    assert read(host, NF + "max") == "4096\n"


def test_a_module_that_is_gone_has_no_values_to_bring_back(host):
    setup(host, {"udp_timeout": 20}, persist=False)
    os.unlink(host.root + NF + "udp_timeout")
    result = restored(host)
    assert (result.changed, result.unapplied) == (False, [])
    assert not os.path.exists(host.root + record.PATH)


def test_what_has_become_read_only_stays_on_record(host):
    setup(host, {"udp_timeout": 20}, persist=False)
    readings = dict(host.read([*transaction.ITEMS]).items())
    readings[NF + "udp_timeout"] = readings[NF + "udp_timeout"]._replace(mode=0o444)
    now = Snapshot(readings)
    found = restore.plan(now, record.read(now), True)
    assert [(row.path, row.reason) for row in found.refusals] == [(NF + "udp_timeout", "read_only")]
    assert found.settled == ()


# Somebody else's work


def test_a_file_that_somebody_else_changed_is_left_and_named(host):
    setup(host, {"max": 300000, "udp_timeout": 20})
    write(host, DROP_IN, read(host, DROP_IN) + "kernel.sysrq = 0\n")
    theirs = read(host, DROP_IN)
    for _again in range(2):
        result = restored(host)
        assert [(row.what, row.reason) for row in result.unapplied] == [(DROP_IN, "changed_since")]
        assert read(host, DROP_IN) == theirs
        assert read(host, NF + "udp_timeout") == "30\n"
        assert list(the_record(host)) == [DROP_IN]


def test_their_lines_are_not_undone_after_a_further_change_of_ours(host):
    write(host, DROP_IN, "kernel.sysrq = 1\n")
    setup(host, {"udp_timeout": 20})
    write(host, DROP_IN, read(host, DROP_IN) + "vm.swappiness = 10\n")
    setup(host, {"udp_timeout": 25})
    theirs = read(host, DROP_IN)
    assert "vm.swappiness = 10\n" in theirs
    result = restored(host)
    assert [(row.what, row.reason) for row in result.unapplied] == [(DROP_IN, "changed_since")]
    assert read(host, DROP_IN) == theirs


def test_a_file_that_somebody_put_back_by_hand_is_settled(host):
    write(host, DROP_IN, "kernel.sysrq = 1\n")
    setup(host, {"udp_timeout": 20})
    write(host, DROP_IN, "kernel.sysrq = 1\n")
    setup(host, {"udp_timeout": 25})
    assert restored(host).unapplied == []
    assert read(host, DROP_IN) == "kernel.sysrq = 1\n"
    setup(host, {"udp_timeout": 20})
    os.unlink(host.root + DROP_IN)
    assert [row.reason for row in restored(host).unapplied] == ["changed_since"]
    assert not os.path.exists(host.root + DROP_IN)


def test_a_value_that_somebody_else_set_goes_back_all_the_same(host):
    setup(host, {"udp_timeout": 20}, persist=False)
    write(host, NF + "udp_timeout", "77\n")
    restored(host)
    assert read(host, NF + "udp_timeout") == "30\n"


# A damaged record

DAMAGED = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '"text"',
    "[" * 100000,
    '{"version": 1}',
    '{"version": 1, "paths": []}',
    '{"version": 1, "paths": {"/etc/x": null}}',
    '{"version": 1, "paths": {"/etc/x": {"kind": "file", "bytes": null}}}',
    '{"version": 1, "paths": {"/etc/x": {"kind": "file", "bytes": 5, "left": null}}}',
    '{"version": 1, "paths": {"/etc/x": {"kind": "file", "bytes": "a", "left": null}}}',
    '{"version": 1, "paths": {"/etc/x": {"kind": "file", "bytes": "YW\\u0000Jj", "left": null}}}',
    '{"version": 1, "paths": {"/etc/x": {"kind": "\\u00e9", "bytes": "YWJj", "left": null}}}',
    '{"version": 1, "paths": {"etc/x": {"kind": "file", "bytes": "YWJj", "left": null}}}',
    '{"version": 1, "paths": {"/etc/\\u0000x": {"kind": "file", "bytes": "YWJj", "left": null}}}',
    '{"version": 2, "paths": {}}',
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_stops_everything(host, text):
    write(host, record.PATH, text)
    before = planning.tree(host.root, ())
    for check in (True, False):
        for run in (
            lambda check=check: setup(host, {"udp_timeout": 20}, check),
            lambda check=check: restored(host, check),
            lambda check=check: iptables_config.apply(host, [IPTABLES], None, "commented", check),
        ):
            with pytest.raises(record.Unusable) as caught:
                run()
            assert record.PATH in str(caught.value)
    assert planning.tree(host.root, ()) == before


def test_a_record_that_cannot_be_read_stops_everything():
    forbidden = planning.snapshot(files={record.PATH: Reading(reason="forbidden", mode=0o600)})
    with pytest.raises(record.Unusable, match="cannot be read: forbidden"):
        record.read(forbidden)


@given(
    st.text(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["YWJj", "file", "sysctl"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["kind", "bytes", "left", "/etc/x", NF + "max"]), inner, max_size=3)
        ),
    ).map(lambda paths: json.dumps({"version": 1, "paths": paths}))
)
def test_any_record_is_read_or_refused(text):
    snapshot = planning.snapshot(files={record.PATH: text})
    try:
        found = record.read(snapshot)
    except record.Unusable:
        return
    assert all(row.kind in (FILE, SYSCTL) for row in found.values())
    restore.plan(snapshot, record.read(snapshot), False)


# Whatever happens, the first state comes back

SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "max": st.sampled_from([70000, 131072, 300000, "auto", "unlimited"]),
        "buckets": st.sampled_from([1000, 32768, "auto"]),
        "tcp_timeout_established": st.sampled_from([216000, 432000, 7440]),
        "udp_timeout": st.sampled_from([30, 20]),
        "helper": st.just(1),
    },
)
EDITS = st.tuples(
    st.sampled_from(iptables_config.STATES),
    st.sampled_from([("ip_conntrack_netbios_ns",), ("ip_conntrack_ftp", "ip_nat_ftp"), None]),
)
FAULTS = st.sets(
    st.sampled_from(
        [NF + "max", NF + "udp_timeout", planning.IP + "max", DROP_IN, "/etc/sysctl.conf", IPTABLES]
        + ["/etc/modprobe.conf", "/etc/modprobe.d/zz-netops-conntrack.conf"]
    ),
    max_size=2,
)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("settings"), SETTINGS, st.booleans(), FAULTS),
        st.tuples(st.just("iptables"), EDITS, st.just(None), FAULTS),
        st.tuples(st.just("restored"), st.none(), st.booleans(), FAULTS),
    ),
    min_size=1,
    max_size=5,
)


def operate(host, operation):
    kind, what, flag, faults = operation
    faulty = planning.FaultyHost(host, dict.fromkeys(faults, "EINVAL"))
    if kind == "settings":
        setup(faulty, what, persist=flag, allow_lower=True)
    elif kind == "restored":
        restored(faulty, allow_lower=flag)
    else:
        state, modules = what
        try:
            iptables_config.check_request(modules, state)
            iptables_config.apply(faulty, [IPTABLES, "/etc/sysconfig/ip6tables-config"], modules, state, False)
        except iptables_config.Refused as error:
            assert str(error)


@given(st.sampled_from(["rhel4", "rhel5-origin", "rhel6", "rhel7"]), OPERATIONS)
def test_after_restored_everything_is_as_it_was_first(name, operations):
    folder = tempfile.mkdtemp()
    try:
        host = planning.copy(name, folder)
        if not os.path.exists(host.root + IPTABLES):
            write(host, IPTABLES, 'IPTABLES_MODULES="ip_conntrack_netbios_ns ip_conntrack_ftp"\n')
        before = planning.tree(host.root, ())
        for operation in operations:
            operate(host, operation)
        result = restored(host)
        assert result.unapplied == []
        assert planning.changes(before, planning.tree(host.root, ())) == {}
        assert not restored(host).changed
    finally:
        shutil.rmtree(folder)


def test_the_plain_host_restores_as_well(tmp_path):
    """Without the double that the tests above use: files below a folder, and nothing that ties them together."""
    made = planning.copy("rhel7", tmp_path)
    host = LocalHost(root=made.root)
    before = planning.tree(made.root, ())
    setup(host, {"max": 300000, "udp_timeout": 20})
    assert planning.changes(before, planning.tree(made.root)) != {}
    restored(host)
    assert planning.tree(made.root, ()) == before


def test_values_that_were_not_there_at_first_stay_and_that_is_said(tmp_path):
    host = planning.copy("not-tracking", tmp_path)
    setup(host, {"udp_timeout": 20})
    write(host, "/proc/modules", "nf_conntrack 172032 0 - Live 0x0\n")
    write(host, planning.HOST_ALIAS, "65536\n")
    write(host, NF + "max", "65536\n")
    write(host, NF + "udp_timeout", "20\n")
    said = ["udp_timeout stays 20 until conntrack is loaded anew or the host is booted: it was not loaded at first"]
    assert restored(host, check=True).warnings == said
    assert restored(host).warnings == said
    assert not os.path.exists(host.root + record.PATH)
    assert restored(host).warnings == []
