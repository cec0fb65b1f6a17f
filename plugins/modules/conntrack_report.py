#!/usr/bin/python
# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does the work.

from __future__ import annotations

DOCUMENTATION = r"""
module: conntrack_report
short_description: Makes one report of the connection tracking of all hosts of a play
version_added: 1.0.0
description:
  - Takes what M(netops.conntrack.conntrack_facts) and M(netops.conntrack.conntrack_table) found on each host, the worst
    host first, with the verdict, usage, drops, the time to full, drift, advice and top talkers. Hosts that could not be
    reached, that failed or that have no verdict are in it as such, with the reason.
  - Or makes one report of several others (O(merge)), of the sites of a fleet or of the slices of a job of AWX.
  - Runs on the controller and connects to no host; use it with C(run_once), in a play with the C(linear) strategy, as
    every host has to be done by then.
  - Returns a table for the terminal, and writes a page, JSON, CSV or metrics to files of the controller, as the user
    that runs Ansible, whatever C(become) says. Where a file cannot be written it fails, with the table and the other
    files all the same.
options:
  html:
    description: Where to write one page that needs no other file and no network.
    type: path
  json:
    description: Where to write JSON, whose versioned schema is C(docs/fleet-report.schema.json) of this collection.
    type: path
  csv:
    description: Where to write CSV as in RFC 4180. No cell of it is a formula to a spreadsheet.
    type: path
  prometheus:
    description: Where to write metrics for the textfile collector of a Prometheus node exporter. The file's name has to
      end in C(.prom) for that.
    type: path
  hosts:
    description:
      - The hosts to report on; by default all of the play, C(ansible_play_hosts_all).
      - With O(merge), the hosts that should be in one of the reports. Those that are in none are in it as
        V(failed); by default nothing is missed.
    type: list
    elements: str
  facts_result:
    description:
      - The name of the variable that the task of M(netops.conntrack.conntrack_facts) registered. It tells which hosts
        were unreachable or failed, and what served them.
      - Without it, or where a host has no such variable, whatever facts Ansible has of the host are taken, be they from
        its cache.
    type: str
  table_result:
    description: The same of M(netops.conntrack.conntrack_table), for the top talkers.
    type: str
  merge:
    description:
      - Reports of this module to be made one, instead of what was found on the hosts of the play. Each is the path of a
        JSON report on the controller, or an artifact (RV(artifact)).
      - A host that is in several is as the last of them says.
      - Artifacts have no evidence, talkers and findings, and reports of artifacts have none either.
    type: list
    elements: raw
  artifact:
    description: Whether to return RV(artifact).
    type: bool
    default: false
  title:
    description: What the report is called.
    type: str
    default: Connection tracking
  time:
    description:
      - When the facts were gathered, for the page and the JSON, best as ISO 8601 in UTC such as
        V(2026-11-26T16:30:00Z).
      - By default there is no time in the files, so that the same facts are the same files; with O(merge) it is that of
        the oldest report, where each has one.
    type: str
  mask_addresses:
    description:
      - Replaces each IP address by a made-up name, the same one at each place of the report, for reports that leave the
        house. A name of a host that is an address is replaced too, other names of hosts stay.
    type: bool
    default: false
  rows:
    description: How many hosts RV(report) tells of, the worst ones. V(0) is all of them; the files always have all.
    type: int
    default: 100
  mode:
    description: The mode of the files, as M(ansible.builtin.copy) takes it.
    type: raw
    default: "0640"
  validate_only:
    description:
      - Whether to check the options and do nothing else, so that a mistake in them is told before a fleet is read.
        There is no report then, and no file.
      - Whether a file can be written is not checked.
    type: bool
    default: false
    version_added: 1.1.0
extends_documentation_fragment:
  - netops.conntrack.controller
  - netops.conntrack.attributes
  - netops.conntrack.attributes.idempotent
notes:
  - Files are replaced as a whole, so that whoever reads one sees the old or the new one; a file whose content and mode
    would be the same is left alone.
seealso:
  - module: netops.conntrack.conntrack_facts
  - module: netops.conntrack.conntrack_table
  - module: netops.conntrack.conntrack_outcome
author:
  - the netops.conntrack contributors (@netops)
"""

