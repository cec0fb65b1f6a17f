# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and texts as a person reads them, in every format the same."""

from __future__ import annotations

import re
import typing as t
import unicodedata

NONE = "-"
# Of these a terminal, a spreadsheet or a page would make something else than a sign: control and format characters,
# those that turn the direction of writing among them, and what is no character at all.
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_PLAIN = re.compile(r"[\x20-\x7e]*")


def visible(text: str) -> str:
    """One line in which nothing acts: line ends and tabs are blanks, other control characters are written out."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char in "\n\r\t\v\f\x85\u2028\u2029":
        return " "
    if unicodedata.category(char) not in _INVISIBLE:
        return char
    code = ord(char)
    return "\\x%02x" % code if code < 0x100 else "\\u%04x" % code if code < 0x10000 else "\\U%08x" % code


def percent(share: float | None) -> str:
    if share is None:
        return NONE
    if share >= 99.995:
        return ">9999 %"
    return "%.0f %%" % (share * 100) if share >= 0.1 or share == 0 else "%.1f %%" % (share * 100)


def compact(number: float | None) -> str:
    """At most seven signs: whole up to 9999999, then with k, M, G."""
    if number is None:
        return NONE
    if abs(number) < 1e7:
        return "%d" % number
    for size, unit in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(number) >= size:
            return "%.1f%s" % (number / size, unit)
    raise AssertionError(number)


def rate(number: float | None) -> str:
    if number is None:
        return NONE
    return "%.1f" % number if abs(number) < 1000 else compact(number)


def soon(seconds: int | None) -> str:
    """A duration with one unit, for a column."""
    if seconds is None:
        return NONE
    for size, unit in ((172800, "days"), (7200, "h"), (120, "min")):
        if seconds >= size:
            number = seconds / {"days": 86400, "h": 3600, "min": 60}[unit]
            return ">999 days" if number >= 1000 else "%d %s" % (number, unit)
    return "%d s" % seconds


def moment(time: str) -> str:
    """2026-11-26T16:30:00Z as 2026-11-26 16:30:00 UTC; another text as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)Z", time)
    return "%s %s UTC" % found.groups() if found else time


def grouped(number: float | None) -> str:
    """36 271, the blank being a narrow one at which no line breaks."""
    return NONE if number is None else "{:,.0f}".format(number).replace(",", "\u202f")


def advice(item: t.Mapping[str, t.Any]) -> str:
    """``max = 131072``, or the sentence where no setting helps."""
    return "%s = %s" % (item["setting"], item["value"]) if item["setting"] else item["why"]


def drift(item: t.Mapping[str, t.Any]) -> str:
    """``buckets: 65536 now, 262144 after a boot``"""
    after = "unknown" if item["after_boot"] is None else item["after_boot"]
    known = ((item["live"], "now"), (after, "after a boot"), (item["wanted"], "asked for"))
    return "%s: %s" % (item["setting"], ", ".join("%s %s" % each for each in known if each[0] is not None))


def talker(item: t.Mapping[str, t.Any]) -> str:
    share = "" if item["share"] is None else ": %s" % percent(item["share"])
    return "%s %s%s" % (item["group"], item["who"], share)


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clipped(text: str, columns: int) -> str:
    """Cut where it is too wide for so many columns."""
    if width(text) <= columns:
        return text
    kept, left = [], columns - 1
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"
