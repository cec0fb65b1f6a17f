# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as AWX runs it: the files it writes, ansible-runner in an environment of its own, and what it reads back."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import yaml

from . import survey_rules
from .environment import NOBODY, RUNNER

HERE = os.path.dirname(os.path.abspath(__file__))
SEARCHED = "~/.ansible/collections:/usr/share/ansible/collections"
# Of all jobs of AWX.
ENVIRONMENT = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
    "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
    "ANSIBLE_RETRY_FILES_ENABLED": "False",
    "AWX_PRIVATE_DATA_DIR": RUNNER,
    "MAX_EVENT_RES": "700000",
    "ANSIBLE_SSH_CONTROL_PATH_DIR": RUNNER + "/cp",
    "ANSIBLE_COLLECTIONS_PATH": "%s/requirements_collections:%s" % (RUNNER, SEARCHED),
    "ANSIBLE_ROLES_PATH": RUNNER + "/requirements_roles:~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles",
}
SETTINGS = {"job_timeout": 0, "suppress_ansible_output": True, "suppress_output_file": False}
INVENTORY = "#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint(%r)\n"


class Job:
    """``artifacts`` is what set_stats told, ``counters`` the hosts and how many tasks of each kind there were."""

    def __init__(self, folder, output):
        with open(os.path.join(folder, "stdout"), encoding="utf-8") as stream:
            self.output = output + stream.read()
        with open(os.path.join(folder, "status"), encoding="ascii") as stream:
            self.status = stream.read()
        with open(os.path.join(folder, "rc"), encoding="ascii") as stream:
            self.rc = int(stream.read())
        self.events = []
        for name in os.listdir(os.path.join(folder, "job_events")):
            with open(os.path.join(folder, "job_events", name), encoding="utf-8") as stream:
                self.events.append(json.load(stream))
        self.events.sort(key=lambda event: event["counter"])
        self.tasks = [event.get("event_data", {}).get("task") for event in self.events]
        ends = [event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        stats = ends[0] if ends else {}
        self.artifacts = stats.get("artifact_data", {})
        self.counters = {name: stats.get(name, {}) for name in ("ok", "changed", "failures", "dark")}

    def results(self, kind):
        """What tasks returned, of the events of a kind such as runner_on_ok."""
        return [event["event_data"]["res"] for event in self.events if event["event"] == kind]


class _ExtraVariables(yaml.SafeDumper):
    """A text that looks like a template is none to Ansible."""


_ExtraVariables.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "!unsafe" if "{{" in text or "{%" in text else "tag:yaml.org,2002:str", text
    ),
)


class Awx:
    """``project`` and ``collections`` are folders: a project as it was checked out, and what its update installed."""

    def __init__(self, folder, project, collections, inventory, key):
        self.folder, self.project, self.collections = str(folder), str(project), str(collections)
        self.inventory, self.key = inventory, key
        self.number = 100

    def run(self, template, answers=None, job_type=None, hosts=None, artifacts=None, **workflow_variables):
        """The job of a template, as configure.yml gave it to AWX; of a part of the hosts where they are named."""
        answers = answers or {}
        survey = template.get("survey_spec")
        faults = list(survey_rules.not_accepted(survey, answers, required=False))
        assert not faults, faults
        self.number += 1
        base = os.path.join(self.folder, "awx_%d" % self.number)
        extra_variables = {
            **survey_rules.extra_variables(survey, answers),
            **(artifacts or {}),
            **workflow_variables,
            **{"%s_job_id" % prefix: self.number for prefix in ("awx", "tower")},
        }
        self._write(base, template, job_type or template["job_type"], hosts, extra_variables)
        environment = [
            "unshare", "--mount", "--propagation", "private", sys.executable, "-B",
            os.path.join(HERE, "environment.py"), base, self.project, self.collections, str(self.number),
            template["playbook"],
        ]  # fmt: skip
        done = subprocess.run(
            environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
        )
        artifacts_folder = os.path.join(base, "artifacts", str(self.number))
        assert os.path.exists(os.path.join(artifacts_folder, "rc")), done.stdout + done.stderr
        return Job(artifacts_folder, done.stdout + done.stderr)

    def _write(self, base, template, job_type, hosts, extra_variables):
        for name in ("inventory", "env", "cp", "project"):
            os.makedirs(os.path.join(base, name))
        arguments = ["-u", "root"]
        if job_type == "check":
            arguments.append("--check")
        if template["become_enabled"]:
            arguments.append("--become")
        if template["diff_mode"]:
            arguments.append("--diff")
        arguments.append("--forks=%d" % template["forks"])
        params = {
            "inventory": RUNNER + "/inventory/hosts",
            "envvars": {**ENVIRONMENT, "JOB_ID": str(self.number)},
            "ssh_key": self.key,
        }
        shown = {name: variables for name, variables in self.inventory.items() if hosts is None or name in hosts}
        script = {"all": {"hosts": list(shown)}, "_meta": {"hostvars": shown}}
        for path, text, mode in (
            ("env/cmdline", " ".join(arguments), 0o600),
            ("env/settings", json.dumps(SETTINGS), 0o600),
            ("env/extravars", yaml.dump(extra_variables, Dumper=_ExtraVariables), 0o600),
            ("inventory/hosts", INVENTORY % json.dumps(script), 0o700),
            ("params.json", json.dumps(params), 0o600),
        ):
            with open(os.path.join(base, path), "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(os.path.join(base, path), mode)
        for folder, _folders, files in os.walk(base):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, NOBODY, NOBODY)
        os.chmod(base, 0o700)
