# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name for a change, by which it can be undone alone."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  change:
    description:
      - A name for this change, such as that of a rollout, up to 64 letters, digits, dots, dashes and underscores.
      - With it the host keeps in C(/var/lib/netops-conntrack/last-change.json) what was there before this change,
        beside what was there before the first one. Runs of the same name are one change. The next change, of another
        name or of none, takes that record away.
      - M(netops.conntrack.conntrack_settings) with O(netops.conntrack.conntrack_settings#module:state=restored) and
        this name undoes this change only.
    type: str
"""