EXAMPLES = r"""
- name: Report on all hosts of this play
  netops.conntrack.conntrack_report:
    html: /var/www/html/conntrack.html
    json: /var/lib/reports/conntrack.json
    prometheus: /var/lib/prometheus/node-exporter/conntrack.prom
    mode: "0644"
    facts_result: gathered
    table_result: looked
  run_once: true
  register: fleet

- name: One page of the reports of two sites
  netops.conntrack.conntrack_report:
    merge:
      - /var/lib/reports/conntrack-berlin.json
      - /var/lib/reports/conntrack-oslo.json
    html: /var/www/html/conntrack.html
  run_once: true
  delegate_to: localhost

- name: Show it in the terminal
  ansible.builtin.debug:
    var: fleet.report
  run_once: true
"""

RETURN = r"""
report:
  description: A table that fits 100 columns with all that Ansible puts around it, and what all hosts come to.
  type: list
  elements: str
  returned: unless O(validate_only)
  sample:
    - 'VERDICT      USAGE  ENTRIES  DROPS  DROPS/S  FULL IN  HOST'
    - 'full         218 %    36271      -        -        -  gw-old.example.com'
    - '             do: max = 131072; tcp_timeout_established = 216000'
    - '             drift: max: 16640 now, 65536 after a boot'
    - 'unreachable      -        -      -        -        -  gw9.example.com'
    - '             Failed to connect to the host via ssh: Connection refused'
    - 'ok             9 %    24110      0      0.0        -  gw1.example.com'
    - '3 hosts: 1 full, 1 unreachable, 1 ok'
    - 'the fullest is at 218 %; 1 drifted'
totals:
  description:
    - C(hosts), how many of them were C(reached) and how many need C(attention); how many there are of each verdict
      (C(by_status)); the sums of C(entries), C(drops) and C(drops_per_second), V(null) where no host told; how many
      have C(drifted); and the C(fullest) and the C(soonest) to be full, V(null) where there is none.
  type: dict
  returned: unless O(validate_only)
  sample:
    hosts: 3
    reached: 2
    attention: 2
    by_status: {full: 1, was_full: 0, race: 0, pressure: 0, unreachable: 1, failed: 0, unknown: 0, host_owned: 0,
                not_tracking: 0, ok: 1}
    entries: 60381
    drops: 0
    drops_per_second: 0.0
    drifted: 1
    fullest: {host: gw-old.example.com, usage: 2.1797}
    soonest: null
well:
  description:
    - Whether of each host in the report all could be read that was asked of it. Hosts that are unreachable, that
      failed, or whose table could not be read make it V(false); a verdict does not, whatever it is.
  type: bool
  returned: unless O(validate_only)
  sample: false
files:
  description: The files that were asked for and could be written, and whether they were changed, or would be in check
    mode.
  type: list
  elements: dict
  returned: unless O(validate_only)
  sample:
    - format: html
      path: /var/www/html/conntrack.html
      changed: true
artifact:
  description:
    - The report as a small dict, for O(merge) and for a variable that is handed on, such as C(set_stats) in AWX.
    - It lists the 1000 worst hosts, and says in C(left_off) how many more there are; C(totals) are of all. Of a host it
      has C(host), C(status) and C(summary), and where they are known C(entries), C(max), C(usage), C(drops),
      C(interval), C(drops_per_second), C(growth_per_second), C(seconds_to_full), C(unlimited), C(advice), C(drift)
      and C(error). Texts are cut at 200 characters, lists at five items.
  type: dict
  returned: when O(artifact)
  sample:
    schema: 1
    time: '2026-11-26T16:30:00Z'
    totals: {hosts: 1, reached: 1, attention: 1, by_status: {full: 1}}
    hosts:
      - host: gw-old.example.com
        status: full
        summary: 'The table is full and new connections are dropped: 36271 of 16640 entries (218 %).'
        entries: 36271
        max: 16640
        usage: 2.1797
        advice:
          - setting: max
            value: 131072
            now: 16640
            where: here
    left_off: 0
left_off:
  description: How many hosts the merged reports counted without listing them. They are in C(totals) only.
  type: int
  returned: when O(merge)
  sample: 0
missing:
  description: Those of O(hosts) that no report tells of. Empty where hosts were left off, as these may be among them.
  type: list
  elements: str
  returned: when O(merge)
  sample: [gw7.example.com]
unnamed:
  description: How many of O(hosts) no report tells of where hosts were left off, so that it cannot be said which.
  type: int
  returned: when O(merge)
  sample: 0
"""
