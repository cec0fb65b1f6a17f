# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was unloaded is on record, and comes back with the chains and the values that went with it."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.module_utils.plan import (
    CHAIN,
    FILE,
    MODULE,
    SYSCTL,
    UNLOAD,
    Step,
    predict,
)
from ansible_collections.netops.conntrack.plugins.module_utils.planners import loading, record, restore
from ansible_collections.netops.conntrack.tests.unit import planning

MAX = planning.NF + "max"
NAT = "{ type nat hook prerouting priority -100; policy accept; }"
LOST = [
    Step(SYSCTL, planning.NF + "tcp_timeout_established", "777", None, "", "tcp_timeout_established"),
    Step(SYSCTL, MAX, "65536", None, "", "max"),
    Step(SYSCTL, planning.NF + "buckets", "16384", None, "", "buckets"),
]
UNLOADED = [
    Step(CHAIN, "ip nat PREROUTING", NAT, None, ""),
    Step(UNLOAD, "/sys/module/xt_conntrack", "xt_conntrack", None, ""),
    Step(UNLOAD, "/sys/module/nf_conntrack", "nf_conntrack", None, ""),
]
MODULES = "xt_conntrack 16384 0 - Live 0x0\nnf_conntrack 172032 1 xt_conntrack, Live 0x0\n"


def unloaded():
    """The host as it is afterwards, with its record."""
    before = planning.snapshot(files={"/proc/modules": MODULES})
    return predict(before, [*LOST, *UNLOADED, record.step(before, [*LOST, *UNLOADED])])


def test_the_prediction_is_what_the_kernel_shows_afterwards():
    after = unloaded()
    assert after.text("/proc/modules") == ""
    assert not after.exists(MAX)
    assert not after.exists("/sys/module/nf_conntrack")


def test_a_module_loses_the_user_that_is_gone():
    before = planning.snapshot(files={"/proc/modules": MODULES})
    assert predict(before, UNLOADED[:2]).text("/proc/modules") == "nf_conntrack 172032 0 - Live 0x0\n"


def test_modules_come_back_first_then_chains_then_values():
    plan = restore.plan(unloaded(), record.read(unloaded()), allow_lower=False)
    assert [(step.kind, step.path, step.after) for step in plan.loads] == [
        (MODULE, "/sys/module/nf_conntrack", "nf_conntrack"),
        (MODULE, "/sys/module/xt_conntrack", "xt_conntrack"),
        (CHAIN, "ip nat PREROUTING", NAT),
        (SYSCTL, planning.NF + "buckets", "16384"),
        (SYSCTL, MAX, "65536"),
        (SYSCTL, planning.NF + "tcp_timeout_established", "777"),
    ]
    assert plan.live == plan.refusals == ()
    assert len(plan.settled) == 6


def test_a_module_comes_back_with_its_parameters():
    before = planning.snapshot(files={"/proc/modules": MODULES})
    step = Step(UNLOAD, "/sys/module/nf_conntrack_ftp", "nf_conntrack_ftp ports=21,2121", None, "")
    now = predict(before, [step, record.step(before, [step])])
    plan = restore.plan(now, record.read(now), allow_lower=False)
    assert [step.after for step in plan.loads] == ["nf_conntrack_ftp ports=21,2121"]


def test_what_somebody_loaded_meanwhile_is_not_loaded_again():
    after = unloaded()
    again = planning.snapshot(files={"/proc/modules": MODULES, record.PATH: after.text(record.PATH)})
    plan = restore.plan(again, record.read(again), allow_lower=False)
    assert [step.kind for step in plan.loads] == [CHAIN]
    assert [step.kind for step in plan.live] == [SYSCTL]


def test_the_first_value_is_what_is_kept_over_a_change_and_an_unload():
    before = planning.snapshot()
    first = record.step(before, [Step(SYSCTL, MAX, "1000", "65536", "", "max")])
    tuned = predict(before, [first])
    after = predict(tuned, [record.step(tuned, [*LOST, *UNLOADED])])
    assert record.read(after)[MAX].text == "1000"


def test_a_script_that_was_deleted_comes_back_so_that_it_is_run():
    now = planning.snapshot(files={loading.MODULES_SCRIPT: None})
    original = record.Original(FILE, "#!/bin/sh\n", record.digest(None), earlier=record.digest("#!/bin/sh\n"))
    (step,) = restore.plan(now, {loading.MODULES_SCRIPT: original}, allow_lower=False).files
    assert (step.after, step.mode) == ("#!/bin/sh\n", 0o755)
