# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller asks for, checked against the catalogue before anything is read or written."""

from __future__ import annotations

import re
import typing as t

from .. import catalogue
from ..catalogue import Setting

AUTO = "auto"
UNLIMITED = "unlimited"

_WORDS = {"max": (AUTO, UNLIMITED), "buckets": (AUTO,)}
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(
    r"([0-9]{1,20})\s*(?:(s)(?:ec(?:ond)?s?)?|(m)(?:in(?:ute)?s?)?|(h)(?:(?:ou)?rs?)?|(d)(?:ays?)?|(w)(?:eeks?)?)",
    re.IGNORECASE | re.ASCII,
)


class Wanted(t.NamedTuple):
    """``value`` is an integer, or the word ``auto``; max ``unlimited`` has become the kernel's 0."""

    setting: Setting
    value: int | str


class Invalid(ValueError):
    """Every fault of a request, one sentence each, in ``args[0]``."""


def parse(settings: t.Mapping[t.Any, t.Any]) -> list[Wanted]:
    """Checks names and values. Raises Invalid, naming each option, its value and what is allowed."""
    faults: list[str] = []
    found: dict[str, Wanted] = {}
    for word, given in settings.items():
        setting = catalogue.find(str(word))
        if setting is None:
            faults.append(_unknown(str(word)))
            continue
        if not setting.writable:
            faults.append("settings.%s: the kernel only reports it; it cannot be set" % word)
            continue
        try:
            wanted = Wanted(setting, _value(setting, given))
        except ValueError as error:
            faults.append("settings.%s: %s; allowed: %s" % (word, error, allowed(setting)))
            continue
        if found.setdefault(setting.name, wanted) != wanted:
            faults.append(
                "settings.%s: names the same setting as another key here, with another value; give it once as %s"
                % (word, setting.name)
            )
    if faults:
        raise Invalid("; ".join(faults))
    return list(found.values())


def allowed(setting: Setting) -> str:
    """The values that a setting takes, for people: ``1 to 2147483647 entries, auto or unlimited``."""
    span = "whole %s from %d to %d" % (_UNITS.get(setting.unit, "numbers"), setting.minimum, setting.maximum)
    if setting.unit == "switch" and setting.maximum == 1:
        span = "0 or 1 (true and false are taken too)"
    return " or ".join((span, *_WORDS.get(setting.name, ())))


_UNITS = {"seconds": "seconds", "bytes": "bytes"}


def _unknown(word: str) -> str:
    close = catalogue.suggest(word)
    hint = "did you mean %s?" % " or ".join(close) if close else "docs/settings.md of the collection lists the names"
    return "settings.%s: unknown setting; %s" % (word, hint)


def _value(setting: Setting, given: t.Any) -> int | str:
    if isinstance(given, bool):
        if setting.unit != "switch":
            raise ValueError("%s is not a number" % str(given).lower())
        return int(given)
    if isinstance(given, str):
        word = given.strip()
        if word in _WORDS.get(setting.name, ()):
            return 0 if word == UNLIMITED else word
        if setting.unit == "switch" and word.lower() in ("true", "yes", "on", "false", "no", "off"):
            return int(word.lower() in ("true", "yes", "on"))
        number = _number(setting, word)
    elif isinstance(given, int):
        number = given
    else:
        raise ValueError("%r is not a whole number" % (given,))
    if setting.name == "max" and number == 0:
        raise ValueError("0 lifts the limit, it does not turn tracking off; write unlimited if that is meant")
    if not setting.minimum <= number <= setting.maximum:
        raise ValueError("%d is out of range" % number)
    return number


def _number(setting: Setting, word: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,20}", word):
        return int(word)
    span = _SPAN.fullmatch(word)
    if span and setting.unit == "seconds":
        seconds = int(span.group(1)) * _SPANS[span.group(span.lastindex or 0).lower()]
        raise ValueError("'%s' carries a unit; in seconds it is %d" % (word, seconds))
    raise ValueError("'%s' is not a whole number" % word)
