# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that says what is not so is found out."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reading  # noqa: E402

PRINTED = "ok: [gw1] =>\n    msg: |-\n        FULL: 36271 of 16640\n          do: max = 131072\n        drift: none\n"


@pytest.mark.parametrize(
    "text, any_number, whole",
    [
        ("FULL: 36271 of 16640\n  do: max = 131072\n", False, True),
        ("FULL: 36271 of 16640\n...\ndrift: none\n", False, True),
        # A line between them is not shown.
        ("FULL: 36271 of 16640\ndrift: none\n", False, False),
        # In another order.
        ("drift: none\n...\nFULL: 36271 of 16640\n", False, False),
        ("FULL: 36270 of 16640\n", False, False),
        ("FULL: 36270 of 16640\n", True, True),
        ("FULL: some of 16640\n", True, False),
        ("FULL: 36271\n", False, False),
    ],
)
def test_what_was_printed(text, any_number, whole):
    assert (reading.missing(text, PRINTED, any_number) == "") == whole


def test_commands_their_output_and_files(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```console\n$ one --this \\\n    that     # a remark\nprinted\n# two\n```\n\n```text\nmore\n```\n\n"
        "## B\n\n```yaml\n# wish.yml\na: 1\n```\n\n```\na picture\n```\n",
        encoding="utf-8",
    )
    told = reading.read(str(page))
    assert told.commands == [
        reading.Command("A", "one --this \\\n    that", ["printed"]),
        reading.Command("A", "two", ["more\n"]),
    ]
    assert told.files == {"wish.yml": "# wish.yml\na: 1\n"}


@pytest.mark.parametrize("page", ["# A\n\n```text\nout of nowhere\n```\n", "# A\n\n```console\nno command\n```\n"])
def test_a_text_that_no_command_printed_is_an_error(page, tmp_path):
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")
    with pytest.raises(ValueError):
        reading.read(str(path))
