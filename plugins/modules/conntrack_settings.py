#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_settings
short_description: Sets connection-tracking settings, at run time and over a boot, in one transaction
version_added: 1.0.0
description:
  - Sets any number of conntrack settings in the right order, reads each back from the kernel, and makes them stand
    after a boot.
  - Settings have one name on every kernel. V(max) is C(net.netfilter.nf_conntrack_max) on a kernel of today and
    C(net.ipv4.netfilter.ip_conntrack_max) on one of 2007; raw sysctl keys are taken too.
  - Every name and value is checked before anything is written. What cannot be applied is named with its reason, the
    rest is applied, and then the task fails unless O(may_skip) allows that reason.
  - Before its first change the module records the live values and the files it is about to touch in
    C(/var/lib/netops-conntrack/original.json), for O(state=restored).
options:
  settings:
    description:
      - Names and values. Timeouts are whole seconds, switches V(0), V(1) or booleans.
      - V(max) and V(buckets) also take V(auto), a size computed from what is in use and from the memory of the host.
      - V(max) also takes V(unlimited), which the kernel writes as V(0); a plain V(0) is refused because it is usually
        meant to turn tracking off, which it does not.
      - Required with O(state=present).
    type: dict
  state:
    description:
      - V(present) sets O(settings).
      - V(restored) brings back what was there before the first change, live values and files. A host that was never
        changed is left alone, and so is a file that somebody else changed since.
      - With O(change), V(restored) brings back what was there before the change of that name, where it was the last
        one, and leaves other hosts alone.
    type: str
    choices: [present, restored]
    default: present
  persist:
    description:
      - Make the values stand after a boot, when the module is loaded anew, and after a restart of the iptables service.
      - They go to a drop-in in C(/etc/sysctl.d) that ranks last, or to C(/etc/sysctl.conf) where the host reads only
        that, and the number of buckets also to the options of the module.
      - Where connection tracking is a module, a udev rule sets them again whenever it is loaded, and a host that tracks
        loads it before the sysctl files are read. Where a restart of the iptables service unloads it,
        C(IPTABLES_SYSCTL_LOAD_LIST) or C(IPTABLES_MODULES_UNLOAD) in C(/etc/sysconfig/iptables-config) is set.
      - Where another file will overrule them after the boot, a warning names it.
    type: bool
    default: true
  load:
    description:
      - Load connection tracking on a host that does not track, now and, with O(persist), at every boot. Without it such
        a host is only prepared, and its settings are reported as V(not_loaded).
      - Rules that need it load it by themselves. O(state=restored) takes the files back and leaves the module loaded
        until the next boot.
    type: bool
    default: false
  allow_lower:
    description:
      - Allow V(max) at or below the number of entries in use. The kernel then refuses new connections, and the one
        that Ansible uses may be among them.
    type: bool
    default: false
  confirm:
    description:
      - The host undoes the change by itself after so many seconds, unless Ansible confirms it over a fresh connection
        by then. A change that cuts new connections, such as a V(max) that is too low, then ends by itself.
      - From 5 to 3600; V(0) changes things without that. It matters only where a live value changes.
      - Files are written when the change is confirmed. So a reboot before that is a way back too, and where the change
        is undone nothing of it stands.
      - While a change waits, other runs that would change something are refused. Where it was undone the task fails,
        and so it does where the host cannot be reached; the next run says with a warning what became of the change.
      - Cannot be used with C(async).
    type: int
    default: 0
  memory_percent:
    description:
      - How much of the host's memory a full table may take, in percent, when V(max) is V(auto).
      - Entries are kernel memory that cannot be swapped out. The default leaves a host that does other work unharmed.
    type: float
    default: 5.0
  peak:
    description:
      - The most entries ever in use, as your monitoring has seen, when V(max) is V(auto). Where it is more than there
        are now, it counts in their place.
    type: int
    version_added: 1.1.0
  may_skip:
    description:
      - Reasons for which a setting may stay unapplied without failing the task.
      - V(not_loaded), the host does not track connections; the values are made to stand all the same.
      - V(unsupported), this kernel has no such setting.
      - V(read_only), the kernel or the mount does not let it be written here.
      - V(host_owned), it belongs to the host of this container.
      - V(would_lower), see O(allow_lower).
      - V(out_of_range), the kernel refused the value.
      - V(not_persistent), it is set, but nothing makes it stand after a boot.
      - V(changed_since), with O(state=restored), somebody else changed the file after this module did.
    type: list
    elements: str
    choices: [not_loaded, unsupported, read_only, host_owned, would_lower, out_of_range, not_persistent, changed_since]
    default: []
extends_documentation_fragment:
  - netops.conntrack.attributes
  - netops.conntrack.attributes.idempotent
  - netops.conntrack.transport.confirm
  - netops.conntrack.change
  - netops.conntrack.transport
seealso:
  - module: netops.conntrack.conntrack_facts
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: The old cure for a full table
  netops.conntrack.conntrack_settings:
    settings:
      max: 131072
      tcp_timeout_established: 216000

- name: Size the table from what is in use, with up to a tenth of the memory
  netops.conntrack.conntrack_settings:
    settings:
      max: auto
      buckets: auto
    memory_percent: 10

- name: Lower the limit of a remote host, and take that back unless new connections still come through
  netops.conntrack.conntrack_settings:
    settings:
      max: 65536
    confirm: 60

- name: Until the next boot only
  netops.conntrack.conntrack_settings:
    settings:
      udp_timeout: 20
    persist: false

- name: Make a host track that does not
  netops.conntrack.conntrack_settings:
    settings:
      max: 262144
    load: true

