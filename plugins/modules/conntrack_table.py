#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_table
short_description: Tells who fills a host's connection-tracking table, and what would help
version_added: 1.0.0
description:
  - Reads entries of the table, a fair sample of them or all, and tells how much of it is which protocol and state,
    unanswered, assured or translated, who the largest sources and services are, and how long entries have been idle.
  - A dump of the table runs in the order of a hash with a random key, so its first entries are a fair sample. Every
    share comes with its 95 % confidence interval, and with the number of entries in the whole table that it stands for.
  - With O(what_if) it foretells how large the table gets with other timeouts, or without tracking a port.
  - Nothing is changed, reset or deleted, but that the kernel clears away expired entries as it comes by. Neither
    conntrack-tools nor a file under C(/proc) is needed.
options:
  sample:
    description:
      - How many entries to read; V(0) reads them all, however many there are, in bounded memory.
      - 20000 entries give every share to within 0.7 % of the table.
      - With O(filter) it is how many have to go through it. Entries come in batches, so it can be some hundreds more.
    type: int
    default: 20000
  time_limit:
    description: For how many seconds to read at most; what was read by then is a fair sample too. V(0) is no limit.
    type: float
    default: 10.0
  interface:
    description:
      - How to read. V(ctnetlink) is the netlink interface of the kernel and the quicker one; it needs the right
        C(CAP_NET_ADMIN). V(procfs) is C(/proc/net/nf_conntrack) or C(/proc/net/ip_conntrack), which many kernels lack.
      - V(auto) takes V(ctnetlink), but V(procfs) where ctnetlink is a module that is not loaded. Where there is no such
        file either it asks all the same, and the kernel then loads C(nf_conntrack_netlink), as it does for
        C(conntrack -L).
    type: str
    choices: [auto, ctnetlink, procfs]
    default: auto
  filter:
    description:
      - Which entries to look at. Every suboption that is given has to hold. Shares are of these entries then.
        RV(table.advice) judges only these, too, but by their share of the whole table.
      - The kernel is asked to leave out the others where it knows how (Linux 5.8 and later for addresses and ports,
        5.15 for O(filter.unreplied) and O(filter.assured)), which saves time.
    type: dict
    suboptions:
      family:
        description: The address family.
        type: str
        choices: [ipv4, ipv6]
      protocol:
        description: Such as V(tcp), or the number of the protocol.
        type: str
      source:
        description: The address that sent the first packet. V(::ffff:192.0.2.1) is taken as V(192.0.2.1).
        type: str
      destination:
        description: The address that the first packet was sent to.
        type: str
      source_port:
        description: The port that the first packet came from; not of a protocol that has none.
        type: int
      destination_port:
        description: The port that the first packet went to.
        type: int
      zone:
        description: The zone, V(0) for none.
        type: int
      mark:
        description: The mark, such as V(0x1), or V(0x1/0xff) with a mask.
        type: str
      state:
        description: The state of TCP, SCTP or DCCP as the kernel calls it, such as V(ESTABLISHED).
        type: str
      unreplied:
        description: Whether no packet has come back.
        type: bool
      assured:
        description: Whether the kernel takes the connection for a real one, and does not evict it for room.
        type: bool
  group_by:
    description:
      - What to group entries by, a list. Each is one of V(source), V(destination), V(source_network),
        V(destination_network), V(source_port), V(destination_port), V(protocol), V(state), V(zone), V(mark),
        V(unreplied), V(assured) and V(nat), or several of them joined by C(+), such as V(source+destination_port).
      - Source and destination are those of the first packet of a connection.
      - The largest groups are found in bounded memory. With more than 4096 different groups a count may be too low by
        RV(table.groups[].error).
    type: list
    elements: str
    default: [source, destination_port]
  top:
    description: How many of the largest groups to tell.
    type: int
    default: 10
  ipv4_prefix:
    description: The length of the prefix that makes V(source_network) and V(destination_network) of IPv4 addresses.
    type: int
    default: 24
  ipv6_prefix:
    description: The same for IPv6 addresses.
    type: int
    default: 64
  what_if:
    description:
      - What to foretell. It needs the whole table, so it goes together with no O(filter).
      - Entries that are there keep their timers until their next packet, so the table takes a while to settle, which
        is told too.
    type: dict
    suboptions:
      timeouts:
        description: Timeouts in seconds, by the names that M(netops.conntrack.conntrack_settings) takes.
        type: dict
      notrack:
        description: Services that would not be tracked any more.
        type: list
        elements: dict
        suboptions:
          protocol:
            description: The protocol, V(tcp), V(udp), V(udplite), V(sctp) or V(dccp).
            type: str
            required: true
          port:
            description: The port that connections go to.
            type: int
            required: true
  mask_addresses:
    description:
      - Replaces every address and network in RV(table) by a made-up name, the same one at each place, for reports that
        leave the house. Rules then have such a name where the address has to be put back.
    type: bool
    default: false
