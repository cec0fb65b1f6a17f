# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alert or a line of the log says: which host's table is full, or nearly. The event that is made of it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import words

from . import host_names

PRESSURE, FULL = "pressure", "full"
# The worst last.
VERDICTS = (PRESSURE, FULL)

_LONGEST = 200
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,18}(?:Z|[+-][0-9]{2}:[0-9]{2})")


class Finding(t.NamedTuple):
    """``usage`` is the share in use, or None; ``time`` is in ISO 8601, or None."""

    host: str
    verdict: str
    usage: float | None
    source: str
    message: str
    time: str | None


def event(finding: Finding, tune: bool) -> dict[str, t.Any]:
    """``meta.hosts`` is what ansible-rulebook limits every run by that this event starts."""
    return {
        "conntrack": {**finding._asdict(), "tune": tune},
        "meta": {"hosts": host_names.limit_to(finding.host)},
    }


def plain(text: t.Any) -> str:
    """A text of others that is only a text: ansible-rulebook hands events to plays, where a brace can be a template."""
    if not isinstance(text, str):
        return ""
    return words.visible(text[:_LONGEST]).replace("{", "(").replace("}", ")")


def moment(text: t.Any) -> str | None:
    return text if isinstance(text, str) and _MOMENT.fullmatch(text) else None
