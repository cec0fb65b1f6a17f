# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a shell, ls or grep might take for something else; patterns of names; where links lead."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob, Names
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell, reads_alike

NAMES = (
    *("a b", " lead", "trail ", "it's", 'say "x"', "$HOME", "${x", "`id`", "$(id)", "a;b", "a&b", "a|b", "(x)", "<x>"),
    *("two\nlines", "\n", "end\n", "tab\tx", "\x01", "\x7f", "bad\udcff\udcfe", "caf\u00e9", "\u2028"),
    *("a:b", "*", "?", "[x]", "[", "]", "[!a]", "{a,b}", "~", "!", "#x", "%s", "%", "=", "\\", "back\\slash", "a\\nb"),
    *("-n", "--", "-rw-r--r-- 1 root root 0 Jan  1 00:00 x", "a -> b", " -> ", "a -> ", "a: Permission denied"),
    *(".hidden.conf", ".x", "..x", "...", "plain", "PLAIN.conf", "a.conf", "grep: x", "x" * 255),
)
PATTERNS = (
    *("*", ".*", ".*.conf", "*.conf", "?", "[ab]*", "[a-c]?b", "[!a]*", "-*", "*n", "a b", "*[?]", "none*", "[*]"),
    *("p*n", "P*", "*:*", "\u00e9*"),
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a 'folder' of $HOME, *\n\u00e9"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        path = folder / name
        path.write_bytes(b"%d\nword\n" % number)
        path.chmod(0o600 + number % 0o100)
    return folder


@pytest.fixture
def links(tmp_path):
    folder = tmp_path / "links"
    folder.mkdir()
    for name in NAMES:
        (folder / name).symlink_to("/nowhere/to be found")
    return folder


@every_shell
@pytest.mark.parametrize("by_input", [True, False], ids=["by input", "by command line"])
def test_by_path(shell, by_input, folder, links, tmp_path):
    paths = ["%s/%s" % (each, name) for each in (folder, links) for name in (*NAMES, "none", "no\nne")]
    reads_alike(shell, tmp_path, map(File, paths), by_input=by_input)


@every_shell
@pytest.mark.parametrize("options", [{}, {"keep": ("word",)}, {"tail": True, "keep": ("word",)}], ids=str)
def test_by_pattern(shell, options, folder, links, tmp_path):
    for each in (folder, links):
        reads_alike(shell, tmp_path, [Glob("%s/%s" % (each, pattern), **options) for pattern in PATTERNS])


@every_shell
def test_one_pattern_alone(shell, folder, links, tmp_path):
    for each in (folder, links):
        for pattern in ("*", ".*", "P*"):
            reads_alike(shell, tmp_path, [Glob("%s/%s" % (each, pattern))])
            reads_alike(shell, tmp_path, [Names("%s/%s" % (each, pattern))])


@every_shell
def test_names_alone(shell, folder, links, tmp_path):
    for each in (folder, links):
        reads_alike(shell, tmp_path, [Names("%s/%s" % (each, pattern)) for pattern in PATTERNS])
    reads_alike(shell, tmp_path, [Names(str(links) + "/*", most=5), Names(str(links)), Names(str(folder) + "/none")])


@every_shell
def test_where_links_lead(shell, tmp_path):
    targets = ("/dev/null", "../modules", "net:[4026531840]", "a -> b", "a b", ".", "..", "/", "x" * 4000)
    for number, target in enumerate(targets):
        (tmp_path / ("link-%d" % number)).symlink_to(target)
    (tmp_path / "odd\nlink").symlink_to("caf\u00e9 \udcff\n.")
    reads_alike(shell, tmp_path, [Names(str(tmp_path) + "/*"), Names(str(tmp_path) + "/*/*")])
    reads_alike(shell, tmp_path, [Glob(str(tmp_path) + "/*link*")])


@every_shell
def test_a_folder_in_the_pattern(shell, tmp_path):
    for name in ("one", "two", ".three"):
        (tmp_path / "etc" / name).mkdir(parents=True)
        (tmp_path / "etc" / name / "x.conf").write_text(name, encoding="utf-8")
    (tmp_path / "etc/four").symlink_to("two")
    os.mkdir(str(tmp_path / "etc/one/folder.conf"))
    for pattern in ("/etc/*/x.conf", "/etc/*/*.conf", "/*/*/*", "/etc/[ot]*/x*", "/etc/.*/x.conf"):
        reads_alike(shell, tmp_path, [Glob(str(tmp_path) + pattern)])
        reads_alike(shell, tmp_path, [Names(str(tmp_path) + pattern)])


@every_shell
def test_of_many_those_that_changed_last(shell, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    for number, name in enumerate(("c", "a b", "b", "e", "d", "-n")):
        (folder / name).write_bytes(b"%d" % number)
        os.utime(str(folder / name), (number + 1, number + 1))
    # A link is as old as what it leads to, and folders do not count.
    (folder / "link").symlink_to("e")
    (folder / "folder").mkdir()
    (folder / "to-folder").symlink_to("folder")
    for most in (1, 2, 4, 6, 7, 8):
        reads_alike(shell, tmp_path, [Glob(str(folder) + "/*", most=most)])
        reads_alike(shell, tmp_path, [Glob(str(folder) + "/*", most=most, tail=True, keep=("4",))])
