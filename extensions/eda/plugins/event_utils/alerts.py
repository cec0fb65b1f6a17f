# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Alertmanager posts (version 4 of its webhook): the firing alerts that were chosen, as findings.

What else is in it is left alone: resolved alerts, alerts of other names, further fields.
"""

from __future__ import annotations

import math
import typing as t

from . import host_names
from .finding import FULL, PRESSURE, Finding, moment, plain

# Those of docs/events.md, of the mixin of node_exporter, and of the widely used collection of alert rules.
USUAL = {
    "ConntrackTableFull": FULL,
    "ConntrackTablePressure": PRESSURE,
    "NodeHighNumberConntrackEntriesUsed": PRESSURE,
    "HostConntrackLimit": PRESSURE,
}


class NotAlerts(ValueError):
    """The sentence says why this is not what Alertmanager posts."""


def read(body: t.Any, verdicts: t.Mapping[str, str], host_label: str) -> tuple[list[Finding], list[str]]:
    """The findings, and a sentence for each alert that was refused. ``verdicts``: name of an alert -> its verdict."""
    findings, refused = [], []
    for alert in _alerts(body):
        labels = _mapping(alert, "labels")
        name = labels.get("alertname")
        if alert.get("status") != "firing" or not isinstance(name, str) or name not in verdicts:
            continue
        try:
            if host_label not in labels:
                raise host_names.Refused("it has no label %s (host_label)" % host_label)
            host = host_names.host_of(labels[host_label])
        except host_names.Refused as error:
            refused.append("an alert %s was refused: %s" % (name, error))
            continue
        notes = _mapping(alert, "annotations") if alert.get("annotations") else {}
        findings.append(
            Finding(
                host,
                verdicts[name],
                _usage(notes.get("usage")),
                "alertmanager",
                plain(notes.get("summary") or notes.get("description") or name),
                moment(alert.get("startsAt")),
            )
        )
    return findings, refused


def _alerts(body: t.Any) -> list[dict[str, t.Any]]:
    if not isinstance(body, dict):
        raise NotAlerts("the body is no JSON object")
    if body.get("version") != "4":
        raise NotAlerts("version: %s, and only version 4 is known" % host_names.shown(body.get("version")))
    alerts = body.get("alerts")
    if not isinstance(alerts, list) or not all(isinstance(alert, dict) for alert in alerts):
        raise NotAlerts("alerts is no list of objects")
    return alerts


def _mapping(alert: dict[str, t.Any], key: str) -> dict[str, t.Any]:
    value = alert.get(key)
    if not isinstance(value, dict):
        raise NotAlerts("%s of an alert is no object" % key)
    return value


def _usage(note: t.Any) -> float | None:
    try:
        usage = float(note if isinstance(note, str) else "")
    except ValueError:
        return None
    return usage if math.isfinite(usage) and usage >= 0 else None
