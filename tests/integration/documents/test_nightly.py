# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line for cron of docs/guides/fleets.md, as cron runs it: what it prints is sent by mail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import reading  # noqa: E402  (these are of the documents' tests alone)
import scene  # noqa: E402

GUIDE = os.path.join(scene.CHECKOUT, "docs", "guides", "fleets.md")


def lines():
    """The command of cron, and those lines of the systemd unit that come to it."""
    with open(GUIDE, encoding="utf-8") as file:
        text = file.read()
    unit = re.search(r"(?s)# conntrack-report\.service\n(.*?)```", text)[1]
    return (
        re.search(r"(?m)^15 2 \* \* \* (.*)$", text)[1],
        re.findall(r"(?m)^(?:Exec\w+|Environment|WorkingDirectory)=(.*)$", unit),
    )


def test_cron_and_systemd_run_the_same():
    line, service = lines()
    assert len(service) == 6
    for each in service:
        assert each.replace("/usr/bin/", "") in line or set(each.split()) <= set(line.split())


@pytest.fixture
def well(root, tmp_path):
    """The inventory of a host of which there is nothing to tell."""
    state = str(tmp_path / "lab")
    up = [scene.LAB, "up", "--state", state, *scene.arguments({"web2": {"bare": "busybox", "recorded": "rhel8"}})]
    try:
        made = subprocess.run(up, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
        if made.returncode == 3:
            pytest.skip("not run: " + made.stderr)
        assert made.returncode == 0, made.stderr
        with open(os.path.join(state, "inventory.yml"), encoding="utf-8") as file:
            yield yaml.safe_load(file)
    finally:
        subprocess.run([scene.LAB, "down", "--state", state], stdin=subprocess.DEVNULL, timeout=120, check=True)


def test_cron_sends_mail_of_nights_that_failed_and_of_those_without_a_host(well, tmp_path):
    folder, home = tmp_path / "conntrack", tmp_path / "home"
    (home / ".ansible").mkdir(parents=True)
    (home / ".ansible" / "collections").symlink_to(os.environ["ANSIBLE_COLLECTIONS_PATH"])
    folder.mkdir()
    (folder / "nightly.yml").write_text(reading.read(GUIDE).files["nightly.yml"], encoding="utf-8")
    line, _service = lines()
    for there, here in (("/srv/conntrack", str(folder)), ("/opt/ansible/bin", os.path.dirname(sys.executable))):
        assert there in line
        line = line.replace(there, here)

    def mail(inventory):
        (folder / "inventory").write_text(json.dumps(inventory), encoding="utf-8")
        done = subprocess.run(
            ["env", "-i", "HOME=%s" % home, "PATH=/usr/bin:/bin", "/bin/sh", "-c", line], cwd=str(home),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        return done.stdout

    assert not mail(well)
    assert (folder / "conntrack.json").exists()
    assert "skipping: no hosts matched" in mail({"all": {"hosts": {}}})
    well["all"]["hosts"] = {"web3": scene.NOWHERE}
    assert "\n        2 hosts: 1 unreachable, 1 ok\n" in mail(well)
