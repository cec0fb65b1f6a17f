# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line forms of a kernel log, and when each line was written.

The ring (``[ 2076.519004] text``), RFC 3164 syslog without year or zone, ISO or RFC 5424 syslog, journalctl's
short-iso. A new form goes into _HEADERS. Source: RFC 3164, RFC 5424, print_time in kernel/printk of Linux.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from .clock import Clock

_STAMP = re.compile(r"\[ *([0-9]{1,12}\.[0-9]{1,9})\](?:\[ *[TC][0-9]{1,10}\])? ?")
_RING = re.compile(r"(?:<[0-9]{1,3}>)?(?=\[ *[0-9]+\.[0-9])")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_HEADERS = (
    re.compile(
        r"(?:<[0-9]{1,3}>)?(?P<name>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) "
        r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2}) \S+ "
    ),
    re.compile(
        r"(?:<[0-9]{1,3}>1? ?)?(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[T ]"
        r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?"
        r" ?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})? \S+ "
    ),
)
_KERNEL = re.compile(r"(?:[a-z0-9]+\.[a-z]+ )?kernel(?:: *| - - (?:-|\[[^\]]*\]) )")

_EPOCH = datetime.datetime(1970, 1, 1)
_DAY = 86400
_YEAR_10000 = 253402300800


class Line(t.NamedTuple):
    """A line taken apart.

    ``when`` in epoch seconds or None, ``stamp`` the kernel's own seconds since boot or None, the ``message``
    after all that, and whether the ``kernel`` wrote it: what has no syslog header is from the ring.
    """

    when: float | None
    stamp: float | None
    message: str
    kernel: bool


def split(line: str, clock: Clock) -> Line:
    for header in _HEADERS:
        match = header.match(line)
        if match:
            rest = line[match.end() :]
            tag = _KERNEL.match(rest)
            if not tag:
                return Line(_time(match.groupdict(), clock), None, rest, False)
            stamp, message = unstamped(rest[tag.end() :])
            return Line(_time(match.groupdict(), clock), stamp, message, True)
    ring = _RING.match(line)
    stamp, message = unstamped(line[ring.end() :] if ring else line)
    if stamp is None or clock.uptime is None or not _known(clock):
        return Line(None, stamp, message, True)
    return Line(clock.now - clock.uptime + stamp, stamp, message, True)


def unstamped(message: str) -> tuple[float | None, str]:
    """The kernel's stamp at the head of a message, and the rest."""
    match = _STAMP.match(message)
    return (float(match.group(1)), message[match.end() :]) if match else (None, message)


def first_time(lines: t.Iterable[str], clock: Clock) -> float | None:
    """The time of the first line that has one."""
    moments = (split(line, clock).when for line in lines if line)
    return next((moment for moment in moments if moment is not None), None)


def _known(clock: Clock) -> bool:
    return clock.now is not None and 0 < clock.now < _YEAR_10000


def _time(parts: dict[str, str | None], clock: Clock) -> float | None:
    """Epoch seconds of a syslog header, or None. Without a year: the latest not over a day ahead."""
    # A leap second is the second before it: datetime knows none.
    day, hour, minute, second = (int(parts[name] or 0) for name in ("day", "hour", "minute", "second"))
    clocktime = (day, hour, minute, min(second, 59))
    if "year" in parts:
        moment = _epoch(int(parts["year"] or 0), int(parts["month"] or 0), *clocktime)
        if moment is None:
            return None
        zone = parts["zone"]
        offset = clock.utc_offset
        if zone:
            offset = 0 if zone == "Z" else int(zone[0] + "1") * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
        return moment - offset + float("0." + (parts["fraction"] or "0"))
    month, odd = divmod(_MONTHS.find(parts["name"] or ""), 3)
    if odd or month < 0 or not _known(clock):
        return None
    year = 1970 + int((clock.now + clock.utc_offset) // (365.2425 * _DAY))
    # One year ahead for a line of tomorrow's, eight back for the 29th of February.
    for candidate in range(year + 1, year - 9, -1):
        moment = _epoch(candidate, month + 1, *clocktime)
        if moment is not None and moment - clock.utc_offset <= clock.now + _DAY:
            return moment - clock.utc_offset
    return None


def _epoch(*parts: int) -> float | None:
    try:
        return (datetime.datetime(*parts) - _EPOCH).total_seconds()
    except ValueError:
        return None
