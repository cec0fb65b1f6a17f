# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules come to a host: by its Python or by its shell."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  action:
    support: full
    description: Has an action plugin, which serves hosts that have no Python, or an old one, by their shell.
  async:
    support: partial
    description: Can be used with C(async).
    details: Only by the host's Python.
notes:
  - The variable C(conntrack_transport) says what serves. With V(python) the module runs on the host, as modules do.
    With V(shell) it runs on the controller, and any POSIX shell on the host, such as that of BusyBox, reads and writes
    for it. With V(auto), the default, it is Python where it is 3.8 or newer and new enough for this ansible-core, and
    the shell elsewhere, and the fact C(conntrack_transports) keeps which it was. Results are the same.
  - To Python the module goes over the input of the command that runs it, and leaves no file on the host, as with
    C(ansible_pipelining=true), where the connection can, become is none or sudo, and neither configuration nor a
    variable says something of pipelining.
  - By the shell, options that are paths are taken as they are, C(~) and C($HOME) are not expanded. Extended attributes
    of a file that is replaced are kept where the host's C(cp) knows C(--preserve).
"""

    CONFIRM = r"""
attributes:
  async:
    details: Only by the host's Python, and not together with O(confirm).
options:
  confirm_token:
    description:
      - For internal use. With it the module confirms the change that waits under this token.
      - The action plugin of this module passes it. Do not set it yourself.
    type: str
"""
