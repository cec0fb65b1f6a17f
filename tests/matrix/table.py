# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""table.py FOLDER: docs/matrix.md, from what tests/matrix/run left in a folder. A part that was not run is a dash."""

from __future__ import annotations

import datetime
import os
import sys
import typing as t
from xml.etree import ElementTree

import yaml

FIXTURES = os.path.join(os.path.dirname(__file__), "..", "unit", "fixtures", "hosts")
NOT_RUN = "-"
HEAD = """# What was run where

Written by `tests/matrix/run` on %s, from what it ran on the machine that it was called on. A cell tells how many tests
passed; %s stands for what was not run. Each commit is tried on the newest ansible-core that its Python runs.
"""
STORY = """
## Hosts

On each of these: diagnose, tune in check mode, tune, tune again, drift, restore, restore again, and on hosts with
loadable modules unload and restore; each step changes what it says and nothing else. A cell tells what served the host.
The host without Python has BusyBox alone, and shows the recording of a RHEL 5.
"""
RECONSTRUCTED = """
## What could not be had

Of these hosts the tests have a folder of files in place of their own: %s are written by hand, from the sources of that
kernel and the files that it ships, as no such host was at hand; %s were captured from a running one. To replace one by
the real thing, run `tests/capture` there, and compare; `CONTRIBUTING.md` says how.

| recording | kernel | origin |
| --- | --- | --- |
"""


class Case(t.NamedTuple):
    """``state`` is passed, failed or the reason why it was not run."""

    name: str
    state: str
    properties: dict[str, str]


def main(folder: str) -> None:
    cores = sorted(name[5:] for name in os.listdir(folder) if name.startswith("core-"))
    print(HEAD % (datetime.date.today().isoformat(), NOT_RUN))
    print("| | " + " | ".join(_title(folder, core) for core in cores) + " |")
    print("| --- |" + " --- |" * len(cores))
    print("| unit tests | " + " | ".join(_units(folder, core) for core in cores) + " |")
    print("| ansible-test sanity, nothing ignored | " + " | ".join(_sanity(folder, core) for core in cores) + " |")
    print(STORY)
    print("| kernel | its Python | " + " | ".join(f"ansible-core {core}" for core in cores) + " |")
    print("| --- | --- |" + " --- |" * len(cores))
    for row in _hosts(folder, cores):
        print("| " + " | ".join(row) + " |")
    recordings = list(_recordings())
    counts = [sum(origin == each for _name, _kernel, origin in recordings) for each in ("reconstructed", "captured")]
    print(RECONSTRUCTED % tuple(counts), end="")
    for row in recordings:
        print("| " + " | ".join(row) + " |")


def _title(folder: str, core: str) -> str:
    with open(os.path.join(folder, "core-" + core), encoding="ascii") as file:
        version, python = file.read().split()
    return f"ansible-core {version}, Python {python}"


def _cases(path: str) -> list[Case]:
    if not os.path.exists(path):
        return []
    cases = []
    for case in ElementTree.parse(path).iter("testcase"):
        broken = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped")
        state = "failed" if broken else "passed" if skipped is None else skipped.get("message", "")
        properties = {each.get("name", ""): each.get("value", "") for each in case.iter("property")}
        cases.append(Case(case.get("name", ""), state, properties))
    return cases


def _units(folder: str, core: str) -> str:
    states = [case.state for case in _cases(os.path.join(folder, f"units-{core}.xml"))]
    if not states:
        return NOT_RUN
    counts = {state: states.count(state) for state in ("passed", "failed")}
    rest = len(states) - sum(counts.values())
    told = f"{counts['passed']} passed"
    told += f", **{counts['failed']} failed**" if counts["failed"] else ""
    return told + (f", {rest} skipped" if rest else "")


def _sanity(folder: str, core: str) -> str:
    status = os.path.join(folder, f"sanity-{core}.status")
    # Without one it was not run, or broken off.
    if not os.path.exists(status):
        return NOT_RUN
    with open(status, encoding="ascii") as file:
        return "passed" if file.read().strip() == "0" else "**failed**"


def _hosts(folder: str, cores: list[str]) -> t.Iterator[tuple[str, ...]]:
    """A row for each host and its Python: what served, and how that went, on each core."""
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for core in cores:
        for case in _cases(os.path.join(folder, f"hosts-{core}.xml")):
            key = case.properties.get("kernel", case.name), case.properties.get("python", NOT_RUN)
            served = case.properties.get("served", "")
            rows.setdefault(key, {}).setdefault(core, []).append(
                served if case.state == "passed" else f"{served} **{case.state}**"
            )
    for (kernel, python), told in rows.items():
        yield kernel, python, *(", ".join(told.get(core, [NOT_RUN])) for core in cores)


def _recordings() -> t.Iterator[tuple[str, str, str]]:
    for name in sorted(os.listdir(FIXTURES)):
        with open(os.path.join(FIXTURES, name, "host.yml"), encoding="utf-8") as file:
            told = yaml.safe_load(file)
        yield name, str(told["kernel"]), told["origin"]


if __name__ == "__main__":
    main(sys.argv[1])
