# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page, read by a parser that takes nothing amiss but what is wrong. A real browser is in tests/integration."""

from __future__ import annotations

import html.parser
import re

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import as_html, drawing
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.page_script import SCRIPT
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile

EMPTY = frozenset(("meta", "link", "br", "wbr", "input"))
# Elements of SVG that end themselves.
ENDED = frozenset(("rect", "path", "circle"))


class Strict(html.parser.HTMLParser):
    """Each element is closed in order, each attribute is there once, and none is one that acts."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.hosts, self.scripts = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names)), self.get_starttag_text()
        assert not [name for name in names if name.startswith("on") or name in ("style", "srcdoc")], names
        for name, value in attrs:
            if name in ("src", "href", "action"):
                assert value == "data:,", value
        self.tags.append(tag)
        if tag not in EMPTY:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag, attrs):
        assert tag in ENDED, tag
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1][0] in ("script", "style"):
            self.scripts.append((self.open[-1][0], data))
            return
        self.texts.append(data)
        if ("th", "row") in [(tag, attributes.get("scope")) for tag, attributes in self.open]:
            self.hosts.append(data)


def page(rows, title="Gateways", time="2026-11-26T16:30:00Z"):
    return "".join(as_html.parts(report(rows, title, time)))


def parsed(text):
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("size", [0, 1, 200])
def test_a_fleet_is_well_formed_and_every_host_is_in_it(size):
    text = page(simulated_fleet.fleet(size))
    found = parsed(text)
    assert text.count('<tr class="host">') == size
    said = "".join(found.hosts)
    assert all(row.host in said for row in simulated_fleet.fleet(size))
    assert "2026-11-26 16:30:00 UTC" in text


def test_nothing_is_fetched_and_only_its_own_script_runs():
    text = page(hostile.rows(), title=hostile.TEXTS["script"], time=hostile.TEXTS["script"])
    found = parsed(text)
    assert found.tags.count("script") == found.tags.count("style") == 1
    assert ("script", SCRIPT) in found.scripts
    assert not set(found.tags) & {"img", "iframe", "object", "embed", "base", "form", "a"}
    assert "url(" not in text
    assert "@import" not in text
    assert "eval" not in SCRIPT
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none';")
    assert "unsafe" not in policy


def test_what_hosts_say_is_shown_and_does_nothing():
    text = page(hostile.rows())
    found = parsed(text)
    said = "".join(found.texts)
    assert "</script><script>document.title='caught'</script>" in said
    assert "{{ lookup('pipe', 'id') }}" in said
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_details_of_a_host():
    row = next(row for row in hostile.rows() if row.host.startswith("quotes"))
    text = page([row])
    for title in (
        "Error", "Evidence", "What to do", "Drift", "Top talkers", "What stands out in the table",
        "Others who set these values", "Not read", "The host",
    ):  # fmt: skip
        # What the summary says already is not said again.
        assert ("<h3>%s</h3>" % title in text) == (title != "Error"), title


def test_columns_of_an_interval_are_there_where_one_was_taken():
    assert ">Trend</th>" not in page([Row("a", "ok", "", entries=5, max=10, usage=0.5)])
    assert ">Trend</th>" in page(
        [Row("a", "ok", "", entries=5, max=10, usage=0.5, interval=1.0, growth_per_second=0.0)]
    )


def test_hosts_that_need_a_look_are_open_on_paper():
    text = page([Row("a", "full", ""), Row("b", "ok", "")])
    assert '<tbody class="bad look">' in text
    assert '<tbody class="good">' in text


@pytest.mark.parametrize(
    ("entries", "growth", "path"),
    [
        (50, 0.0, "M0 13.0 L32 13.0"),
        # From nothing to half in the interval, and full as fast.
        (50, 5.0, "M0 25.0 L32 13.0"),
        (200, 0.0, "M0 1.0 L32 1.0"),
    ],
)
def test_a_trend_is_drawn_to_the_limit(entries, growth, path):
    row = Row("a", "ok", "", entries=entries, max=100, usage=entries / 100, interval=10.0, growth_per_second=growth)
    assert '<path d="%s"/>' % path in drawing.spark(row)
    for number in re.findall(r"-?[0-9]+\.[0-9]+", drawing.spark(row)):
        assert 0 <= float(number) <= 96


@pytest.mark.parametrize(
    "row",
    [
        Row("a", "ok", "", entries=5, max=100),
        Row("a", "ok", "", entries=5, max=0, unlimited=True, interval=10.0, growth_per_second=1.0),
        Row("a", "ok", "", max=100, interval=10.0, growth_per_second=1.0),
        Row("a", "ok", "", entries=5, max=100, interval=0.0, growth_per_second=1.0),
    ],
)
def test_without_an_interval_or_a_limit_none_is_drawn(row):
    assert drawing.spark(row) == ""


def test_the_bar_of_a_table_over_its_limit_is_whole():
    assert 'width="100.0"' in drawing.usage_bar(Row("a", "full", "", usage=2.18))
