#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_facts
short_description: Tells how full a host's connection-tracking table is, and why
version_added: 1.0.0
description:
  - Reads the state of connection tracking on a Linux host and returns it as RV(ansible_facts.conntrack), with a
    verdict, the evidence for it and advice.
  - Works on every kernel generation, V(ip_conntrack) and V(nf_conntrack), as a module or built in, on hosts and in
    containers. Nothing is loaded, written or sent.
  - What cannot be read is V(null) and named in RV(ansible_facts.conntrack.unread); it is never reported as zero.
options:
  gather_subset:
    description:
      - Which facts to gather. V(all) stands for every subset.
      - A subset that begins with C(!) is left out.
      - The verdict needs V(limits), V(usage), V(timeouts), V(statistics), V(memory) and V(log); it is left out where
        one of them is.
    type: list
    elements: str
    default: [all]
  interval:
    description:
      - Seconds between two readings of the counters, at most 300.
      - With an interval there are rates, the growth of the table and the time until it is full.
    type: int
    default: 0
extends_documentation_fragment:
  - netops.conntrack.attributes.facts
  - netops.conntrack.attributes.idempotent
  - netops.conntrack.attributes
  - netops.conntrack.transport
seealso:
  - module: netops.conntrack.conntrack_settings
notes:
  - An ordinary user sees the counters, but on most hosts neither the slab nor the kernel log; use C(become) for those.
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Gather everything about connection tracking
  netops.conntrack.conntrack_facts:

- name: Measure for ten seconds how fast the table fills
  netops.conntrack.conntrack_facts:
    interval: 10

- name: Only how full it is
  netops.conntrack.conntrack_facts:
    gather_subset: [limits, usage]

- name: Stop where the table is full
  ansible.builtin.assert:
    that: ansible_facts.conntrack.verdict.status != 'full'
