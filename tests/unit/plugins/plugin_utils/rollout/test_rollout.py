# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each host of a rollout, when it ends, who is put back, and how that is told."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_text, words
from ansible_collections.netops.conntrack.plugins.plugin_utils.rollout import batch, telling
from ansible_collections.netops.conntrack.plugins.plugin_utils.rollout.tried import Tried, tried

SET = {
    "changed": True,
    "settings": {
        "max": {"before": 65536, "after": 262144, "changed": True},
        "udp_timeout": {"before": 30, "after": 30, "changed": True},
        "buckets": {"before": None, "after": 65536, "changed": True},
    },
    "steps": [
        {"kind": "sysctl", "path": "/proc/sys/net/netfilter/nf_conntrack_max"},
        {"kind": "file", "path": "/etc/sysctl.d/99-zz-netops-conntrack.conf"},
    ],
}
UNLOADED = {"changed": True, "steps": [{"kind": "unload", "path": "/sys/module/nf_conntrack"}]}
REFUSED = {"failed": True, "changed": False, "msg": "it is needed"}
LOST = {"unreachable": True, "changed": False, "msg": "Failed to connect"}
BACK = {"changed": True}
FULL_TOO = "timed out (a host whose table is full drops new connections too)"


@pytest.mark.parametrize(
    "results, back, outcome, why, left",
    [
        ([None, None], None, "not_tried", None, None),
        ([None, {"changed": False}], None, "unchanged", None, None),
        ([{"changed": False, "msg": "not on record"}], None, "unchanged", "not on record", None),
        ([None, SET], None, "changed", None, None),
        ([None, SET], {"changed": False, "skipped": True}, "changed", None, None),
        ([REFUSED, None], None, "failed", "it is needed", None),
        ([{**LOST, "msg": "timed out"}], None, "unreachable", FULL_TOO, None),
        ([{"failed": True, "msg": "an attribute is undefined"}, LOST], None, "unreachable", "Failed to connect", None),
        ([None, SET], BACK, "taken_back", None, None),
        ([None, SET], REFUSED, "changed", None, "it is needed"),
        ([REFUSED, SET], BACK, "failed", "it is needed", None),
        ([None, LOST], LOST, "unreachable", "Failed to connect", "Failed to connect"),
        (
            [None, "hostile", ["hostile"], {"failed": True, "msg": ["hostile"]}],
            None,
            "failed",
            "it did not say why",
            None,
        ),
    ],
)
def test_the_outcome_of_a_host(results, back, outcome, why, left):
    found = tried("gw1", results, back)
    assert (found.outcome, found.why, found.left) == (outcome, why, left)


def test_what_was_changed_is_told_in_few_words():
    assert tried("gw1", [SET]).changes == (
        "max 65536 -> 262144", "/etc/sysctl.d/99-zz-netops-conntrack.conf", "buckets none -> 65536",
    )  # fmt: skip
    assert tried("gw1", [UNLOADED]).changes == ("unload nf_conntrack",)
    stays = {"before": 262144, "after": 262144, "after_boot": 262144, "changed": True}
    assert tried("gw1", [{"changed": True, "settings": {"max": stays}}]).changes == ("max 262144 made to stay",)
    come = {"setting%d" % number: {"before": None, "after": 1, "changed": True} for number in range(9)}
    loaded = {**SET, "settings": come, "steps": [{"kind": "module", "path": "/sys/module/nf_conntrack"}]}
    assert tried("gw1", [loaded]).changes == ("load nf_conntrack", "9 values that come with the modules")


def test_what_comes_back_at_boot_all_the_same_is_told():
    returning = {**UNLOADED, "returns_at_boot": [{"source": "/etc/nftables.conf"}]}
    assert telling.lines([tried("gw1", [None, returning])], None, check=False) == [
        "changed  gw1",
        "         unload nf_conntrack",
        "         loaded again at the next boot, by /etc/nftables.conf",
        "1 host: 1 changed",
    ]
    refused = {**REFUSED, "returns_at_boot": [{"source": "/etc/nftables.conf"}]}
    assert "boot" not in " ".join(telling.lines([tried("gw1", [refused])], None, check=False))


def rows(changed=0, failed=0, unreachable=0, unchanged=0):
    made = [("changed", changed), ("failed", failed), ("unreachable", unreachable), ("unchanged", unchanged)]
    return [Tried("%s%d" % (outcome, number), outcome) for outcome, count in made for number in range(count)]


@pytest.mark.parametrize(
    "batch_rows, limit, stops",
    [
        (rows(changed=4), 0, False),
        (rows(changed=3, failed=1), 0, True),
        (rows(changed=3, unreachable=1), 0, True),
        (rows(changed=3, failed=1), 25, False),
        (rows(changed=2, failed=2), 25, True),
        (rows(changed=1, failed=9), 100, False),
        # A whole batch ends an Ansible run in any case, and that is to be told.
        (rows(failed=2), 100, True),
        ([], 0, False),
    ],
)
def test_one_failure_more_than_allowed_ends_the_rollout(batch_rows, limit, stops):
    assert bool(batch.judge(batch_rows, limit).stopped) == stops


def test_a_dry_run_and_a_restore_end_at_nobody():
    found = [tried("gw1", [REFUSED]), tried("gw2", [SET])]
    assert batch.judge(found, 0, ends=False) == batch.Judged(None, ("gw1",), False)
    assert batch.judge(found[:1], 0, ends=False).stopped is None


def test_where_it_goes_on_only_those_that_failed_are_put_back():
    judged = batch.judge(rows(changed=3, failed=1), 50)
    assert judged == batch.Judged(None, ("failed0",), False)


