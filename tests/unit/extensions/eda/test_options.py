# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the sources and the filter: what they take, what they say of the rest, and their documentation."""

from __future__ import annotations

import ast
import pathlib

import pytest
import yaml
from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import alerts, options

PLUGINS = pathlib.Path(options.__file__).parents[1]
SHARED = {**options.ALERTS, **options.LIMITS}


def documented(plugin):
    """The options in the DOCUMENTATION of a file, which cannot be imported without ansible-rulebook."""
    for node in ast.parse((PLUGINS / plugin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(node.value))["options"]
    raise AssertionError(plugin)


def test_what_is_not_given_is_left_out():
    args = {"cool_down": None, "state_file": "", "tunes_per_hour": 0, "eda_feedback_queue": object()}
    assert options.given(args, options.LIMITS) == {"tunes_per_hour": 0}


def test_an_unknown_option_is_named_with_those_that_there_are():
    with pytest.raises(ValueError) as caught:
        options.given({"cooldown": 1}, options.LIMITS)
    assert str(caught.value) == "cooldown: there is no such option; allowed: cool_down, tunes_per_hour, state_file"


@pytest.mark.parametrize("value", [60, "60", 86400])
def test_a_number_may_be_a_text(value):
    options.desk({"cool_down": value, "tunes_per_hour": "0"})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"cool_down": 59}, "cool_down: 59; allowed: a whole number from 60 to 1000000000"),
        ({"cool_down": "30 minutes"}, "cool_down: '30 minutes'; allowed: a whole number from 60 to 1000000000"),
        ({"tunes_per_hour": True}, "tunes_per_hour: True; allowed: a whole number from 0 to 1000000000"),
        (
            {"tunes_per_hour": -1},
            "tunes_per_hour: -1; allowed: a whole number from 0 to 1000000000",
        ),
        (
            {"tunes_per_hour": 1.5},
            "tunes_per_hour: 1.5; allowed: a whole number from 0 to 1000000000",
        ),
        ({"state_file": 1}, "state_file: 1; allowed: a text"),
    ],
)
def test_limits_that_are_none(given, complaint):
    with pytest.raises(ValueError) as caught:
        options.desk(given)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({}, "alerts: "),
        (
            "ConntrackTableFull",
            "alerts: 'ConntrackTableFull'; allowed: a dict of names of alerts, each with its verdict",
        ),
        ({"ConntrackTableFull": "ok"}, "alerts: ConntrackTableFull: 'ok'; allowed: pressure or full"),
        (
            {"ConntrackTableFull": ["full"]},
            "alerts: ConntrackTableFull: a value of the type list; allowed: pressure or full",
        ),
    ],
)
def test_alerts_that_are_none(chosen, complaint):
    with pytest.raises(ValueError) as caught:
        options.verdicts({"alerts": chosen})
    assert str(caught.value).startswith(complaint)


def test_without_a_choice_the_usual_alerts_count():
    assert options.verdicts({}) == alerts.USUAL
    assert options.host_label({}) == "instance"


@pytest.mark.parametrize(
    ("plugin", "names"),
    [
        ("event_source/alertmanager.py", SHARED),
        ("event_filter/from_alertmanager.py", SHARED),
        ("event_source/kernel_log.py", options.LIMITS),
    ],
)
def test_the_documentation_has_the_same_defaults_and_words(plugin, names):
    told, first = documented(plugin), documented("event_source/alertmanager.py")
    for name, default in names.items():
        assert told[name].get("default", "") == default
        assert told[name] == first[name]
