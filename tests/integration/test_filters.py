# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as a playbook calls them, on the facts of recorded hosts and of this machine."""

from __future__ import annotations

import importlib.util
import os

import pytest
from ansible.template import trust_as_template
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import SUBSETS, gather

UNIT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit")


def recorded(name):
    """The facts of a host under tests/unit/fixtures/hosts."""
    spec = importlib.util.spec_from_file_location("recorded", os.path.join(UNIT, "recorded.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    host = module.RecordedHost(os.path.join(module.HOSTS, name))
    return gather(host.read(probe.items(SUBSETS)), SUBSETS)


@pytest.fixture(scope="module")
def original():
    return recorded("rhel5-origin")


@pytest.fixture
def template(play):
    """template(expression, facts): what a task makes of it."""

    def run(expression, facts):
        message = trust_as_template("{{ facts | %s }}" % expression)
        return play("debug", {"msg": message}, variables={"facts": facts})

    return run


def test_the_original_host_needs_the_size_that_cured_it(template, original):
    found = template("netops.conntrack.recommend", original)["msg"]
    assert (found["max"], found["limited_by"]) == (131072, "memory")
    assert found["share"] < 0.05
    assert any("36271 entries in use" in sentence for sentence in found["explanation"])


def test_options_of_recommend_count(template, original):
    tenth = template("netops.conntrack.recommend(memory_percent=10)", original)["msg"]
    assert (tenth["max"], tenth["limited_by"]) == (262144, "use")
    peak = template("netops.conntrack.recommend(memory_percent=50, peak=200000)", original)["msg"]
    assert peak["max"] == 1048576


def test_what_recommend_says_is_what_auto_takes(template, facts, settings, machine):
    here = facts()
    found = template("netops.conntrack.recommend", here)["msg"]
    predicted = settings({"max": "auto", "buckets": "auto"}, persist=False, check_mode=True)["settings"]
    assert predicted["max"]["wanted"] == found["max"]
    assert predicted["buckets"]["wanted"] == found["buckets"]


def test_the_verdict_as_text(template, original):
    lines = template("netops.conntrack.verdict_text", original)["msg"]
    assert lines[0].startswith("FULL: ")
    assert "36271 of 16640 entries (218 %)" in lines[0]
    assert any(line.startswith("  do: max = 131072 (now 16640).") for line in lines)
    assert any(line.startswith("  do: tcp_timeout_established = 216000 (now 432000).") for line in lines)
    assert any(line.startswith("  drift: max is 16640 now, 65536 after a boot; ") for line in lines)


def test_this_machine_has_a_verdict_in_words(template, facts):
    here = facts()
    lines = template("netops.conntrack.verdict_text", here)["msg"]
    assert lines[0] == "%s: %s" % (
        here["verdict"]["status"].upper().replace("_", " "),
        here["verdict"]["summary"],
    )


def test_without_a_verdict_the_text_says_what_to_gather(template):
    lines = template("netops.conntrack.verdict_text", {"generation": "nf_conntrack"})["msg"]
    assert lines == ["No verdict: gather the subsets limits, usage, timeouts, statistics, memory and log."]


@pytest.mark.parametrize(
    ("expression", "facts_", "fault"),
    [
        ("netops.conntrack.recommend", "full", "recommend: the input is not the dictionary"),
        ("netops.conntrack.recommend", {"kernel": {}, "limits": {}}, "recommend: the facts lack usage"),
        ("netops.conntrack.verdict_text", ["full"], "verdict_text: the input is not the dictionary"),
    ],
)
def test_what_is_not_facts_is_refused_in_plain_words(template, expression, facts_, fault):
    result = template(expression, facts_)
    assert result["failed"]
    assert fault in result["msg"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("memory_percent=80", "memory_percent 80 is not above 0 and at most 50"),
        ("memory_percent='much'", "memory_percent much is not above 0 and at most 50"),
        ("peak='40k'", "peak 40k is not a number of entries from 1 to 2147483647"),
        ("peak=0", "peak 0 is not a number of entries"),
    ],
)
def test_options_beyond_reason_are_refused(template, original, options, fault):
    result = template("netops.conntrack.recommend(%s)" % options, original)
    assert result["failed"]
    assert fault in result["msg"]
