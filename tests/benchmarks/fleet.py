# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fleet.py CHECKOUT ROUNDS SIZE...: what diagnose and tune cost over fleets of lab hosts, beside the usual recipe.

Each round runs everything on each size in turn. Forks, pipelining and the options of ssh are those of the checkout's
ansible.cfg for all, and every run opens its own connections. The processor is that of ansible-playbook and all that it
starts on the controller. The hosts are on this machine too: what they use is told apart, but the wall time includes it.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import typing as t

import fleet_recipe
import host_processor
import lab_playbooks

# What tune and the recipe set, with a value to count up from: each change is one for every setting.
SETTINGS = {
    "tcp_timeout_established": 86400, "tcp_timeout_time_wait": 60, "tcp_timeout_close_wait": 60,
    "tcp_timeout_fin_wait": 60, "udp_timeout": 30, "udp_timeout_stream": 120, "generic_timeout": 300,
    "icmp_timeout": 30,
}  # fmt: skip
DIAGNOSE, TUNE = "netops.conntrack.diagnose", "netops.conntrack.tune"
RECIPE = "recipe"
# Without what the recipe does not have either.
AT_ONCE = {"conntrack_serial": "100%", "conntrack_confirm": 0, "conntrack_watch": 0}
BY_SHELL = {"conntrack_transport": "shell"}


class Kind(t.NamedTuple):
    name: str
    playbook: str
    variables: dict
    changes: bool


KINDS = (
    Kind("diagnose", DIAGNOSE, {}, False),
    Kind("diagnose by shell", DIAGNOSE, BY_SHELL, False),
    Kind("tune", TUNE, {}, True),
    Kind("tune again", TUNE, {}, False),
    Kind("tune at once", TUNE, AT_ONCE, True),
    Kind("tune at once again", TUNE, AT_ONCE, False),
    Kind("tune at once by shell", TUNE, {**AT_ONCE, **BY_SHELL}, True),
    Kind("recipe", RECIPE, {}, True),
    Kind("recipe again", RECIPE, {}, False),
)
WARM_UP = ("diagnose", "tune at once", "recipe")
RATIOS = (
    ("recipe", "diagnose"),
    ("recipe again", "diagnose"),
    ("recipe", "diagnose by shell"),
    ("recipe", "tune"),
    ("recipe again", "tune again"),
    ("recipe", "tune at once"),
    ("recipe again", "tune at once again"),
    ("recipe", "tune at once by shell"),
)
AIM_RATIO, AIM_GROWTH = 8, 1.1


class Cost(t.NamedTuple):
    """Seconds: of the whole run, and for each of its hosts."""

    wall: float
    a_host: float
    controller: float
    host: float


class Failed(Exception):
    """A run failed, or did not change what it was to change; the message is what it printed."""


class Fleet:
    """The hosts of a lab, and how playbooks are run on the first so many of them."""

    def __init__(self, checkout, folder):
        self.folder = folder
        self.here = os.path.join(checkout, "tests", "benchmarks")
        self.programs = os.path.join(lab_playbooks.environment_with_posix(checkout), "bin")
        self.environment = lab_playbooks.variables(checkout, folder)
        self.recipe = fleet_recipe.write(folder)
        self.step = 0

    def connections(self):
        """How many hosts at a time, and how, by the settings that all runs have."""
        command = [os.path.join(self.programs, "ansible-config"), "dump", "--format", "json"]
        dumped = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout
        values = {each["name"]: each["value"] for each in json.loads(dumped) if "name" in each}
        return f"forks {values['DEFAULT_FORKS']}, pipelining {str(values['ANSIBLE_PIPELINING']).lower()}"

    def run(self, kind, size):
        self.step += kind.changes
        settings = {name: value + self.step for name, value in SETTINGS.items()}
        given = {"bench_settings": settings, "bench_step": self.step}
        if kind.playbook == TUNE:
            given = {"conntrack_settings": settings}
        state, costs = os.path.join(self.folder, "lab"), os.path.join(self.folder, "costs.json")
        command = [
            sys.executable, "-B", os.path.join(self.here, "process_cost.py"), costs,
            os.path.join(self.programs, "ansible-playbook"), "-i", os.path.join(state, "inventory.yml"),
            "--limit", ",".join(f"node{number}" for number in range(1, size + 1)),
            "-e", json.dumps({**given, **kind.variables}),
            self.recipe if kind.playbook == RECIPE else kind.playbook,
        ]  # fmt: skip
        before = host_processor.used(state)
        run = subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        used = host_processor.used(state) - before
        counts = [int(count) for count in re.findall(r"\bchanged=(\d+) ", run.stdout)]
        if run.returncode or len(counts) != size or any((count > 0) != kind.changes for count in counts):
            raise Failed(run.stdout + run.stderr)
        with open(costs, encoding="ascii") as file:
            cost = json.load(file)
        return Cost(cost["wall"], cost["wall"] / size, cost["processor"] / size, used / size)


