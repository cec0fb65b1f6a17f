# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's commands.

  lab up --state DIR [--hosts N] [NAME ...] [--fixture NAME=FOLDER ...] [--bare NAME=KIND ...]
         [--guest NAME=KIND ...]                start hosts, write DIR/inventory.yml
  lab down --state DIR                          end them, leave nothing behind
  lab run --state DIR HOST -- COMMAND ...       run a command inside a host
  lab reset --state DIR GUEST                   cut a guest's power and give it back, on the same disk
  lab list --state DIR                          the hosts, their addresses and processes
  lab inventory --state DIR                     print the inventory, as a script of Ansible's does
  lab images [KIND ...]                         make the guests' images ahead, print where they are

A guest is a virtual machine, debian11, debian12 or debian13; the other hosts are namespaces of this machine. A bare
host has no Python: busybox is nothing but that and an sshd, dash the machine's root with dash as its shell. By
--fixture with the same NAME it shows a recording. Root's password there is "lab"; user admin has the same key as
root, and may use su, on dash sudo too.
Hosts that run are left as they are by another `up`, those that ended are made anew.

Exit status: 0 done, 1 something went wrong, 2 wrong usage, 3 this machine cannot have such hosts (a sentence says
why, and nothing was started); `lab run` ends as its command does. Every kind of host is one module with require(),
start(), stop() and enter(): namespace_host, bare_host and guest_host.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import bare_host
import guest_host
import guest_image
import inventory
import namespace_host
import network
import processes
from state import LabError, State, Unavailable

KINDS = {"namespace": namespace_host, "bare": bare_host, "guest": guest_host}


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
    commands = parser.add_subparsers(required=True, metavar="up|down|run|reset|list|inventory|images")

    up_options = commands.add_parser("up", help="start hosts and write the inventory")
    up_options.add_argument("--hosts", type=int, default=0, metavar="N", help="start node1 to nodeN")
    up_options.add_argument(
        "--fixture",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="start a host that shows what was recorded in FOLDER",
    )
    up_options.add_argument(
        "--bare",
        action="append",
        default=[],
        metavar="NAME=KIND",
        help=f"start a host without Python: {', '.join(bare_host.ROOTS)}",
    )
    up_options.add_argument(
        "--guest",
        action="append",
        default=[],
        metavar="NAME=KIND",
        help=f"start a virtual machine: {', '.join(guest_image.SUITES)}",
    )
    up_options.add_argument("names", nargs="*", metavar="NAME", help="start hosts with these names")
    up_options.set_defaults(command=up)

    down_options = commands.add_parser("down", help="end every host of this lab")
    down_options.set_defaults(command=down)

    run_options = commands.add_parser("run", help="run a command inside a host")
    run_options.add_argument("host")
    run_options.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    run_options.set_defaults(command=run)

    reset_options = commands.add_parser("reset", help="cut a guest's power and give it back")
    reset_options.add_argument("host", metavar="GUEST")
    reset_options.set_defaults(command=reset)

    list_options = commands.add_parser("list", help="name the hosts")
    list_options.set_defaults(command=list_hosts)

    inventory_options = commands.add_parser("inventory", help="print the inventory as Ansible's scripts do")
    inventory_options.set_defaults(command=print_inventory)

    images_options = commands.add_parser("images", help="make the guests' images ahead")
    images_options.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(guest_image.SUITES))
    images_options.set_defaults(command=images)

    for each in (up_options, down_options, run_options, reset_options, list_options, inventory_options):
        each.add_argument("--state", required=True, metavar="DIR", help="where this lab keeps its files")
    return parser.parse_args(arguments)


def up(options):
    wanted = _wanted(options)
    for kind in {kind for kind, _what in wanted.values()}:
        KINDS[kind].require()
    # Before the state is locked, and before anything runs that would have to be ended: this can take minutes.
    _images({what for kind, what in wanted.values() if kind == "guest"})

    with State(options.state) as state:
        state.make_key()
        network.ensure(state)
        for name in [name for name, host in state.hosts.items() if not processes.alive(host)]:
            _kind(state, name).stop(state, name)
        missing = [name for name in wanted if name not in state.hosts]
        for name in missing:
            state.claim_number(name, wanted[name][0])
        with ThreadPoolExecutor(max_workers=8) as pool:
            # All are waited for, so that a host that failed is never a host that is still starting.
            outcomes = [pool.submit(_kind(state, name).start, state, name, wanted[name][1]) for name in missing]
        problems = [outcome.exception() for outcome in outcomes if outcome.exception()]
        inventory.write(state)
    if problems:
        raise problems[0]
    print(state.path("inventory.yml"))
    return 0


def _wanted(options):
    """Name -> kind of host, and what it is to be, as that kind's start() takes it."""
    wanted = {f"node{number}": ("namespace", None) for number in range(1, options.hosts + 1)}
    wanted.update((name, ("namespace", None)) for name in options.names)
    for pair in options.fixture:
        name, equals, folder = pair.partition("=")
        if not equals or not os.path.isdir(folder):
            raise LabError(f"--fixture {pair}: want NAME=FOLDER with a folder that exists")
        wanted[name] = ("namespace", os.path.abspath(folder))
    for pair in options.bare:
        name, _equals, bare = pair.partition("=")
        if bare not in bare_host.ROOTS:
            raise LabError(f"--bare {pair}: want NAME=KIND with one of {', '.join(bare_host.ROOTS)}")
        wanted[name] = ("bare", (bare, wanted.get(name, ("", None))[1]))
    for pair in options.guest:
        name, _equals, guest = pair.partition("=")
        if guest not in guest_image.SUITES:
            raise LabError(f"--guest {pair}: want NAME=KIND with one of {', '.join(guest_image.SUITES)}")
        wanted[name] = ("guest", guest)
    if not wanted:
        raise LabError("name the hosts, or say --hosts N")
    for name in wanted:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise LabError(f"{name!r} is not a host name: want small letters, digits and dashes, a letter first")
    return wanted


def _images(guests):
    """The images of these kinds of guests, those that are missing made side by side."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(guest_image.find, sorted(guests)))


def _kind(state, name):
    return KINDS[state.hosts[name]["kind"]]


def down(options):
    if not os.path.isdir(options.state):
        return 0
    with State(options.state) as state:
        for name in list(state.hosts):
            _kind(state, name).stop(state, name)
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
    state = State.read(options.state)
    host = state.hosts.get(options.host)
    if host is None or not processes.alive(host):
        raise LabError(f"there is no running host {options.host} in {options.state}")
    return _kind(state, options.host).enter(state, host, argv)


def reset(options):
    if not os.path.isdir(options.state):
        raise LabError(f"there is no lab in {options.state}")
    with State(options.state) as state:
        if state.hosts.get(options.host, {}).get("kind") != "guest":
            raise LabError(f"there is no guest {options.host} in {options.state}; other hosts have no power to cut")
        guest_host.reset(state, options.host)
    return 0


def list_hosts(options):
    for name, host in State.read(options.state).hosts.items():
        status = "running" if processes.alive(host) else "gone"
        what = " ".join(host[each] for each in ("bare", "fixture", "guest") if host.get(each))
        print(f"{name} {host['address']} {host['pid']} {status} {what}".rstrip())
    return 0


def print_inventory(options):
    print(inventory.dynamic(State.read(options.state)))
    return 0


def images(options):
    unknown = [guest for guest in options.kinds if guest not in guest_image.SUITES]
    if unknown:
        raise LabError(f"{unknown[0]} is no kind of guest: want {', '.join(guest_image.SUITES)}")
    print("\n".join(_images(options.kinds or guest_image.SUITES)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
