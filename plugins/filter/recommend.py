# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter netops.conntrack.recommend."""

from __future__ import annotations

DOCUMENTATION = r"""
name: recommend
short_description: Computes how large a connection-tracking table should be
version_added: 1.0.0
description:
  - The size that O(netops.conntrack.conntrack_settings#module:settings) gives to V(auto), with the reasons in words and
    figures.
  - Room for twice what is in use, four times where the table is full, as a power of two, within a memory budget. It is
    never below what is in use with headroom, below what is set now, or below the kernel's own default.
options:
  _input:
    description:
      - The facts, as in C(ansible_facts.conntrack), with the subsets V(limits), V(usage) and V(memory).
      - With V(log) it counts too that the table was full before, as it does for V(auto).
    type: dict
    required: true
  memory_percent:
    description:
      - How much of the host's memory a full table may take, in percent.
      - Entries are kernel memory that cannot be swapped out. The default leaves a host that does other work unharmed.
    type: float
    default: 5.0
  peak:
    description: The most entries ever seen in use, from your monitoring.
    type: int
seealso:
  - module: netops.conntrack.conntrack_settings
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: What would be a good size, with a tenth of the memory and a peak of 90000
  ansible.builtin.debug:
    msg: "{{ ansible_facts.conntrack | netops.conntrack.recommend(memory_percent=10, peak=90000) }}"
"""

RETURN = r"""
_value:
  description: The recommendation.
  type: dict
  contains:
    max:
      description: Entries the table should be allowed to hold.
      type: int
      returned: always
    buckets:
      description: Hash buckets that go with it.
      type: int
      returned: always
    bytes:
      description: Memory of a full table of this size.
      type: int
      returned: always
    share:
      description: That memory as a part of the RAM; V(null) where the RAM is unknown.
      type: float
      returned: always
    limited_by:
      description: What decided, V(use), V(memory) or V(current).
      type: str
      returned: always
    explanation:
      description: The reasons as sentences.
      type: list
      elements: str
      returned: always
"""

from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.netops.conntrack.plugins.module_utils import sizing
from ansible_collections.netops.conntrack.plugins.module_utils.facts import demand, log
from ansible_collections.netops.conntrack.plugins.module_utils.kernel import Kernel


def recommend(facts, memory_percent=sizing.MEMORY_PERCENT, peak=None):
    if not isinstance(facts, Mapping):
        raise AnsibleFilterError("recommend: the input is not the dictionary that conntrack_facts returns")
    for subset in ("kernel", "limits", "usage", "memory"):
        if subset not in facts:
            raise AnsibleFilterError("recommend: the facts lack %s; gather limits, usage and memory" % subset)
    try:
        percent = float(memory_percent)
    except (TypeError, ValueError):
        percent = 0
    if not 0 < percent <= 50:
        raise AnsibleFilterError("recommend: memory_percent %s is not above 0 and at most 50" % memory_percent)
    try:
        entries = None if peak is None else int(float(peak))
    except (TypeError, ValueError, OverflowError):
        entries = 0
    if entries is not None and not 0 < entries <= sizing.LARGEST:
        raise AnsibleFilterError("recommend: peak %s is not a number of entries from 1 to %d" % (peak, sizing.LARGEST))
    usage, limits = facts["usage"], facts["limits"]
    lines = log.unanswered(facts["log"])["lines"] if facts.get("log") else 0
    found = sizing.recommend(
        Kernel(**facts["kernel"]),
        usage["count"],
        limits["max"],
        limits["buckets"],
        peak=entries,
        full=demand.is_full(lines or 0, usage["ratio"]),
        object_size=facts["memory"]["object_size"],
        memory_percent=percent,
    )
    return {**found._asdict(), "explanation": list(found.explanation)}


class FilterModule:
    def filters(self):
        return {"recommend": recommend}