- name: The same for hosts, containers and old kernels
  netops.conntrack.conntrack_settings:
    settings:
      max: 262144
      helper: false
    may_skip: [host_owned, unsupported]

- name: As it was before the first change
  netops.conntrack.conntrack_settings:
    state: restored

- name: A change that can be undone by its name
  netops.conntrack.conntrack_settings:
    settings:
      max: 262144
    change: rollout-42

- name: As it was before that change
  netops.conntrack.conntrack_settings:
    state: restored
    change: rollout-42
"""

RETURN = r"""
msg:
  description: Why the task failed, or why there was nothing to undo by the name in O(change).
  type: str
  returned: failure, or when there is no change of that name on record
  sample: >-
    change: CHG-42 is not on record here, so nothing is undone: it has been undone, it was not made here, or another
    change came after it
settings:
  description: What became of each setting, by its canonical name. In check mode, what would become of it.
  type: dict
  returned: when the request could be understood
  contains:
    key:
      description: The sysctl key it has on this host.
      type: str
    before:
      description: The live value before; V(null) where there was none.
      type: int
    wanted:
      description: The value asked for, computed where it was V(auto).
      type: int
    after:
      description: The live value read back from the kernel, which rounds V(buckets) up to whole pages.
      type: int
    after_boot:
      description: The value after the next boot, from the files that are read then; V(null) where it cannot be told.
      type: int
    after_boot_source:
      description: The file that decides it, or C(kernel default).
      type: str
    overruled_by:
      description: The file that has the last word at the next boot and sets another value; V(null) where none does.
      type: str
    changed:
      description: Whether the live value or the value after a boot changed.
      type: bool
    reason:
      description: Why it is not applied, one of the choices of O(may_skip); V(null) where it is.
      type: str
    detail:
      description: The reason as a sentence.
      type: str
  sample:
    buckets:
      after: 100352
      after_boot: 100352
      after_boot_source: /etc/sysctl.d/99-zz-netops-conntrack.conf
      before: 262144
      changed: true
      detail: null
      key: net.netfilter.nf_conntrack_buckets
      overruled_by: null
      reason: null
      wanted: 100000
    tcp_timeout_established:
      after: 216000
      after_boot: 216000
      after_boot_source: /etc/sysctl.d/99-zz-netops-conntrack.conf
      before: 432000
      changed: true
      detail: null
      key: net.netfilter.nf_conntrack_tcp_timeout_established
      overruled_by: null
      reason: null
      wanted: 216000
sizing:
  description: How the size V(auto) was found, in sentences; empty where none was asked for.
  type: list
  elements: str
  returned: when the request could be understood
  sample:
    - >-
      36271 entries in use; the table was full, so more was wanted than is seen: room for 4 times that, as a power
      of two, is 262144.
    - 5 % of 1040 MiB RAM at 386 bytes an entry pays for 141258 entries; 131072 is taken.
    - A table of 131072 entries costs up to 48 MiB when full, 4.6 % of the RAM.
steps:
  description: What was done, or would be, in this order.
  type: list
  elements: dict
  returned: when the request could be understood
  contains:
    kind:
      description:
        - V(module) for a kernel module that was loaded, V(sysctl) for a value written to the kernel, V(file) for a file
          that was replaced.
      type: str
    path:
      description: The file written, or the module's folder below C(/sys/module).
      type: str
    setting:
      description: The setting it is for, V(null) where it is for several.
      type: str
    reason:
      description: Why.
      type: str
  sample:
    - kind: sysctl
      path: /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established
      reason: tcp_timeout_established is 432000
      setting: tcp_timeout_established
    - kind: file
      path: /etc/sysctl.d/99-zz-netops-conntrack.conf
      reason: so that the values stand after a boot
      setting: null
confirmed:
  description: Whether the change was confirmed over a fresh connection. V(false) only where the task failed.
  type: bool
  returned: when O(confirm) is set and a live value changed
  sample: true
confirm:
  description: The change waits for its confirmation. The action plugin takes this out when it has confirmed it.
  type: dict
  returned: from a run that bypasses the action plugin, when O(confirm) is set and a live value changed
  contains:
    token:
      description: What O(confirm_token) takes.
      type: str
    seconds:
      description: For how long the change waits.
      type: int
  sample:
    seconds: 60
    token: 0a1b2c3d4e5f6071
refused:
  description: Nothing was done, as the request makes no sense or the host does not allow it; the message says why.
  type: bool
  returned: where it is so
  sample: true
waits:
  description: For up to how many seconds from now an earlier change may still wait for its confirmation.
  type: int
  returned: when that is why nothing was changed
  sample: 41
health:
  description: What the host was like during O(watch).
  type: dict
  returned: when O(watch) is set and the live state changed
  contains:
    watched:
      description: For how many seconds.
      type: int
    verdict_before:
      description: The verdict before the change, as M(netops.conntrack.conntrack_facts) has it.
      type: str
    verdict_after:
      description: The verdict after it.
      type: str
    drops_per_second:
      description: Packets dropped a second meanwhile; V(null) where the kernel does not tell.
      type: float
    complaints:
      description: In what way the host is worse off, in sentences; empty where it is not.
      type: list
      elements: str
  sample:
    complaints: []
    drops_per_second: 0.0
    verdict_after: ok
    verdict_before: full
    watched: 2
transport:
  description: What served, V(python) or V(shell).
  type: str
  returned: always
  sample: python
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.calls import settings
from ..module_utils.hosts.of_module import finish


def main() -> None:
    module = AnsibleModule(argument_spec=settings.ARGUMENTS, supports_check_mode=True, **settings.CONSTRAINTS)
    finish(module, settings)


if __name__ == "__main__":
    main()
