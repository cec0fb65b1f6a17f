#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_rollout
short_description: Judges a batch of a rollout, and tells what became of every host
version_added: 1.0.0
description:
  - Looks at what the tasks of a change returned on each host of a play with C(serial), says whether the rollout goes on
    after this batch and which hosts are to be put back to what they were, and sums up what became of all hosts so far.
  - It is for a task with C(run_once), runs on the controller and connects to no host. The playbooks
    C(netops.conntrack.tune) and C(netops.conntrack.unload) use it.
options:
  results:
    description: Names of the variables that the tasks of the change registered. One that is not there was not run.
    type: list
    elements: str
    required: true
  taken_back:
    description: Name of the variable that the task registered which put hosts back.
    type: str
  max_fail_percentage:
    description: How many hosts of the batch may fail, in percent; one more ends the rollout.
    type: float
    default: 0.0
  playbook:
    description: What RV(artifact) calls the rollout.
    type: str
    default: tune
  rows:
    description: How many hosts RV(report) tells of at most; V(0) is all.
    type: int
    default: 100
extends_documentation_fragment:
  - netops.conntrack.controller
  - netops.conntrack.attributes
seealso:
  - module: netops.conntrack.conntrack_report
  - module: netops.conntrack.conntrack_settings
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Tune a host, then more and more at a time
  hosts: all
  gather_facts: false
  serial: [1, "10%", "100%"]
  ignore_unreachable: true
  tasks:
    - name: Set the connection-tracking settings
      netops.conntrack.conntrack_settings:
        settings:
          max: 262144
        change: rollout-42
        watch: 5
      register: tuned
      ignore_errors: true

    - name: Judge this batch
      netops.conntrack.conntrack_rollout:
        results: [tuned]
        max_fail_percentage: 10
      register: judged
      run_once: true

    - name: Put hosts back
      netops.conntrack.conntrack_settings:
        state: restored
        change: rollout-42
      when: inventory_hostname in judged.take_back

    - name: End here where too many failed
      ansible.builtin.fail:
        msg: "{{ judged.stopped }}"
      when: judged.stopped is not none
"""

RETURN = r"""
stopped:
  description: Why the rollout ends with this batch; V(null) where it goes on.
  type: str
  returned: success
  sample: 2 of the 4 hosts of this batch failed (node3, node4); conntrack_max_fail_percentage is 0
take_back:
  description:
    - Hosts of the batch to be put back to what they were, those that failed, and where the rollout ends the others that
      were changed. Not those to which nothing was done.
  type: list
  elements: str
  returned: success
  sample: [node2, node3, node4, node5]
well:
  description: Whether no host of this batch failed.
  type: bool
  returned: success
  sample: false
over:
  description: Whether no host is left to be tried, or the rollout ends here.
  type: bool
  returned: success
  sample: true
hosts:
  description: What became of each host so far, those first that somebody has to look at.
  type: list
  elements: dict
  returned: success
  contains:
    host:
      description: Its name in the inventory.
      type: str
    outcome:
      description:
        - V(failed), V(unreachable), V(taken_back), V(not_tried), V(changed) or V(unchanged). In check mode V(changed)
          is what would be changed.
      type: str
    changes:
      description: What was changed, settings with their values, files and modules.
      type: list
      elements: str
    why:
      description: Why it failed, or was not reached.
      type: str
    left:
      description: Why it could not be put back to what it was.
      type: str
    taken_back:
      description: Whether something was put back.
      type: bool
  sample:
    - changes: [udp_timeout 40 -> 20, /etc/sysctl.d/99-zz-netops-conntrack.conf]
      host: node2
      left: null
      outcome: taken_back
      taken_back: true
      why: null
totals:
  description: How many hosts there are of each outcome, and how many could not be put back.
  type: dict
  returned: success
  sample:
    by_outcome: {changed: 4, failed: 1, not_tried: 4, taken_back: 2, unchanged: 0, unreachable: 1}
    hosts: 12
    left: 1
report:
  description: The same as lines for a terminal.
  type: list
  elements: str
  returned: success
  sample:
    - taken back  node2
artifact:
  description: The same in short, for M(ansible.builtin.set_stats), with at most 1000 hosts.
  type: dict
  returned: success
"""