attributes:
  diff_mode:
    support: none
extends_documentation_fragment:
  - netops.conntrack.attributes
  - netops.conntrack.attributes.idempotent
  - netops.conntrack.transport
seealso:
  - module: netops.conntrack.conntrack_facts
  - module: netops.conntrack.conntrack_settings
notes:
  - Reading the table is work inside the kernel for every entry that is read. A sample of 20000 takes some tenths of a
    second, with what is counted of it.
  - Only the network namespace that the module runs in is read.
  - The shell transport reads C(/proc) only, its first 200000 entries at most; there O(time_limit) is processor time.
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Ask who fills the table
  netops.conntrack.conntrack_table:
  register: seen

- name: Show it in a few lines
  ansible.builtin.debug:
    var: seen.table.report

- name: Count who talks to which service, in the whole table
  netops.conntrack.conntrack_table:
    sample: 0
    time_limit: 60
    group_by: [source+destination_port, source_network]
    ipv4_prefix: 16

- name: Ask what half the timeout would give, and no tracking of DNS
  netops.conntrack.conntrack_table:
    what_if:
      timeouts:
        tcp_timeout_established: 216000
      notrack:
        - protocol: udp
          port: 53

- name: Look at unanswered TCP only, without addresses
  netops.conntrack.conntrack_table:
    filter:
      protocol: tcp
      unreplied: true
    mask_addresses: true
