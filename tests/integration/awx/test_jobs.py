# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every job template and workflow, by ansible-runner, as AWX runs them, on two hosts.

The hosts are namespaces: timeouts are theirs, the limit is that of the machine. So what is set here are timeouts.
"""

from __future__ import annotations

import json
import socket

import pytest
from ansible_collections.netops.conntrack.tests.integration.awx import survey_rules

WANTED = {"tcp_timeout_established": 216011, "udp_timeout": 41}
SETTINGS = " ".join("%s=%d" % each for each in WANTED.items())
LIVE = "cd /proc/sys/net/netfilter; cat nf_conntrack_tcp_timeout_established nf_conntrack_udp_timeout"
# Far above what an artifact of two hosts takes, and far below what AWX keeps.
SMALL = 10_000


@pytest.fixture
def template(configured):
    return lambda name: configured.named("job_template", "Conntrack " + name)


@pytest.fixture
def values(hosts):
    """values(): what both hosts have, in the order of WANTED."""
    return lambda: [list(map(int, hosts.inside(host, LIVE).split())) for host in hosts.variables]


@pytest.fixture(scope="module")
def before(hosts):
    """What they had before the first job."""
    return [list(map(int, hosts.inside(host, LIVE).split())) for host in hosts.variables]


@pytest.fixture(autouse=True)
def _first(before):
    """So that it is read then."""


def told(job, playbook, key="conntrack"):
    """The artifact, which is as docs/awx.md says."""
    assert list(job.artifacts) == [key], job.output
    artifact = job.artifacts[key]
    assert len(json.dumps(artifact)) < SMALL
    assert (artifact["schema"], artifact["playbook"], artifact["left_off"]) == (1, playbook, 0)
    assert artifact["totals"]["hosts"] == len(artifact["hosts"])
    return {host["host"]: host for host in artifact["hosts"]}


def changed(job):
    return sorted(host for host, number in job.counters["changed"].items() if number)


def said(job):
    """Every message of tasks that failed."""
    return [result.get("msg", "") for result in job.results("runner_on_failed")]


def follow(awx, configured, workflow, answers):
    """The jobs of a workflow by their nodes, each with the artifacts of those before it, as AWX hands them on: by their
    names, the last of a name. What waits for an approval gets it.
    """
    nodes = {node["identifier"]: node for node in workflow["workflow_nodes"]}
    later = {
        each["identifier"] for node in nodes.values() for edge in node.get("related", {}).values() for each in edge
    }
    (name,) = set(nodes) - later
    jobs, artifacts = {}, {}
    while name:
        node, success = nodes[name], True
        if node["unified_job_template"]["type"] == "job_template":
            template = configured.named("job_template", node["unified_job_template"]["name"])
            # Each slice gets every so manieth host.
            slices = [[host] for host in awx.inventory] if template["job_slice_count"] > 1 else [None]
            jobs[name] = [
                awx.run(template, node.get("extra_data"), hosts=of, artifacts=dict(artifacts), **answers)
                for of in slices
            ]
            for job in jobs[name]:
                artifacts.update(job.artifacts)
            success = all(job.status == "successful" for job in jobs[name])
        edges = ("success_nodes" if success else "failure_nodes", "always_nodes")
        following = [each["identifier"] for edge in edges for each in node.get("related", {}).get(edge, ())]
        assert len(following) <= 1
        name = following[0] if following else None
    return jobs


def test_diagnose_with_other_answers(awx, template):
    answers = {"conntrack_interval": 1, "conntrack_table": "yes", "conntrack_fail_on": "full,host_owned"}
    job = awx.run(template("diagnose"), answers)
    assert job.status == "failed"
    found = told(job, "diagnose")
    assert {host: found[host]["status"] for host in found} == {"node1": "host_owned", "node2": "host_owned"}
    assert all(found[host]["interval"] >= 1 for host in found)
    assert "Show who fills the table" in job.tasks
    assert all(message.startswith("host_owned: ") for message in said(job))
    assert len(said(job)) == 2


def test_tune_check_changes_nothing(awx, template, values, before):
    job = awx.run(template("tune, check only"), {"conntrack_settings": SETTINGS, "conntrack_load": "no"})
    assert job.status == "successful", job.output
    assert changed(job) == ["node1", "node2"]
    assert set(told(job, "tune")) == {"node1", "node2"}
    assert values() == before


def test_the_workflow_diagnoses_tunes_and_diagnoses(awx, configured, values):
    workflow = configured.named("workflow_job_template", "Conntrack diagnose and tune")
    # The approval, and with it everything behind it, is for success only.
    (edges,) = [node["related"] for node in workflow["workflow_nodes"] if node["identifier"] == "approval"]
    assert edges == {"success_nodes": [{"identifier": "tune"}]}
    answers = {"conntrack_settings": SETTINGS, "conntrack_serial": "1,100%", "conntrack_persist": "no"}
    assert not list(survey_rules.not_accepted(workflow["survey_spec"], answers, required=False))
    jobs = follow(awx, configured, workflow, answers)
    assert list(jobs) == ["before", "tune", "after"]
    for (job,) in jobs.values():
        assert job.status == "successful", job.output
    (tune,) = jobs["tune"]
    assert changed(tune) == ["node1", "node2"]
    assert set(told(tune, "tune")) == {"node1", "node2"}
    assert values() == [list(WANTED.values())] * 2


def test_tuned_again_nothing_changes(awx, template):
    every_answer = {
        "conntrack_settings": SETTINGS, "conntrack_persist": "no", "conntrack_load": "no", "conntrack_serial": "50%",
        "conntrack_allow_lower": "yes", "conntrack_confirm": 30, "conntrack_memory_percent": 7,
        "conntrack_may_skip": ["host_owned", "not_persistent"], "conntrack_max_fail_percentage": 10,
        "conntrack_roll_back": "no", "conntrack_watch": 1,
    }  # fmt: skip
    job = awx.run(template("tune"), every_answer)
    assert job.status == "successful", job.output
    assert changed(job) == []


def test_drift_is_a_failed_job_with_an_artifact(awx, template, hosts):
    hosts.inside("node2", "echo 30 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout")
    job = awx.run(template("drift"), {"conntrack_settings": SETTINGS})
    assert job.status == "failed"
    assert "node2" in told(job, "drift")
    assert "node2" in job.counters["failures"]
    assert hosts.inside("node2", LIVE).split()[1] == "30", "it reads only"


def test_restore(awx, template, hosts, values, before):
    hosts.inside("node2", "echo %d >/proc/sys/net/netfilter/nf_conntrack_udp_timeout" % WANTED["udp_timeout"])
    answers = {"conntrack_allow_lower": "no", "conntrack_confirm": 0, "conntrack_may_skip": ["changed_since"]}
    job = awx.run(template("restore"), answers)
    assert job.status == "successful", job.output
    assert set(told(job, "restore")) == {"node1", "node2"}
    assert values() == before


def test_unload_is_refused_where_a_rule_needs_it(awx, template, values, before):
    answers = {
        "conntrack_unload_when": "now", "conntrack_helpers_only": "no", "conntrack_deny": "none",
        "conntrack_backup": "yes", "conntrack_reboot": "no", "conntrack_reboot_timeout": 60,
        "conntrack_serial": "100%", "conntrack_max_fail_percentage": 100, "conntrack_roll_back": "no",
    }  # fmt: skip
    job = awx.run(template("unload"), answers, job_type="run")
    assert job.status == "failed"
    assert all("ct state new" in message for message in said(job)), job.output
    assert sorted(job.counters["failures"]) == ["node1", "node2"]
    assert set(told(job, "unload")) == {"node1", "node2"}
    assert changed(job) == []
    assert values() == before


def test_one_report_of_slices_one_of_which_could_not_reach_its_host(awx, configured):
    workflow = configured.named("workflow_job_template", "Conntrack report of a large fleet")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        awx.inventory["gone"] = {"ansible_host": "127.0.0.1", "ansible_port": held.getsockname()[1]}
        try:
            # A question that was left blank is null, or an empty text.
            blank = {"conntrack_fail_on": None}
            jobs = follow(
                awx, configured, workflow, {"conntrack_hosts": "node2,gone", "conntrack_interval": 1, **blank}
            )
        finally:
            del awx.inventory["gone"]
    keys = [list(job.artifacts) for job in jobs["slices"]]
    assert keys[0] == [], "no host of that slice is asked for"
    assert keys[1] != keys[2]
    assert all(name.startswith("conntrack_slice_") for name in (*keys[1], *keys[2]))
    (report,) = jobs["report"]
    assert report.status == "successful", report.output
    found = told(report, "merge_reports")
    assert {host: row["status"] for host, row in found.items()} == {"node2": "host_owned", "gone": "unreachable"}
    assert "Connection refused" in found["gone"]["error"]
    assert found["node2"]["interval"] >= 1
    assert "2 hosts: 1 unreachable, 1 host owned" in json.dumps(report.results("runner_on_ok"))


def slice_of(**hosts):
    rows = [{"host": name.replace("_", "."), "status": "ok", "summary": said} for name, said in hosts.items()]
    return {"schema": 1, "totals": {"hosts": len(rows)}, "hosts": rows, "left_off": 0}


def test_a_slice_without_an_artifact_is_a_failed_job_that_names_its_hosts(awx, template, tmp_path):
    hostile = "{{ lookup('pipe', 'touch /mnt/runner/artifacts/caught') }}"
    job = awx.run(template("merge reports"), artifacts={"conntrack_slice_7": slice_of(node1=hostile)})
    assert job.status == "failed"
    assert said(job) == ["1 hosts are in no slice's report: node2"]
    found = told(job, "merge_reports")
    assert found["node1"]["summary"] == hostile
    assert (found["node2"]["status"], found["node2"]["error"][:9]) == ("failed", "No report")


def test_merging_without_slices_says_what_is_missing(awx, template):
    job = awx.run(template("merge reports"))
    assert job.status == "failed"
    assert said(job)[0].startswith("There is no report to merge: ")
