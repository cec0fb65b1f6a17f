# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any bytes in a file of any name: the same for a shell as for Python."""

from __future__ import annotations

import os

from ansible_collections.netops.conntrack.plugins.module_utils.probe import File, Glob, Names
from ansible_collections.netops.conntrack.tests.unit.shells import local, one_shell, reads_alike, remote, step, told
from hypothesis import example, given, settings
from hypothesis import strategies as st

EXAMPLES = settings(max_examples=30)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.text("ab \n\r\0@-.%'\\\x80", max_size=200).map(lambda text: text.encode("latin-1")),
)
NAMES = (
    st.one_of(st.binary(min_size=1, max_size=80), st.text("a.*[?]\\ '\"\n$`-~>", min_size=1).map(str.encode))
    .map(lambda name: name.replace(b"\0", b"x").replace(b"/", b"x")[:200])
    .filter(lambda name: name not in (b".", b".."))
)


def put(factory, name, content):
    path = os.fsencode(str(factory.mktemp("any"))) + b"/" + name
    with open(path, "wb") as stream:
        stream.write(content)
    return os.fsdecode(path)


@one_shell
@EXAMPLES
@given(content=CONTENTS, name=NAMES)
@example(content=b"\n@", name=b"\n")
@example(content=b"\0a", name=b"\n")
@example(content=b"a\n" * 20000 + b"\0a\n1:Binary file x matches\na", name=b"\n")
def test_read(shell, tmp_path_factory, content, name):
    path = put(tmp_path_factory, name, content)
    if name.endswith((b".gz", b".bz2", b".xz")):
        return
    folder = os.path.dirname(path)
    for items in (
        [File(path)],
        [Glob(folder + "/*"), Glob(folder + "/.*")],
        [Glob(folder + "/*", keep=("a",))],
        [Glob(folder + "/*", keep=("a", "\\"), tail=True)],
        [Names(folder + "/*")],
    ):
        reads_alike(shell, folder, items)


@one_shell
@EXAMPLES
@given(before=CONTENTS, after=CONTENTS, name=NAMES)
@example(before=b"-", after=b"-n\n", name=b"-")
def test_replaced(shell, tmp_path_factory, before, after, name):
    texts = [each.decode("utf-8", "surrogateescape") for each in (before, after)]
    for host in (remote(shell, tmp_path_factory.getbasetemp()), local()):
        path = put(tmp_path_factory, name, before)
        assert told(host.carry_out([step(*texts, path), step(texts[1] + "x", "y", path)])) == [
            (None, None),
            ("ESTALE", "%s changed after it was read; nothing was written to it" % path),
        ]
        with open(os.fsencode(path), "rb") as stream:
            assert stream.read() == after
        assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
