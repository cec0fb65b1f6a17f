#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iptables_config
short_description: Takes modules out of what the iptables scripts load, and puts them back
version_added: 1.0.0
description:
  - Edits C(IPTABLES_MODULES) in C(/etc/sysconfig/iptables-config) and C(IP6TABLES_MODULES) in
    C(/etc/sysconfig/ip6tables-config), as the shell reads these files.
  - The last of several assignments, quotes, continuations and C("$IPTABLES_MODULES more") are understood; a line that
    cannot be edited safely is refused with its number. Every byte outside the edited lines stays.
  - A new file must pass C(sh -n) before it replaces the old one. Nothing is loaded, unloaded or restarted; the change
    takes effect when the script runs next, usually at the next boot.
  - The first content of each file is recorded, for O(netops.conntrack.conntrack_settings#module:state=restored).
options:
  modules:
    description:
      - Names of kernel modules. A dash and an underscore are the same.
      - Where it is left out, O(state=commented) comments every assignment whatever it lists, and O(state=present)
        undoes the latest comment. O(state=absent) needs it.
    type: list
    elements: str
  state:
    description:
      - With V(commented) the modules are not loaded any more and the old line stays as a comment, above a line with the
        modules that remain, if any do.
      - With V(absent) the modules are taken out of the list in its place.
      - With V(present) commented lines come back to the byte. Modules that no file speaks of are added to the first.
    type: str
    choices: [commented, absent, present]
    default: commented
  paths:
    description:
      - The files to edit. One that does not exist is passed over.
      - In a file whose name begins with C(ip6) the variable is C(IP6TABLES_MODULES).
    type: list
    elements: path
    default: [/etc/sysconfig/iptables-config, /etc/sysconfig/ip6tables-config]
  backup:
    description: Keep a copy with a time stamp beside each file that is changed.
    type: bool
    default: false
extends_documentation_fragment:
  - netops.conntrack.attributes
  - netops.conntrack.attributes.idempotent
  - netops.conntrack.transport
seealso:
  - module: netops.conntrack.conntrack_settings
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Do not load the NetBIOS helper any more
  netops.conntrack.iptables_config:
    modules: [ip_conntrack_netbios_ns]

- name: Comment out the whole line
  netops.conntrack.iptables_config:
    state: commented
    backup: true

- name: Put the helper back
  netops.conntrack.iptables_config:
    modules: [ip_conntrack_netbios_ns]
    state: present
"""

RETURN = r"""
refused:
  description: Nothing was done, as the request makes no sense or the host does not allow it; the message says why.
  type: bool
  returned: where it is so
  sample: true
files:
  description: For each path of O(paths), what the script loads from it.
  type: dict
  returned: success
  contains:
    before:
      description: The modules it listed; V(null) where there is no such file.
      type: list
      elements: str
    after:
      description: The modules it lists now, or would.
      type: list
      elements: str
    changed:
      description: Whether the file changed.
      type: bool
  sample:
    /etc/sysconfig/ip6tables-config:
      after: null
      before: null
      changed: false
    /etc/sysconfig/iptables-config:
      after: []
      before: [ip_conntrack_netbios_ns]
      changed: true
still_loaded:
  description: Of the modules taken out, by this run or an earlier one, those that the kernel still holds.
  type: list
  elements: str
  returned: success
  sample: [ip_conntrack_netbios_ns]
reboot_required:
  description: Whether one of them is still loaded. Nothing is rebooted.
  type: bool
  returned: success
  sample: true
steps:
  description: What was done, or would be.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: Always V(file).
      type: str
    path:
      description: The file replaced.
      type: str
    setting:
      description: Always V(null).
      type: str
    reason:
      description: Why.
      type: str
  sample:
    - kind: file
      path: /etc/sysconfig/iptables-config
      reason: so that the script loads them no more
      setting: null
backup_files:
  description: The copies kept, by the path of the file.
  type: dict
  returned: success
  sample:
    /etc/sysconfig/iptables-config: /etc/sysconfig/iptables-config.30444.2026-11-22@16:41:29~
transport:
  description: What served, V(python) or V(shell).
  type: str
  returned: always
  sample: python
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.calls import iptables_config
from ..module_utils.hosts.of_module import finish


def main() -> None:
    module = AnsibleModule(
        argument_spec=iptables_config.ARGUMENTS, supports_check_mode=True, **iptables_config.CONSTRAINTS
    )
    finish(module, iptables_config)


if __name__ == "__main__":
    main()
