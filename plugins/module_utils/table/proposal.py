# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that somebody thinks of: other timeouts, and traffic that is tracked no longer."""

from __future__ import annotations

import collections
import typing as t

from .. import catalogue
from ..formats.conntrack_entry import PROTOCOLS
from .census import Census
from .filter import WITH_PORTS
from .grouping import protocol_name
from .report import Sample, Told, by_timer
from .survey import Port, Survey
from .what_if import timeout, together, without

_NUMBERS = {name: number for number, name in PROTOCOLS.items()}
_TIMED = (*PROTOCOLS.values(), "generic")
_WITH_PORTS = tuple(PROTOCOLS[number] for number in WITH_PORTS)


class Proposal(t.NamedTuple):
    """``timeouts`` in seconds by canonical name; ``ports`` are those that connections go to."""

    timeouts: dict[str, int] = {}
    ports: tuple[Port, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.timeouts or self.ports)

    @classmethod
    def parse(cls, asked: t.Mapping[str, t.Any]) -> Proposal:
        """From what a user writes. Raises ValueError with the option and the value."""
        timeouts: dict[str, int] = {}
        for word, given in (asked.get("timeouts") or {}).items():
            name, seconds = _timeout(str(word), given)
            if timeouts.setdefault(name, seconds) != seconds:
                raise ValueError("what_if: timeouts: %s: '%s' is another value of %s; give one" % (word, given, name))
        return cls(timeouts, tuple(dict.fromkeys(map(_port, asked.get("notrack") or ()))))

    def outcome(self, survey: Survey, of: Sample, now: t.Mapping[str, int]) -> Told | None:
        """What it would come to. None where nobody knows how many entries there are."""
        population = of.taken if of.complete else of.table
        if population is None or not self:
            return None
        changes = [self._changed(name, survey.tracked, of, population, now) for name in self.timeouts if name in now]
        changes += [
            {
                **without(hits, of.taken, population, of.complete),
                "notrack": {"protocol": protocol_name(port.protocol), "port": port.number},
            }
            for port, hits in survey.to_ports.items()
        ]
        return {
            "changes": changes,
            "unknown": sorted(set(self.timeouts) - set(now)),
            "table": together(changes, population),
        }

    def _changed(self, name: str, tracked: Census, of: Sample, population: int, now: t.Mapping[str, int]) -> Told:
        histogram: collections.Counter[int] = collections.Counter()
        for timed, left in by_timer(tracked, now).items():
            if timed.timeout == name:
                histogram.update(left)
        return timeout(name, now[name], self.timeouts[name], histogram, of.taken, population, of.complete)


def _is_timeout(setting: catalogue.Setting) -> bool:
    """Whether timers are set from it, and one can tell which: not so of what holds after lost packets."""
    return setting.name.partition("_timeout")[0] in _TIMED and setting.name != "tcp_timeout_max_retrans"


def _timeout(word: str, given: t.Any) -> tuple[str, int]:
    setting = catalogue.find(word)
    if setting is None or not _is_timeout(setting):
        known = ", ".join(sorted(each.name for each in catalogue.BY_NAME.values() if _is_timeout(each)))
        raise ValueError("what_if: timeouts: '%s' is no timeout of entries; these are: %s" % (word, known))
    text = str(given)
    if not text.isdecimal() or not 1 <= int(text) <= catalogue.TIMEOUT_MAX:
        raise ValueError(
            "what_if: timeouts: %s: '%s' is not a number of seconds from 1 to %d" % (word, given, catalogue.TIMEOUT_MAX)
        )
    return setting.name, int(text)


def _port(asked: t.Mapping[str, t.Any]) -> Port:
    protocol = str(asked["protocol"]).lower()
    if protocol not in _WITH_PORTS:
        raise ValueError(
            "what_if: notrack: protocol: '%s' is not one of %s" % (asked["protocol"], ", ".join(_WITH_PORTS))
        )
    if not 0 < asked["port"] <= 65535:
        raise ValueError("what_if: notrack: port: '%s' is no port from 1 to 65535" % asked["port"])
    return Port(_NUMBERS[protocol], asked["port"])