"""

RETURN = r"""
table:
  description:
    - What was found. Where the table could not be read only the first four and RV(table.report) are there.
    - A share is a dict of RV(ignore:seen), the entries read that are such; RV(ignore:share), from 0 to 1, with
      RV(ignore:share_low) and RV(ignore:share_high), its 95 % confidence interval; and RV(ignore:entries) with
      RV(ignore:entries_low) and RV(ignore:entries_high), the entries of the whole table that it stands for, V(null)
      where their number is unknown.
  type: dict
  returned: success
  contains:
    interface:
      description: How it was read, V(ctnetlink) or V(procfs); V(null) where it could not be.
      type: str
      sample: ctnetlink
    unread:
      description: Each way that was tried in vain, and why, V(absent), V(forbidden) or what went wrong.
      type: dict
      sample: {}
    count:
      description: How many entries there are, by the kernel's counter once they were read; V(null) where it shows none.
      type: int
      sample: 2450
    living:
      description:
        - How many of these have not expired, which is what shares stand for; V(null) where nobody knows.
        - Since Linux 4.9 expired entries stay, and count, until somebody meets them. Reading the table passes over them
          and has the kernel clear them away, so what the counter falls by tells how many there are.
      type: int
      sample: 2450
    max:
      description: How many there may be.
      type: int
      sample: 262144
    scanned:
      description: How many entries were looked at.
      type: int
      sample: 1000
    sampled:
      description: How many of these went through the filter, and are what everything below is about.
      type: int
      sample: 1000
    complete:
      description: Whether the end of the table was reached. Then nothing is estimated.
      type: bool
      sample: false
    ended_by:
      description: V(end) of the table, V(sample), V(time), or V(error) with RV(table.error).
      type: str
      sample: sample
    error:
      description: Why the reading broke off.
      type: str
      sample: null
    seconds:
      description: How long the reading took.
      type: float
      sample: 0.092
    kernel_filtered:
      description: Whether the kernel left out entries that the filter does not let through.
      type: bool
      sample: false
    not_understood:
      description: How many entries could not be understood.
      type: int
      sample: 0
    by_state:
      description: A share for each protocol and state, the largest first.
      type: list
      elements: dict
      sample:
        - protocol: udp
          state: null
          seen: 873
          share: 0.873
          share_low: 0.855918
          share_high: 0.888163
          entries: 2139
          entries_low: 2097
          entries_high: 2176
        - protocol: tcp
          state: ESTABLISHED
          seen: 87
          share: 0.087
          share_low: 0.074286
          share_high: 0.101633
          entries: 213
          entries_low: 182
          entries_high: 249
        - protocol: tcp
          state: TIME_WAIT
          seen: 40
          share: 0.04
          share_low: 0.031429
          share_high: 0.05102
          entries: 98
          entries_low: 77
          entries_high: 125
    ipv4:
      description: The share of IPv4.
      type: dict
      sample:
        seen: 927
        share: 0.927
        share_low: 0.913061
        share_high: 0.938776
        entries: 2271
        entries_low: 2237
        entries_high: 2300
    ipv6:
      description: The share of IPv6.
      type: dict
      sample:
        seen: 73
        share: 0.073
        share_low: 0.061224
        share_high: 0.086939
        entries: 179
        entries_low: 150
        entries_high: 213
    unreplied:
      description: The share without an answer.
      type: dict
      sample:
        seen: 76
        share: 0.076
        share_low: 0.064082
        share_high: 0.089796
        entries: 186
        entries_low: 157
        entries_high: 220
    assured:
      description: The share that the kernel takes for real connections.
      type: dict
      sample:
        seen: 127
        share: 0.127
        share_low: 0.111837
        share_high: 0.144082
        entries: 311
        entries_low: 274
        entries_high: 353
    source_nat:
      description: The share whose source is translated.
      type: dict
      sample:
        seen: 0
        share: 0.0
        share_low: 0.0
        share_high: 0.002857
        entries: 0
        entries_low: 0
        entries_high: 7
    destination_nat:
      description: The share whose destination is translated.
      type: dict
      sample:
        seen: 0
        share: 0.0
        share_low: 0.0
        share_high: 0.002857
        entries: 0
        entries_low: 0
        entries_high: 7
    offloaded:
      description: The share that is in a flow table; such entries have no timer.
      type: dict
      sample:
        seen: 0
        share: 0.0
        share_low: 0.0
        share_high: 0.002857
        entries: 0
        entries_low: 0
        entries_high: 7
    evictable:
      description: The share that the kernel may evict where the table is full, as it is not assured.
      type: dict
      sample:
        seen: 873
        share: 0.873
        share_low: 0.855918
        share_high: 0.888163
        entries: 2139
        entries_low: 2097
        entries_high: 2176
    closing:
      description: The share that is assured and on its way out, which Linux 4.12 and later may evict too.
      type: dict
      sample:
        seen: 40
        share: 0.04
        share_low: 0.031429
        share_high: 0.05102
        entries: 98
        entries_low: 77
        entries_high: 125
    groups:
      description:
        - One for each of O(group_by), with the number of different groups (a lower bound where that is not known), by
          how much counts may be too low, and the largest groups, each with its share.
      type: list
      elements: dict
      sample:
        - group_by: source
          distinct: 42
          error: 0
          top:
            - source: 203.0.113.9
              seen: 76
              share: 0.076
              share_low: 0.064082
              share_high: 0.089796
              entries: 186
              entries_low: 157
              entries_high: 220
            - source: 2001:db8::5
              seen: 73
              share: 0.073
              share_low: 0.061224
              share_high: 0.086939
              entries: 179
              entries_low: 150
              entries_high: 213
      contains:
        group_by:
          description: As it was asked for.
          type: str
        distinct:
          description: How many different groups were seen; where there were too many to keep, at least so many.
          type: int
        error:
          description: How much may be missing from RV(ignore:seen) of each group.
          type: int
        top:
          description: The largest groups, with what they have in common, and the share.
          type: list
          elements: dict
    idle:
      description:
        - For how many seconds entries have had no packet, by protocol, state and the timeout that runs; the share, and
          percentiles.
        - Entries that have more left than the timeout is long are RV(ignore:longer_timeout), as theirs was set
          otherwise. The other numbers are V(null) where the timeout is unknown.
        - Where entries have more than 1024 seconds left, times are told to within 1024 seconds.
      type: list
      elements: dict
      sample:
        - protocol: udp
          state: null
          timeout: udp_timeout
          seconds: 30
          seen: 873
          share: 0.873
          share_low: 0.855918
          share_high: 0.888163
          entries: 2139
          entries_low: 2097
          entries_high: 2176
          longer_timeout: 0
          longest: 8
          median: 8
          p10: 8
          p90: 8
          p99: 8
    what_if:
      description:
        - What was asked to be foretold; V(null) where nothing was, or where nobody knows how many entries there are.
        - Numbers of entries are a dict of RV(ignore:estimate), and of RV(ignore:low) and RV(ignore:high), its 95 %
          interval. That of RV(ignore:settled) is wide also where all entries were read, as a table varies by itself.
      type: dict
      contains:
        changes:
          description: One for each timeout that this kernel has, and for each service.
          type: list
          elements: dict
          contains:
            setting:
              description: The timeout; V(null) for a service.
              type: str
            from:
              description: Its seconds now; V(null) for a service.
              type: int
            to:
              description: Its seconds then; V(null) for a service.
              type: int
            notrack:
              description: The protocol and the port of a service.
              type: dict
              returned: for a service
            now:
              description: How many entries have this timeout, or are of this service.
              type: dict
            settled:
              description: How many of them a count will find once the table has settled.
              type: dict
            change:
              description: What the change alone does, and not the table by itself.
              type: dict
            settles_after:
              description:
                - After how many seconds the table has settled, as entries keep their timers until their next packet.
                - V(null) for a service, as how long its entries have left is not counted.
              type: int
            extrapolated:
              description:
                - Whether it had to be guessed from how many entries expire now, as of a raised timeout. What that would
                  keep is not in the table.
              type: bool
        unknown:
          description: The timeouts that were asked for, and that this kernel does not have.
          type: list
          elements: str
        table:
          description: The whole table with all changes at once.
          type: dict
          contains:
            now:
              description: How many entries there are, a number.
              type: int
            settled:
              description: How many entries a count will find once the table has settled.
              type: dict
            change:
              description: What the changes alone do.
              type: dict
            settles_after:
              description:
                - The longest of the changes. V(null) where a service is one of them, as how long its entries have left
                  is not counted.
              type: int
            extrapolated:
              description: Whether one of the changes is.
              type: bool
      sample:
        changes:
          - setting: udp_timeout
            from: 30
            to: 10
            now:
              estimate: 186
              high: 220
              low: 157
            settled:
              estimate: 186
              high: 241
              low: 139
            change:
              estimate: 0
              high: 0
              low: -7
            settles_after: 30
            extrapolated: false
          - setting: null
            from: null
            to: null
            notrack:
              protocol: udp
              port: 53
            now:
              estimate: 1953
              high: 1999
              low: 1903
            settled:
              estimate: 0
              high: 0
              low: 0
            change:
              estimate: -1953
              high: -1903
              low: -1999
            settles_after: null
            extrapolated: false
        unknown: []
        table:
          now: 2450
          settled:
            estimate: 497
            high: 581
            low: 421
          change:
            estimate: -1953
            high: -1903
            low: -2000
          settles_after: null
          extrapolated: false
    advice:
      description:
        - What stands out, each with why, the evidence, settings that M(netops.conntrack.conntrack_settings) takes, and
          rules, V(nft) as lines for C(nft -f) and V(iptables) as commands.
        - V(scan) and V(flood) are unanswered entries of a few sources, or to one target; V(unanswered) are other ones.
          V(connection_leak) is established and without a packet for more than two hours, V(time_wait) is over, V(dns)
          and V(udp) are answered UDP, or UDP that wants no answer, V(one_client) is one source.
        - V(busy) is a table that is 80 % full and has none of these. The others are a quarter of the table at least;
          of fewer than 100 entries none is told.
        - With O(filter) only what went through it is judged. Shares are of the whole table.
        - A lower timeout is among the settings only where it lets go of 1 % of the table or more; how many is among the
          evidence.
        - Rules are to be looked at, and are never applied. They are for loading once. C(nft delete table inet
          conntrack_relief) undoes those of V(nft), and C(-D) instead of C(-A) each of V(iptables).
        - A table of which less than half is in use has room. RV(table.report) says so before what stands out, and then
          nothing has to be done.
      type: list
      elements: dict
      sample:
        - finding: dns
          why: 'Each question is an entry of its own. Where no rule of yours needs their state, they need no tracking.
            Accept them by address and port then (nft, for answers: ip saddr RESOLVER udp sport 53 accept): a bare ct
            state untracked accept lets in every packet with that source port.'
          evidence:
            - 'answered, to UDP port 53: 79.7 % of the table (77.7 to 81.6 %), 1953 entries'
          settings: {}
          rules:
            iptables:
              - iptables -t raw -A PREROUTING -p udp --dport 53 -j CT --notrack
              - iptables -t raw -A PREROUTING -p udp --sport 53 -j CT --notrack
              - iptables -t raw -A OUTPUT -p udp --dport 53 -j CT --notrack
              - iptables -t raw -A OUTPUT -p udp --sport 53 -j CT --notrack
              - ip6tables -t raw -A PREROUTING -p udp --dport 53 -j CT --notrack
              - ip6tables -t raw -A PREROUTING -p udp --sport 53 -j CT --notrack
              - ip6tables -t raw -A OUTPUT -p udp --dport 53 -j CT --notrack
              - ip6tables -t raw -A OUTPUT -p udp --sport 53 -j CT --notrack
            nft:
              - add table inet conntrack_relief
              - add chain inet conntrack_relief prerouting { type filter hook prerouting priority -300; }
              - add chain inet conntrack_relief output { type filter hook output priority -300; }
              - add rule inet conntrack_relief prerouting udp dport 53 notrack
              - add rule inet conntrack_relief prerouting udp sport 53 notrack
              - add rule inet conntrack_relief output udp dport 53 notrack
              - add rule inet conntrack_relief output udp sport 53 notrack
    report:
      description: The most important of it in a few lines.
      type: list
      elements: str
      sample:
        - 1000 entries read, as the sample was full; 2450 of 262144 (0.9 %) are in use
        - 'udp: 87.3 % (85.6 to 88.8 %), 2139 entries'
        - 'tcp ESTABLISHED: 8.7 % (7.4 to 10.2 %), 213 entries'
        - 'tcp TIME_WAIT: 4.0 % (3.1 to 5.1 %), 98 entries'
        - 'unreplied: 7.6 % (6.4 to 9.0 %), 186 entries'
        - 'assured: 12.7 % (11.2 to 14.4 %), 311 entries'
        - 'evictable: 87.3 % (85.6 to 88.8 %), 2139 entries'
        - 'source 203.0.113.9: 7.6 % (6.4 to 9.0 %), 186 entries'
        - 'source 2001:db8::5: 7.3 % (6.1 to 8.7 %), 179 entries'
        - 'destination_port 53 udp: 79.7 % (77.7 to 81.6 %), 1953 entries'
        - 'destination_port 443 tcp: 12.7 % (11.2 to 14.4 %), 311 entries'
        - 'udp_timeout 10 instead of 30: +0 entries (-7 to +0)'
        - 'no tracking of udp port 53: -1953 entries (-1999 to -1903)'
        - 'the table then settles at 497 entries (421 to 581: a sample was read, and a table varies by itself), instead
          of 2450'
        - 'nothing has to be done: less than half of the table is in use, and what follows only tells what it is made
          of'
        - 'dns: Each question is an entry of its own. Where no rule of yours needs their state, they need no tracking.
          Accept them by address and port then (nft, for answers: ip saddr RESOLVER udp sport 53 accept): a bare ct
          state untracked accept lets in every packet with that source port.'
        - '  answered, to UDP port 53: 79.7 % of the table (77.7 to 81.6 %), 1953 entries'
transport:
  description: What served, V(python) or V(shell).
  type: str
  returned: always
  sample: python
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.calls import table
from ..module_utils.hosts.local_table import LocalTableHost
from ..module_utils.hosts.of_module import finish


def main() -> None:
    module = AnsibleModule(argument_spec=table.ARGUMENTS, supports_check_mode=True, **table.CONSTRAINTS)
    finish(module, table, LocalTableHost)


if __name__ == "__main__":
    main()
