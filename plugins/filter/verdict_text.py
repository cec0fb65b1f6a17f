# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter netops.conntrack.verdict_text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: verdict_text
short_description: Turns conntrack facts into a few lines for a person
version_added: 1.0.0
description:
  - Says in a few lines what M(netops.conntrack.conntrack_facts) found, the verdict first, then the evidence, what to
    do,
    what the next boot changes, other programs that write these settings, and what could not be read.
options:
  _input:
    description: The facts, as in C(ansible_facts.conntrack).
    type: dict
    required: true
seealso:
  - module: netops.conntrack.conntrack_facts
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Show the verdict
  ansible.builtin.debug:
    msg: "{{ ansible_facts.conntrack | netops.conntrack.verdict_text }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.netops.conntrack.plugins.plugin_utils.verdict_text import lines


def verdict_text(facts):
    if not isinstance(facts, Mapping):
        raise AnsibleFilterError("verdict_text: the input is not the dictionary that conntrack_facts returns")
    return lines(facts)


class FilterModule:
    def filters(self):
        return {"verdict_text": verdict_text}
