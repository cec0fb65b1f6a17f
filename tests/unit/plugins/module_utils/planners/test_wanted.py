# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for: good values are taken under any name, each kind of bad one is refused in its own words."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import Invalid, Wanted, parse
from hypothesis import given
from hypothesis import strategies as st


def parsed(settings):
    return {wanted.setting.name: wanted.value for wanted in parse(settings)}


def complaint(settings):
    with pytest.raises(Invalid) as caught:
        parse(settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"max": 131072}, {"max": 131072}),
        ({"max": "131072"}, {"max": 131072}),
        ({"max": " +131072\n"}, {"max": 131072}),
        ({"max": 1, "tcp_timeout_established": 0}, {"max": 1, "tcp_timeout_established": 0}),
        ({"max": 2147483647}, {"max": 2147483647}),
        ({"max": "auto", "buckets": "auto"}, {"max": "auto", "buckets": "auto"}),
        ({"max": "unlimited"}, {"max": 0}),
        ({"tcp_be_liberal": True, "acct": False}, {"tcp_be_liberal": 1, "acct": 0}),
        ({"tcp_be_liberal": "yes", "acct": "Off"}, {"tcp_be_liberal": 1, "acct": 0}),
        ({"tcp_loose": True, "events": 2}, {"tcp_loose": 1, "events": 2}),
        ({}, {}),
    ],
)
def test_values_that_are_taken(given_, expected):
    assert parsed(given_) == expected


@pytest.mark.parametrize("key", [key for setting in catalogue.SETTINGS for key in setting.keys])
def test_every_key_in_every_spelling_is_its_setting(key):
    setting = catalogue.find(key)
    if not setting.writable:
        assert "the kernel only reports it" in complaint({key: 1})
        return
    spellings = (key, key.replace(".", "/"), catalogue.path(key), key.rpartition(".")[2], setting.name)
    for word in spellings:
        assert parse({word: setting.maximum}) == [Wanted(setting, setting.maximum)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max", "many", "'many' is not a whole number"),
        ("max", "", "'' is not a whole number"),
        ("max", "1e5", "'1e5' is not a whole number"),
        ("max", "0x10", "'0x10' is not a whole number"),
        ("max", "131072 entries", "'131072 entries' is not a whole number"),
        ("max", "5m", "'5m' is not a whole number"),
        ("max", 131072.0, "131072.0 is not a whole number"),
        ("max", None, "None is not a whole number"),
        ("max", [131072], "[131072] is not a whole number"),
        ("max", {"value": 1}, "{'value': 1} is not a whole number"),
        ("max", True, "true is not a number"),
        ("max", -1, "-1 is out of range"),
        ("max", "-1", "-1 is out of range"),
        ("max", 2147483648, "2147483648 is out of range"),
        ("max", 0, "0 lifts the limit"),
        ("max", "0", "0 lifts the limit"),
        ("max", "AUTO", "'AUTO' is not a whole number"),
        ("buckets", 0, "0 is out of range"),
        ("buckets", "unlimited", "'unlimited' is not a whole number"),
        ("expect_max", "auto", "'auto' is not a whole number"),
        ("tcp_timeout_established", "auto", "'auto' is not a whole number"),
        ("tcp_timeout_established", -1, "-1 is out of range"),
        ("tcp_timeout_established", 2147484, "2147484 is out of range"),
        ("tcp_timeout_established", "60h", "'60h' carries a unit; in seconds it is 216000"),
        ("tcp_timeout_established", "2 Days", "'2 Days' carries a unit; in seconds it is 172800"),
        ("tcp_timeout_established", "5 minutes", "'5 minutes' carries a unit; in seconds it is 300"),
        ("tcp_timeout_established", "1w", "'1w' carries a unit; in seconds it is 604800"),
        ("tcp_timeout_established", "90 sec", "'90 sec' carries a unit; in seconds it is 90"),
        ("tcp_timeout_established", "300 ms", "'300 ms' is not a whole number"),
        ("tcp_timeout_established", "3 months", "'3 months' is not a whole number"),
        ("tcp_timeout_established", "5\u017f", "'5\u017f' is not a whole number"),
        ("tcp_timeout_established", False, "false is not a number"),
        ("tcp_be_liberal", 2, "2 is out of range"),
        ("tcp_be_liberal", "maybe", "'maybe' is not a whole number"),
        ("tcp_max_retrans", 256, "256 is out of range"),
        ("log_invalid", 256, "256 is out of range"),
        ("max", "9" * 30, "is not a whole number"),
    ],
)
def test_a_bad_value_is_named_with_its_option_and_what_is_allowed(name, value, said):
    message = complaint({name: value})
    assert message.startswith("settings.%s: " % name)
    assert said in message
    setting = catalogue.BY_NAME[name]
    if setting.unit == "switch" and setting.maximum == 1:
        assert message.endswith("allowed: 0 or 1 (true and false are taken too)")
    else:
        assert "from %d to %d" % (setting.minimum, setting.maximum) in message.rpartition("allowed: ")[2]


