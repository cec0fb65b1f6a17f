# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What extensions/awx/configure.yml makes in AWX; in the place of awx.awx are modules that note what they are told.

The collection awx.awx needs an AWX to talk to, and there is none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FOLDER = os.path.join(CHECKOUT, "extensions", "awx")
MODULES = ("execution_environment", "job_template", "label", "project", "schedule", "workflow_job_template")
MODULE = """#!/usr/bin/python
# WANT_JSON
import json, sys
with open(sys.argv[1]) as given, open(%r, "a") as notes:
    told = {name: value for name, value in json.load(given).items() if not name.startswith("_ansible")}
    notes.write(json.dumps([%r, told]) + "\\n")
print(json.dumps({"changed": False}))
"""
GIVEN = {"conntrack_awx_inventory": "Fleet", "conntrack_awx_credentials": ["Root's key"]}


class Configured:
    """``made`` maps a module to its calls, as dicts of options."""

    def __init__(self, status, output, calls):
        self.status, self.output = status, output
        self.made = {name: [told for called, told in calls if called == name] for name in MODULES}

    def named(self, module, name):
        return next(told for told in self.made[module] if told["name"] == name)


def configure(folder, **variables):
    """As docs/awx.md has it: outside the checkout, without settings, awx.awx being where ansible-galaxy puts it."""
    notes = os.path.join(str(folder), "notes")
    modules = os.path.join(str(folder), ".ansible/collections/ansible_collections/awx/awx/plugins/modules")
    os.makedirs(modules)
    for name in MODULES:
        with open(os.path.join(modules, name + ".py"), "w", encoding="utf-8") as stream:
            stream.write(MODULE % (notes, name))
    done = subprocess.run(
        [
            os.path.join(os.path.dirname(sys.executable), "ansible-playbook"),
            os.path.join(FOLDER, "configure.yml"), "-e", json.dumps({**GIVEN, **variables}),
        ],
        cwd=str(folder),
        env={**{name: os.environ[name] for name in os.environ if not name.startswith("ANSIBLE_")}, "HOME": str(folder)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    calls = []
    if os.path.exists(notes):
        with open(notes, encoding="utf-8") as stream:
            calls = [json.loads(line) for line in stream]
    return Configured(done.returncode, done.stdout + done.stderr, calls)