def main(checkout, rounds, sizes):
    os.chdir(checkout)
    with lab_playbooks.folder_with_hosts(checkout, max(sizes)) as folder:
        if folder is None:
            print("no measurement: the lab is not available here")
            return
        fleet = Fleet(checkout, folder)
        print(f"fleets of {', '.join(map(str, sizes))} hosts over SSH, {fleet.connections()}", flush=True)
        measured, failed = measure(fleet, rounds, sizes)
    for size in sizes:
        tell_costs(measured, size, rounds)
    tell_ratios(measured, sizes)
    if len(sizes) > 1:
        tell_growth(measured, min(sizes), max(sizes))
    for (name, size), said in failed.items():
        print(f"\n{name} on {size} hosts failed, or did not change what it was to change:\n{said[-3000:]}")


def measure(fleet, rounds, sizes):
    """(name, size) -> list of costs, and (name, size) -> what a run printed that failed, which is not run again."""
    measured, failed = {}, {}
    for number in range(rounds + 1):
        for size in sizes if number else [max(sizes)]:
            for kind in KINDS:
                key = kind.name, size
                if key in failed or not (number or kind.name in WARM_UP):
                    continue
                try:
                    cost = fleet.run(kind, size)
                except Failed as error:
                    failed[key] = str(error)
                    continue
                if number:
                    measured.setdefault(key, []).append(cost)
                told = f"round {number} of {rounds}" if number else "warm-up"
                print(f"{told}, {size} hosts, {kind.name}: {cost.wall:.1f} s", flush=True)
    medians = {key: Cost(*map(statistics.median, zip(*costs))) for key, costs in measured.items() if key not in failed}
    return medians, failed


def tell_costs(measured, size, rounds):
    print(f"\n{f'{size} hosts, seconds, medians of {rounds}':32}{'wall':>10}{'a host':>10}", end="")
    print(f"{'controller, a host':>22}{'host itself':>16}")
    for kind in KINDS:
        if (kind.name, size) in measured:
            cost = measured[kind.name, size]
            print(f"{kind.name:32}{cost.wall:10.2f}{cost.a_host:10.3f}{cost.controller:22.3f}{cost.host:16.3f}")


def tell_ratios(measured, sizes):
    print(f"\n{'ratio on so many hosts: wall':32}" + "".join(f"{size:>8}" for size in sizes), end="")
    print(f"{'controller':>16}" + "".join(f"{size:>8}" for size in sizes))
    for above, below in RATIOS:
        cells = [
            "".join(f"{ratio(measured, (above, size), (below, size), column):>8}" for size in sizes)
            for column in ("a_host", "controller")
        ]
        print(f"{above + ' / ' + below:32}{cells[0]}{'':16}{cells[1]}   aim {AIM_RATIO} or more")


def tell_growth(measured, small, large):
    print(f"\n{f'cost of a host, {large} / {small} hosts':32}{'wall':>10}{'controller':>16}")
    for kind in KINDS:
        wall, controller = (
            ratio(measured, (kind.name, large), (kind.name, small), column) for column in ("a_host", "controller")
        )
        print(f"{kind.name:32}{wall:>10}{controller:>16}   aim {AIM_GROWTH} or less")


def ratio(measured, above, below, column):
    if above not in measured or below not in measured:
        return "-"
    return "%.2f" % (getattr(measured[above], column) / getattr(measured[below], column))


if __name__ == "__main__":
    main(sys.argv[1], max(1, int(sys.argv[2])), [int(size) for size in sys.argv[3:]])
