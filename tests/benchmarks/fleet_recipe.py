# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe that a fleet is tuned by without this collection, as a careful engineer writes it today.

The loop writes the file only, and one reload for all of it sets the values: with sysctl_set or reload each key would
cost more. The size of the hash goes to modprobe, from the memory that the facts tell. It is not a file beside the other
playbooks because ansible-lint would want ansible.posix where only the benchmark needs it.
"""

from __future__ import annotations

import json
import os

FILE = "/etc/sysctl.d/90-conntrack.conf"
TEMPLATE = "options nf_conntrack hashsize={{ ansible_facts.memtotal_mb * 16 + bench_step }}\n"
PLAYBOOK = [
    {
        "name": "Tune connection tracking",
        "hosts": "all",
        "gather_facts": True,
        "tasks": [
            {
                "name": "Write the settings",
                "ansible.posix.sysctl": {
                    "name": "net.netfilter.nf_conntrack_{{ item.key }}",
                    "value": "{{ item.value }}",
                    "sysctl_file": FILE,
                    "reload": False,
                },
                "loop": "{{ bench_settings | dict2items }}",
                "notify": "Reload",
            },
            {
                "name": "Write the module's options",
                "ansible.builtin.template": {
                    "src": "nf_conntrack.conf.j2",
                    "dest": "/etc/modprobe.d/nf_conntrack.conf",
                    "owner": "root",
                    "group": "root",
                    "mode": "0644",
                },
            },
        ],
        "handlers": [{"name": "Reload", "ansible.builtin.command": {"argv": ["sysctl", "-p", FILE]}}],
    }
]


def write(folder):
    """Write the playbook and its template into a folder; returns the playbook's path."""
    os.makedirs(os.path.join(folder, "templates"))
    with open(os.path.join(folder, "templates", "nf_conntrack.conf.j2"), "w", encoding="ascii") as file:
        file.write(TEMPLATE)
    path = os.path.join(folder, "recipe.yml")
    with open(path, "w", encoding="ascii") as file:
        json.dump(PLAYBOOK, file)
    return path
