# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures playbooks on three lab hosts, round by round in turn, and prints times and ratios.

ansible.posix comes from the `ansible` package in a virtual environment of its own, and all run from there.
Two figures each: the whole ansible-playbook process as the shell sees it, whose start-up is the same for all and
so flatters every ratio; and the task alone, from its start on the controller to its last host's result.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import host_processor
import lab_playbooks

HOSTS = 3
KINDS = ("ping", "settings", "loop", "facts", "raw", "facts by the shell", "settings by the shell")
BY_SHELL = " by the shell"
RATIOS = (
    ("settings", "ping", "aim 1.3 or less"),
    ("loop", "settings", "aim 10 or more"),
    ("facts", "ping", "aim 1.5 or less"),
    ("facts by the shell", "raw", "aim 1.3 or less"),
    ("settings by the shell", "raw", "aim 2 or less"),
)
# Settings that a network namespace may change, with a value to count up from: each write is a change.
CANDIDATES = {
    "tcp_timeout_syn_sent": 120, "tcp_timeout_syn_recv": 60, "tcp_timeout_established": 432000,
    "tcp_timeout_fin_wait": 120, "tcp_timeout_close_wait": 60, "tcp_timeout_last_ack": 30,
    "tcp_timeout_time_wait": 120, "tcp_timeout_close": 10, "tcp_timeout_max_retrans": 300,
    "tcp_timeout_unacknowledged": 300, "udp_timeout": 30, "udp_timeout_stream": 120, "icmp_timeout": 30,
    "icmpv6_timeout": 30, "generic_timeout": 600, "gre_timeout": 30, "gre_timeout_stream": 180,
    "tcp_max_retrans": 3, "sctp_timeout_established": 210, "sctp_timeout_cookie_wait": 3,
    "sctp_timeout_cookie_echoed": 3, "dccp_timeout_request": 240, "dccp_timeout_open": 43200,
    "frag6_timeout": 60, "sctp_timeout_closed": 10,
}  # fmt: skip

# Without reload, which would apply the whole file once more for each key: the loop at its best. It is not a file
# beside the other playbooks because ansible-lint would want ansible.posix where only the benchmark needs it.
LOOP = [
    {
        "name": "Twenty settings, a task each",
        "hosts": "plain",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Apply and persist",
                "ansible.posix.sysctl": {
                    "name": "net.netfilter.nf_conntrack_{{ item.key }}",
                    "value": "{{ item.value }}",
                    "sysctl_file": "/etc/sysctl.d/90-loop.conf",
                    "sysctl_set": True,
                    "reload": False,
                },
                "loop": "{{ bench_settings | dict2items }}",
            }
        ],
    }
]


def main(checkout, rounds):
    os.chdir(checkout)
    venv = lab_playbooks.environment_with_posix(checkout)
    names = [name for name in CANDIDATES if os.path.exists(f"/proc/sys/net/netfilter/nf_conntrack_{name}")][:20]
    with lab_playbooks.folder_with_hosts(checkout, HOSTS) as scratch:
        if scratch is None:
            print("no measurement: the lab is not available here")
            return
        measured, failed = measure(checkout, venv, scratch, names, rounds)
    report(measured, failed, names, rounds)


def measure(checkout, venv, scratch, names, rounds):
    """kind -> list of (whole process, task, processor of a host) in seconds, and kind -> output of a failed run."""
    environment = {
        **lab_playbooks.variables(checkout, scratch),
        "ANSIBLE_CALLBACK_PLUGINS": os.path.join(checkout, "tests", "benchmarks", "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_times",
        "BENCH_TIMES": os.path.join(scratch, "times.json"),
    }
    playbooks = {
        kind: os.path.join(checkout, "tests", "benchmarks", f"{kind.removesuffix(BY_SHELL)}.yml") for kind in KINDS
    }
    playbooks["loop"] = os.path.join(scratch, "loop.yml")
    with open(playbooks["loop"], "w", encoding="ascii") as file:
        json.dump(LOOP, file)
    measured, failed = {kind: [] for kind in KINDS}, {}
    for number in range(rounds + 1):
        for position, kind in enumerate(KINDS):
            if kind in failed:
                continue
            step = number * len(KINDS) + position
            values = {
                "bench_settings": {name: CANDIDATES[name] + step for name in names},
                "conntrack_transport": "shell" if kind.endswith(BY_SHELL) else "python",
            }
            command = [
                os.path.join(venv, "bin", "ansible-playbook"), "-i", os.path.join(scratch, "lab", "inventory.yml"),
                "-e", json.dumps(values), playbooks[kind],
            ]  # fmt: skip
            used = host_processor.used(os.path.join(scratch, "lab"))
            start = time.monotonic()
            run = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
            )
            whole = time.monotonic() - start
            used = (host_processor.used(os.path.join(scratch, "lab")) - used) / HOSTS
            changes = kind.removesuffix(BY_SHELL) in ("settings", "loop")
            if run.returncode or (changes and run.stdout.count("changed=1 ") != HOSTS):
                failed[kind] = run.stdout + run.stderr
            elif number:
                with open(environment["BENCH_TIMES"], encoding="ascii") as file:
                    measured[kind].append((whole, sum(json.load(file)), used))
        print(f"round {number} of {rounds}" if number else "warm-up", flush=True)
    return measured, failed


def report(measured, failed, names, rounds):
    what = {
        "ping": "ansible.builtin.ping",
        "settings": f"conntrack_settings, {len(names)} settings, persisted",
        "loop": f"ansible.posix.sysctl, a loop of {len(names)}",
        "facts": "conntrack_facts, all subsets",
        "raw": "ansible.builtin.raw, one cat",
        "facts by the shell": "conntrack_facts by the shell",
        "settings by the shell": f"conntrack_settings by the shell, {len(names)}",
    }
    heads = ("whole process", "task alone", "processor, a host")
    print(
        f"\nseconds on {HOSTS} hosts over SSH, {rounds} rounds".ljust(46) + "".join(f"{head:>22}  " for head in heads)
    )
    print(f"{'':45}" + f"{'min':>7}{'median':>8}{'max':>7}  " * len(heads))
    for kind in KINDS:
        if kind in failed:
            print(f"{what[kind]:45} failed or changed nothing:\n{failed[kind][-1500:]}")
            continue
        cells = ""
        for column in range(len(heads)):
            seconds = [each[column] for each in measured[kind]]
            cells += f"{min(seconds):7.2f}{statistics.median(seconds):8.2f}{max(seconds):7.2f}  "
        print(f"{what[kind]:45}{cells}")
    print(f"\n{'ratio of medians':45}{'whole process':>15}{'task alone':>15}")
    for above, below, aim in RATIOS:
        if above in failed or below in failed:
            continue
        cells = ""
        for column in (0, 1):
            top, bottom = (statistics.median(each[column] for each in measured[kind]) for kind in (above, below))
            cells += f"{top / bottom:15.2f}"
        print(f"{above + ' / ' + below:45}{cells}   {aim}")


if __name__ == "__main__":
    main(sys.argv[1], max(1, int(sys.argv[2])))