"""

RETURN = r"""
ansible_facts:
  description: Facts to add to those of the host.
  type: dict
  returned: always
  contains:
    conntrack:
      description: The state of connection tracking. A subset that was not asked for is left out.
      type: dict
      returned: always
      contains:
        generation:
          description: Which names the kernel speaks, V(nf_conntrack), V(ip_conntrack), V(both) or V(none).
          type: str
          sample: nf_conntrack
        state:
          description: V(loaded) as a module, V(built_in), V(hidden) from this container, or V(absent).
          type: str
          sample: built_in
        namespace:
          description: V(host), V(child) or V(unknown).
          type: str
          sample: host
        kernel:
          description: The release, the machine, sizes of a page and a pointer in bytes, the RAM in bytes.
          type: dict
          sample:
            ip_only: false
            machine: x86_64
            page_size: 4096
            pointer_size: 8
            ram: 25276510208
            release: 6.18.44-fc-v657
        limits:
          description: The limit of entries, the number of buckets, entries for each bucket, the limit of expectations.
          type: dict
          sample:
            buckets: 262144
            expect_max: 4096
            load_factor: 0.0
            max: 262144
            max_key: net.netfilter.nf_conntrack_max
            unlimited: false
        usage:
          description:
            - Entries now, where the number is from (C(sysctl), C(statistics), C(slab) or C(table)), the limit, the
              ratio of
              both, and expectations.
          type: dict
          sample:
            count: 0
            count_path: /proc/sys/net/netfilter/nf_conntrack_count
            count_source: sysctl
            expectations: 0
            max: 262144
            ratio: 0.0
        timeouts:
          description: Every timeout of this kernel in seconds, with the kernel's default beside it.
          type: dict
          sample:
            tcp_timeout_established:
              default: 432000
              key: net.netfilter.nf_conntrack_tcp_timeout_established
              unit: seconds
              value: 432000
        switches:
          description: Every other setting of this kernel that is not a size, likewise. Comes with the subset
            V(timeouts).
          type: dict
          sample:
            tcp_loose:
              default: 1
              key: net.netfilter.nf_conntrack_tcp_loose
              unit: switch
              value: 1
        statistics:
          description:
            - The kernel's counters, in total and for each CPU, by the kernel's names; a counter that this kernel no
              longer
              counts is V(null).
            - With O(interval), C(rates) holds the events per second, the growth of the table and the seconds until it
              is
              full at that growth.
          type: dict
          sample:
            cpus: 2
            per_cpu:
              - {chainlength: 0, clashres: 0, delete: null, drop: 0, early_drop: 0, expect_create: 0, expect_delete: 0,
                 expect_new: 0, found: 0, icmp_error: 0, ignore: null, insert: null, insert_failed: 0, invalid: 0,
                 new: null,
                 search_restart: 0}
              - {chainlength: 0, clashres: 0, delete: null, drop: 0, early_drop: 0, expect_create: 0, expect_delete: 0,
                 expect_new: 0, found: 0, icmp_error: 0, ignore: null, insert: null, insert_failed: 0, invalid: 0,
                 new: null,
                 search_restart: 0}
            rates: null
            source: /proc/net/stat/nf_conntrack
            total:
              {chainlength: 0, clashres: 0, delete: null, drop: 0, early_drop: 0, expect_create: 0, expect_delete: 0,
               expect_new: 0, found: 0, icmp_error: 0, ignore: null, insert: null, insert_failed: 0, invalid: 0,
               new: null,
               search_restart: 0}
        memory:
          description:
            - Bytes of an entry in the slab, bytes of the table now and when full, and their share of the RAM. A lower
              bound,
              since data of extensions comes on top.
          type: dict
          sample:
            at_max_bytes: 69206016
            entries: 0
            now_bytes: 2097152
            object_size: 256
            ram_bytes: 25276510208
            share_at_max: 0.0027
            share_now: 0.0001
            slab: nf_conntrack
            slab_reason: null
            table_head_bytes: 2097152
        modules:
          description:
            - The core and its state, conntrack's modules, who holds the core, references without a name, helpers that
              are
              there and helpers in use.
          type: dict
          sample:
            automatic_helpers: null
            core: nf_conntrack
            helpers: [nf_conntrack_ftp, nf_conntrack_tftp]
            helpers_in_use: []
            holders: []
            loaded: null
            state: built_in
            unnamed_references: null
        log:
          description:
            - What the kernel log says of a full table, from the ring, the journal and syslog's files; C(lines)
              printed and
              C(suppressed), C(first) and C(last) in seconds since 1970, and the range of time looked at.
            - C(since_max_set) is about the lines since M(netops.conntrack.conntrack_settings) last set V(max), V(null)
              where it never did; older ones no longer count for the verdict.
            - C(elsewhere) counts lines that name another network namespace, as only the newest kernels do.
          type: dict
          sample:
            elsewhere: 0
            expectation_full: 0
            first: null
            generations: []
            last: null
            lines: 0
            looked_at_from: 1795363091.42
            looked_at_to: 1795364791.231295
            netns: []
            readable: true
            since_max_set: null
            sources:
              - {first: 1795363091.42, last: 1795364791.231295, reason: null, source: dmesg}
            suppressed: 0
        persistence:
          description:
            - The audit of the next boot. C(reader) is the program that sets sysctls at boot, C(files) what it reads,
              in the order in which they are applied, C(loaded_early) what puts conntrack there before that,
              C(set_again) the file by which values are set again whenever it is loaded, and C(hashsize) what it is
              loaded with.
            - C(initramfs) names what the initramfs loads of conntrack, V(null) where nothing; C(command_line) says
              what to put on the kernel command line where conntrack is built in, V(null) elsewhere.
            - C(settings) has for each setting its C(live) value, its value C(after_boot) once conntrack is loaded,
              V(null) where that cannot be told, and what M(netops.conntrack.conntrack_settings) was last told
              (C(wanted)). C(source) is the file that decides or V(kernel default), C(through) what makes that file
              count, C(losers) are lines that have no effect, with C(why) where it is not just that a later one says
              otherwise. C(detail) says what is doubtful.
            - C(overruled_later) lists every C(writer) that overrules the value afterwards, with its C(knob);
              C(restart_keeps) tells whether a restart of the iptables service keeps it, V(null) where there is none
              or that cannot be told, and C(restart_why) why.
            - C(drift) lists the settings whose values now, after a boot and as wanted differ, with the reason.
          type: dict
          sample:
            command_line: null
            drift:
              - setting: udp_timeout
                live: 30
                after_boot: 25
                wanted: null
                detail: after a boot by /etc/sysctl.d/90-gateway.conf
            files:
              - /usr/lib/sysctl.d/50-pid-max.conf
              - /etc/sysctl.d/50-site.conf
              - /etc/sysctl.d/90-gateway.conf
              - /usr/lib/sysctl.d/99-protect-links.conf
              - /etc/sysctl.d/99-sysctl.conf
            hashsize: null
            initramfs: null
            loaded_early: /etc/modules-load.d/gateway.conf
            reader: systemd
            set_again: null
            settings:
              udp_timeout:
                after_boot: 25
                detail: null
                live: 30
                losers:
                  - {key: net.netfilter.nf_conntrack_udp_timeout, line: 1, path: /etc/sysctl.d/50-site.conf,
                     value: "20"}
                overruled_later: []
                restart_keeps: null
                restart_why: null
                source: /etc/sysctl.d/90-gateway.conf
                through: /etc/modules-load.d/gateway.conf
                wanted: null
        writers:
          description: Other programs seen on the host that write these settings, with the knob each of them has.
          type: list
          elements: dict
          sample: []
        unread:
          description: What is there but could not be read, with the reason.
          type: dict
          sample:
            /proc/slabinfo: forbidden
        verdict:
          description:
            - C(status) is V(ok), V(pressure), V(full), V(was_full), V(not_tracking), V(race), V(host_owned) or
              V(unknown);
              C(summary) says it in a sentence, C(evidence) is what it rests on.
            - Each C(advice) names a setting and a value for M(netops.conntrack.conntrack_settings), where to set it,
              C(here)
              or on the C(host) of the container, and why; the setting is V(null) where none helps.
          type: dict
          sample:
            advice:
              - setting: max
                value: 131072
                where: here
                why: Room for 131072 entries costs up to 48 MiB, at most 4.6 % of the RAM.
              - setting: tcp_timeout_established
                value: 216000
                where: here
                why: >-
                  Dead TCP connections stay for 5 days; 2 days 12 h lets them go sooner (entries already idle keep
                  their old
                  timer).
            evidence:
              - The count is of objects in the slab, which may exceed the entries in the table.
              - The kernel log says "table full" 13 times and 588 more were suppressed, last 2 s ago.
            status: full
            summary: "The table is full and new connections are dropped: 36271 of 16640 entries (218 %)."
transport:
  description: What served, V(python) or V(shell).
  type: str
  returned: always
  sample: python
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.calls import facts
from ..module_utils.hosts.of_module import finish


def main() -> None:
    module = AnsibleModule(argument_spec=facts.ARGUMENTS, supports_check_mode=True, **facts.CONSTRAINTS)
    finish(module, facts)


if __name__ == "__main__":
    main()
