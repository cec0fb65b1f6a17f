# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Ansible inventory: a file, and what a dynamic inventory script prints.

Groups: `plain` for hosts that show the machine, `recorded` for hosts that show a recording, `guests` for virtual
machines, `bare` for hosts without Python, which with a recording are in `recorded` too.
"""

from __future__ import annotations

import json
import os


def write(state):
    """Write inventory.yml (as JSON, which YAML includes) and known_hosts for the hosts on record."""
    children = {group: {"hosts": hosts} for group, hosts in _groups(state).items()}
    text = json.dumps({"all": {"children": children}}, indent=2)
    _write(state.path("inventory.yml"), f"---\n# Written by the lab.\n{text}\n")
    known = []
    for name, host in _hosts(state):
        with open(state.path("hosts", name, "host_key.pub"), encoding="ascii") as file:
            known.append(f"{host['address']} {' '.join(file.read().split()[:2])}\n")
    _write(state.path("known_hosts"), "".join(known))


def dynamic(state):
    """The same in the form of ansible.builtin.script.

    A group without hosts is left out: a play for it then is a pattern that matches nothing, which can be an error.
    """
    groups = _groups(state)
    variables = {name: each for hosts in groups.values() for name, each in hosts.items()}
    result = {group: {"hosts": list(hosts)} for group, hosts in groups.items() if hosts}
    return json.dumps({**result, "_meta": {"hostvars": variables}}, indent=2)


def _hosts(state):
    return [(name, host) for name, host in sorted(state.hosts.items()) if "address" in host]


def _groups(state):
    groups = {"plain": {}, "recorded": {}, "guests": {}, "bare": {}}
    options = "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    options += f" -o UserKnownHostsFile={state.path('known_hosts')}"
    for name, host in _hosts(state):
        variables = {
            "ansible_host": host["address"],
            "ansible_port": 22,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": state.path("key"),
            "ansible_ssh_common_args": options,
        }
        if host["kind"] != "bare":
            variables["ansible_python_interpreter"] = "/usr/bin/python3"
        for group in _groups_of(host):
            groups[group][name] = variables
    return groups


def _groups_of(host):
    if host["kind"] == "guest":
        return ["guests"]
    if host["kind"] == "bare":
        return ["bare", "recorded"] if host["fixture"] else ["bare"]
    return ["recorded"] if host["fixture"] else ["plain"]


def _write(path, text):
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
