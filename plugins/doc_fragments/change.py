# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change is made so that a rollout can judge it and take it back."""

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
  watch:
    description:
      - Look for so many seconds, up to 300, at a host whose live state was changed, and fail where it is worse off than
        before. V(0) is without that.
      - It is worse off where its verdict is worse, where it drops packets within that time, or where something on the
        host resets a value that was set.
    type: int
    default: 0
"""
