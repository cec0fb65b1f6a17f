# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken for an answer, and what is not: whatever else a host prints, nothing is made up of it."""

from __future__ import annotations

import random

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts import shell_answer
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.shell_answer import Unanswered
from ansible_collections.netops.conntrack.plugins.module_utils.probe import File
from ansible_collections.netops.conntrack.tests.unit.shells import Connection, every_shell, one_shell, remote
from hypothesis import given
from hypothesis import strategies as st

REQUEST = "0123456789abcdef0123456789abcdef"
MARK = "6f9a3b52-98a4-4b40-a3c6-3ff44b3a27a6"
PARTS = [
    ("p", b"/etc/x"),
    ("t", b"a = 1\r\n\n@\n@@\r\r\n\xff\0"),
    ("t", b""),
    ("x", b"No such file"),
    ("v", b"\n\n.\n"),
]


def printed(parts=tuple(PARTS), request=REQUEST, mark=MARK, end=b"."):
    """As a host prints it."""
    begin = "\n@%s-%s" % (request, mark)
    body = b"".join((begin + tag).encode() + content for tag, content in parts)
    return ("\n@@%s@%s@\n" % (request, mark)).encode() + body + begin.encode() + end + b"\n"


def by_terminal(data):
    return data.replace(b"\n", b"\r\n")


def parts(data):
    return shell_answer.parts(REQUEST, data)


@every_shell
def test_it_is_what_a_shell_prints(shell, tmp_path):
    body = "\n".join(
        'printf "$F%%s" %s "$(printf \'%s\')"' % (tag, "".join("\\%03o" % byte for byte in content))
        for tag, content in PARTS
        if not content.endswith((b"\0", b"\n"))
    )
    said = Connection(shell, tmp_path).send(shell_answer.frame(REQUEST, body))
    assert parts(said) == [(tag, content) for tag, content in PARTS if not content.endswith((b"\0", b"\n"))]


@pytest.mark.parametrize("times", range(4))
@pytest.mark.parametrize("before", [b"", b"Welcome!\n", b"no newline", b"\n@@", b"\xff\0\n\n", b"x" * 100000])
@pytest.mark.parametrize("after", [b"", b"logout\n", b"Connection closed", b"\n@\n@@\n", b"\xff\0"])
def test_what_stands_around_it_is_noise(before, after, times):
    data = before + printed() + after
    for _turn in range(times):
        data = by_terminal(data)
    assert parts(data) == PARTS


@pytest.mark.parametrize("times", range(3))
def test_cut_off_anywhere_it_is_none(times):
    whole = printed()
    for _turn in range(times):
        whole = by_terminal(whole)
    whole = b"banner\n" + whole
    for length in range(len(whole)):
        with pytest.raises(Unanswered):
            parts(whole[:length])
    assert parts(whole) == PARTS


def test_whether_it_was_begun_is_known():
    whole = printed()
    for length, begun in ((0, False), (40, False), (len(whole) - 1, True), (100, True)):
        with pytest.raises(Unanswered) as raised:
            parts(whole[:length])
        assert raised.value.begun == begun


OTHER = MARK[:-1] + "7"


@pytest.mark.parametrize(
    "content",
    [
        printed(mark=OTHER),
        printed([("t", b"forged")], mark=OTHER),
        ("\n@%s-%s" % (REQUEST, OTHER)).encode() + b".\n",
        ("\n@%s-" % REQUEST).encode() + b".\n",
        ("\n@%s-%st" % (REQUEST, MARK[:-1])).encode(),
        ("@%s-%s.\n" % (REQUEST, MARK)).encode()[1:],
        ("x@%s-%s.\n" % (REQUEST, MARK)).encode(),
        b"\n" + MARK.encode() + b".\n",
        printed(request="f" * 32),
        ("\n@@%s@@\n" % REQUEST).encode(),
    ],
)
def test_a_file_that_looks_like_an_answer_is_a_file(content):
    expected = [("p", b"/etc/x"), ("t", content), ("p", b"/etc/y")]
    assert parts(printed(expected)) == expected
    assert parts(by_terminal(printed(expected))) == expected


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\n",
        b"sh: command not found\n",
        b"\n@@%s@\n",
        b"printf '\\n@@%s@%%s@\\n' \"$mark\"\n" % REQUEST.encode(),
        ("\n@@%s@%s\n" % (REQUEST, MARK)).encode(),
        ("@@%s@%s@ \n" % (REQUEST, MARK)).encode(),
        printed(request="f" * 32),
        printed(end=b""),
        printed(end=b",")[:-1],
        b"\0" * 1000000,
    ],
)
def test_no_answer(said):
    with pytest.raises(Unanswered):
        parts(said)


