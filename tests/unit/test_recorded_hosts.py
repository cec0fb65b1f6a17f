# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of every recorded host, against what is known of it, and against what may go missing on it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts.gather import SUBSETS, gather
from ansible_collections.netops.conntrack.plugins.module_utils.plan import SYSCTL, Step
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import ABSENT, FORBIDDEN, Reading
from ansible_collections.netops.conntrack.tests.unit import recorded

every_host = pytest.mark.parametrize("name", recorded.names())

# What may become of any one file.
ACCIDENTS = (
    *(Reading(reason=reason) for reason in (ABSENT, FORBIDDEN, "failed: Input/output error")),
    *(
        Reading(text=text)
        for text in ("", "\n", "\x00\udcff" * 8, "-1\n", "9" * 64 + "\n", "nf_conntrack 0 = [ ( { * - \\ \n" * 3)
    ),
)


def differences(expected, found, where="facts"):
    """Where ``found`` lacks something of ``expected``; of a dictionary only the keys named, of a list every item."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                yield "%s has no %s" % (where, key)
            else:
                yield from differences(value, found[key], "%s.%s" % (where, key))
    elif isinstance(expected, list) and isinstance(found, (list, tuple)):
        if len(expected) != len(found):
            yield "%s: expected %d items %r, found %r" % (where, len(expected), expected, list(found))
        else:
            for number, (one, other) in enumerate(zip(expected, found)):
                yield from differences(one, other, "%s[%d]" % (where, number))
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield "%s: expected %r, found %r" % (where, expected, found)


@every_host
def test_facts_are_as_known(name):
    facts = gather(recorded.load(name), SUBSETS)
    found = list(differences(recorded.expectations(name), facts))
    assert not found, "\n".join([name, *found])


@every_host
def test_host_says_where_it_is_from(name):
    about = recorded.host(name).about
    assert about["origin"] in ("captured", "reconstructed")
    assert about["from"]
    assert about["kernel"] == (recorded.load(name).text("/proc/sys/kernel/osrelease") or "").strip()
    assert {"generation", "state", "namespace", "verdict"} <= set(about["expect"])


@every_host
def test_facts_are_plain_data(name):
    # Bytes that are no UTF-8 travel as lone surrogates, which json escapes.
    json.dumps(gather(recorded.load(name), SUBSETS))


@every_host
@pytest.mark.parametrize("subset", SUBSETS)
def test_a_single_subset_stands_alone(name, subset):
    facts = gather(recorded.load(name, [subset]), [subset])
    assert subset in facts
    assert not set(SUBSETS) & set(facts) - {subset}
    assert "verdict" not in facts


@every_host
def test_nothing_that_goes_missing_or_bad_raises(name):
    whole = recorded.load(name)
    for number, (path, _reading) in enumerate(whole.items()):
        gather(whole.with_readings({path: ACCIDENTS[number % len(ACCIDENTS)]}), SUBSETS)


@every_host
def test_unread_files_are_named(name):
    reasons = recorded.host(name).about["reasons"]
    unread = gather(recorded.load(name), SUBSETS)["unread"]
    assert {path: reason for path, reason in reasons.items() if reason != ABSENT}.items() <= unread.items()


@every_host
def test_a_copy_reads_the_same_and_can_be_written_to(name, tmp_path):
    copied, items = recorded.copy(name, tmp_path), probe.items(SUBSETS)
    original = dict(recorded.load(name).items())
    assert dict(copied.read(items).items()) == original
    step = Step(SYSCTL, "/proc/sys/kernel/osrelease", original["/proc/sys/kernel/osrelease"].text, "7.0", "a test")
    assert [outcome.error for outcome in copied.carry_out([step])] == [None]
    assert copied.read(items).text(step.path) == "7.0\n"
    assert dict(recorded.load(name).items()) == original
