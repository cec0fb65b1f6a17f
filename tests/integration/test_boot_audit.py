# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the next boot against the programs that set sysctls at boot, over a table of combinations of files.

systemd-sysctl and procps' sysctl of this machine read each combination in an overlay of its root and in network
namespaces of their own, so nothing reaches the machine. CONNTRACK_AUDIT_ROOTS names more roots to take them from.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
AUDIT = os.path.join(HERE, "audit")
sys.path.insert(0, AUDIT)
import combinations  # noqa: E402  (plain data beside this file)

sys.path.remove(AUDIT)

ROOTS = ["/", *filter(None, os.environ.get("CONNTRACK_AUDIT_ROOTS", "").split(":"))]
PROGRAMS = {
    "systemd": ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"),
    "procps": ("/usr/sbin/sysctl", "/sbin/sysctl"),
}
_runs: dict = {}


def played(reader, root):
    """What became of every combination: one run for all of them."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("not run: an overlay and a network namespace need root and unshare")
    if not any(os.path.lexists(root.rstrip("/") + path) for path in PROGRAMS[reader]):
        pytest.skip("not run: %s has no program of %s" % (root, reader))
    if (reader, root) not in _runs:
        script = os.path.join(AUDIT, "real_tools.py")
        argv = ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, "-B", script, reader, root]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode and "overlay" in done.stderr:
            pytest.skip("not run: no overlay can be mounted here: %s" % done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stderr
        _runs[reader, root] = {row["name"]: row for row in json.loads(done.stdout)}
    return _runs[reader, root]


def patterns(root):
    """procps reads patterns since version 4, whose library has another name."""
    folders = (
        "usr/lib",
        "lib",
        "usr/lib64",
        "usr/lib/x86_64-linux-gnu",
        "lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
    )
    names = [
        name
        for folder in folders
        if os.path.isdir(os.path.join(root, folder))
        for name in os.listdir(os.path.join(root, folder))
    ]
    return not any(name.startswith("libprocps.so") for name in names)


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("reader", PROGRAMS)
@pytest.mark.parametrize("combination", combinations.COMBINATIONS, ids=lambda combination: combination.name)
def test_the_model_says_what_the_program_does(combination, reader, root):
    row = played(reader, root)[combination.name]
    if reader == "procps" and combination.glob and not patterns(root):
        pytest.skip("not run: this procps knows no patterns")
    known = combination.systemd if reader == "systemd" else combination.procps
    expected = row["default"] if known is None else known
    assert row["real"] == expected, "the table is wrong of %s: %s" % (reader, row["said"])
    assert (row["model"], row["source"]) == (row["real"], row["source"])


def test_the_table_is_fit_for_one_boot():
    """Every combination has files of its own, and every one that sets something sets what no default is."""
    paths = [
        combinations._filled(path, {"n": combinations.mark(combination)})
        for combination in combinations.COMBINATIONS
        for path in combination.files
        if path != combinations.SYSCTL_CONF
    ]
    assert len(paths) == len(set(paths))
    assert all(value not in (60, 120, 180, 300, 600) for one in combinations.COMBINATIONS for value in one[2:4])
    assert len(combinations.COMBINATIONS) >= 36
