# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What configure.yml makes is what AWX takes, and what the playbooks and the role take."""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys

import pytest
import yaml
from ansible.module_utils.common.validation import check_type_bool, check_type_dict
from ansible_collections.netops.conntrack.tests.integration.awx import configured as configuring
from ansible_collections.netops.conntrack.tests.integration.awx import survey_rules
from dateutil import rrule

CHECKOUT = configuring.CHECKOUT
# Lines by which AWX knows a playbook, wherever they stand.
PLAYBOOK = re.compile(r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?include|(ansible\.builtin\.)?import_playbook):")
# What a survey asks in the place of a boolean, which AWX has not.
YES_NO = ["yes", "no"]


def read(*path):
    with open(os.path.join(CHECKOUT, *path), encoding="utf-8") as stream:
        return stream.read()


def load(*path):
    return yaml.safe_load(read(*path))


def options():
    return load("roles", "conntrack", "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]


def surveys(configured):
    """Of job templates and workflows, by name."""
    made = configured.made["job_template"] + configured.made["workflow_job_template"]
    return {each["name"]: each["survey_spec"] for each in made if each["survey_enabled"]}


def listed(folder):
    """The playbooks that AWX finds below a folder, which goes by what a line begins with."""
    for path in glob.glob(os.path.join(folder, "**", "*.y*ml"), recursive=True):
        with open(path, encoding="utf-8") as stream:
            if any(map(PLAYBOOK.match, stream)):
                yield os.path.relpath(path, CHECKOUT)


def played(template):
    """The playbook of the collection that a job template comes to."""
    (imported,) = [play["import_playbook"] for play in load(template["playbook"])]
    assert imported.startswith("netops.conntrack.")
    return os.path.join(CHECKOUT, "playbooks", imported.rpartition(".")[2] + ".yml")


def documented(playbook):
    """The variables that the comment at its head names, and those of the role where it brings hosts into a state."""
    with open(playbook, encoding="utf-8") as stream:
        text = stream.read()
    comment = "".join(line for line in text.splitlines(True) if line.startswith("#"))
    return set(re.findall(r"\bconntrack_\w+", comment)) | (set(options()) if "conntrack_state:" in text else set())


def test_every_survey_is_one_that_awx_takes(configured):
    found = surveys(configured)
    assert len(found) == 9
    for name, survey in found.items():
        assert not list(survey_rules.faults(survey)), name


def test_every_question_has_an_answer_of_its_own(configured):
    """A blank text comes as null or empty, and nothing else may: so a default, but for what takes both."""
    for survey in surveys(configured).values():
        for item in survey["spec"]:
            if item["variable"] in ("conntrack_fail_on", "conntrack_may_skip"):
                assert (item["required"], item["default"]) == (False, "")
            else:
                assert item["required"]
                assert item["default"] != ""
            assert item["question_description"]


def test_what_surveys_ask_is_what_the_role_takes(configured):
    known, asked = options(), {}
    for survey in surveys(configured).values():
        asked.update({item["variable"]: item for item in survey["spec"] if item["variable"] in known})
    assert len(asked) > 12
    for name, item in asked.items():
        option, default = known[name], item["default"]
        if option["type"] == "bool":
            assert (item["type"], item["choices"]) == ("multiplechoice", YES_NO), name
            assert check_type_bool(default) == option["default"], name
        elif option["type"] == "dict":
            assert item["type"] == "text", name
            assert check_type_dict(default) == option["default"], name
        elif option["type"] in ("int", "float"):
            assert item["type"] == {"int": "integer", "float": "float"}[option["type"]], name
            # One that depends on where the role is used has none.
            assert default == option.get("default", 2), name
        elif option["type"] == "list":
            assert item["type"] == "multiselect", name
            assert item["choices"] == option["choices"], name
            assert option["default"] == [], name
        else:
            assert (item["type"], item["choices"]) == ("multiplechoice", option["choices"]), name
            assert default == option["default"], name


def test_nothing_is_asked_that_differs_from_host_to_host(configured):
    """An answer is an extra variable, and overrules the inventory."""
    asked = {item["variable"] for survey in surveys(configured).values() for item in survey["spec"]}
    assert not asked & {"conntrack_transport", "conntrack_modules_load", "conntrack_iptables_modules"}


def test_every_question_is_one_of_the_playbook(configured):
    for template in configured.made["job_template"]:
        if template["survey_enabled"]:
            asked = {item["variable"] for item in template["survey_spec"]["spec"]}
            assert asked <= documented(played(template)), template["name"]


def test_awx_lists_the_playbook_of_every_job_template_and_no_data(configured):
    playbooks = {template["playbook"] for template in configured.made["job_template"]}
    assert playbooks | {"extensions/awx/configure.yml"} == set(listed(configuring.FOLDER))


def test_only_what_reads_runs_without_being_asked(configured):
    for template in configured.made["job_template"]:
        changes = "changes hosts" in template["labels"]
        assert changes != ("reads only" in template["labels"])
        reads = template["job_type"] == "check" or os.path.basename(template["playbook"]).startswith(
            ("diagnose", "drift", "merge")
        )
        assert changes != reads or template["ask_job_type_on_launch"], template["name"]
        # A timeout would end a change half done.
        assert (template["timeout"] > 0) == (not changes), template["name"]
    assert configured.named("job_template", "Conntrack unload")["job_type"] == "check"


def test_labels_are_made_before_they_are_worn(configured):
    made = {label["name"] for label in configured.made["label"]}
    for each in configured.made["job_template"] + configured.made["workflow_job_template"]:
        assert set(each["labels"]) <= made
        assert "netops.conntrack" in each["labels"]


def test_workflows_run_what_is_there(configured):
    templates = {template["name"]: template for template in configured.made["job_template"]}
    for workflow in configured.made["workflow_job_template"]:
        nodes = {node["identifier"]: node for node in workflow["workflow_nodes"]}
        assert len(nodes) == len(workflow["workflow_nodes"])
        asked = {item["variable"] for item in workflow["survey_spec"]["spec"]}
        taken = set()
        for node in nodes.values():
            for following in node.get("related", {}).values():
                assert {each["identifier"] for each in following} <= set(nodes)
            template = node["unified_job_template"]
            assert template["organization"] == {"name": "Default"}
            if template["type"] == "job_template":
                survey = templates[template["name"]].get("survey_spec")
                answers = node.get("extra_data", {})
                assert not list(survey_rules.not_accepted(survey, answers, required=False)), node
                taken |= documented(played(templates[template["name"]])) if survey else set()
            else:
                assert (template["type"], node["identifier"]) == ("workflow_approval", "approval")
        assert asked - {"conntrack_hosts"} <= taken, workflow["name"]


def test_the_order_of_the_workflows(configured):
    def edges(name):
        workflow = configured.named("workflow_job_template", name)
        return {
            (node["identifier"], kind, each["identifier"])
            for node in workflow["workflow_nodes"]
            for kind, following in node.get("related", {}).items()
            for each in following
        }

    assert edges("Conntrack diagnose and tune") == {
        ("before", "always_nodes", "approval"),
        ("approval", "success_nodes", "tune"),
        ("tune", "always_nodes", "after"),
    }
    # A slice that fails, as a host cannot be reached, leaves its artifact all the same.
    assert edges("Conntrack report of a large fleet") == {("slices", "always_nodes", "report")}


def test_slices_are_for_the_template_that_is_merged_and_a_limit_is_not(configured):
    sliced = {each["name"]: each for each in configured.made["job_template"] if each["job_slice_count"] > 1}
    assert list(sliced) == ["Conntrack diagnose, in slices"]
    assert not configured.named("job_template", "Conntrack merge reports")["ask_limit_on_launch"]
    assert not configured.named("workflow_job_template", "Conntrack report of a large fleet")["ask_limit_on_launch"]


def test_the_schedule_is_one_that_awx_takes(configured):
    (schedule,) = configured.made["schedule"]
    rule = schedule["rrule"]
    start, each = rule.split(" ")
    assert re.fullmatch(r"DTSTART;TZID=[\w/]+:\d{8}T\d{6}", start)
    assert each.startswith("RRULE:")
    assert "INTERVAL=" in each
    assert not re.search("SECONDLY|EXDATE|RDATE|COUNT|BYDAY=[0-9]", rule)
    days = list(rrule.rrulestr(rule, forceset=True)[:3])
    assert [str(day)[:16] for day in days] == ["2026-01-01 02:15", "2026-01-02 02:15", "2026-01-03 02:15"]
    assert all(day.tzinfo for day in days)
    survey = configured.named("job_template", schedule["unified_job_template"])["survey_spec"]
    assert not list(survey_rules.not_accepted(survey, schedule["extra_data"]))


def test_what_is_not_asked_is_asked_nowhere(tmp_path):
    made = configuring.configure(
        tmp_path,
        conntrack_awx_not_asked=["conntrack_settings"],
        conntrack_awx_playbooks="",
        conntrack_awx_scm_url="https://git.example.com/conntrack.git",
        conntrack_awx_image="registry.example.com/conntrack",
        conntrack_awx_environment="Conntrack",
        conntrack_awx_slices=12,
        conntrack_awx_instance_groups=["east", "west"],
        conntrack_awx_nightly=False,
        # Empty is not given.
        conntrack_awx_organization="",
        conntrack_awx_forks=None,
    )
    assert made.status == 0, made.output
    assert "conntrack_settings" not in str(surveys(made))
    drift = made.named("job_template", "Conntrack drift")
    assert (drift["survey_enabled"], "survey_spec" in drift) == (False, False)
    assert (drift["playbook"], drift["execution_environment"]) == ("drift.yml", "Conntrack")
    assert "instance_groups" not in drift
    assert (drift["organization"], drift["forks"]) == ("Default", 50)
    slices = made.named("job_template", "Conntrack diagnose, in slices")
    assert (slices["job_slice_count"], slices["instance_groups"]) == (12, ["east", "west"])
    assert made.made["project"][0]["scm_url"] == "https://git.example.com/conntrack.git"
    assert made.made["execution_environment"][0]["image"] == "registry.example.com/conntrack"
    assert made.made["schedule"][0]["enabled"] is False


@pytest.mark.parametrize(
    "given, said",
    [
        ({"conntrack_awx_inventory": ""}, "conntrack_awx_inventory is not given; allowed is the name of an inventory"),
        (
            {"conntrack_awx_not_asked": ["settings", "conntrack_table"]},
            "conntrack_awx_not_asked: settings is asked nowhere; conntrack_table is answered by the schedule or a "
            "workflow; allowed: conntrack_allow_lower, conntrack_backup, ",
        ),
        (
            {"conntrack_awx_not_asked": "conntrack_settings"},
            'conntrack_awx_not_asked: "conntrack_settings" is not a list',
        ),
        (
            {"conntrack_awx_image": "images.example.com/conntrack", "conntrack_awx_environment": ""},
            "conntrack_awx_environment is not given; allowed is the name",
        ),
        (
            {"conntrack_awx_inventory": ["Fleet"], "conntrack_awx_project": True},
            'conntrack_awx_inventory: ["Fleet"]; conntrack_awx_project: true is not a text',
        ),
        (
            {"conntrack_awx_forks": 0, "conntrack_awx_slices": "4.5"},
            'conntrack_awx_forks: 0; conntrack_awx_slices: "4.5" is not a whole number, 1 or more',
        ),
        ({"conntrack_awx_nightly": "02:15"}, 'conntrack_awx_nightly: "02:15" is not true or false'),
        # The allowed are those that the head of the file explains.
        (
            {"conntrack_awx_credential": ["Root's key"]},
            "conntrack_awx_credential: no variable of configure.yml; allowed: "
            + ", ".join(re.findall(r"(?m)^#   (conntrack_awx_\w+)", read("extensions", "awx", "configure.yml"))),
        ),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(tmp_path, given, said):
    made = configuring.configure(tmp_path, **given)
    assert made.status == 2
    assert said in " ".join(made.output.split())
    assert not any(made.made.values())


def builder(*arguments):
    command = [os.path.join(os.path.dirname(sys.executable), "ansible-builder"), *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ansible_builder_takes_the_execution_environment(tmp_path):
    definition = os.path.join(CHECKOUT, "extensions", "execution_environment", "execution-environment.yml")
    builder("create", "--file", definition, "--context", tmp_path, "--output-filename", "Containerfile")
    stages = (tmp_path / "Containerfile").read_text(encoding="utf-8").split("\nFROM ")
    assert [stage.split("\n")[0] for stage in stages[1:]] == [
        "$EE_BASE_IMAGE AS base", "base AS galaxy", "base AS builder", "base AS final",
    ]  # fmt: skip
    # Without git ansible-galaxy cannot clone the collection; nothing else needs it.
    assert [" git" in stage for stage in stages[1:]] == [False, True, False, False]
    before, installs, _after = stages[2].partition("ansible-galaxy collection install")
    assert "RUN $PKGMGR install -y git-core\n" in before
    assert installs
    wanted = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    assert [(each["name"], each["type"]) for each in wanted["collections"]] == [
        (load("galaxy.yml")["repository"] + ".git", "git")
    ]


def test_an_execution_environment_gets_the_ssh_client_and_no_python_package(collections):
    found = yaml.safe_load(builder("introspect", collections))
    assert list(found["python"]) == []
    assert [line.split()[0] for line in found["system"]] == ["openssh-clients", "openssh-client"]


QUESTION = {
    "variable": "a", "question_name": "A?", "type": "multiplechoice", "choices": ["b", "c"], "default": "b",
    "required": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "fault, said",
    [
        ({"type": "boolean"}, "there is no type boolean"),
        ({"required": "yes"}, "required has to be there, as a boolean"),
        ({"question_name": ""}, "question_name has to be there"),
        ({"default": "d"}, "the default is none of the choices"),
        ({"default": "b\nc"}, "there is more than one default"),
        ({"default": True}, "the default is no multiplechoice"),
        ({"choices": [True, False]}, "choices have to be there, as a list of texts"),
        ({"type": "integer", "default": "5"}, "the default is no integer"),
        ({"type": "integer", "default": 5, "max": 4}, "5 is not within None and 4"),
        ({"type": "float", "default": 0.5, "min": 0.1}, "min has to be a whole number"),
        ({"type": "text", "default": "$encrypted$"}, "is reserved"),
        ({"variable": "b"}, "b is asked twice"),
    ],
)
def test_the_rules_find_what_awx_refuses(fault, said):
    other = {**QUESTION, "variable": "b"}
    survey = {"name": "", "description": "", "spec": [{**QUESTION, **fault}, other]}
    assert any(said in each for each in survey_rules.faults(survey))
    assert not list(survey_rules.faults({**survey, "spec": [QUESTION, other]}))
