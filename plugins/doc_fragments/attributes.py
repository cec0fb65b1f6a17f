# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules have in common: their attributes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return what a run would do, without changing anything.
  diff_mode:
    support: full
    description: Returns what has changed, or would change, in C(--diff) mode.
  platform:
    support: full
    platforms: linux
    description: The operating systems the module works on.
"""

    IDEMPOTENT = r"""
attributes:
  idempotent:
    support: full
    description: A second run with the same options changes nothing.
"""

    FACTS = r"""
attributes:
  diff_mode:
    support: none
  facts:
    support: full
    description: Returns C(ansible_facts).
"""
