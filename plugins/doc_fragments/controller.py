# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules have in common whose action plugin does all of the work, on the controller.

It comes before the fragment attributes: of two that say something of one attribute Ansible takes the first.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  action:
    support: full
    description: Has an action plugin, which does all of it; no module runs on the host.
  async:
    support: none
    description: Can be used with C(async).
  diff_mode:
    support: none
"""
