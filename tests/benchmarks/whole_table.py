# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""whole_table.py [ENTRIES [ROUNDS]]: what reading a large table costs, beside conntrack -L and beside receiving alone.

Makes a network namespace with as many entries, for which it raises the machine's max and puts it back. Each figure is
of a process of its own; the bare receive loop is the limit of what can be had.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
NAMESPACE = "bench-table-%d" % os.getpid()
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable

RECEIVING = """
import socket, struct, time, resource, json
began, used = time.monotonic(), time.process_time()
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as kernel:
    kernel.bind((0, 0))
    kernel.send(struct.pack("=IHHIIBBH", 20, 0x101, 0x301, 1, 0, 0, 0, 0))
    while True:
        if struct.unpack_from("=H", kernel.recv(1 << 16), 4)[0] == 3:
            break
spent = [time.monotonic() - began, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
print(json.dumps(spent))
"""
READING = """
import json, resource, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.netops.conntrack.plugins.module_utils.calls import table
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local_table import LocalTableHost

def run(argv, seconds):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr

params = {name: option.get("default") for name, option in table.ARGUMENTS.items()}
params.update(sample=int(sys.argv[2]), time_limit=600.0)
began, used = time.monotonic(), time.process_time()
found = table.call(lambda: LocalTableHost(run=run), params, False)
assert found.failure is None and found.values["table"]["sampled"], found
spent = [time.monotonic() - began, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
print(json.dumps(spent))
"""
LISTING = """
import json, resource, subprocess, time
began = time.monotonic()
subprocess.run(["conntrack", "-L"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
KINDS = (
    ("receiving alone", RECEIVING, ()),
    ("conntrack -L >/dev/null", LISTING, ()),
    ("conntrack_table, sample 0", READING, ("0",)),
    ("conntrack_table, sample 20000", READING, ("20000",)),
)


def inside(*command):
    done = subprocess.run(
        ["ip", "netns", "exec", NAMESPACE, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit("no measurement: %s" % done.stderr.strip().rpartition("\n")[2])
    return done.stdout


def main(entries, rounds):
    with open(MAX, encoding="ascii") as file:
        before = file.read()
    if subprocess.run(["ip", "netns", "add", NAMESPACE], check=False).returncode:
        raise SystemExit("no measurement: no network namespaces here")
    try:
        set_max(str(max(int(before), entries + entries // 10)))
        print(
            "%s entries"
            % inside(PYTHON, os.path.join(CHECKOUT, "tests", "lab", "many_entries.py"), str(entries)).strip()
        )
        time.sleep(1)
        measured = measure(rounds)
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)
        set_max(before)
    report(measured)


def set_max(value):
    with open(MAX, "w", encoding="ascii") as file:
        file.write(value)


def measure(rounds):
    """name -> list of (seconds, seconds of processor, KiB of memory at most)"""
    collections = os.path.join(CHECKOUT, ".cache", "collections")
    measured = {name: [] for name, _script, _arguments in KINDS}
    for _number in range(rounds):
        for name, script, arguments in KINDS:
            more = (collections, *arguments) if script is READING else arguments
            measured[name].append(json.loads(inside(PYTHON, "-B", "-c", script, *more)))
    return measured


def report(measured):
    print(f"{'':32}{'seconds':>22}  {'processor':>22}  {'MiB':>6}")
    print(f"{'':32}" + f"{'min':>7}{'median':>8}{'max':>7}  " * 2)
    for name, rows in measured.items():
        cells = ""
        for column in (0, 1):
            seconds = [row[column] for row in rows]
            cells += f"{min(seconds):7.2f}{statistics.median(seconds):8.2f}{max(seconds):7.2f}  "
        print(f"{name:32}{cells}{max(row[2] for row in rows) / 1024:6.1f}")
    print()
    (_receiving, bare), (_listing, listed), (_whole, whole), _sample = (
        (name, [statistics.median(row[column] for row in rows) for column in (0, 1)]) for name, rows in measured.items()
    )
    for what, above, below, aim in (
        ("whole table / conntrack -L", whole, listed, "aim 0.8 or less"),
        ("whole table / receiving alone", whole, bare, "1 is the limit"),
    ):
        print(f"{what:32}{above[0] / below[0]:22.2f}  {above[1] / below[1]:22.2f}   {aim}")


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["1000000"])[0]), int((sys.argv[2:] or ["3"])[0]))
