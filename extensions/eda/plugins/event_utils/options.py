# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the sources and the filter: what was given, checked, and the defaults of the rest.

A value that is null or an empty text counts as not given: so a rulebook can hand on a variable that may be missing.
What comes from the environment is always a text, so a number may be one.
"""

from __future__ import annotations

import re
import typing as t

from . import alerts, host_names, record
from .desk import Desk
from .finding import VERDICTS
from .limits import Limits

ALERTS: dict[str, t.Any] = {"alerts": alerts.USUAL, "host_label": "instance"}
LIMITS: dict[str, t.Any] = {"cool_down": 1800, "tunes_per_hour": 5, "state_file": ""}
# A kernel whose table is full says so several times a second.
_SHORTEST = 60


def given(args: t.Mapping[str, t.Any], known: t.Iterable[str]) -> dict[str, t.Any]:
    """What was given of the known options. Raises ValueError for another one."""
    known = tuple(known)
    for name in args:
        # ansible-rulebook's own, for sources that ask for an answer to each event.
        if name not in known and name != "eda_feedback_queue":
            raise ValueError("%s: there is no such option; allowed: %s" % (name, ", ".join(known)))
    return {name: args[name] for name in known if args.get(name) not in (None, "")}


def desk(options: t.Mapping[str, t.Any]) -> Desk:
    cool_down = whole(options, "cool_down", LIMITS["cool_down"], _SHORTEST)
    tunes_per_hour = whole(options, "tunes_per_hour", LIMITS["tunes_per_hour"], 0)
    return Desk(Limits(cool_down, tunes_per_hour, record.of(text(options, "state_file", LIMITS["state_file"]))))


def verdicts(options: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Which alerts count, and as what."""
    chosen = options.get("alerts", ALERTS["alerts"])
    if not isinstance(chosen, dict) or not chosen:
        raise _wrong("alerts", chosen, "a dict of names of alerts, each with its verdict: %s" % " or ".join(VERDICTS))
    for name, verdict in chosen.items():
        if not isinstance(name, str) or verdict not in VERDICTS:
            raise _wrong("alerts: %s" % name, verdict, " or ".join(VERDICTS))
    return dict(chosen)


def host_label(options: t.Mapping[str, t.Any]) -> str:
    return text(options, "host_label", ALERTS["host_label"])


def whole(options: t.Mapping[str, t.Any], name: str, default: int, least: int, most: int = 10**9) -> int:
    value = options.get(name, default)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _wrong(name, value, "a whole number from %d to %d" % (least, most))
    return value


def text(options: t.Mapping[str, t.Any], name: str, default: str) -> str:
    value = options.get(name, default)
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def words(options: t.Mapping[str, t.Any], name: str, default: t.Sequence[str]) -> list[str]:
    value = options.get(name, default)
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) for word in value):
        raise _wrong(name, value, "a list of words")
    return list(value)


def _wrong(name: str, value: t.Any, allowed: str) -> ValueError:
    return ValueError("%s: %s; allowed: %s" % (name, host_names.shown(value), allowed))
