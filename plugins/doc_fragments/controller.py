# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules have in common whose action plugin does all of the work, on the controller."""

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
"""
