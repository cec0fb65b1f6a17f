# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries are looked at: asked of the kernel where it knows how, and looked after here in any case.

An older kernel passes over a filter that it does not know and tells of every entry.
"""

from __future__ import annotations

import socket
import typing as t

from ..formats.conntrack_entry import (
    ASSURED,
    DCCP,
    IPV4,
    IPV6,
    PROTOCOLS,
    SCTP,
    SEEN_REPLY,
    STATES,
    TCP,
    UDP,
    UDPLITE,
)
from .batch import Batch, address, state_name

FAMILIES = {"ipv4": IPV4, "ipv6": IPV6}
_NUMBERS = {name: number for number, name in PROTOCOLS.items()}
_ADDRESSES = ("source", "destination")
_PORTS = ("source_port", "destination_port")
WITH_PORTS = (TCP, UDP, UDPLITE, SCTP, DCCP)
# Before the four bytes of an IPv4 address written as one of IPv6; no packet on a wire has such a one.
_MAPPED = bytes(10) + b"\xff\xff"
WHOLE_MARK = 0xFFFFFFFF


class Filter(t.NamedTuple):
    """None is no matter. Addresses are 4 or 16 bytes, ``mark`` is compared under ``mark_mask``."""

    family: int | None = None
    protocol: int | None = None
    source: bytes | None = None
    destination: bytes | None = None
    source_port: int | None = None
    destination_port: int | None = None
    zone: int | None = None
    mark: int | None = None
    mark_mask: int = WHOLE_MARK
    unreplied: bool | None = None
    assured: bool | None = None
    state: str | None = None

    @property
    def columns(self) -> set[str]:
        there = {name for name in (*_ADDRESSES, *_PORTS, "zone", "mark", "state") if getattr(self, name) is not None}
        return there | ({"status"} if self.status_mask else set())

    @property
    def status_mask(self) -> int:
        return (SEEN_REPLY if self.unreplied is not None else 0) | (ASSURED if self.assured is not None else 0)

    @property
    def status(self) -> int:
        return (SEEN_REPLY if self.unreplied is False else 0) | (ASSURED if self.assured else 0)

    def of(self, batch: Batch) -> Batch | None:
        """The entries of a batch that it lets through; None where there is none."""
        if self.family not in (None, batch.family) or self.protocol not in (None, batch.protocol):
            return None
        chosen = [True] * batch.size
        for name in sorted(self.columns):
            chosen = [all(both) for both in zip(chosen, self._fitting(name, batch))]
        return batch if all(chosen) else batch.only(chosen) if any(chosen) else None

    def _fitting(self, name: str, batch: Batch) -> t.Iterable[bool]:
        values = batch.columns.get(name)
        if values is None:
            # Neither is told where it is nought.
            values = [0 if name in ("zone", "mark") else None] * batch.size
        if name == "status":
            return [value & self.status_mask == self.status for value in values]
        if name == "mark":
            wanted = (self.mark or 0) & self.mark_mask
            return [value & self.mark_mask == wanted for value in values]
        if name == "state":
            return [state_name(batch.protocol, value) == self.state for value in values]
        wanted = getattr(self, name)
        if name in _ADDRESSES:
            wanted = address(batch.family, wanted) if self.family == batch.family else None
        return [value == wanted for value in values]


NO_FILTER = Filter()


def parse(asked: t.Mapping[str, t.Any]) -> Filter:
    """From what a user writes. Raises ValueError with the option and the value."""
    given = {name: value for name, value in asked.items() if value is not None}
    values: dict[str, t.Any] = {name: given[name] for name in ("unreplied", "assured") if name in given}
    if "family" in given:
        values["family"] = FAMILIES[given["family"]]
    if "protocol" in given:
        values["protocol"] = _protocol(str(given["protocol"]))
    for name in _ADDRESSES:
        if name in given:
            family, values[name] = _address(name, given[name])
            if values.setdefault("family", family) != family:
                raise ValueError(
                    "filter: %s: '%s' is of another family than the rest of the filter; one family goes together"
                    % (name, given[name])
                )
    for name, most in (*((port, 65535) for port in _PORTS), ("zone", 65535)):
        if name in given:
            values[name] = _number(name, given[name], most)
            if name in _PORTS and values.get("protocol", TCP) not in WITH_PORTS:
                raise ValueError(
                    "filter: %s: '%s' goes with no protocol but %s"
                    % (name, given[name], ", ".join(PROTOCOLS[number] for number in WITH_PORTS))
                )
    if "mark" in given:
        mark, slash, mask = str(given["mark"]).partition("/")
        values["mark"] = _number("mark", mark, 0xFFFFFFFF)
        if slash:
            values["mark_mask"] = _number("mark", mask, 0xFFFFFFFF)
    if "state" in given:
        values["state"] = _state(str(given["state"]), values.get("protocol"))
    return Filter(**values)


def _protocol(text: str) -> int:
    if text.lower() in _NUMBERS:
        return _NUMBERS[text.lower()]
    if text.isdecimal() and int(text) <= 255:
        return int(text)
    raise ValueError(
        "filter: protocol: '%s' is none of %s, nor a number from 0 to 255" % (text, ", ".join(sorted(_NUMBERS)))
    )


def _state(text: str, protocol: int | None) -> str:
    """A misspelt one would find nothing, and say nothing."""
    known = [words for number, words in STATES.items() if protocol in (None, number)]
    if not known:
        raise ValueError(
            "filter: state: '%s' goes with no protocol but %s"
            % (text, ", ".join(PROTOCOLS[number] for number in sorted(STATES)))
        )
    allowed = sorted({word for words in known for word in words})
    if text.upper() not in allowed:
        raise ValueError("filter: state: '%s' is not one of %s" % (text, ", ".join(allowed)))
    return text.upper()


def _address(name: str, text: str) -> tuple[int, bytes]:
    for family, kind in ((IPV4, socket.AF_INET), (IPV6, socket.AF_INET6)):
        try:
            there = socket.inet_pton(kind, text)
        except (OSError, ValueError):
            continue
        return (IPV4, there[len(_MAPPED) :]) if there.startswith(_MAPPED) else (family, there)
    raise ValueError("filter: %s: '%s' is no IPv4 or IPv6 address; networks are not taken" % (name, text))


def _number(name: str, given: t.Any, most: int) -> int:
    try:
        number = int(str(given), 0)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise ValueError("filter: %s: '%s' is no number from 0 to %d" % (name, given, most))
    return number
