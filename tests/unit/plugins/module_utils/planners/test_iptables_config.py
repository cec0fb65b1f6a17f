# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking modules out of what the iptables scripts load, and putting them back, on files in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.planners import iptables_config, record, undoing
from ansible_collections.netops.conntrack.plugins.module_utils.planners.iptables_config import Refused
from ansible_collections.netops.conntrack.tests.unit import planning

FOUR, SIX = PATHS = iptables_config.PATHS

IPTABLES = '# helpers\r\nIPTABLES_MODULES="ip_conntrack_ftp ip_conntrack_netbios_ns" # both\nIPTABLES_SAVE="no"'
IP6TABLES = "IP6TABLES_MODULES='ip_conntrack_ftp'\n"
LOADED = (
    "ip_conntrack_netbios_ns 36033 0 - Live 0xffffffff88241000\n"
    "nf_conntrack_ftp 16384 0 - Live 0x0\n"
    "nf_conntrack 180224 1 nf_conntrack_ftp, Live 0x0\n"
)


class Host(LocalHost):
    def __init__(self, root, four=IPTABLES, six=IP6TABLES, loaded=LOADED, **rest):
        super().__init__(root=str(root), **{"run": self.run, **rest})
        self.root = str(root)
        self.asked = []
        for path, text in ((FOUR, four), (SIX, six), ("/proc/modules", loaded)):
            if text is not None:
                os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
                with open(self.root + path, "w", encoding="utf-8", newline="") as stream:
                    stream.write(text)

    def run(self, argv, seconds):
        self.asked.append(argv[:-1])
        done = subprocess.run(argv, capture_output=True, timeout=seconds, check=False)
        return done.returncode, done.stdout, done.stderr

    def text(self, path):
        with open(self.root + path, encoding="utf-8", newline="") as stream:
            return stream.read()

    def loads(self, path):
        """What the script would load: the shell is asked."""
        name = iptables_config.variable(path)
        shell = '. "$0"; printf %s "$' + name + '"'
        done = subprocess.run(["sh", "-c", shell, self.root + path], capture_output=True, text=True, check=True)
        return done.stdout.split()


def edit(host, modules=None, state="commented", paths=PATHS, check=False):
    iptables_config.check_request(modules, state)
    return iptables_config.apply(host, paths, modules, state, check)


# States


@pytest.mark.parametrize(
    ("state", "modules", "four", "six"),
    [
        ("commented", ["ip_conntrack_ftp"], ["ip_conntrack_netbios_ns"], []),
        ("absent", ["ip_conntrack_ftp"], ["ip_conntrack_netbios_ns"], []),
        ("absent", ["ip-conntrack-ftp"], ["ip_conntrack_netbios_ns"], []),
        ("commented", None, [], []),
        ("present", ["ip_conntrack_ftp"], ["ip_conntrack_ftp", "ip_conntrack_netbios_ns"], ["ip_conntrack_ftp"]),
        ("absent", ["ip_nat_ftp"], ["ip_conntrack_ftp", "ip_conntrack_netbios_ns"], ["ip_conntrack_ftp"]),
    ],
)
def test_both_files_load_what_is_wanted(state, modules, four, six, tmp_path):
    host = Host(tmp_path)
    predicted = edit(host, modules, state, check=True)
    assert (host.text(FOUR), host.text(SIX)) == (IPTABLES, IP6TABLES)
    result = edit(host, modules, state)
    assert result._asdict() == predicted._asdict()
    assert (host.loads(FOUR), host.loads(SIX)) == (four, six)
    assert result.files[FOUR]["before"] == ["ip_conntrack_ftp", "ip_conntrack_netbios_ns"]
    assert (result.files[FOUR]["after"] or []) == four
    assert (result.files[SIX]["after"] or []) == six
    for path, before in ((FOUR, IPTABLES), (SIX, IP6TABLES)):
        assert result.files[path]["changed"] == (host.text(path) != before)
    assert result.changed == any(row["changed"] for row in result.files.values())
    assert [entry["before_header"] for entry in result.diff] == [step["path"] for step in result.steps]
    again = edit(host, modules, state)
    assert (again.changed, again.steps, again.diff) == (False, [], [])


def test_the_line_is_commented_and_comes_back_to_the_byte(tmp_path):
    host = Host(tmp_path)
    edit(host)
    assert '#IPTABLES_MODULES="ip_conntrack_ftp ip_conntrack_netbios_ns" # both\n' in host.text(FOUR)
    assert host.text(FOUR).startswith("# helpers\r\n")
    assert host.text(FOUR).endswith('IPTABLES_SAVE="no"')
    edit(host, None, "present")
    assert (host.text(FOUR), host.text(SIX)) == (IPTABLES, IP6TABLES)


