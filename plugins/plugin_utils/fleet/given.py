# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host told, taken as what it should be, or as not told.

A host may be broken or in bad hands, so nothing of its facts is taken for granted: neither the type nor the size.
"""

from __future__ import annotations

import collections.abc
import itertools
import math
import re
import typing as t

# One host must not fill the report of all.
TEXT = 2000
ITEMS = 100
# What a file of JSON and every reader of it can hold.
_LARGEST = 1 << 53
_SURROGATES = re.compile("[\ud800-\udfff]")


def text(value: t.Any, limit: int = TEXT) -> str | None:
    """A plain str, without what Ansible knows of where it is from; what UTF-8 cannot say is U+FFFD."""
    if isinstance(value, (bool, int, float)):
        value = str(value) if not isinstance(value, int) or abs(value) < _LARGEST else "a very large number"
    if not isinstance(value, str):
        return None
    cut = str.__getitem__(value, slice(0, limit))
    return _SURROGATES.sub("\ufffd", cut) + ("…" if len(value) > limit else "")


def number(value: t.Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not -_LARGEST < value < _LARGEST or not math.isfinite(value):
        return None
    return float(value)


def whole(value: t.Any) -> int | None:
    """A whole number that is not negative."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found == int(found) else None


def mapping(value: t.Any) -> t.Mapping[t.Any, t.Any]:
    return value if isinstance(value, collections.abc.Mapping) else {}


def items(value: t.Any, limit: int = ITEMS) -> list[t.Any]:
    return list(itertools.islice(value, limit)) if isinstance(value, (list, tuple)) else []


def mappings(value: t.Any, limit: int = ITEMS) -> list[t.Mapping[t.Any, t.Any]]:
    return [each for each in items(value, limit) if isinstance(each, collections.abc.Mapping)]


def texts(value: t.Any, limit: int = ITEMS) -> list[str]:
    return [each for each in map(text, items(value, limit)) if each is not None]
