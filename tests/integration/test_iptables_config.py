# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables_config on real files: what it edits, what of a file it keeps, what it leaves behind."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest

CONFIG = """\
# Load additional iptables modules (nat helpers)
IPTABLES_MODULES="ip_conntrack_netbios_ns ip_conntrack_ftp"
IPTABLES_MODULES_UNLOAD="yes"
IPTABLES_SAVE_ON_STOP='no'  # kept \xe9
"""
LATIN = CONFIG.encode("latin-1")
OWNER, GROUP, MODE = 12345, 23456, 0o640


class Config:
    """An iptables-config with an owner and a mode of its own, in a folder of its own."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.path = os.path.join(self.folder, "iptables-config")
        with open(self.path, "wb") as stream:
            stream.write(LATIN)
        os.chown(self.path, OWNER, GROUP)
        os.chmod(self.path, MODE)

    @property
    def data(self):
        with open(self.path, "rb") as stream:
            return stream.read()

    @property
    def owner_and_mode(self):
        about = os.stat(self.path)
        return about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)

    def sourced(self):
        """The modules that the init script would load."""
        script = '. "$1"; printf %s "$IPTABLES_MODULES"'
        argv = ["sh", "-c", script, "sh", self.path]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def config(machine, tmp_path):
    folder = tmp_path / "sysconfig"
    folder.mkdir()
    return Config(folder)


@pytest.fixture
def edit(play, config):
    """edit(arguments, check_mode=..., path=...): the result of iptables_config for one file."""

    def run(arguments=None, path=None, check_mode=False, **rest):
        arguments = {"paths": [path or config.path], **(arguments or {})}
        return play("netops.conntrack.iptables_config", arguments, check_mode=check_mode, diff=True, **rest)

    return run


NETBIOS = {"modules": ["ip_conntrack_netbios_ns"]}


def said(result):
    return {name: result[name] for name in ("changed", "files", "steps", "diff", "still_loaded")}


def test_as_predicted_and_only_once_with_owner_and_mode_kept(edit, config, machine):
    predicted = edit(NETBIOS, check_mode=True)
    assert predicted["changed"]
    assert config.data == LATIN
    assert machine.state() == machine.first, "check mode must change nothing"

    done = edit(NETBIOS)

    assert said(done) == said(predicted)
    assert done["files"][config.path] == {
        "before": ["ip_conntrack_netbios_ns", "ip_conntrack_ftp"],
        "after": ["ip_conntrack_ftp"],
        "changed": True,
    }
    assert config.sourced() == ["ip_conntrack_ftp"]
    assert config.owner_and_mode == (OWNER, GROUP, MODE)
    assert os.listdir(config.folder) == ["iptables-config"]
    kept = [line for line in LATIN.splitlines() if not line.startswith(b"IPTABLES_MODULES=")]
    assert [line for line in config.data.splitlines() if line in kept] == kept
    shown = done["diff"][0]
    assert shown["before_header"] == shown["after_header"] == config.path
    assert 'IPTABLES_MODULES="ip_conntrack_netbios_ns ip_conntrack_ftp"\n' in shown["before"]

    again = edit(NETBIOS)
    assert (again["changed"], again["steps"], again["diff"]) == (False, [], [])


def test_commented_and_present_give_every_byte_back(edit, config):
    assert edit({"state": "commented"})["changed"]
    assert config.sourced() == []
    result = edit({"state": "present"})
    assert result["files"][config.path]["after"] == ["ip_conntrack_netbios_ns", "ip_conntrack_ftp"]
    assert config.data == LATIN
    assert config.owner_and_mode == (OWNER, GROUP, MODE)


def test_absent_takes_a_module_out_in_place(edit, config):
    edit({"modules": ["ip-conntrack-netbios-ns"], "state": "absent"})
    assert config.data == LATIN.replace(b"ip_conntrack_netbios_ns ", b"")


def test_a_backup_holds_the_old_bytes(edit, config):
    result = edit({**NETBIOS, "backup": True})
    kept = result["backup_files"][config.path]
    assert os.path.dirname(kept) == config.folder
    with open(kept, "rb") as stream:
        assert stream.read() == LATIN
    assert sorted(os.listdir(config.folder)) == sorted(["iptables-config", os.path.basename(kept)])
    # An unchanged file needs none.
    assert edit({**NETBIOS, "backup": True})["backup_files"] == {}
    assert len(os.listdir(config.folder)) == 2


def test_a_symbolic_link_stays_one(edit, config, tmp_path):
    link = str(tmp_path / "iptables-config")
    os.symlink("sysconfig/iptables-config", link)
    result = edit(NETBIOS, path=link)
    assert result["files"][link]["after"] == ["ip_conntrack_ftp"]
    assert os.readlink(link) == "sysconfig/iptables-config"
    assert config.sourced() == ["ip_conntrack_ftp"]
    assert config.owner_and_mode == (OWNER, GROUP, MODE)


def test_the_first_bytes_come_back_with_restored(edit, settings, config, machine):
    edit(NETBIOS)
    edit({"modules": ["ip_conntrack_ftp"], "state": "absent"})
    result = settings(state="restored")
    assert not result.get("failed"), result
    assert result["changed"]
    assert config.data == LATIN
    assert config.owner_and_mode == (OWNER, GROUP, MODE)
    assert machine.state() == machine.first


@pytest.mark.parametrize(
    ("mounted", "options"),
    [("folder", "bind,ro"), ("path", "bind,ro"), ("path", "bind")],
    ids=["read-only-folder", "read-only-file", "mounted-file"],
)
def test_a_file_that_cannot_be_replaced_is_named(edit, config, tmp_path, mounted, options, wrapper):
    if not shutil.which("unshare"):
        pytest.skip("not run: there is no unshare to mount in a namespace")
    # The mount is seen by the module alone, and ends with it.
    mount = 'mount --bind "$0" "$0" && mount -o remount,%s "$0" && exec "$@"' % options
    interpreter = wrapper(tmp_path, "python", "unshare", "--mount", "sh", "-c", mount, getattr(config, mounted))

    result = edit(NETBIOS, interpreter=interpreter)

    assert result["failed"]
    assert config.path in result["msg"]
    assert "Traceback" not in str(result)
    assert config.data == LATIN
    assert config.owner_and_mode == (OWNER, GROUP, MODE)
    assert os.listdir(config.folder) == ["iptables-config"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"state": "absent"}, "modules: name the modules to take out"),
        ({"modules": []}, "leave it out to mean the whole line"),
        ({"modules": ["ip_conntrack_ftp; reboot"]}, "is not the name of a kernel module"),
    ],
)
def test_what_makes_no_sense_is_refused(edit, config, arguments, fault):
    result = edit(arguments)
    assert result["failed"]
    assert fault in result["msg"]
    assert config.data == LATIN


def test_a_line_that_cannot_be_edited_safely_is_refused_with_its_number(edit, config, machine):
    unsafe = LATIN + b'IPTABLES_MODULES="$(cat /etc/modules.list) ip_conntrack_netbios_ns"\n'
    with open(config.path, "wb") as stream:
        stream.write(unsafe)
    result = edit({**NETBIOS, "state": "absent"})
    assert result["failed"]
    assert config.path in result["msg"]
    assert "Line 5:" in result["msg"]
    assert config.data == unsafe
    assert machine.state() == machine.first


def test_a_file_that_is_not_there_is_passed_over(edit, config):
    result = edit(path=config.path + "-not-there")
    assert (result["changed"], result.get("failed", False)) == (False, False)
    assert result["files"][config.path + "-not-there"] == {"before": None, "after": None, "changed": False}
    assert os.listdir(config.folder) == ["iptables-config"]
