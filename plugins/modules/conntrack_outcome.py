#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_outcome
short_description: Lets a host end as an earlier task ended that was passed over
version_added: 0.1.0
description:
  - A task with C(ignore_errors) and C(ignore_unreachable) lets a play go on to its report. This one comes after the
    report, and lets each host fail, or be unreachable, as it was then, so that recap and exit status of the run are as
    they should be.
  - It does nothing on a host where those tasks were successful, and connects to none.
options:
  of:
    description: Names of the variables that those tasks registered. One that is not there counts as successful.
    type: list
    elements: str
    required: true
attributes:
  action:
    support: full
    description: Has an action plugin, which does all of it; no module runs on the host.
  async:
    support: none
    description: Can be used with C(async).
  check_mode:
    support: full
    description: Can run in C(check_mode) and return what a run would do, without changing anything.
  diff_mode:
    support: none
    description: Returns what has changed, or would change, in C(--diff) mode.
  platform:
    support: full
    platforms: linux
    description: The operating systems the module works on.
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
  run_once: true

- name: Fail the hosts that did not answer
  netops.conntrack.conntrack_outcome:
    of: [gathered]
"""

RETURN = r"""
msg:
  description: What went wrong then, where it does.
  type: str
  returned: failure
  sample: "as above: Failed to connect to the host via ssh: Connection refused"
"""
