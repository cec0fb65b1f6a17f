# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that has no Python is rebooted, and looked at afterwards: by the role, and by the module itself."""

from __future__ import annotations

import os

import pytest

SECONDS = 600
PYTHONS = "/usr/bin/python3*"
HIDDEN = "/root/pythons"
BOOT = "cat /proc/sys/kernel/random/boot_id"
HEALTH = "systemctl is-system-running; systemctl list-units --state=failed --plain --no-legend"
TRACKS = "grep -c '^nf_conntrack ' /proc/modules; true"
FILES = (
    "find /etc /var/lib/netops-conntrack /run/.netops* /tmp/.netops* -type f -exec sha256sum '{}' + 2>/dev/null | sort"
)
# Nobody but who added it may take it away, and no file brings it back: gone with a boot, and only with that.
HELD = "tc actions add action ct"
UNIT = """\
[Unit]
Description=A unit that fails
[Service]
Type=oneshot
ExecStart=/bin/false
[Install]
WantedBy=multi-user.target
"""
OLD, NEW = "lab-failed-before.service", "lab-fails-anew.service"


@pytest.fixture(autouse=True)
def without_python(guest):
    guest.run(f"mkdir {HIDDEN} && mv {PYTHONS} {HIDDEN}/")
    try:
        yield
    finally:
        guest.run(f"mv {HIDDEN}/* /usr/bin/ && rmdir {HIDDEN}")
    assert guest.run("python3 -c 'print(1)'") == "1\n"


@pytest.fixture
def play(guest, tell):
    """play(task, ...): the result of the last task, and what the user saw."""

    def run(*tasks):
        played = tell(os.path.join(guest.state, "inventory.yml"), guest.name, tasks)
        return played.told[-1], played.shown

    return run


def test_the_role_reboots_what_only_a_boot_takes_off(guest, play):
    boot, files = guest.run(BOOT), guest.run(FILES)
    guest.run(HELD)
    assert guest.run(TRACKS) == "1\n"
    role = {
        "ansible.builtin.include_role": {"name": "netops.conntrack.conntrack"},
        "vars": {"conntrack_state": "unloaded", "conntrack_reboot": True, "conntrack_reboot_timeout": SECONDS},
    }
    asked = "[__conntrack_plan.answer, __conntrack_unloaded.transport, __conntrack_rebooted, conntrack_reboot_required]"
    found, shown = play(role, {"ansible.builtin.debug": {"msg": "{{ %s }}" % asked}})
    assert found.get("msg") == ["needed", "shell", True, False], shown
    assert "it was rebooted" in shown
    assert "failed=0" in shown and "ignored=0" in shown, shown
    assert guest.run(BOOT) != boot
    assert guest.run(TRACKS) == "0\n"
    assert guest.run(HEALTH) == "running\n"
    assert guest.run(FILES) == files


def test_a_unit_that_fails_only_after_the_boot_fails_it(guest, play):
    for unit in (OLD, NEW):
        guest.write(f"/etc/systemd/system/{unit}", UNIT)
    try:
        guest.run(f"systemctl --quiet enable {OLD} {NEW} && ! systemctl start {OLD}")
        boot = guest.run(BOOT)
        result, shown = play({"netops.conntrack.conntrack_reboot": {"timeout": SECONDS}})
        assert guest.run(BOOT) != boot
        assert (result["failed"], result["changed"], result["rebooted"]) == (True, True, True), shown
        assert result["failed_units"] == [NEW]
        assert result["msg"] == f"failed since the reboot, and not before: {NEW}"
        assert 0 < result["elapsed"] < SECONDS
    finally:
        units = f"{OLD} {NEW}"
        guest.run(f"systemctl --quiet disable {units}; cd /etc/systemd/system && rm {units}; systemctl daemon-reload")
        guest.run(f"systemctl reset-failed {units} 2>/dev/null; true")
    assert guest.run(HEALTH) == "running\n"
