# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's commands.

  lab up --state DIR [--hosts N] [NAME ...] [--fixture NAME=FOLDER ...]   start hosts, write DIR/inventory.yml
  lab down --state DIR                          end them, leave nothing behind
  lab run --state DIR HOST -- COMMAND ...       run a command inside a host
  lab list --state DIR                          the hosts, their addresses and processes
  lab inventory --state DIR                     print the inventory, as a script of Ansible's does

Exit status: 0 done, 1 something went wrong, 2 wrong usage, 3 this machine cannot have a lab (a sentence says
why); `lab run` ends as its command does. Every kind of host is one module with start(), stop(), alive() and
enter(); today there is namespace_host.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import inventory
import namespace_host
import network
from state import LabError, State, Unavailable


def main(arguments):
    options = parse(arguments)
    try:
        return options.command(options)
    except Unavailable as error:
        print(f"lab: {error}", file=sys.stderr)
        return 3
    except (LabError, OSError, subprocess.CalledProcessError) as error:
        output = (getattr(error, "stderr", None) or "").strip()
        print(f"lab: {error}" + (f": {output}" if output else ""), file=sys.stderr)
        return 1


def parse(arguments):
    parser = argparse.ArgumentParser(prog="lab", description="hosts for the tests, made on this machine")
    commands = parser.add_subparsers(required=True, metavar="up|down|run|list|inventory")

    up_options = commands.add_parser("up", help="start hosts and write the inventory")
    up_options.add_argument("--hosts", type=int, default=0, metavar="N", help="start node1 to nodeN")
    up_options.add_argument(
        "--fixture",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="start a host that shows what was recorded in FOLDER",
    )
    up_options.add_argument("names", nargs="*", metavar="NAME", help="start hosts with these names")
    up_options.set_defaults(command=up)

    down_options = commands.add_parser("down", help="end every host of this lab")
    down_options.set_defaults(command=down)

    run_options = commands.add_parser("run", help="run a command inside a host")
    run_options.add_argument("host")
    run_options.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run_options.set_defaults(command=run)

    list_options = commands.add_parser("list", help="name the hosts")
    list_options.set_defaults(command=list_hosts)

    inventory_options = commands.add_parser("inventory", help="print the inventory as Ansible's scripts do")
    inventory_options.set_defaults(command=print_inventory)

    for each in (up_options, down_options, run_options, list_options, inventory_options):
        each.add_argument("--state", required=True, metavar="DIR", help="where this lab keeps its files")
    return parser.parse_args(arguments)


def up(options):
    namespace_host.require()
    wanted = {f"node{number}": None for number in range(1, options.hosts + 1)}
    wanted.update((name, None) for name in options.names)
    for pair in options.fixture:
        name, equals, folder = pair.partition("=")
        if not equals or not os.path.isdir(folder):
            raise LabError(f"--fixture {pair}: want NAME=FOLDER with a folder that exists")
        wanted[name] = os.path.abspath(folder)
    if not wanted:
        raise LabError("name the hosts, or say --hosts N")
    for name in wanted:
        namespace_host.check_name(name)

    with State(options.state) as state:
        state.make_key()
        network.ensure(state)
        for name in [name for name, host in state.hosts.items() if not namespace_host.alive(host)]:
            namespace_host.stop(state, name)
        missing = [name for name in wanted if name not in state.hosts]
        for name in missing:
            state.claim_number(name)
        with ThreadPoolExecutor(max_workers=8) as pool:
            # All are waited for, so that a host that failed is never a host that is still starting.
            outcomes = [pool.submit(namespace_host.start, state, name, wanted[name]) for name in missing]
        problems = [outcome.exception() for outcome in outcomes if outcome.exception()]
        inventory.write(state)
    if problems:
        raise problems[0]
    print(state.path("inventory.yml"))
    return 0


def down(options):
    if not os.path.isdir(options.state):
        return 0
    with State(options.state) as state:
        for name in list(state.hosts):
            namespace_host.stop(state, name)
        network.remove(state)
        shutil.rmtree(state.path("hosts"), ignore_errors=True)
        for name in ("inventory.yml", "known_hosts", "key", "key.pub", "state.json"):
            if os.path.exists(state.path(name)):
                os.remove(state.path(name))
    return 0


def run(options):
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        raise LabError("say which command to run, after --")
    host = State.read(options.state).hosts.get(options.host)
    if host is None or not namespace_host.alive(host):
        raise LabError(f"there is no running host {options.host} in {options.state}")
    return namespace_host.enter(host, argv)


def list_hosts(options):
    for name, host in State.read(options.state).hosts.items():
        status = "running" if namespace_host.alive(host) else "gone"
        print(f"{name} {host['address']} {host['pid']} {status} {host.get('fixture') or ''}".rstrip())
    return 0


def print_inventory(options):
    print(inventory.dynamic(State.read(options.state)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
