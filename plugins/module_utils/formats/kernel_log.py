# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel logs when the table is full, in every wording, from the ring, the journal or a syslog file.

A new wording goes into _FULL or _SUPPRESSED, a new form of line into log_lines.py. Only the kernel's own
lines count, and only where the words open the message: other programs quote them. Source:
nf_conntrack_core.c, nf_conntrack_expect.c, their ip_conntrack ancestors, net/core/utils.c, lib/ratelimit.c;
a container's number ("VPS 101") is how OpenVZ kernels are reported to print it.
"""

from __future__ import annotations

import re

from .clock import Clock
from .log_events import Event, LogReading, merge, summary
from .log_lines import first_time, split, unstamped
from .log_words import KEEP

__all__ = ["Clock", "Event", "LogReading", "merge", "read", "summary"]

_FULL = re.compile(
    r"(?:<[0-9]{1,3}>)?(?P<text>(?P<generation>ip_conntrack|nf_conntrack): (?:(?:ip|nf)_conntrack: )?"
    r"(?:(?P<expectation>expectation table full)"
    r"|(?:(?:VPS|VE|CT) [0-9]{1,10}:? )?table full(?: in netns (?P<netns>[0-9]{1,18}))?, dropping packet\.?))"
)
_SUPPRESSED = re.compile(
    r"(?:<[0-9]{1,3}>)?(?P<text>(?:NET|printk|__ratelimit|net_ratelimit): (?P<count>[0-9]{1,18}) "
    r"(?:messages|callbacks) suppressed\.?)"
)
# syslogd's own line, which names no program; rsyslog's, which quotes the kernel's message.
_REPEATED = re.compile(r"(?:\S+: )?[Ll]ast message (?:'.*' )?repeated ([1-9][0-9]{0,8}) times?")
_QUOTED = re.compile(r"message repeated ([1-9][0-9]{0,8}) times?: \[ ?(.*)")


def read(text: str, clock: Clock) -> LogReading:
    """The events of one source, in its order, repeats expanded. Rotated pieces are read one by one.

    Times without a zone are taken at ``clock.utc_offset``, so that lines from the other side of a change to
    or from summer time are an hour off.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    events: list[Event] = []
    previous, repeatable = -2, None
    for number, line in enumerate(lines):
        if not line or not any(word in line for word in KEEP):
            continue
        when, stamp, message, kernel = split(line, clock)
        repeated = _REPEATED.match(message)
        found: list[Event] = []
        if repeated and not kernel:
            if repeatable and previous == number - 1:
                again = _times(repeatable, int(repeated.group(1)))
                found = [again._replace(when=when, stamp=None, since=events[-1].when)]
        elif kernel:
            found = _events(message, when, stamp)
        # Repeats of repeats are of the same message; a line of anybody else's is not ours to repeat.
        if found:
            events.extend(found)
            repeatable = repeatable if repeated and not kernel else found[-1]
            previous = number
    return LogReading(tuple(events), first_time(lines, clock), first_time(reversed(lines), clock), len(lines))


def _events(message: str, when: float | None, stamp: float | None) -> list[Event]:
    quoted = _QUOTED.match(message)
    if quoted:
        stamp, message = unstamped(quoted.group(2))
        return [_times(event, int(quoted.group(1))) for event in _events_of(message, when, stamp)]
    return _events_of(message, when, stamp)


def _events_of(message: str, when: float | None, stamp: float | None) -> list[Event]:
    held = _SUPPRESSED.match(message)
    if held:
        return [Event("suppressed", when, int(held.group("count")), None, None, held.group("text"), stamp)]
    events = []
    # Linux 2.6.24 ends the expectation line without a newline, and the next message follows on it.
    match = _FULL.match(message)
    while match:
        kind = "expectation_full" if match.group("expectation") else "table_full"
        netns = int(match.group("netns")) if match.group("netns") else None
        events.append(Event(kind, when, 1, netns, match.group("generation"), match.group("text"), stamp))
        match = _FULL.match(message, match.end())
    return events


def _times(event: Event, number: int) -> Event:
    return event._replace(count=event.count * number)
