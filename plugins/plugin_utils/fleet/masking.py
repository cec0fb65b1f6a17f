# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as made-up names, the same one at each place, for reports that leave the house."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .rows import Row

# What may be an address, with a prefix or a zone; whether it is one the standard library says.
_MAYBE = re.compile(
    r"(?<![\w.:-])\[?((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*)(%[\w.-]+)?(/\d{1,3})?\]?(?![\w-])",
    re.IGNORECASE,
)


class Masked:
    """A way to rewrite rows; one for a whole report, as it remembers the names that it gave."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._numbers = {"address": 0, "network": 0}

    def row(self, row: Row) -> Row:
        return Row(*map(self._any, row))

    def text(self, text: str) -> str:
        return _MAYBE.sub(self._name, text)

    def _any(self, value: t.Any) -> t.Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (list, tuple)):
            return [self._any(each) for each in value]
        if isinstance(value, dict):
            return {name: self._any(each) for name, each in value.items()}
        return value

    def _name(self, found: re.Match[str]) -> str:
        written, _zone, prefix = found.groups()
        # A sentence may end right behind an address.
        address = written.rstrip(".") if ":" not in written else re.sub(r"(?<!:):$", "", written.rstrip("."))
        rest = written[len(address) :]
        try:
            exact = (
                str(ipaddress.ip_interface(address + (prefix or ""))) if prefix else str(ipaddress.ip_address(address))
            )
        except ValueError:
            return found[0]
        if exact not in self._known:
            kind = "network" if prefix else "address"
            self._numbers[kind] += 1
            self._known[exact] = "%s-%d" % (kind, self._numbers[kind])
        return self._known[exact] + rest
