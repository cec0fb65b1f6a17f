# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Line endings of host files: how a line is added so that it looks like its neighbours."""

from __future__ import annotations


def last_ending(text: str) -> str:
    """The line ending of the last ended line of ``text``: CRLF or LF; LF when no line is ended."""
    end = text.rfind("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def append_line(text: str, line: str) -> str:
    """``text`` with ``line`` (given without an ending) as its new last line, ended as the others are."""
    ending = last_ending(text)
    if text and not text.endswith("\n"):
        text += ending
    return text + line + ending
