# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change on trial, on copies of recorded hosts: confirmed, undone, refused, left behind, and overtaken."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.calls import settings, unload
from ansible_collections.netops.conntrack.plugins.module_utils.plan import START, Outcome
from ansible_collections.netops.conntrack.plugins.module_utils.planners import applying, record, rollback, undoing
from ansible_collections.netops.conntrack.plugins.module_utils.planners.rollback import Confirm
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.undo_script import read
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading
from ansible_collections.netops.conntrack.tests.unit import planning, recorded

DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
NF = planning.NF
OURS = (record.PATH, rollback.SCRIPT, rollback.RUNNING, rollback.UNDONE)
BOOT_ID = "/proc/sys/kernel/random/boot_id"

SETTINGS = {
    "max": 300000,
    "buckets": 100000,
    "tcp_timeout_established": 86400,
    "udp_timeout": 45,
    "frag6_high_thresh": 8388608,
    "frag6_low_thresh": 6291456,
}
FIRST = Confirm(60, "0a1b")
SECOND = FIRST._replace(second=True)

# But for the one that an ordinary user looks at, who changes nothing.
every_host = pytest.mark.parametrize("name", [name for name in recorded.names() if name != "forbidden"])


class Waiting(planning.KernelHost):
    """A host on which the script is started and then waits: the test says when its time is over."""

    def __init__(self, folder, root, error=None):
        super().__init__(folder, root)
        self.error = error
        self.started = []

    def carry_out(self, steps):
        outcomes = []
        for step in steps:
            if step.kind == START:
                self.started.append(step.path)
                outcomes.append(Outcome(step, self.error, self.error and "the test says no"))
            else:
                outcomes += super().carry_out([step])
        return outcomes

    def time_is_over(self):
        """Runs the script as the host does, to its end at once."""
        path = self.root + rollback.SCRIPT
        planning.overwrite(path, self.text(rollback.SCRIPT).replace("left=60", "left=0"))
        first = planning.tree(self.root, OURS)
        assert subprocess.run(["sh", path], check=False).returncode == 0
        # What the script writes, the kernel shows under every name of the value.
        for changed in planning.changes(first, planning.tree(self.root, OURS)):
            value = self.text(changed)
            for name in planning._same(changed):
                if os.path.exists(self.root + name):
                    planning.overwrite(self.root + name, value)

    def text(self, path):
        with open(self.root + path, encoding="utf-8") as stream:
            return stream.read()

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        with open(self.root + path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def there(self, path):
        return os.path.exists(self.root + path)


def copy(name, folder, **rest):
    made = recorded.copy(name, folder)
    return Waiting(made.folder, made.root, **rest)


def apply(host, settings, confirm=None, check=False, **options):
    return applying.apply(host, parse(settings), Options(**options), check, confirm)


def undo(host, confirm=None, check=False):
    return undoing.undo(host, True, check, confirm)


def said(result):
    return {name: getattr(result, name) for name in ("changed", "settings", "steps", "diff", "unapplied")}


# Confirmed


@every_host
def test_a_confirmed_change_is_one_transaction_as_check_mode_predicts_it(name, tmp_path):
    host = copy(name, tmp_path)
    first = planning.tree(host.root, ())
    predicted = apply(host, SETTINGS, FIRST, check=True)
    assert planning.tree(host.root, ()) == first
    assert not predicted.trial

    trial = apply(host, SETTINGS, FIRST)
    if not trial.trial:  # nothing can be changed live there
        assert said(trial) == said(predicted)
        assert host.started == []
        return
    assert host.started == [rollback.SCRIPT]
    written = planning.changes(first, planning.tree(host.root, OURS))
    assert {path.split("/")[1] for path in written} <= {"proc", "sys"}, "a file was written before the confirmation"
    assert os.stat(host.root + rollback.SCRIPT).st_mode & 0o777 == 0o600
    assert {step["kind"] for step in trial.steps} == {"sysctl"}
    assert trial.settings == predicted.settings

    result = apply(host, SETTINGS, SECOND)
    assert said(result) == said(predicted)
    assert not host.there(rollback.SCRIPT)
    tuned = planning.tree(host.root, ())
    again = apply(host, SETTINGS, FIRST)
    assert (again.changed, again.trial, again.steps) == (False, False, [])
    assert planning.tree(host.root, ()) == tuned

    backwards = undo(host, check=True)
    assert undo(host, FIRST).trial
    assert planning.changes(tuned, planning.tree(host.root, OURS[1:])).keys() <= {*written}
    undone = undo(host, SECOND)
    assert said(undone) == said(backwards)
    assert planning.changes(first, planning.tree(host.root, ())) == {}


def test_without_a_live_change_nothing_waits(tmp_path):
    host = copy("debian12", tmp_path)
    apply(host, {"udp_timeout": 45}, persist=False)
    result = apply(host, {"udp_timeout": 45}, FIRST)
    assert (result.changed, result.trial, host.started) == (True, False, [])
    assert "udp_timeout = 45" in host.text(DROP_IN)


def test_what_the_kernel_refuses_is_refused_in_the_end_and_the_rest_confirmed(tmp_path):
    host = copy("debian12", tmp_path)
    faulty = planning.FaultyHost(host, {NF + "max": "EINVAL"})
    settings = {"max": 300000, "udp_timeout": 45}
    for result in (apply(faulty, settings, FIRST), apply(faulty, settings, SECOND)):
        assert [row[:2] for row in result.unapplied] == [("max", "out_of_range")]
        row = result.settings["udp_timeout"]
        assert (row["before"], row["after"], row["after_boot"], row["changed"]) == (30, 45, 45, True)
    assert "max" not in host.text(DROP_IN)
    assert undo(host).unapplied == []


def test_auto_is_computed_once(tmp_path):
    host = copy("debian12", tmp_path)
    trial = apply(host, {"max": "auto", "udp_timeout": 45}, FIRST)
    planning.overwrite(host.root + NF + "count", "60000\n")
    result = apply(host, {"max": "auto", "udp_timeout": 45}, SECOND)
    assert result.settings == trial.settings


def test_a_confirmation_whose_answer_was_lost_is_given_again(tmp_path):
    host = copy("debian12", tmp_path)
    apply(host, {"udp_timeout": 45}, FIRST)
    apply(host, {"udp_timeout": 45}, SECOND)
    again = apply(host, {"udp_timeout": 45}, SECOND)
    assert (again.changed, again.unapplied) == (False, [])


def test_a_named_change_on_trial_is_one_change_and_knows_how_the_host_was(tmp_path):
    host = copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    wanted = parse({"max": 262144, "udp_timeout": 45})
    trial = applying.apply(host, wanted, Options(), False, FIRST, "rollout", True)
    assert trial.trial and trial.verdict
    # What the host is like by now does not count.
    planning.overwrite(host.root + NF + "count", "262144\n")
    done = applying.apply(host, wanted, Options(), False, SECOND, "rollout", True)
    assert done.live and done.verdict == trial.verdict
    undoing.undo(host, True, False, change="rollout")
    planning.overwrite(host.root + NF + "count", first[NF + "count"].decode())
    assert planning.tree(host.root, ()) == first


# Not confirmed


@every_host
def test_what_is_not_confirmed_is_as_if_it_had_never_been(name, tmp_path):
    host = copy(name, tmp_path)
    first = planning.tree(host.root, ())
    if not apply(host, SETTINGS, FIRST).trial:
        return
    host.time_is_over()
    assert planning.changes(first, planning.tree(host.root, OURS)) == {}
    with pytest.raises(rollback.Refused, match="not confirmed within 60 seconds: the host has put the values back$"):
        apply(host, SETTINGS, SECOND)

    untouched = undo(host, check=True)
    result = undo(host)
    for each in (untouched, result):
        assert (each.changed, each.steps) == (False, [])
        assert ["was not confirmed" in warning for warning in each.warnings] == [True]
    assert planning.changes(first, planning.tree(host.root, ())) == {}
    assert undo(host).warnings == []


def test_an_undone_change_can_be_made_again_and_restored(tmp_path):
    host = copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    apply(host, SETTINGS, FIRST)
    host.time_is_over()
    result = apply(host, SETTINGS)
    assert result.changed
    assert "put the values back" in result.warnings[0]
    assert not host.there(rollback.UNDONE)
    undo(host)
    assert planning.changes(first, planning.tree(host.root, ())) == {}


def test_an_undone_restore_stands_as_it_was_tuned(tmp_path):
    host = copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    apply(host, SETTINGS)
    tuned = planning.tree(host.root, ())
    assert undo(host, FIRST).trial
    host.time_is_over()
    assert planning.changes(tuned, planning.tree(host.root, OURS[1:])) == {}
    assert undo(host).unapplied == []
    assert planning.changes(first, planning.tree(host.root, ())) == {}


def test_a_max_that_was_undone_does_not_count_as_set(tmp_path):
    """What the log said before max was set is answered by it; nothing is by a max that does not stand."""
    host = copy("debian12", tmp_path)

    def max_set():
        return json.loads(host.text(record.PATH))["max_set"]

    apply(host, {"max": 300000}, FIRST)
    assert max_set() is None
    apply(host, {"max": 300000}, SECOND)
    assert max_set() is not None


def test_what_could_not_be_put_back_is_named(tmp_path):
    host = copy("debian12", tmp_path)
    apply(host, {"udp_timeout": 45}, FIRST)
    host.write(rollback.UNDONE, host.text(rollback.SCRIPT) + "# failed %sudp_timeout\n" % NF)
    os.unlink(host.root + rollback.SCRIPT)
    with pytest.raises(rollback.Refused, match="values back, except %sudp_timeout" % NF):
        apply(host, {"udp_timeout": 45}, SECOND)


def test_a_confirmation_that_is_overtaken_changes_nothing(tmp_path):
    made = copy("debian12", tmp_path)
    first = planning.tree(made.root, ())

    class Overtaken(Waiting):
        def carry_out(self, steps):
            if self.there(rollback.SCRIPT):
                self.time_is_over()
            return super().carry_out(steps)

    apply(made, SETTINGS, FIRST)
    with pytest.raises(rollback.Refused, match="not confirmed: .*; the host undoes the change by itself"):
        apply(Overtaken(made.folder, made.root), SETTINGS, SECOND)
    assert planning.changes(first, planning.tree(made.root, OURS)) == {}
    assert not undo(made).changed
    assert planning.changes(first, planning.tree(made.root, ())) == {}


# Where the host could not undo it


def refused(host, first):
    with pytest.raises(rollback.Refused, match="nothing was changed, because the host could not undo it by itself"):
        apply(host, SETTINGS, FIRST)
    return planning.changes(first, planning.tree(host.root, ()))


def test_nothing_is_changed_where_the_script_cannot_be_started(tmp_path):
    host = copy("debian12", tmp_path, error="EIO")
    first = planning.tree(host.root, ())
    assert refused(host, first) == {}


def test_nothing_is_changed_where_the_script_cannot_be_written(tmp_path):
    host = copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    faulty = planning.FaultyHost(host, {rollback.SCRIPT: "ENOSPC"})
    faulty.root = host.root
    assert refused(faulty, first) == {}


def test_a_namespace_in_which_systemd_would_not_run_the_script(tmp_path):
    host = copy("debian12", tmp_path)
    links = {"/proc/self/ns/net": "net:[4026532177]", "/proc/1/ns/net": "net:[4026531840]"}

    class Inside(Waiting):
        def read(self, items):
            found = {path: Reading(text="", link=link) for path, link in links.items()}
            return super().read(items).with_readings({**found, "/run/systemd/system": Reading(text="")})

    inside = Inside(host.folder, host.root)
    with pytest.raises(rollback.Refused, match="leave it out there"):
        apply(inside, {"udp_timeout": 45}, FIRST)
    assert apply(inside, {"udp_timeout": 45}, persist=False).changed


# Another run


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("confirm", [None, FIRST._replace(token="ffff")])
@pytest.mark.parametrize("uptime", [1040, 1059, 1070])
def test_while_a_change_waits_another_run_is_refused(uptime, confirm, check, tmp_path):
    host = copy("debian12", tmp_path)
    host.write("/proc/uptime", "1000.71 900.00\n")
    apply(host, {"udp_timeout": 45}, FIRST)
    host.write("/proc/uptime", "%d.71 900.00\n" % uptime)
    waiting = planning.tree(host.root, ())
    left = "up to %d seconds" % max(1060 - uptime, 1)
    with pytest.raises(rollback.Refused, match=left):
        apply(host, {"icmp_timeout": 7}, confirm, check)
    with pytest.raises(rollback.Refused, match=left):
        undo(host, confirm, check)
    assert planning.tree(host.root, ()) == waiting
    assert apply(host, {"udp_timeout": 45}, SECOND).changed


def test_a_result_says_for_how_long_a_change_waits(tmp_path):
    host = copy("debian12", tmp_path)
    host.write("/proc/uptime", "1000.71 900.00\n")
    apply(host, {"udp_timeout": 45}, FIRST)
    host.write("/proc/uptime", "1019.71 900.00\n")
    options = {"settings": {"icmp_timeout": 7}, "state": "present", "memory_percent": 5.0, "peak": None}
    for called, params in ((settings, options), (settings, {**options, "state": "restored"}), (unload, {})):
        params = {**{name: option.get("default") for name, option in called.ARGUMENTS.items()}, **params}
        for check in (True, False):
            refused = called.call(lambda: host, params, check)
            assert refused.values == {"refused": True, "waits": 41}
            assert "waits for its confirmation, for up to 41 seconds" in refused.failure
    assert "waits" not in settings.call(lambda: host, {**params, **options, "confirm": 1}, False).values


@pytest.mark.parametrize("path", [rollback.SCRIPT, rollback.RUNNING])
def test_a_script_that_nobody_runs_any_more_is_no_obstacle(path, tmp_path):
    host = copy("debian12", tmp_path)
    host.write("/proc/uptime", "1000.71 900.00\n")
    apply(host, {"udp_timeout": 45}, FIRST)
    os.rename(host.root + rollback.SCRIPT, host.root + path)
    host.write("/proc/uptime", "1200.71 900.00\n")
    left = planning.tree(host.root, ())
    assert "neither confirmed nor undone" in apply(host, {"icmp_timeout": 7}, check=True).warnings[0]
    assert planning.tree(host.root, ()) == left
    assert "neither confirmed nor undone" in apply(host, {"icmp_timeout": 7}, FIRST).warnings[0]
    assert read(host.text(rollback.SCRIPT)).steps[0].setting == "icmp_timeout"
    assert not host.there(rollback.RUNNING)


def test_a_boot_is_a_way_back_too(tmp_path):
    host = copy("debian12", tmp_path)
    host.write(BOOT_ID, "1f0c\n")
    host.write("/proc/uptime", "1000.71 900.00\n")
    first = planning.tree(host.root, ())
    apply(host, {"udp_timeout": 45}, FIRST)
    planning.overwrite(host.root + NF + "udp_timeout", "30\n")
    host.write(BOOT_ID, "77aa\n")
    host.write("/proc/uptime", "1001.71 900.00\n")
    with pytest.raises(rollback.Refused, match="the host was restarted meanwhile"):
        apply(host, {"udp_timeout": 45}, SECOND)
    result = undo(host)
    assert (result.changed, result.warnings) == (False, [])
    host.write(BOOT_ID, "1f0c\n")
    host.write("/proc/uptime", "1000.71 900.00\n")
    assert planning.changes(first, planning.tree(host.root, ())) == {}


@pytest.mark.parametrize("seconds", [-1, 1, 4, 3601])
def test_a_window_that_makes_no_sense(seconds):
    with pytest.raises(
        rollback.Refused, match="confirm: %d is out of range; allowed: 0 .* 5 to 3600 seconds" % seconds
    ):
        rollback.check_seconds(seconds)


@pytest.mark.parametrize("seconds", [0, 5, 3600])
def test_a_window_that_does(seconds):
    rollback.check_seconds(seconds)


@pytest.mark.parametrize(
    ("confirm", "on_trial", "check", "done", "told"),
    [
        (None, False, False, True, {}),
        (Confirm(60, "a1"), True, False, True, {"confirm": {"token": "a1", "seconds": 60}}),
        (Confirm(60, "a1"), False, False, True, {}),
        (Confirm(60, "a1", True), False, False, True, {"confirmed": True}),
        (Confirm(60, "a1", True), False, False, False, {"confirmed": False}),
        (Confirm(60, "a1", True), False, True, True, {}),
    ],
)
def test_only_a_run_that_came_to_its_end_says_that_it_confirmed(confirm, on_trial, check, done, told):
    assert rollback.told(confirm, on_trial, check, done) == told
