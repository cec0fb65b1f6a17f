#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_outcome
short_description: Lets a host end as an earlier task ended that was passed over
version_added: 1.0.0
description:
  - A task with C(ignore_errors) and C(ignore_unreachable) lets a play go on to its report. This one comes after the
    report, and lets each host fail, or be unreachable, as it was then, so that recap and exit status of the run are as
    they should be.
  - It does nothing on a host where those tasks were successful, but for O(fail_on), and connects to none.
options:
  of:
    description: Names of the variables that those tasks registered. One that is not there counts as successful.
    type: list
    elements: str
    required: true
  once:
    description:
      - The same for tasks with C(run_once), whose outcome Ansible registers for each host. It counts for the first host
        of the play alone.
    type: list
    elements: str
    default: []
  fail_on:
    description:
      - Verdicts that fail the host too, where one of O(of) is what M(netops.conntrack.conntrack_facts) returned.
    type: list
    elements: str
    choices: [ok, pressure, full, was_full, not_tracking, race, host_owned, unknown]
    default: []
extends_documentation_fragment:
  - netops.conntrack.controller
  - netops.conntrack.attributes
seealso:
  - module: netops.conntrack.conntrack_report
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Read the state of connection tracking
  netops.conntrack.conntrack_facts:
  register: gathered
  ignore_errors: true
  ignore_unreachable: true

- name: Report on all hosts, those that did not answer too
  netops.conntrack.conntrack_report:
    html: /var/www/html/conntrack.html
    facts_result: gathered
  register: report
  ignore_errors: true
  run_once: true

- name: Fail the hosts that did not answer, and the run where there is no report
  netops.conntrack.conntrack_outcome:
    of: [gathered]
    once: [report]

- name: Fail those too whose table is full
  netops.conntrack.conntrack_outcome:
    of: [gathered]
    fail_on: [full]
"""

RETURN = r"""
msg:
  description: What went wrong then, where it does.
  type: str
  returned: failure
  sample: "as above: Failed to connect to the host via ssh: Connection refused"
"""
