# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was launched, when and for which host: one record for all sources, and a file to keep it."""

from __future__ import annotations

import json
import math
import typing as t

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import writing

from .finding import VERDICTS

_VERSION = 1
OPENED: dict[str, Record] = {}


class Record:
    """``launched``: host -> (time, verdict); ``tuned``: host -> time. Times are in epoch seconds."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.launched: dict[str, tuple[float, str]] = {}
        self.tuned: dict[str, float] = {}

    def forget(self, before: float) -> None:
        self.launched = {host: last for host, last in self.launched.items() if last[0] >= before}
        self.tuned = {host: time for host, time in self.tuned.items() if time >= before}

    def save(self) -> None:
        """Raises OSError. Without a file there is nothing to do."""
        if self.path:
            kept = {"version": _VERSION, "launched": self.launched, "tuned": self.tuned}
            writing.write(self.path, [json.dumps(kept, indent=1), "\n"], 0o600)


def of(path: str) -> Record:
    """The record in this file; ``""`` is one that is not kept. Raises ValueError where it cannot be read or written.

    There is one of each in a process, so that what one source launches counts for the others.
    """
    if path not in OPENED:
        record = Record(path)
        try:
            _read(record)
            record.save()
        except OSError as error:
            raise ValueError("state_file: %s cannot be used: %s" % (path, error.strerror)) from error
        OPENED[path] = record
    return OPENED[path]


def _read(record: Record) -> None:
    if not record.path:
        return
    try:
        with open(record.path, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        text = "?"
    # An empty file is one that somebody made for it.
    if not text.strip():
        return
    try:
        kept = json.loads(text)
        if kept["version"] != _VERSION:
            raise ValueError(kept["version"])
        record.launched = {
            str(host): (_time(time), _verdict(verdict)) for host, (time, verdict) in kept["launched"].items()
        }
        record.tuned = {str(host): _time(time) for host, time in kept["tuned"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            "state_file: %s is not what these sources keep there; name another file, or remove it, which forgets the "
            "cool-downs" % record.path
        ) from error


def _time(value: t.Any) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _verdict(value: t.Any) -> str:
    if value not in VERDICTS:
        raise ValueError(value)
    return value
