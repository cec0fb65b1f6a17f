# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conntrack_unload says over a table of rule sets and module graphs, and what the kernel says.

All of it goes through one SSH session, which stands for the operator's: it must last from the first row to the last.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import typing as t

import ansible.module_utils
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import unload_rows  # noqa: E402  (plain data beside this file)

CHECKOUT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
LAB = os.path.join(CHECKOUT, "tests", "lab", "lab")
THERE = "/root/unload"
PLUGINS = "ansible_collections/netops/conntrack/plugins/"

# The modules, the rules, and when each file was written to. Nothing here loads a module.
STATE = r"""
rules() {
    test ! -d /sys/module/nf_tables || $1 nft --stateless list ruleset | grep .
    for save in iptables-legacy-save ip6tables-legacy-save; do $1 $save | grep -v '^#' | sed 's/\[.*//'; done
}
cut -d' ' -f1 /proc/modules | sort
echo =====
rules
ip netns list | while read -r name _id; do rules "ip netns exec $name"; done
echo =====
find /etc -printf '%p %i %C@\n' | sort
"""
TIDY = r"""
test ! -d /sys/module/nf_tables || nft flush ruleset
for family in ip ip6; do
    for table in $(cat /proc/net/${family}_tables_names 2>/dev/null); do
        ${family}tables-legacy -t $table -F; ${family}tables-legacy -t $table -X
    done
done
rm -rf /var/lib/netops-conntrack /run/row.*
"""
# Each takes some seconds, and the next one is mostly much the same.
TRIED = unload_rows.ROWS if os.environ.get("UNLOAD_ROWS") == "all" else unload_rows.ROWS[::3]
# They do not exist for conntrack alone, so they are left alone even where the kernel would let go of them.
OTHERS = ("openvswitch", "ip_vs")


class State(t.NamedTuple):
    modules: list[str]
    rules: str
    files: list[str]


class Session:
    """The guest through one SSH session (unload_on_guest.py)."""

    def __init__(self, guest):
        argv = [LAB, "run", "--state", guest.state, guest.name, "--", "python3", THERE + "/unload_on_guest.py"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the SSH session was lost"
        return json.loads(line)

    def run(self, script):
        done = self.ask(run=script)
        assert done["code"] == 0, done["output"]
        return done["output"]

    def state(self):
        modules, rules, files = self.run(STATE).split("=====\n")
        return State(modules.split(), rules, files.splitlines())

    def unload(self, check=False):
        """The result of conntrack_unload."""
        return self.ask(module="conntrack_unload", arguments={"_ansible_check_mode": check})

    def kernel_unloads(self, core="nf_conntrack"):
        """What the kernel does not let go of, tried without the collection."""
        return self.ask(unload=core, spared=OTHERS)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def session(guest):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for source, name in (
            (os.path.join(CHECKOUT, "plugins", "module_utils"), PLUGINS + "module_utils"),
            (os.path.join(CHECKOUT, "plugins", "modules"), PLUGINS + "modules"),
            (os.path.dirname(ansible.module_utils.__file__), "ansible/module_utils"),
            (os.path.join(HERE, "unload_on_guest.py"), "unload_on_guest.py"),
        ):
            tar.add(source, name, filter=lambda item: item if item.isdir() or item.name.endswith(".py") else None)
    guest.feed(f"mkdir -p {THERE} && cd {THERE} && tar -xz && touch ansible/__init__.py", archive.getvalue())
    session = Session(guest)
    yield session
    session.close()
    guest.run(f"rm -r {THERE}")


@pytest.fixture(scope="module")
def modules_of_a_clean_host(session):
    session.run(TIDY)
    assert session.kernel_unloads() == []
    return session.run("cut -d' ' -f1 /proc/modules").split()


@pytest.fixture
def row(session, modules_of_a_clean_host, request):
    """What the row describes is there, and goes afterwards."""
    session.run(request.param.setup)
    yield request.param
    session.run(f"{request.param.teardown}\n{TIDY}")
    assert session.ask(unload_all_since=modules_of_a_clean_host) == []


def rows(table):
    return pytest.mark.parametrize("row", table, ids=lambda row: row.name, indirect=True)


def asked(session, row):
    """The result for this row, which says the same in check mode."""
    before = session.state()
    foreseen = session.unload(check=True)
    result = session.unload()
    assert "answer" in foreseen, foreseen
    assert lasting(foreseen) == lasting(result)
    assert result["answer"] == row.answer, result
    holders = json.dumps(result["holders"], ensure_ascii=False).replace('\\"', '"')
    assert [word for word in row.evidence if word not in holders] == [], result["holders"]
    return before, session.state(), result


def lasting(result):
    """Without what Ansible and the action add, and without for how many seconds a connection will be kept."""
    added = ("invocation", "failed", "transport", "ansible_facts")
    result = {key: value for key, value in result.items() if key not in added}
    return json.loads(re.sub(r"(udp +17) \d+", r"\1", json.dumps(result)))


@rows(TRIED)
def test_the_kernel_agrees(session, row):
    before, after, result = asked(session, row)
    if row.answer == unload_rows.NEEDED:
        assert result["failed"] and not result["changed"] and result["loaded"], result
        assert after == before
        assert "nf_conntrack" in session.kernel_unloads()
        return
    assert not result.get("failed"), result
    assert result["changed"] == (row.answer != unload_rows.NOT_LOADED)
    # Other modules may use these two as well.
    gone = {"nf_conntrack", "nf_defrag_ipv4", "nf_defrag_ipv6", *result["modules"]["before"]}
    assert set(before.modules) - gone <= set(after.modules) <= set(before.modules)
    assert "nf_conntrack" not in after.modules
    assert result["modules"]["after"] == [] and not result["loaded"]
    assert after.rules == without_empty_nat_chains(before.rules)
    assert after.files == before.files
    assert session.kernel_unloads() == []


@rows(unload_rows.SPARED)
def test_it_refuses_what_the_kernel_would_do(session, row):
    before, after, result = asked(session, row)
    assert result["failed"] and not result["changed"], result
    assert after == before
    assert session.kernel_unloads() == []


@rows([row for row in unload_rows.ROWS if row.name == "iptables: -m state"])
def test_ansible_says_the_same(guest, session, row):
    said = guest.module("conntrack_unload", check=True)
    expected = lasting(session.unload(check=True))
    # Its command shows the difference in a place of its own.
    assert {**lasting(said), "diff": expected["diff"]} == expected


def without_empty_nat_chains(rules):
    """And without the empty nat tables of iptables, which are there while their module is."""
    rules = re.sub(r"\tchain \w+ \{\n\t\ttype nat [^\n]*policy accept;\n\t\}\n", "", rules)
    return re.sub(r"\*nat\n(:\w+ ACCEPT \n)*COMMIT\n", "", rules)


def test_the_session_of_the_operator_lived_through_all_of_it(session):
    assert session.run("echo alive") == "alive\n"
    assert session.process.poll() is None


def test_the_table_is_large_enough():
    names = {row.name for row in unload_rows.ROWS}
    assert len(names) == len(unload_rows.ROWS) >= 70
    assert len(TRIED) >= 25
