#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_reboot
short_description: Reboots a host by its shell, and waits until it is back and as healthy as before
version_added: 1.0.0
description:
  - For hosts without a usable Python, which M(ansible.builtin.reboot) needs. It takes a POSIX shell on the host, such
    as that of BusyBox, over any connection but a local one, with any become.
  - The host is back when it answers over a fresh connection and says that this is another boot
    (C(/proc/sys/kernel/random/boot_id)). On a host with systemd, C(systemctl is-system-running) must then say
    C(running) or C(degraded).
  - It fails where the host is not told to reboot, is not back in time, or has a failed unit that had not failed before.
options:
  timeout:
    description: How many seconds it may take altogether, the boot and what is started by it. At least 1.
    type: int
    default: 600
extends_documentation_fragment:
  - netops.conntrack.controller
  - netops.conntrack.attributes
seealso:
  - module: ansible.builtin.reboot
  - module: netops.conntrack.conntrack_unload
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Reboot a host that has no Python
  netops.conntrack.conntrack_reboot:

- name: Reboot one that takes its time
  netops.conntrack.conntrack_reboot:
    timeout: 1800
"""

RETURN = r"""
rebooted:
  description: Whether the host has booted anew; V(false) in check mode.
  type: bool
  returned: success
  sample: true
elapsed:
  description: How many seconds it took, or was waited for.
  type: int
  returned: success
  sample: 34
failed_units:
  description: The units of systemd that have failed since the reboot and had not before; where there are any, the
    module fails.
  type: list
  elements: str
  returned: success
  sample: []
"""
