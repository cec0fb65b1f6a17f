# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a log its end, and the lines that hold a word; packed or not, whole or damaged."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob
from ansible_collections.netops.conntrack.tests.unit.shells import every_shell, prefers_its_own, reads_alike

WORDS = ("table full", " suppressed", " repeated ")
LINES = [
    *(["noise %d" % number for number in range(200)]),
    *("nf_conntrack: table full, dropping packet", "noise", "", "last message repeated 5 times", "x suppressed", "end"),
]
PACKS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
PACKED = pytest.mark.parametrize("ending", PACKS)
LIMITS = (1, 2, 20, 40, 79, 80, 200, 1000, 1 << 20)


def log(tmp_path, content, name="messages"):
    path = tmp_path / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("end", [b"\n", b"", b"\n\n", b"\r\n"], ids=repr)
@every_shell
def test_the_end_of_it(shell, end, tmp_path):
    content = "\n".join(LINES).encode() + end
    paths = [log(tmp_path, content, "log-%d" % number) for number in range(2 * len(LIMITS))]
    items = [
        File(path, limit=limit, tail=True) for path, limit in zip(paths, (*LIMITS, len(content), len(content) - 1))
    ]
    items += [
        File(path, limit=limit, tail=True, keep=WORDS)
        for path, limit in zip(paths[len(items) :], (*LIMITS, len(content)))
    ]
    # A line that the limit cuts is not kept, unless nothing else is there; a shell keeps it without its newline.
    reads_alike(shell, tmp_path, [item for item in items if item.limit > 20])


@every_shell
def test_what_is_kept_without_an_end_of_it(shell, tmp_path):
    content = "\n".join(LINES).encode()
    paths = [log(tmp_path, content, "log-%d" % number) for number in range(len(LIMITS))]
    items = [File(path, limit=limit, keep=WORDS) for path, limit in zip(paths, LIMITS)]
    reads_alike(shell, tmp_path, items)


@every_shell
@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n", b"x", b"x\n", b"table full", b"table full\n\n"], ids=repr)
def test_short_ones(shell, content, tmp_path):
    path = log(tmp_path, content)
    for options in ({"tail": True}, {"keep": WORDS}, {"tail": True, "keep": WORDS}):
        reads_alike(shell, tmp_path, [File(path, **options)])


@every_shell
def test_words_are_no_expressions(shell, tmp_path):
    words = ("a.b", "[c]", "d*", "^e", "f$", "g/h", "i\\j", "k'l", "\\(m\\)", "n|o", "p+q", "&r", "%s", "-e", "$HOME")
    lines = [
        line for word in words for line in (word, "x %s x" % word, word.replace("\\", ""), word[0] + "xx" + word[-1])
    ]
    lines += ["acb", "c", "ddd", "e", "f", "gh", "ij", "kl", "(m)", "m", "n", "o", "ppq", "r"]
    path = log(tmp_path, ("first\n" + "\n".join(lines) + "\nlast\n").encode())
    for number in range(len(words)):
        for tail in (False, True):
            reads_alike(shell, tmp_path, [File(path, keep=words[number : number + 1], tail=tail)])
    reads_alike(shell, tmp_path, [File(path, keep=words)])


@every_shell
def test_lines_that_are_no_text(shell, tmp_path):
    lines = [b"\xff\xfe table full \xe9", b"noise \xff", b"\xc3", b"table full \x80\r", b"\x01 suppressed \x1b[0m"]
    path = log(tmp_path, b"\n".join([b"\xe9 first", *lines, b"last \xff"]))
    reads_alike(shell, tmp_path, [File(path, keep=WORDS), Glob(path + "*", keep=WORDS, tail=True)])


@every_shell
@PACKED
def test_packed(shell, ending, tmp_path):
    content = ("\n".join(LINES) + "\n").encode()
    limits = (100, 1000, len(content) - 1, len(content), len(content) + 1)
    items = []
    for number, limit in enumerate(limits):
        for kind, options in (
            ("whole", {}),
            ("end", {"tail": True}),
            ("both", {"tail": True, "keep": WORDS}),
        ):
            path = log(tmp_path, PACKS[ending](content), "%s-%d%s" % (kind, number, ending))
            items.append(File(path, limit=limit, **options))
    reads_alike(shell, tmp_path, items)


@every_shell
@PACKED
def test_packed_and_damaged(shell, ending, tmp_path):
    if ending == ".xz" and prefers_its_own(shell):
        pytest.skip("BusyBox's xz takes much of what is damaged for whole")
    whole = PACKS[ending](random.Random(1).getrandbits(40000).to_bytes(5000, "big"))
    damaged = (whole[:2000], whole[:200] + b"\xff" * 300 + whole[500:], b"plain text\n", b"", whole[:-1], whole[:5])
    for number, content in enumerate(damaged):
        log(tmp_path, content, "log-%d%s" % (number, ending))
    for options in ({}, {"tail": True}, {"tail": True, "keep": WORDS}):
        reads_alike(shell, tmp_path, [Glob("%s/log-*" % tmp_path, limit=6000, **options)])


@every_shell
def test_packed_under_odd_names_and_in_several_parts(shell, tmp_path):
    pair = gzip.compress(b"one table full\n") + gzip.compress(b"two\n")
    for name in ("a b.gz", "it's.gz", "two\nlines.gz", "$HOME.gz", "-n.gz", "caf\u00e9.gz"):
        log(tmp_path, pair, name)
    (tmp_path / "link.gz").symlink_to("a b.gz")
    (tmp_path / "folder.gz").mkdir()
    (tmp_path / "mask.gz").symlink_to("/dev/null")
    for options in ({}, {"tail": True, "keep": WORDS}):
        reads_alike(shell, tmp_path, [Glob("%s/*" % tmp_path, **options)])
