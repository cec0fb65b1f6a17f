# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role and the playbooks, and those that look like one of them, misspelt.

Ansible does not tell of a variable that nothing reads, and what was meant by it would count as not given: all would be
undone, and not the one change that was named.
"""

from __future__ import annotations

import difflib
import typing as t

PREFIX = "conntrack_"
OF_ROLE = (
    "allow_lower", "artifacts", "artifacts_key", "backup", "change", "confirm", "deny", "helpers_only",
    "iptables_modules", "load", "max_fail_percentage", "may_skip", "memory_percent", "modules_load", "peak", "persist",
    "reboot", "reboot_timeout", "roll_back", "settings", "state", "table", "table_options", "transport", "unload_when",
    "watch",
)  # fmt: skip
OF_PLAYBOOKS = (
    "fail_on", "hosts", "interval", "report_csv", "report_html", "report_json", "report_options", "report_prometheus",
    "serial",
)  # fmt: skip
# What this collection itself puts beside them.
_OTHERS = frozenset(("transports",))
# So much alike that a letter is missing, too many or another; a site's own variables are not meant by that.
_ALIKE = 0.85
# In words as short as change, a letter makes them less alike than that; in shorter ones it makes another word.
_SHORT = 6


def told(names: t.Iterable[str]) -> t.Iterator[str]:
    """A sentence for each of the names that is likely to be one of ours, misspelt."""
    known = OF_ROLE + OF_PLAYBOOKS
    for name in sorted(names):
        rest = name[len(PREFIX) :]
        if not name.startswith(PREFIX) or rest in known or rest in _OTHERS:
            continue
        alike = difflib.get_close_matches(rest, known, 1, _ALIKE) or [each for each in known if _slip(rest, each)]
        if alike:
            yield "%s is no variable of netops.conntrack; there is %s%s" % (name, PREFIX, alike[0])


def _slip(name: str, known: str) -> bool:
    """Whether two neighbouring letters are swapped, or one letter is another."""
    if len(name) != len(known):
        return False
    wrong = [place for place, (one, other) in enumerate(zip(name, known)) if one != other]
    if len(wrong) == 2:
        first, second = wrong
        return second == first + 1 and name[first : second + 1] == known[second] + known[first]
    return len(wrong) == 1 and len(name) >= _SHORT