def test_what_is_allowed_names_the_words_and_the_unit():
    assert complaint({"max": "x"}).endswith("whole numbers from 1 to 2147483647 or auto or unlimited")
    assert complaint({"buckets": "x"}).endswith("or auto")
    assert complaint({"udp_timeout": "x"}).endswith("whole seconds from 0 to 2147483")
    assert complaint({"frag6_low_thresh": "x"}).endswith("whole bytes from 0 to 2147483647")


def test_unknown_names_get_a_suggestion():
    assert complaint({"tcp_timeout_establish": 1}).startswith(
        "settings.tcp_timeout_establish: unknown setting; did you mean tcp_timeout_established"
    )
    assert "did you mean max" in complaint({"net.netfilter.nf_conntrack_maxx": 1})
    assert (
        complaint({"zzzzzzzz": 1})
        == "settings.zzzzzzzz: unknown setting; docs/settings.md of the collection lists the names"
    )
    assert "unknown setting" in complaint({None: 1, 5: 1})


def test_the_count_is_not_for_setting():
    assert complaint({"count": 5}) == "settings.count: the kernel only reports it; it cannot be set"


def test_every_fault_is_told_at_once():
    message = complaint({"max": -1, "nonsense_of_mine": 1, "count": 1, "udp_timeout": "30s"})
    assert [part.split(":")[0] for part in message.split("; settings.")] == [
        "settings.max",
        "nonsense_of_mine",
        "count",
        "udp_timeout",
    ]


def test_two_names_of_one_setting():
    assert parsed({"max": 100, "net.nf_conntrack_max": "100"}) == {"max": 100}
    message = complaint({"max": 100, "ip_conntrack_max": 200})
    assert message == (
        "settings.ip_conntrack_max: names the same setting as another key here, with another value; give it once as max"
    )


NAMES = st.one_of(
    st.sampled_from([setting.name for setting in catalogue.SETTINGS]),
    st.sampled_from([key for setting in catalogue.SETTINGS for key in setting.keys]),
    st.text(max_size=20),
    st.integers(),
    st.none(),
    st.tuples(st.text(max_size=3)),
)
NUMBERS = st.one_of(st.integers(), st.integers(0, 70000), st.just(10**400), st.just("9" * 400))
VALUES = st.recursive(
    st.one_of(
        NUMBERS,
        st.booleans(),
        st.none(),
        st.floats(),
        st.text(max_size=20),
        st.binary(max_size=5),
        st.builds("{}{}".format, st.integers(0, 99), st.sampled_from(["s", "ms", "H", " days", "\u017f", "\u212a"])),
        st.sampled_from(["auto", "unlimited", "true", "no", "-0", "+1"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=3,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_anything_in_is_refused_or_a_list_of_values_within_bounds(settings):
    try:
        found = parse(settings)
    except Invalid as error:
        assert str(error).startswith("settings.")
        return
    assert len({wanted.setting.name for wanted in found}) == len(found)
    for setting, value in found:
        assert setting.writable
        assert (
            value == "auto" or (setting.name == "max" and value == 0) or (setting.minimum <= value <= setting.maximum)
        )