def test_a_host_to_which_nothing_was_done_is_not_put_back():
    wrong = {"failed": True, "changed": False, "refused": True, "msg": "settings: 'maximum' is no setting"}
    judged = batch.judge([tried("gw1", [wrong]), tried("gw2", [SET])], 0)
    assert (judged.take_back, judged.well) == (("gw2",), False)
    # What the run says that was to confirm it is no word on the change.
    unconfirmed = {**wrong, "confirmed": False}
    assert batch.judge([tried("gw1", [unconfirmed])], 0).take_back == ("gw1",)
    # Something else was done to it before.
    assert batch.judge([tried("gw1", [SET, wrong])], 0).take_back == ("gw1",)
    assert batch.judge([tried("gw1", [SET])], 0) == batch.Judged(None, (), True)


def test_where_it_ends_all_that_were_changed_are_put_back():
    judged = batch.judge(rows(changed=2, failed=1, unreachable=1, unchanged=2), 10)
    assert judged.take_back == ("changed0", "changed1", "failed0", "unreachable0")
    assert judged.stopped == (
        "2 of the 6 hosts of this batch failed (failed0, unreachable0); conntrack_max_fail_percentage is 10"
    )


def test_the_report_begins_with_what_somebody_has_to_look_at():
    found = [
        tried("gw1", [SET]), tried("gw2", [REFUSED], BACK), tried("gw3", [LOST], LOST), tried("gw4", [SET], BACK),
        tried("gw5", [SET], REFUSED), tried("gw6", []), tried("gw7", [{"changed": False}]),
    ]  # fmt: skip
    assert telling.lines(found, "too many", check=False) == [
        "unreachable  gw3",
        "             Failed to connect",
        "             if something was changed there, it could not be put back",
        "changed      gw5",
        "             max 65536 -> 262144; /etc/sysctl.d/99-zz-netops-conntrack.conf; buckets",
        "             none -> 65536",
        "             NOT taken back: it is needed",
        "failed       gw2",
        "             it is needed",
        "             what was changed was taken back",
        "taken back   gw4",
        "not tried    gw6",
        "changed      gw1",
        "             max 65536 -> 262144; /etc/sysctl.d/99-zz-netops-conntrack.conf; buckets",
        "             none -> 65536",
        "unchanged    gw7",
        "7 hosts: 1 failed, 1 unreachable, 1 taken back, 1 not tried, 2 changed, 1 unchanged.",
        "Stopped: too many. Another run goes on from here: hosts that are done are left as they",
        "are",
    ]


def test_a_host_that_failed_and_is_left_says_what_it_is_left_with():
    half = {**SET, "failed": True, "msg": "not as asked"}
    assert telling.lines([tried("gw1", [half])], "too many", check=False)[:-1] == [
        "failed  gw1",
        "        not as asked",
        "        changed all the same: max 65536 -> 262144;",
        "        /etc/sysctl.d/99-zz-netops-conntrack.conf; buckets none -> 65536",
    ]
    untouched = {**half, "changed": False}
    assert telling.lines([tried("gw1", [untouched])], "too many", check=False)[1:-1] == ["        not as asked"]
    # Nothing is as it is now because of a dry run.
    assert telling.lines([tried("gw1", [half])], None, check=True)[1:-1] == ["        not as asked"]


def test_a_host_that_undoes_it_by_itself_is_not_told_as_one_that_was_not_taken_back():
    cut = {"failed": True, "changed": False, "confirmed": False, "msg": "not confirmed; it undoes the change by itself"}
    assert telling.lines([tried("gw1", [cut], LOST)], "too many", check=False)[:-1] == [
        "failed  gw1",
        "        not confirmed; it undoes the change by itself",
    ]


@pytest.mark.parametrize("results, back, goes_on", [([SET], BACK, True), ([], None, True), ([REFUSED], None, False)])
def test_another_run_is_spoken_of_where_it_has_something_to_do(results, back, goes_on):
    told = " ".join(telling.lines([tried("gw1", results, back)], "too many", check=False))
    assert ("Another run goes on from here" in told) == goes_on


def test_check_mode_tells_what_would_change():
    told = telling.lines([tried("gw1", [SET])], None, check=True)
    assert told[0] == "would change  gw1"
    assert told[-1] == "1 host: 1 would change"


def test_no_line_is_too_wide_and_nothing_in_it_acts():
    found = [
        tried("gw\x1b[31m" + "x" * 200, [{"failed": True, "msg": "\u202e" + "long words " * 500}]),
        tried("gw", [{"failed": True, "msg": "長" * 500}]),
    ]
    told = telling.lines(found, None, check=False)
    assert max(map(words.width, told)) <= as_text.WIDTH
    assert not any(sign in line for line in told for sign in "\x1b\u202e\n")


def test_a_large_fleet_is_cut_in_the_terminal_and_in_the_artifact():
    found = [tried("gw%d" % number, [SET]) for number in range(3000)] + [tried("bad", [REFUSED])]
    told = telling.lines(found, None, check=False)
    assert told[0] == "failed   bad"
    assert told[-2:] == ["... and 2901 more hosts", "3001 hosts: 1 failed, 3000 changed"]
    artifact = telling.artifact("tune", found, None, False)
    assert (len(artifact["hosts"]), artifact["left_off"]) == (1000, 2001)
    assert artifact["hosts"][0] == {"host": "bad", "outcome": "failed", "why": "it is needed", "left": None}
    assert artifact["totals"]["by_outcome"]["changed"] == 3000
    assert len(json.dumps(artifact)) < 200_000


def test_the_artifact_holds_no_long_text():
    artifact = telling.artifact("tune", [tried("gw1", [{"failed": True, "msg": "x" * 5000}])], None, True)
    assert artifact["check"] is True
    assert len(artifact["hosts"][0]["why"]) == 301