def test_one_module_of_two_comes_back_to_the_byte(tmp_path):
    host = Host(tmp_path)
    edit(host, ["ip_conntrack_netbios_ns"])
    assert host.loads(FOUR) == ["ip_conntrack_ftp"]
    assert host.text(SIX) == IP6TABLES
    edit(host, ["ip_conntrack_netbios_ns"], "present")
    assert (host.text(FOUR), host.text(SIX)) == (IPTABLES, IP6TABLES)


def test_the_variable_follows_the_files_name():
    assert [iptables_config.variable(path) for path in PATHS] == ["IPTABLES_MODULES", "IP6TABLES_MODULES"]
    assert iptables_config.variable("/srv/ip6tables/iptables-config") == "IPTABLES_MODULES"


# Which file a module goes back to


def test_a_module_goes_back_to_the_file_that_knows_it(tmp_path):
    host = Host(tmp_path, four='IPTABLES_MODULES="ip_conntrack_tftp"\n')
    edit(host, ["ip_conntrack_ftp"])
    assert host.text(FOUR) == 'IPTABLES_MODULES="ip_conntrack_tftp"\n'
    result = edit(host, ["ip_conntrack_ftp"], "present")
    assert host.text(FOUR) == 'IPTABLES_MODULES="ip_conntrack_tftp"\n'
    assert host.text(SIX) == IP6TABLES
    assert [step["path"] for step in result.steps] == [SIX]


def test_a_module_that_no_file_knows_goes_to_the_first(tmp_path):
    host = Host(tmp_path)
    edit(host, ["nf_nat_pptp"], "present")
    assert host.loads(FOUR) == ["ip_conntrack_ftp", "ip_conntrack_netbios_ns", "nf_nat_pptp"]
    assert host.text(SIX) == IP6TABLES
    alone = Host(tmp_path / "alone", four=None)
    edit(alone, ["nf_nat_pptp"], "present")
    assert alone.loads(SIX) == ["ip_conntrack_ftp", "nf_nat_pptp"]
    assert not os.path.exists(alone.root + FOUR)


def test_one_file_is_enough(tmp_path):
    host = Host(tmp_path, six=None)
    result = edit(host)
    assert result.files[SIX] == {"before": None, "after": None, "changed": False}
    assert result.files[FOUR]["changed"]
    assert not os.path.exists(host.root + SIX)


def test_without_any_file_there_is_nothing_to_take_out_and_nowhere_to_put_back(tmp_path):
    host = Host(tmp_path, four=None, six=None)
    assert not edit(host).changed
    assert not edit(host, ["ip_conntrack_ftp"], "absent").changed
    assert not edit(host, None, "present").changed
    with pytest.raises(Refused, match="iptables-config: no such file"):
        edit(host, ["ip_conntrack_ftp"], "present")
    assert not os.path.exists(host.root + "/etc")


# Refusals


