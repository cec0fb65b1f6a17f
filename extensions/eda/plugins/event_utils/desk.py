# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where findings become events: what the limits let through. What is refused or held back is logged."""

from __future__ import annotations

import logging
import time
import typing as t

from . import finding
from .limits import Limits

LOG = logging.getLogger("netops.conntrack")


class Desk:
    """``now`` tells the time in epoch seconds."""

    def __init__(self, limits: Limits, now: t.Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._now = now

    def events(self, findings: t.Iterable[finding.Finding]) -> list[dict[str, t.Any]]:
        made = []
        for found in findings:
            decision = self._limits.decide(found.host, found.verdict, self._now())
            if not decision.launch:
                LOG.info("%s: %s again within its cool-down", found.host, found.verdict)
                continue
            if found.verdict == finding.FULL and not decision.tune:
                LOG.warning("%s: its table is full, and it is not tuned: %s", found.host, decision.why)
            made.append(finding.event(found, decision.tune))
        if made:
            self._save()
        return made

    def refuse(self, sentences: t.Iterable[str]) -> None:
        for sentence in sentences:
            LOG.warning("%s", sentence)

    def _save(self) -> None:
        try:
            self._limits.save()
        except OSError as error:
            LOG.error("state_file cannot be written, and the limits hold until a restart only: %s", error)
