#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_facts
short_description: Tells how full a host's connection-tracking table is, and why
version_added: 0.1.0
description:
  - Reads the state of connection tracking on a Linux host and returns it as RV(ansible_facts.conntrack), with a
    verdict, the evidence for it and advice.
  - Works on every kernel generation, V(ip_conntrack) and V(nf_conntrack), as a module or built in, on hosts and in
    containers. Nothing is loaded, written or sent.
  - What cannot be read is V(null) and named in RV(ansible_facts.conntrack.unread); it is never reported as zero.
options:
  gather_subset:
    description:
      - Which facts to gather. V(all) stands for every subset.
      - A subset that begins with C(!) is left out.
      - The verdict needs V(limits), V(usage), V(timeouts), V(statistics), V(memory) and V(log); it is left out where
        one of them is.
    type: list
    elements: str
    default: [all]
  interval:
    description:
      - Seconds between two readings of the counters, at most 300.
      - With an interval there are rates, the growth of the table and the time until it is full.
    type: int
    default: 0
extends_documentation_fragment:
  - netops.conntrack.attributes
  - netops.conntrack.attributes.facts
seealso:
  - module: netops.conntrack.conntrack_settings
notes:
  - An ordinary user sees the counters, but on most hosts neither the slab nor the kernel log; use C(become) for those.
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Gather everything about connection tracking
  netops.conntrack.conntrack_facts:

- name: Measure for ten seconds how fast the table fills
  netops.conntrack.conntrack_facts:
    interval: 10

- name: Only how full it is
  netops.conntrack.conntrack_facts:
    gather_subset: [limits, usage]

- name: Stop where the table is full
  ansible.builtin.assert:
    that: ansible_facts.conntrack.verdict.status != 'full'
"""

RETURN = r"""
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import probe
from ..module_utils.facts import usage
from ..module_utils.facts.gather import SUBSETS, gather
from ..module_utils.hosts.local import LocalHost


def chosen(asked: list[str]) -> list[str]:
    """The subsets asked for; raises ValueError for a word that is none."""
    excluded = {word[1:] for word in asked if word.startswith("!")}
    included = {word for word in asked if not word.startswith("!")} or {"all"}
    for word in sorted(excluded | included):
        if word not in (*SUBSETS, "all"):
            raise ValueError("gather_subset: '%s' is not one of all, %s" % (word, ", ".join(SUBSETS)))
    return [name for name in SUBSETS if (name in included or "all" in included) and name not in excluded]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "gather_subset": {"type": "list", "elements": "str", "default": ["all"]},
            "interval": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    interval = module.params["interval"]
    if not 0 <= interval <= 300:
        module.fail_json(msg="interval: %d is not a number of seconds from 0 to 300" % interval)
    try:
        subsets = chosen(module.params["gather_subset"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    host = LocalHost()
    snapshot = host.read(probe.items(subsets))
    if "usage" in subsets and usage.count(snapshot) is None:
        snapshot = snapshot.with_readings(dict(host.read(probe.TABLE).items()))
    later = None
    if interval:
        time.sleep(interval)
        later = snapshot.with_readings(dict(host.read(probe.COUNTERS).items()))
    module.exit_json(ansible_facts={"conntrack": gather(snapshot, subsets, later)})


if __name__ == "__main__":
    main()
