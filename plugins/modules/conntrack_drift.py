#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_drift
short_description: Tells which hosts of a play left the state that is wanted of them, and why
version_added: 1.0.0
description:
  - Looks at what earlier tasks found out about each host of the play. Wanted is what conntrack_settings was asked for
    in check mode, or else what this collection was asked for last, which each host keeps on record.
  - A host drifted where a value differs now, or will after a boot, or where a file is missing that makes values stand.
  - It is for a task with C(run_once), runs on the controller and connects to no host. The playbook
    C(netops.conntrack.drift) uses it.
options:
  facts_result:
    description:
      - Name of the variable that the task with M(netops.conntrack.conntrack_facts) registered, with the subsets limits,
        timeouts and persistence, and with writers to tell which program resets a value.
    type: str
    required: true
  settings_result:
    description:
      - Name of the variable that a task with M(netops.conntrack.conntrack_settings) in check mode registered. Where it
        was skipped, what was asked for last counts.
    type: str
    required: true
  rows:
    description: How many hosts RV(report) tells of at most; V(0) is all.
    type: int
    default: 100
extends_documentation_fragment:
  - netops.conntrack.controller
  - netops.conntrack.attributes
seealso:
  - module: netops.conntrack.conntrack_facts
  - module: netops.conntrack.conntrack_settings
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Gather what stands now and after a boot
  netops.conntrack.conntrack_facts:
    gather_subset: [limits, timeouts, persistence, writers]
  register: gathered
  ignore_errors: true
  ignore_unreachable: true

- name: See what would have to be changed
  netops.conntrack.conntrack_settings:
    settings:
      max: 262144
  check_mode: true
  register: planned
  ignore_errors: true
  ignore_unreachable: true

- name: Tell which hosts drifted
  netops.conntrack.conntrack_drift:
    facts_result: gathered
    settings_result: planned
  register: drift
  run_once: true
"""

RETURN = r"""
drifted:
  description: Names of the hosts that left the wanted state.
  type: list
  elements: str
  returned: success
  sample: [gw2]
unknown:
  description: Names of the hosts of which it could not be found out, those that were unreachable among them.
  type: list
  elements: str
  returned: success
  sample: []
hosts:
  description: What was found out about each host, those first that somebody has to look at.
  type: list
  elements: dict
  returned: success
  contains:
    host:
      description: Its name in the inventory.
      type: str
    state:
      description: V(drifted), V(failed), V(unreachable), V(nothing_wanted) or V(as_wanted).
      type: str
    drift:
      description:
        - In what it drifted, each with V(setting), its value V(live), V(after_boot) and V(wanted), and V(why). The
          setting is V(null) where it is a file that is not as it should be.
      type: list
      elements: dict
    why:
      description: Why nothing was found out.
      type: str
totals:
  description: How many hosts there are of each state.
  type: dict
  returned: success
  sample:
    by_state: {as_wanted: 2, drifted: 1, failed: 0, nothing_wanted: 0, unreachable: 0}
    hosts: 3
report:
  description: The same as lines for a terminal.
  type: list
  elements: str
  returned: success
artifact:
  description: The same in short, for M(ansible.builtin.set_stats), with at most 1000 hosts.
  type: dict
  returned: success
"""