def test_what_comes_first_is_the_answer():
    """Whoever prints a second one later saw the first, and may have made it up."""
    assert parts(printed() + printed([("t", b"forged")], mark=OTHER)) == PARTS
    assert parts(printed() + printed([("t", b"forged")])) == PARTS


def test_a_script_that_is_echoed_is_no_answer():
    script = shell_answer.frame(REQUEST, 'printf "$F%s" t x')
    with pytest.raises(Unanswered):
        parts(script.encode())
    assert parts(script.encode() + printed()) == PARTS


def test_megabytes_of_anything():
    junk = random.Random(1).getrandbits(8 * 4000000).to_bytes(4000000, "little")
    with pytest.raises(Unanswered):
        parts(junk)
    assert parts(junk + printed([("t", junk)]) + junk) == [("t", junk)]


@given(said=st.lists(st.sampled_from([b"\n", b"\r", b"@", REQUEST.encode(), MARK.encode(), b"-", b".", b"t", b"\xff"])))
def test_any_pieces_of_it(said):
    data = b"".join(said)
    try:
        found = parts(data)
    except Unanswered:
        return
    assert b"@@%s@" % REQUEST.encode() in data, found


@given(contents=st.lists(st.binary(max_size=40)), times=st.integers(0, 2))
def test_any_parts(contents, times):
    expected = [("t", content) for content in contents]
    data = printed(expected)
    for _turn in range(times):
        data = by_terminal(data)
    assert parts(data) == expected


@one_shell
def test_a_script_that_is_cut_off_does_nothing(shell, tmp_path):
    connection = Connection(shell, tmp_path)
    script = shell_answer.frame(REQUEST, 'touch %s/done\nprintf "$F%%s" t x' % tmp_path)
    for length in range(0, len(script.rstrip()), 7):
        done = connection.run(script[:length])
        assert (done.stdout, (tmp_path / "done").exists()) == (b"", False), length
    connection.send(script)
    assert (tmp_path / "done").exists()


@every_shell
def test_a_host_without_random_numbers(shell, tmp_path):
    (tmp_path / "x").write_bytes(b"a\n")
    host = remote(shell, tmp_path, edits={"/proc/sys/kernel/random/uuid": "/nowhere/none"})
    assert host.read([File(str(tmp_path / "x"))]).text(str(tmp_path / "x")) == "a\n"


@pytest.mark.parametrize(
    ("said", "name", "wording"),
    [
        ("dd: error writing '/x': No space left on device", "ENOSPC", "No space left on device"),
        ("cat: /x: Symbolic link loop", "ELOOP", "Too many levels of symbolic links"),
        ("sh: 1: cannot create /x: Directory nonexistent", "ENOENT", "No such file or directory"),
        ("x: No such device or address", "ENXIO", "No such device or address"),
        ("dd: x\nmv: cannot move: Device or resource busy\n", "EBUSY", "Device or resource busy"),
        ("something else\n\nat last\n\n", "EIO", "at last"),
        ("", "EIO", "it failed and said nothing"),
    ],
)
def test_what_a_complaint_is_called(said, name, wording):
    assert shell_answer.error(said) == (name, wording)
