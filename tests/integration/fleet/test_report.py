# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""diagnose over a small fleet, as users run it: what is shown, the files, and how the run ends.

Two hosts are this machine, by Python and by the shell, one cannot be reached, and one fails.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import socket
import stat
import subprocess
import sys

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.calls.facts import LONGEST
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import SUBSETS, gather

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
ANSIBLE = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
GOOD = ("gw1", "gw2")
VERDICTS = ("ok", "pressure", "full", "was_full", "not_tracking", "race", "host_owned", "unknown")
HOSTILE = "gw5 <script>\"'{{ 1 + 1 }}"


@pytest.fixture(scope="module")
def closed():
    """A port of the loopback where nobody answers, and nobody will while it is bound."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def run(tmp_path, closed):
    """run(host, ..., arguments=(...), variables): the exit status and what diagnose, or another playbook, printed."""
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {
        "gw1": here,
        "gw2": {**here, "conntrack_transport": "shell"},
        "gw3": {"ansible_host": "127.0.0.1", "ansible_port": closed, "ansible_ssh_common_args": "-F none"},
        "gw4": {**here, "conntrack_transport": "pigeon"},
        "gw6": {**here, "conntrack_interval": LONGEST + 1},
        HOSTILE: here,
    }

    def play(*names, book="netops.conntrack.diagnose", arguments=(), environment=(), **variables):
        inventory = tmp_path / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": {name: hosts[name] for name in names}}}), encoding="utf-8")
        argv = [ANSIBLE, "-i", str(inventory), str(book), "-e", json.dumps(variables), *arguments]
        done = subprocess.run(
            argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False, cwd=tmp_path,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
                 **dict(environment)},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return play


def shown(output):
    """The report in it, as lines."""
    lines = output.split("TASK [Show the report]")[1].split("msg: |-\n")[1].split("\n\n")[0].splitlines()
    return [line.strip() for line in lines]


def files(folder):
    return {
        "conntrack_report_" + name: str(folder / ("report." + end))
        for name, end in (("html", "html"), ("json", "json"), ("csv", "csv"), ("prometheus", "prom"))
    }


def recap(output, host):
    line = next(line for line in output.split("PLAY RECAP")[1].splitlines() if line.startswith(host + " "))
    return {name: int(number) for name, number in (word.split("=") for word in line.split(":")[1].split())}


def test_every_host_is_in_the_report_and_the_run_ends_as_it_should(run, tmp_path):
    status, output = run("gw1", "gw2", "gw3", "gw4", conntrack_interval="1", conntrack_table=True, **files(tmp_path))
    assert status == 4, output
    report = shown(output)
    assert all(
        len(line) <= 100 for line in output.split("TASK [Show the report]")[1].split("TASK [")[0].splitlines()[1:]
    )
    assert report[0].split() == ["VERDICT", "USAGE", "ENTRIES", "DROPS", "DROPS/S", *report[0].split()[5:]]
    hosts = [line.split()[-1] for line in report if line.split()[-1] in ("gw1", "gw2", "gw3", "gw4")]
    assert hosts[:2] == ["gw3", "gw4"]
    assert set(hosts) == {"gw1", "gw2", "gw3", "gw4"}
    assert any("Connection refused" in line for line in report)
    assert any("'pigeon' is not one of" in line for line in report)
    assert any(line.startswith("4 hosts: ") and "1 unreachable, 1 failed" in line for line in report)
    assert [recap(output, "gw3")[name] for name in ("unreachable", "failed")] == [1, 0]
    assert [recap(output, "gw4")[name] for name in ("unreachable", "failed")] == [0, 1]
    assert [recap(output, host)["failed"] for host in GOOD] == [0, 0]

    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    rows = {row["host"]: row for row in told["hosts"]}
    assert [rows[host]["status"] for host in ("gw3", "gw4")] == ["unreachable", "failed"]
    assert [rows[host]["transport"] for host in GOOD] == ["python", "shell"]
    assert all(rows[host]["status"] in VERDICTS and rows[host]["interval"] >= 1 for host in GOOD)
    assert told["totals"]["reached"] == 2
    with open(tmp_path / "report.csv", encoding="utf-8", newline="") as stream:
        assert [row["host"] for row in csv.DictReader(stream)] == [row["host"] for row in told["hosts"]]
    metrics = (tmp_path / "report.prom").read_text(encoding="utf-8")
    assert 'netops_conntrack_up{host="gw3"} 0\n' in metrics
    assert 'netops_conntrack_up{host="gw1"} 1\n' in metrics
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('<tr class="host">') == 4
    for path in files(tmp_path).values():
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o640


def test_a_run_in_which_nobody_answers_has_a_report_too(run):
    status, output = run("gw3", "gw4")
    assert status == 4
    assert shown(output)[-1] == "2 hosts: 1 unreachable, 1 failed"


def test_a_host_that_fails_is_a_failed_run(run):
    status, output = run("gw1", "gw4")
    assert status == 2
    assert recap(output, "gw4")["failed"] == 1


def test_one_host_has_the_short_output_and_the_files_that_were_asked_for(run, tmp_path):
    status, output = run("gw1")
    assert status == 0, output
    assert "VERDICT  " not in output
    assert "The table " in output or "does not track" in output
    status, output = run("gw1", conntrack_report_json=str(tmp_path / "one.json"))
    assert status == 0, output
    assert "VERDICT  " not in output
    assert json.loads((tmp_path / "one.json").read_text())["totals"]["hosts"] == 1


def test_check_mode_writes_nothing(run, tmp_path):
    status, output = run("gw1", "gw2", arguments=["--check"], **files(tmp_path))
    assert status == 0, output
    assert not list(tmp_path.glob("report.*"))
    assert recap(output, "gw1")["changed"] == 1


def test_a_mode_that_yaml_has_made_a_number_is_that_mode(run, tmp_path):
    path = tmp_path / "one.json"
    status, output = run("gw1", conntrack_report_json=str(path), conntrack_report_options={"mode": 0o600})
    assert status == 0, output
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_file_that_cannot_be_written_fails_the_run_and_keeps_nothing_else_back(run, tmp_path):
    wanted = {**files(tmp_path), **{"conntrack_report_" + name: "/proc/none/" + name for name in ("html", "csv")}}
    status, output = run("gw1", "gw2", **wanted)
    assert status == 2
    assert shown(output)[-2].startswith("2 hosts: ") or shown(output)[-1].startswith("2 hosts: ")
    told = " ".join(output.split())
    for name in ("html", "csv"):
        assert "%s: /proc/none/%s cannot be written: No such file or directory" % (name, name) in told
    assert sorted(path.name for path in tmp_path.glob("report.*")) == ["report.json", "report.prom"]
    # Nothing is wrong with the hosts; one of them stands for the run.
    assert [recap(output, host)["failed"] for host in ("gw1", "gw2")] == [1, 0]


LONGER = "conntrack_interval: %d is not a number of seconds from 0 to %d" % (LONGEST + 1, LONGEST)


@pytest.mark.parametrize(
    "given, host, said",
    [
        ({"conntrack_report_prometheus": "metrics.txt"}, "gw2", "prometheus: metrics.txt has to end in .prom"),
        (
            {"conntrack_report_html": "one", "conntrack_report_json": "./one"},
            "gw2",
            "json: ./one is named twice, by html too",
        ),
        ({"conntrack_report_options": {"mode": "rw"}}, "gw2", "mode: 'rw' is not an octal mode such as '0640'"),
        ({"conntrack_interval": str(LONGEST + 1)}, "gw2", LONGER),
        ({"conntrack_interval": "soon"}, "gw2", "conntrack_interval: soon is not a number of seconds"),
        ({}, "gw6", LONGER),
    ],
)
def test_a_mistake_in_what_is_asked_for_is_told_before_any_host_is_read(run, given, host, said):
    status, output = run("gw1", host, **given)
    assert status == 2
    assert said in " ".join(output.split())
    assert "TASK [Read the state of connection tracking]" not in output


def test_verdicts_that_fail_come_after_the_report(run):
    status, output = run("gw1", "gw2", conntrack_fail_on=list(VERDICTS))
    assert status == 2
    assert output.index("TASK [Show the report]") < output.index("TASK [Fail where something failed")
    assert recap(output, "gw1")["failed"] == 1


def test_another_strategy_makes_one_report_of_all(run, tmp_path):
    status, output = run("gw1", "gw2", "gw4", environment={"ANSIBLE_STRATEGY": "free"}, **files(tmp_path))
    assert status == 2
    assert len(json.loads((tmp_path / "report.json").read_text())["hosts"]) == 3
    assert output.count("TASK [Show the report]") == 1


def recorded(name):
    """The facts of a host under tests/unit/fixtures/hosts."""
    spec = importlib.util.spec_from_file_location("recorded", os.path.join(CHECKOUT, "tests", "unit", "recorded.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return gather(module.load(name), SUBSETS)


def test_the_module_on_recorded_hosts_is_idempotent_and_takes_nothing_for_a_template(run, tmp_path):
    facts = {"gw1": recorded("rhel5-origin"), "gw2": recorded("kube-node"), HOSTILE: recorded("debian12")}
    facts[HOSTILE]["verdict"]["summary"] = "{{ lookup('pipe', 'touch %s') }}" % (tmp_path / "caught")
    (tmp_path / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    options = {name.removeprefix("conntrack_report_"): path for name, path in files(tmp_path).items()}
    report = {
        "netops.conntrack.conntrack_report": {**options, "title": "Recorded", "mode": "0600", "mask_addresses": True},
        "run_once": True,
        "register": "made",
    }
    read = "{{ (lookup('ansible.builtin.file', '%s') | from_json)[inventory_hostname] }}" % (tmp_path / "facts.json")
    tasks = [
        {"ansible.builtin.set_fact": {"conntrack": read, "cacheable": True}},
        report,
        {
            "ansible.builtin.copy": {"content": "{{ made | to_json }}", "dest": str(tmp_path / "made.json")},
            "run_once": True,
        },
        {**report, "register": "again"},
        {"ansible.builtin.assert": {"that": ["made is changed", "again is not changed"]}, "run_once": True},
    ]
    book = tmp_path / "book.yml"
    book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    status, output = run("gw1", "gw2", HOSTILE, book=book)
    assert status == 0, output
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
    assert made["totals"]["by_status"]["full"] == 1
    assert [file["changed"] for file in made["files"]] == [True] * 4
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [row["host"] for row in told["hosts"]] == ["gw1", "gw2", HOSTILE]
    assert told["hosts"][2]["summary"] == facts[HOSTILE]["verdict"]["summary"]
    assert (told["title"], told["time"]) == ("Recorded", None)
    assert not (tmp_path / "caught").exists()
    assert stat.S_IMODE(os.stat(tmp_path / "report.html").st_mode) == 0o600
    assert '<script>"' not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"rows": -1}, "rows: must be 0 for all, or more, not -1"),
        ({"mode": 640}, "mode: '640' is not an octal mode such as '0640'"),
        ({"file": "/tmp/x"}, "file"),
    ],
)
def test_wrong_options_are_named(run, tmp_path, options, fault):
    book = tmp_path / "book.yml"
    tasks = [{"netops.conntrack.conntrack_report": options, "run_once": True}]
    book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    status, output = run("gw1", book=book)
    assert status == 2
    assert fault in output


@pytest.mark.parametrize("name, said", [("conntrack_intervall", True), ("conntrack_site", False)])
def test_a_variable_that_looks_misspelt_is_told_once_for_all_hosts(run, name, said):
    status, output = run("gw1", "gw2", **{name: 5})
    assert status == 0, output
    told = "%s is no variable of netops.conntrack; there is conntrack_interval; it counts for nothing here" % name
    assert " ".join(output.split()).count(told) == int(said)
