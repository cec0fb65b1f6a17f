#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_unload
short_description: Takes connection tracking off a host, or its helpers, where nothing needs it
version_added: 1.0.0
description:
  - Finds everything that holds connection tracking (modules and their users, rules of iptables and nftables in every
    network namespace, Open vSwitch, IPVS, traffic control, translated connections) and everything that loads it at
    boot, and plans from that.
  - Where nothing holds it, or only leftovers such as modules without a rule and empty chains of type nat, the modules
    are unloaded one by one, users first. Where something needs it the task fails, nothing is changed, and the
    message quotes the rule, says what would break and what you would have to change.
  - Then it is kept off at the next boot, by C(IPTABLES_MODULES) in C(/etc/sysconfig/iptables-config) and its IPv6 twin,
    by removing the files with which this collection loads it, and by what O(modules_load) and O(deny) ask for.
  - No rule is ever flushed, no module that others need too is touched (C(bridge), C(br_netfilter), C(openvswitch),
    C(ip_vs)), nothing is forced, and nothing is rebooted.
  - Where connection tracking is built into the kernel it cannot be unloaded. The task fails if something makes it
    track, and says what; otherwise it tracks nothing anyway.
  - What was there first is recorded. O(netops.conntrack.conntrack_settings#module:state=restored) brings files, modules
    and values back.
options:
  when:
    description:
      - V(now) unloads it now and keeps it off at the next boot.
      - V(boot) only prepares the next boot. It is refused where something that the plan cannot take out will load it
        then all the same.
    type: str
    choices: [now, boot]
    default: now
  helpers_only:
    description:
      - Take away only the helper modules (C(nf_conntrack_ftp), C(ip_conntrack_netbios_ns) and the like) with their NAT
        parts, and leave the core.
      - A warning names each helper that is at work; a rule that assigns one is a reason to refuse.
    type: bool
    default: false
  iptables_modules:
    description:
      - Modules that the iptables scripts shall not load any more. Where it is left out, every module of connection
        tracking that the files list, or with O(helpers_only) every helper.
      - An empty list stands for the whole line, whatever it lists.
      - A file that cannot be understood as the shell reads it fails the task where this option is given. Otherwise it
        is left alone, with a warning.
    type: list
    elements: str
  modules_load:
    description:
      - Files of others whose lines that load connection tracking are commented out, C(/etc/modules) or files in
        C(/etc/modules-load.d). A file that does not exist is passed over.
    type: list
    elements: path
    default: []
  deny:
    description:
      - What C(/etc/modprobe.d/zz-netops-conntrack-off.conf) tells modprobe of the core, or with O(helpers_only) of the
        helpers. V(none) writes no such file.
      - With V(blacklist) no rule loads the modules by itself any more; modprobe by name still does.
      - With V(install) they cannot be loaded at all, and neither can anything that needs them.
      - With either, a firewall with a stateful rule or NAT is not loaded, or not all of it, and may leave the host open
        or unreachable at the next boot. So it is refused as long as a rule in sight, live or saved, needs tracking;
        rules that come later fail when they are loaded.
    type: str
    choices: [none, blacklist, install]
    default: none
  confirm:
    description:
      - The host loads the modules again by itself after so many seconds, and puts their values back, unless Ansible
        confirms over a fresh connection by then that all is well. Files are written only then.
      - From 5 to 3600; V(0) unloads without that. It matters only where a module is unloaded, so not with O(when=boot).
        Cannot be used with C(async).
    type: int
    default: 0
  backup:
    description: Keep a copy with a time stamp beside each file that is changed.
    type: bool
    default: false
extends_documentation_fragment:
  - netops.conntrack.attributes
  - netops.conntrack.attributes.idempotent
  - netops.conntrack.transport.confirm
  - netops.conntrack.change
  - netops.conntrack.transport
seealso:
  - module: netops.conntrack.iptables_config
  - module: netops.conntrack.conntrack_settings
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Say who holds connection tracking and whether it can be unloaded
  netops.conntrack.conntrack_unload:
  check_mode: true
  register: plan
  failed_when: false

- name: Take it off, and let the host load it again if it cannot be reached then
  netops.conntrack.conntrack_unload:
    confirm: 60

- name: Prepare the next boot, also where a package's file loads it early
  netops.conntrack.conntrack_unload:
    when: boot
    modules_load: [/etc/modules]

- name: Only the helpers
  netops.conntrack.conntrack_unload:
    helpers_only: true
"""

RETURN = r"""
answer:
  description:
    - V(not_loaded), there is nothing to do. V(nothing_holds) and V(leftovers), it can be unloaded.
    - V(needed), something needs it, or stands in the way. V(built_in), the kernel cannot unload it.
  type: str
  returned: always
  sample: needed
loaded:
  description: Whether connection tracking is loaded, or built in, now.
  type: bool
  returned: always
  sample: true
holders:
  description: Who holds it; those that stand in the way first.
  type: list
  elements: dict
  returned: always
  contains:
    kind:
      description:
        - V(rule), V(module), V(reference), V(connections), V(chain), V(helper), V(working_helper), V(container),
          V(unread) or V(note).
      type: str
    name:
      description: What it is.
      type: str
    evidence:
      description: The rule, or what else tells of it.
      type: str
    breaks:
      description: What would break without tracking.
      type: str
    change:
      description: What you would have to change.
      type: str
    needs:
      description: Whether it stands in the way.
      type: bool
    namespace:
      description: The other network namespace that it is in, or V(null).
      type: str
    brought_back_by:
      description: The file, or the program, that makes it again, where one is known.
      type: str
  sample:
    - breaks: packets are no longer told apart by the connection they belong to, so this rule cannot work
      brought_back_by: /etc/nftables.conf
      change: replace it by a rule without state, such as accepting TCP packets that are no SYN, or leave tracking on
      evidence: ct state established,related accept
      kind: rule
      name: nft inet filter input
      namespace: null
      needs: true
returns_at_boot:
  description: What will load it at the next boot all the same.
  type: list
  elements: dict
  returned: always
  contains:
    source:
      description: The file or the service.
      type: str
    kind:
      description: Which way of loading it is.
      type: str
    loads:
      description: The module, or what needs it.
      type: str
    evidence:
      description: The line, the rule, or what says that the service is enabled.
      type: str
    change:
      description: What to do to stop it.
      type: str
  sample:
    - change: take the rules that need tracking out of /etc/nftables.conf, or turn the service off (systemctl disable
        nftables, or chkconfig off)
      evidence: >-
        nft inet filter input: ct state established,related accept; it starts at boot by
        /etc/systemd/system/sysinit.target.wants/nftables.service
      kind: rules
      loads: rules that need connection tracking
      source: /etc/nftables.conf
unload_order:
  description: The modules in the order in which they are unloaded.
  type: list
  elements: str
  returned: always
  sample:
    - nft_ct
    - nf_conntrack
    - nf_defrag_ipv6
    - nf_defrag_ipv4
modules:
  description: The modules that exist for connection tracking alone and are loaded, C(before) and C(after).
  type: dict
  returned: always
  sample:
    after: []
    before:
      - nft_ct
      - nf_conntrack
reboot_required:
  description: Whether they are still loaded and the next boot will be without them. Nothing is rebooted.
  type: bool
  returned: always
  sample: false
report:
  description: The plan in lines for people.
  type: list
  elements: str
  returned: always
  sample:
    - "answer: connection tracking is needed, and not unloaded"
    - >-
      needs it: nft inet filter input: ct state established,related accept; without tracking: packets are no longer told
      apart by the connection they belong to, so this rule cannot work; to change: replace it by a rule without state,
      such as accepting TCP packets that are no SYN, or leave tracking on; brought back by /etc/nftables.conf
    - >-
      brought back at boot by /etc/nftables.conf: nft inet filter input: ct state established,related accept; it starts
      at boot by /etc/systemd/system/sysinit.target.wants/nftables.service (to stop that, take the rules that need
      tracking out of /etc/nftables.conf, or turn the service off (systemctl disable nftables, or chkconfig off))
steps:
  description: What was done, or would be.
  type: list
  elements: dict
  returned: always
  contains:
    kind:
      description: V(unload), V(chain) or V(file).
      type: str
    path:
      description: The module below C(/sys/module), the chain, or the file.
      type: str
    setting:
      description: Always V(null).
      type: str
    reason:
      description: Why.
      type: str
  sample:
    - kind: unload
      path: /sys/module/nft_ct
      reason: nothing needs it
      setting: null
    - kind: unload
      path: /sys/module/nf_conntrack
      reason: nothing needs it
      setting: null
    - kind: unload
      path: /sys/module/nf_defrag_ipv6
      reason: nothing needs it
      setting: null
    - kind: unload
      path: /sys/module/nf_defrag_ipv4
      reason: nothing needs it
      setting: null
backup_files:
  description: The copies kept, by the path of the file.
  type: dict
  returned: always
  sample: {}
confirmed:
  description: Whether the change was confirmed over a fresh connection. V(false) only where the task failed.
  type: bool
  returned: when O(confirm) is set and a module was unloaded
  sample: true
confirm:
  description: The change waits for its confirmation. The action plugin takes this out when it has confirmed it.
  type: dict
  returned: from a run that bypasses the action plugin, when O(confirm) is set and a module was unloaded
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

from ..module_utils.calls import unload
from ..module_utils.hosts.of_module import finish


def main() -> None:
    module = AnsibleModule(argument_spec=unload.ARGUMENTS, supports_check_mode=True, **unload.CONSTRAINTS)
    finish(module, unload)


if __name__ == "__main__":
    main()