@pytest.mark.parametrize(
    ("modules", "state", "said"),
    [
        (None, "absent", "name the modules to take out"),
        ([], "commented", "the list is empty"),
        (["ip_conntrack_ftp", "a b"], "commented", "'a b' is not the name of a kernel module"),
        (["$(reboot)"], "present", "is not the name of a kernel module"),
        (["x\n"], "absent", "is not the name of a kernel module"),
        ([""], "present", "is not the name of a kernel module"),
    ],
)
def test_a_request_that_makes_no_sense(modules, state, said):
    with pytest.raises(Refused) as caught:
        iptables_config.check_request(modules, state)
    assert str(caught.value).startswith("modules: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("four", "line"),
    [
        ('# one\nIPTABLES_MODULES="ip_conntrack_ftp\n', 2),
        ('IPTABLES_MODULES=""\nif true; then\n  IPTABLES_MODULES="ip_conntrack_ftp"\nfi\n', 3),
        ('\n\nIPTABLES_MODULES="$(cat /etc/helpers)"\n', 3),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_what_cannot_be_edited_safely_is_refused_with_its_line_and_nothing_is_written(four, line, check, tmp_path):
    host = Host(tmp_path, four=four)
    before = planning.tree(host.root, ())
    with pytest.raises(Refused) as caught:
        edit(host, ["ip_conntrack_ftp"], "absent", check=check)
    assert str(caught.value).startswith("%s: Line %d: " % (FOUR, line))
    assert planning.tree(host.root, ()) == before


def test_every_refusal_is_told(tmp_path):
    host = Host(tmp_path, four='IPTABLES_MODULES="\n', six="IP6TABLES_MODULES='\n")
    with pytest.raises(Refused) as caught:
        edit(host)
    assert "; %s: Line 1: " % SIX in str(caught.value)
    assert str(caught.value).startswith(FOUR + ": Line 1: ")


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    host = Host(tmp_path, four=IPTABLES + "\n#" + "x" * 70000)
    with pytest.raises(Refused, match="cannot be read: too_large"):
        edit(host)
    os.unlink(host.root + FOUR)
    os.mkdir(host.root + FOUR)
    with pytest.raises(Refused, match="cannot be read: failed: Is a directory"):
        edit(host)
    assert host.text(SIX) == IP6TABLES


def test_the_new_text_must_pass_the_shell(tmp_path):
    """The last word before a file is replaced is that of ``sh -n``: here one that finds fault with everything."""
    asked = []

    def run(argv, _seconds):
        asked.append(argv[:-1])
        with open(argv[-1], encoding="utf-8", newline="") as stream:
            assert stream.read().endswith('IPTABLES_SAVE="no"')
        return 2, b"", (argv[-1] + ": line 7: no\n").encode()

    host = Host(tmp_path, six=None, run=run)
    before = planning.tree(host.root, ())
    with pytest.raises(Refused) as caught:
        edit(host)
    assert str(caught.value) == FOUR + ": sh refuses the new text: the new text: line 7: no"
    assert asked == [["sh", "-n"]]
    assert planning.tree(host.root, ()) == before


def test_a_text_that_the_shell_takes_passes(tmp_path):
    host = Host(tmp_path)
    assert edit(host).changed
    assert host.asked == [["sh", "-n"], ["sh", "-n"]]


def test_where_the_shell_refuses_one_file_the_other_is_done_and_can_be_restored(tmp_path):
    def run(argv, _seconds):
        with open(argv[-1], encoding="utf-8") as stream:
            return (2, b"no\n", b"") if "IP6TABLES" in stream.read() else (0, b"", b"")

    host = Host(tmp_path, run=run)
    with pytest.raises(Refused) as caught:
        edit(host)
    assert str(caught.value) == SIX + ": sh refuses the new text: no"
    assert host.loads(FOUR) == []
    assert host.text(SIX) == IP6TABLES
    assert undoing.undo(host, False, False).unapplied == []
    assert (host.text(FOUR), host.text(SIX)) == (IPTABLES, IP6TABLES)


# What stays


def test_the_first_content_is_recorded(tmp_path):
    host = Host(tmp_path)
    edit(host, ["ip_conntrack_ftp"])
    edit(host)
    known = record.read(host.read([probe.RECORD]))
    assert {path: row.text for path, row in known.items()} == {FOUR: IPTABLES, SIX: IP6TABLES}


def test_a_copy_is_kept_of_each_file_that_changes_and_of_no_other(tmp_path):
    def backup(real):
        shutil.copyfile(real, real + ".kept~")
        return real + ".kept~"

    host = Host(tmp_path, backup=backup)
    edit(host, ["ip_conntrack_netbios_ns"])
    edit(host, ["ip_conntrack_ftp"])
    assert set(host.backups) == {FOUR, SIX}
    assert host.text(SIX + ".kept~") == IP6TABLES
    kept = [path for path in planning.tree(host.root, ()) if path.endswith("~")]
    assert sorted(kept) == sorted([FOUR + ".kept~", SIX + ".kept~"])


def test_a_link_stays_a_link(tmp_path):
    host = Host(tmp_path, four=None)
    (tmp_path / "srv").mkdir()
    with open(str(tmp_path / "srv/config"), "w", encoding="utf-8", newline="") as stream:
        stream.write(IPTABLES)
    os.symlink("../../srv/config", host.root + FOUR)
    edit(host)
    assert os.readlink(host.root + FOUR) == "../../srv/config"
    assert host.loads(FOUR) == []


@pytest.mark.parametrize(
    ("modules", "loaded"),
    [
        (None, ["ip_conntrack_netbios_ns", "nf_conntrack_ftp"]),
        (["ip_conntrack_ftp"], ["nf_conntrack_ftp"]),
        (["ip-conntrack-netbios-ns"], ["ip_conntrack_netbios_ns"]),
        (["ip_conntrack_tftp"], []),
    ],
)
def test_modules_that_the_kernel_still_holds_under_either_name(modules, loaded, tmp_path):
    host = Host(tmp_path)
    assert edit(host, modules).still_loaded == loaded
    again = edit(host, modules)
    assert (again.changed, again.still_loaded) == (False, loaded)
    assert edit(Host(tmp_path / "none", loaded=None), modules).still_loaded == []


def test_a_module_that_no_file_speaks_of_is_told(tmp_path):
    host = Host(tmp_path)
    found = edit(host, ["ip_conntrack_netbios_n", "ip-conntrack-ftp"])
    assert found.warnings == ["modules: no file speaks of ip_conntrack_netbios_n"]
    assert edit(host, ["ip-conntrack-ftp"]).warnings == []
    assert edit(host, ["ip_conntrack_ftp"], "absent").warnings == []
    assert edit(host, ["ip_conntrack_ftp"], "absent").warnings == []


def test_a_line_that_somebody_else_commented_was_not_taken_out(tmp_path):
    host = Host(tmp_path, four='#IPTABLES_MODULES="ip_conntrack_ftp"\n', six=None)
    assert edit(host).still_loaded == []


def test_what_is_put_back_is_not_called_still_loaded(tmp_path):
    host = Host(tmp_path)
    assert edit(host, ["ip_conntrack_ftp"], "present").still_loaded == []
