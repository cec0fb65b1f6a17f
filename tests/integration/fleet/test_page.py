# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page in a real browser: every host is shown, sorting works, nothing hostile acts, and no complaint."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet import statuses
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.as_html import parts
from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.report import report
from ansible_collections.netops.conntrack.tests.integration.fleet import browser
from ansible_collections.netops.conntrack.tests.unit import simulated_fleet
from ansible_collections.netops.conntrack.tests.unit.plugins.plugin_utils.fleet import hostile

HOSTS = (
    "[...document.querySelectorAll('table.hosts > tbody')].filter(each => !each.hidden)"
    ".map(each => each.rows[0].cells[0].textContent)"
)
HEADS = "[...document.querySelectorAll('table.hosts > thead th')]"
SIZE = 300


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if not browser.program():
        pytest.skip("not run: there is no Chromium here; CHROMIUM= names one")
    with browser.page(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture
def shown(page, tmp_path):
    """shown(rows): the page of these, in the browser. What came to its console is looked at in the end."""

    def show(rows, **look):
        made = report(rows, "Gateways", "2026-11-26T16:30:00Z")
        (tmp_path / "page.html").write_text("".join(parts(made)), encoding="utf-8", newline="")
        page.look(look.pop("width", 1280), **look)
        page.open("file://%s/page.html" % tmp_path)
        return made

    page.said.clear()
    page.tell("Emulation.setScriptExecutionDisabled", value=False)
    yield show
    assert page.said == []


def fleet(size=SIZE):
    return simulated_fleet.fleet(size)


def sorted_by(page, title):
    return page.value("%s.find(h => h.innerText.startsWith('%s')).getAttribute('aria-sort')" % (HEADS, title))


def click(page, title):
    page.value("%s.find(h => h.innerText.startsWith('%s')).querySelector('button').click()" % (HEADS, title))


def test_every_host_is_shown_the_worst_first(page, shown):
    made = shown(fleet())
    assert page.value(HOSTS) == [row.host for row in made.rows]
    assert sorted_by(page, "Verdict") == "descending"
    assert page.value("document.querySelector('.tiles b').innerText") == str(SIZE)
    badges = page.value("[...document.querySelectorAll('.badge')].map(b => b.textContent)")
    assert badges == [statuses.label(row.status) for row in made.rows]


@pytest.mark.parametrize(
    ("title", "field", "first"),
    [
        ("Usage", "usage", "descending"),
        ("Entries", "entries", "descending"),
        ("Dropped", "drops", "descending"),
        ("Full in", "seconds_to_full", "ascending"),
    ],
)
def test_a_column_is_sorted_by_a_click_unknown_last(page, shown, title, field, first):
    made = shown(fleet())
    for direction in (first, {"ascending": "descending", "descending": "ascending"}[first]):
        click(page, title)
        assert sorted_by(page, title) == direction
        values = {row.host: getattr(row, field) for row in made.rows}
        told = [values[host] for host in page.value(HOSTS)]
        known = [value for value in told if value is not None]
        assert known == sorted(known, reverse=direction == "descending")
        assert told[len(known) :] == [None] * (SIZE - len(known))
    assert sorted_by(page, "Verdict") == "none"


def test_by_the_keyboard(page, shown):
    made = shown(fleet(12))
    page.value("document.querySelector('.tools input').focus()")
    page.press("Tab", 9)
    assert page.value("document.activeElement.innerText") == "Host"
    page.press("Enter", 13, "\r")
    assert sorted_by(page, "Host") == "ascending"
    names = sorted((row.host for row in made.rows), key=lambda host: (int(host.split(".")[0][2:]), host))
    assert page.value(HOSTS) == names
    page.press(" ", 32, " ")
    assert page.value(HOSTS) == names[::-1]


def test_finding(page, shown):
    made = shown(fleet())
    page.value("document.querySelector('.tools input').focus()")
    page.tell("Input.insertText", text="pressure FRA")
    expected = [row.host for row in made.rows if row.status == "pressure" and ".fra." in row.host]
    assert expected
    assert page.value(HOSTS) == expected
    assert page.value("document.querySelector('.tools output').innerText") == "%d of %d hosts" % (len(expected), SIZE)


def test_details_open(page, shown):
    shown(fleet(20))
    page.value("document.querySelector('details summary').click()")
    assert page.value("document.querySelector('details .told').innerText").startswith("Evidence")


def test_without_scripts_every_host_and_its_details_are_there(page, shown):
    page.tell("Emulation.setScriptExecutionDisabled", value=True)
    made = shown(fleet(20))
    assert page.value(HOSTS) == [row.host for row in made.rows]
    assert page.value("document.querySelectorAll('button').length") == 0
    assert page.value("getComputedStyle(document.querySelector('.tools')).display") == "none"


@pytest.mark.parametrize("width", [380, 800, 1280])
def test_it_fits(page, shown, width):
    shown([*fleet(30), *hostile.rows()], width=width)
    page.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.value("document.documentElement.scrollWidth") <= width


def test_light_dark_and_paper(page, shown):
    shown(fleet(20))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.value(ground)
    page.look(1280, dark=True)
    dark = page.value(ground)
    assert sum(map(int, light[4:-1].split(","))) > 600 > 100 > sum(map(int, dark[4:-1].split(",")))
    page.look(700, dark=True, paper=True)
    assert page.value(ground) == "rgb(255, 255, 255)"
    page.value("window.dispatchEvent(new Event('beforeprint'))")
    told = "[...document.querySelectorAll('.look details')].map(each => each.open)"
    assert set(page.value(told)) == {True}
    page.value("window.dispatchEvent(new Event('afterprint'))")
    assert set(page.value(told)) == {False}


def test_nothing_hostile_acts(page, shown):
    made = shown(hostile.rows())
    assert page.value("document.title") == "Gateways"
    assert page.value("document.images.length + document.scripts.length") == 1
    said = page.value("document.body.textContent")
    assert hostile.TEXTS["template"] in said
    assert len(page.value(HOSTS)) == len(made.rows)
    click(page, "Host")
    assert sorted_by(page, "Host") == "ascending"


def test_the_policy_stops_what_gets_through(page, shown):
    shown(fleet(2))
    page.value(
        "document.body.insertAdjacentHTML('beforeend',"
        ' \'<img src=x onerror="document.title=1"><iframe src="data:,x">\');'
        "var made = document.createElement('script'); made.textContent = 'document.title = 2';"
        "document.body.appendChild(made)"
    )
    page.value("new Promise(done => setTimeout(done, 200))")
    assert page.value("document.title") == "Gateways"
    # The browser complains of it, as it should.
    assert page.said
    page.said.clear()


def test_five_thousand_hosts_are_sorted_at_once(page, shown):
    made = shown(fleet(5000))
    click(page, "Usage")
    usages = {row.host: -1 if row.usage is None else row.usage for row in made.rows}
    told = [usages[host] for host in page.value(HOSTS)]
    assert told == sorted(told, reverse=True)
