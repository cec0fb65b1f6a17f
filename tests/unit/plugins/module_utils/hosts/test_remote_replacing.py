# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files put in place, replaced and removed: by a shell as by Python, to the owner, the mode and the byte."""

from __future__ import annotations

import os
import random

import pytest
from ansible_collections.netops.conntrack.tests.unit.shells import (
    Twice,
    every_shell,
    programs,
    put,
    remote,
    step,
    told,
)

HARD = "".join(map(chr, range(1, 256))).encode("latin-1") + b"\0%s%%n\\n\\0'\"$HOME`id`\r\n\0"


def text(data):
    return data.decode("utf-8", "surrogateescape")


@every_shell
@pytest.mark.parametrize("mode", [0o644, 0o600, 0o640, 0o755, 0o444])
def test_a_new_one_and_its_folders(shell, mode, tmp_path):
    twice = Twice(shell, tmp_path, lambda folder: None)
    steps = [
        step(None, "a = 1\n", twice.folder / path, mode=mode) for path in ("x", "etc/sysctl.d/y", "etc/z", "e t/c'/w")
    ]
    assert told(twice.do(*steps)) == [(None, None)] * 4


@every_shell
@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444, 0o4755, 0o2750, 0o6711, 0o1644, 0o664, 0])
def test_owner_and_mode_stay(shell, mode, tmp_path):
    def make(folder):
        put(folder / "x", b"old\n", mode, owner=(1234, 5678))
        put(folder / "y", b"old\n", mode)

    twice = Twice(shell, tmp_path, make)
    assert told(twice.do(step("old\n", "new\n", twice.folder / "x"), step("old\n", "", twice.folder / "y"))) == [
        (None, None),
        (None, None),
    ]


@every_shell
@pytest.mark.parametrize(
    "after",
    [
        b"",
        b"\n",
        b"-n\n",
        HARD,
        HARD * 400,
        random.Random(1).getrandbits(800000).to_bytes(100000, "big"),
        b"\xff" * 9000,
    ],
    ids=["empty", "newline", "option", "hard", "100 kB", "random", "octal"],
)
def test_every_byte(shell, after, tmp_path):
    before = HARD[::-1]
    twice = Twice(shell, tmp_path, lambda folder: put(folder / "x", before))
    steps = [
        step(text(before), text(after), twice.folder / "x"),
        step(text(after), text(before), twice.folder / "x"),
        step(None, text(after), twice.folder / "y"),
    ]
    assert told(twice.do(*steps)) == [(None, None)] * 3


@every_shell
def test_through_links(shell, tmp_path):
    def make(folder):
        put(folder / "deep/er/x", b"old\n", 0o640)
        (folder / "link").symlink_to("deep/er/x")
        (folder / "chain").symlink_to("deep/chain")
        (folder / "deep/chain").symlink_to("../link")
        (folder / "absolute").symlink_to(str(folder / "deep/er/../er/x"))
        (folder / "deep/dangling").symlink_to("er/new -> one")
        (folder / "folder").symlink_to("deep")

    twice = Twice(shell, tmp_path, make)
    steps = [
        step("old\n", "1\n", twice.folder / "link"),
        step("1\n", "2\n", twice.folder / "chain"),
        step("2\n", "3\n", twice.folder / "absolute"),
        step(None, "4\n", twice.folder / "deep/dangling"),
        step("3\n", "5\n", twice.folder / "folder/er/x"),
        step(None, "6\n", twice.folder / "folder/y"),
        step("5\n", None, twice.folder / "chain"),
    ]
    assert told(twice.do(*steps)) == [(None, None)] * 7


@every_shell
def test_links_that_lead_nowhere(shell, tmp_path):
    def make(folder):
        (folder / "loop").symlink_to("loop")
        (folder / "mask").symlink_to("/dev/null")
        (folder / "to-folder").symlink_to(".")
        put(folder / "file", b"x")

    twice = Twice(shell, tmp_path, make)
    outcomes = twice.do(
        step(None, "x", twice.folder / "loop"),
        step("", "x", twice.folder / "mask"),
        step("", "x", twice.folder / "to-folder"),
        step(None, "x", twice.folder / "file/below"),
        step("x", None, twice.folder / "mask"),
        step("x", None, twice.folder),
    )
    errors = ["ELOOP", "EINVAL", "EINVAL", "ENOTDIR", "EINVAL", "EINVAL"]
    assert [outcome.error for outcome in outcomes] == errors


@every_shell
def test_removed(shell, tmp_path):
    def make(folder):
        put(folder / "x", b"old\n")
        put(folder / "lib/own/private", b"{}", 0o600)
        put(folder / "lib/other/private", b"{}", 0o600)
        put(folder / "lib/other/else", b"")
        put(folder / "lib/public/x", b"{}", 0o644)

    twice = Twice(shell, tmp_path, make)
    steps = [
        step("old\n", None, twice.folder / "x"),
        step("{}", None, twice.folder / "lib/own/private", mode=0o600),
        step("{}", None, twice.folder / "lib/other/private", mode=0o600),
        step("{}", None, twice.folder / "lib/public/x"),
    ]
    assert told(twice.do(*steps)) == [(None, None)] * 4
    assert not (twice.folder / "lib/own").exists()
    assert (twice.folder / "lib/public").exists()


