# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a host is to fail in the end: what an earlier task of it failed of, or a verdict that nobody wants."""

from __future__ import annotations

import typing as t

from . import given, of_hosts
from .rows import complaint


def failures(results: t.Sequence[t.Mapping[t.Any, t.Any]], fail_on: t.Collection[str]) -> t.Iterator[str]:
    for result in results:
        if result.get("failed"):
            yield "as above: %s" % complaint(result)
    for result in results:
        verdict = given.mapping(given.mapping(of_hosts.facts(result)).get("verdict"))
        if verdict.get("status") in fail_on:
            yield "%s: %s" % (verdict["status"], given.text(verdict.get("summary")))
