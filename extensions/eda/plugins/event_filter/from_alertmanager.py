# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event filter for ansible-rulebook: makes events of posts of Alertmanager that another source received."""

from __future__ import annotations

import pathlib
import sys
import typing as t

# ansible-rulebook runs this file by its path, and knows nothing of collections in Python's way.
sys.path.append(str(pathlib.Path(__file__).parents[7]))

from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import alerts, options  # noqa: E402

DOCUMENTATION = r"""
---
short_description: Alerts of Alertmanager that another source received
description:
  - For event streams of the EDA controller and for C(eda.builtin.webhook), which is the source whose port the
    controller opens. The post of Alertmanager is expected in C(payload), where both put it.
  - The events and the limits are those of the source C(netops.conntrack.alertmanager).
  - ansible-rulebook puts no variables into the options of a filter, and they are looked at when the first event comes.
options:
  alerts:
    description: The names of the alerts that count, each with its verdict, V(full) or V(pressure).
    type: dict
    default:
      ConntrackTableFull: full
      ConntrackTablePressure: pressure
      NodeHighNumberConntrackEntriesUsed: pressure
      HostConntrackLimit: pressure
  host_label:
    description: The label that has the name of the host as the inventory knows it. A port behind it is taken off.
    type: str
    default: instance
  cool_down:
    description: Seconds for which a host that had an event has no other one, unless it is worse.
    type: int
    default: 1800
  tunes_per_hour:
    description: How many hosts an hour may be tuned. V(0) is none.
    type: int
    default: 5
  state_file:
    description: A file in which the limits are kept over a restart. It is shared by the sources that name it. Without
      it they hold for as long as ansible-rulebook runs.
    type: str
"""

EXAMPLES = r"""
- name: Full connection-tracking tables
  hosts: all
  sources:
    - name: alertmanager
      eda.builtin.webhook:
        host: 0.0.0.0
        port: 5001
        token: "{{ conntrack_token }}"
      filters:
        - netops.conntrack.from_alertmanager:
            host_label: nodename
  rules:
    - name: Diagnose
      condition: event.conntrack is defined
      action:
        run_job_template:
          name: Diagnose connection tracking
          organization: Default
"""


def main(event: dict[str, t.Any], **args: t.Any) -> list[dict[str, t.Any]]:
    given = options.given(args, (*options.ALERTS, *options.LIMITS))
    desk = options.desk(given)
    try:
        findings, refused = alerts.read(event.get("payload"), options.verdicts(given), options.host_label(given))
    except alerts.NotAlerts as error:
        # An exception could end the source.
        findings, refused = [], ["a post was passed over: %s" % error]
    desk.refuse(refused)
    return desk.events(findings)
