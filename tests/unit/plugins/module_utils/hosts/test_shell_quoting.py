# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shell makes of our words, patterns and texts."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import shell_quoting
from ansible_collections.netops.conntrack.tests.unit.shells import FROM_INPUT, every_shell

EVERY_BYTE = bytes(range(256)).decode("utf-8", "surrogateescape")
TEXTS = (
    "",
    "plain\n",
    EVERY_BYTE,
    *("-", "-n", "--", "-e x", "-%s", "%", "%%s %d", "\\", "\\n \\c \\0", "'", "''", "it's", '$HOME `id` "x" !!'),
    *("0123" + EVERY_BYTE[::-1], "\0000", "\t\n\r ", "\n\n\n"),
    # Long ones are printed in pieces, and one may begin with anything.
    "x" * 8191 + "-n" + "x" * 8190 + "'" + "\\" * 20000 + "\udcff" * 8191 + "%",
)


def said(shell, script):
    data = script.encode("utf-8", "surrogateescape")
    done = subprocess.run([*shell, "-c", FROM_INPUT], input=data, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape")


@every_shell
def test_texts(shell):
    # mksh has no printf of its own.
    script = "\n".join("%s; printf '|\\n'" % shell_quoting.printing(text) for text in TEXTS)
    assert said(shell, "LC_ALL=C; export LC_ALL\n" + script) == "".join(text + "|\n" for text in TEXTS)


@every_shell
def test_words(shell):
    words = [*TEXTS[3:], *EVERY_BYTE]
    words = [word.replace("\0", "") for word in words]
    script = "for each in %s; do printf '%%s|\\n' \"$each\"; done" % " ".join(map(shell_quoting.word, words))
    assert said(shell, script) == "".join(word + "|\n" for word in words)


@every_shell
def test_patterns(shell, tmp_path):
    folder = tmp_path / "it's $HOME `id` {a,b} ~ # ;&|<>() \u00e9 \n\\"
    folder.mkdir()
    names = ("a b.conf", "b b.conf", "c.conf", "$x.conf", "a;b.conf")
    for name in names:
        (folder / name).write_bytes(b"")
    for pattern, matched in (
        ("*", sorted(names)),
        ("[ab] b.*", ["a b.conf", "b b.conf"]),
        ("[!a-b]*", ["$x.conf", "c.conf"]),
        ("$x.*", ["$x.conf"]),
        ("?.conf", ["c.conf"]),
        ("{a,c}.conf", ["{a,c}.conf"]),
        ("a;*", ["a;b.conf"]),
    ):
        words = shell_quoting.pattern("%s/%s" % (folder, pattern))
        found = said(shell, "LC_ALL=C\nfor each in %s; do printf '%%s|' \"$each\"; done" % words)
        assert found == "".join("%s/%s|" % (folder, name) for name in matched)


@pytest.mark.parametrize("text", ["/a.b*c[d]^e$f\\g", "^a", "a$", "*a", "a b", "(x)|{y}+?"])
@every_shell
def test_expressions(shell, text):
    script = "printf '%%s\\n' %s | sed -n %s" % (
        shell_quoting.word(text),
        shell_quoting.word("/^%s$/p" % shell_quoting.expression(text)),
    )
    assert said(shell, script) == text + "\n"