@every_shell
def test_changed_meanwhile(shell, tmp_path):
    def make(folder):
        put(folder / "x", b"somebody else's\n")
        put(folder / "y", b"old")

    twice = Twice(shell, tmp_path, make)
    x, y, none = (twice.folder / name for name in ("x", "y", "none"))
    outcomes = twice.do(
        *(step("older\n", "ours\n", x), step(None, "ours\n", x), step("", None, x), step("old\n", "ours\n", y)),
        *(step("old\n", "new\n", none), step("old\n", None, none), step("ol", "x", y), step("old\0", "x", y)),
    )
    assert {outcome.error for outcome in outcomes} == {"ESTALE"}


@every_shell
def test_one_after_the_other_whatever_became_of_it(shell, tmp_path):
    twice = Twice(shell, tmp_path, lambda folder: put(folder / "x", b"1"))
    x = twice.folder / "x"
    outcomes = twice.do(step("0", "2", x), step("1", "3", x), step("1", "4", x), step("3", "5", x), step(None, "6", x))
    assert [outcome.error for outcome in outcomes] == ["ESTALE", None, "ESTALE", None, "ESTALE"]


@every_shell
def test_a_copy_is_kept(shell, tmp_path):
    def make(folder):
        put(folder / "x", b"old\n", 0o640, owner=(1234, 5678))
        put(folder / "gone", b"old\n")
        put(folder / "secret", b"old\n", 0o600)
        put(folder / "stale", b"older\n")
        (folder / "link").symlink_to("x")

    twice = Twice(shell, tmp_path, make)
    at = twice.folder
    steps = [step("old\n", "new\n", at / "link"), step("old\n", None, at / "gone"), step(None, "new\n", at / "new")]
    steps += [step("old\n", "new\n", at / "secret", mode=0o600), step("old\n", "new\n", at / "stale")]
    steps += [step("new\n", "x", at / "new", validate=("false", "%s"))]
    twice.do(*steps, backup=True)


@every_shell
def test_what_a_check_refuses(shell, tmp_path):
    twice = Twice(shell, tmp_path, lambda folder: put(folder / "x", b"old\n"))
    checker = programs(tmp_path, checker='echo "$1: 1: Syntax error: $(cat "$1")" >&2; exit 2') / "checker"
    checks = (
        (str(checker), "%s"),
        ("false",),
        ("sh", "-c", "echo out; echo err >&2; echo $1; exit 3", "sh", "%s"),
        ("sh", "-c", "cat $1", "sh", "%s"),
        ("sh", "-c", 'test "$1" != "${1%~=}"', "sh", "%s="),
        ("netops-no-such-command", "%s"),
        ("sh", "-c", "printf 'caf\\351' >&2; exit 1", "it's"),
    )
    steps = [
        step(before, "if then\n", twice.folder / name, validate=each)
        for each in checks
        for before, name in (("old\n", "x"), (None, "y-%d" % checks.index(each)))
    ]
    outcomes = twice.do(*steps)
    assert [outcome.error for outcome in outcomes[:4]] == ["EINVAL"] * 4
    assert os.listdir(str(twice.folder))


@every_shell
def test_what_a_shell_takes_for_a_shell_script(shell, tmp_path):
    put(tmp_path / "x", b"old\n")
    refused, taken = (
        step("old\n", text, tmp_path / "x", validate=("sh", "-n", "%s")) for text in ("if then\n", "a=1\n")
    )
    outcomes = remote(shell, tmp_path).carry_out([refused, taken])
    assert [outcome.error for outcome in outcomes] == ["EINVAL", None]
    assert outcomes[0].detail.startswith("%s: sh refuses the new text: the new text: " % (tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b"a=1\n"
    assert os.listdir(str(tmp_path)) == ["x"]


@every_shell
def test_what_may_not_be_written(shell, tmp_path):
    def make(folder):
        put(folder / "closed/x", b"old\n")
        (folder / "closed").chmod(0o555)
        put(folder / "shut/x", b"old\n")
        (folder / "shut").chmod(0o700)
        put(folder / "secret", b"old\n", 0o600)

    twice = Twice(shell, tmp_path, make)
    at = twice.folder
    steps = [
        step("old\n", "new\n", at / "closed/x"),
        step(None, "new\n", at / "closed/y"),
        step("old\n", None, at / "closed/x"),
    ]
    steps += [
        step(None, "new\n", at / "closed/deep/er/y"),
        step("old\n", "new\n", at / "shut/x"),
        step(None, "x", at / "shut/y"),
    ]
    steps += [step("old\n", "new\n", at / "secret")]
    outcomes = twice.do(*steps, as_nobody=True)
    assert {outcome.error for outcome in outcomes} == {"EACCES"}
