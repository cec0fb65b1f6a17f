# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page that needs nothing else: no other file, no network, and no script to be read.

All that hosts or users said is escaped, and should something get through all the same, the page's own policy lets no
script run but ours, known by its hash, and fetches nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import typing as t

from . import statuses, words
from .drawing import CLASSES, shares, spark, usage_bar
from .page_script import SCRIPT
from .page_style import STYLE
from .rows import Row


class Column(t.NamedTuple):
    """``sort`` is "n" for numbers and "t" for texts, ``first`` the direction of the first click; None is no sorting."""

    title: str
    kind: str
    sort: str | None
    first: str
    cell: t.Callable[[Row], tuple[t.Any, str]]


def parts(report: t.Any) -> t.Iterator[str]:
    columns = [column for column in _COLUMNS if column.title not in _OF_INTERVAL or _has_interval(report.rows)]
    title = _escaped(report.title)
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="%s">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        "<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n" % (_POLICY, title, STYLE)
    )
    yield '<h1>%s</h1>\n<p class="when">%s</p>\n' % (title, _when(report))
    yield from _summary(report.totals)
    yield from _head(columns)
    for row in report.rows:
        yield from _host(row, columns)
    yield (
        "</table>\n</div>\n<footer>Made by netops.conntrack. A blank or %s is unknown, never 0.</footer>\n" % words.NONE
    )
    yield "</main>\n<script>%s</script>\n</body>\n</html>\n" % SCRIPT


def _hash(text: str) -> str:
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; script-src %s; style-src %s" % (
    _hash(SCRIPT),
    _hash(STYLE),
)


def _escaped(text: str) -> str:
    return html.escape(words.visible(text))


def _name(text: str) -> str:
    """A text that may be of any script, whose direction stays its own."""
    return "<bdi>%s</bdi>" % _escaped(text)


def _host_name(host: str) -> str:
    """A long name breaks at its dots."""
    return _name(host).replace(".", ".<wbr>")


def _when(report: t.Any) -> str:
    totals = report.totals
    said = "%d of %d hosts answered" % (totals["reached"], totals["hosts"])
    return "%s; %s" % (_escaped(words.moment(report.time)), said) if report.time else said


def _has_interval(rows: t.Iterable[Row]) -> bool:
    return any(row.interval is not None for row in rows)


def _summary(totals: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    yield '<ul class="tiles">\n'
    yield _tile(str(totals["hosts"]), "hosts", "")
    yield _tile(str(totals["attention"]), "need a look", "", bool(totals["attention"]))
    fullest, soonest = totals["fullest"], totals["soonest"]
    if fullest:
        yield _tile(words.percent(fullest["usage"]), "the fullest", _host_name(fullest["host"]))
    if soonest:
        yield _tile(words.soon(soonest["seconds_to_full"]), "until the first is full", _host_name(soonest["host"]))
    if totals["drops"] is not None:
        each = totals["drops_per_second"]
        more = "" if each is None else "%s a second" % words.rate(each) if each else "none in the interval"
        yield _tile(words.compact(totals["drops"]), "packets dropped", more, bool(each))
    yield _tile(str(totals["drifted"]), "drifted", "")
    yield "</ul>\n" + shares(totals) + '\n<ul class="legend">\n'
    for status, number in totals["by_status"].items():
        if number:
            dot = '<svg viewBox="0 0 10 10" aria-hidden="true"><circle class="%s" cx="5" cy="5" r="5"/></svg>'
            yield "<li>%s%d %s</li>\n" % (dot % CLASSES[status], number, statuses.label(status))
    yield "</ul>\n"


def _tile(number: str, what: str, more: str, alarm: bool = False) -> str:
    small = "<small>%s</small>" % more if more else ""
    return "<li%s><b>%s</b><span>%s</span>%s</li>\n" % (' class="alarm"' if alarm else "", number, what, small)


def _head(columns: t.Sequence[Column]) -> t.Iterator[str]:
    yield (
        '<div class="tools" hidden><input type="search" placeholder="Find a host or a verdict" '
        'aria-label="Find a host or a verdict"><output aria-live="polite"></output></div>\n'
        '<div class="sheet">\n<table class="hosts%s">\n<thead><tr>'
        % (" timed" if len(columns) == len(_COLUMNS) else "")
    )
    for column in columns:
        sorting = ""
        if column.sort:
            now = "descending" if column.title == "Verdict" else "none"
            sorting = ' data-sort="%s" data-first="%s" aria-sort="%s"' % (column.sort, column.first, now)
        kind = ' class="%s"' % column.kind if column.kind else ""
        yield '<th scope="col"%s%s>%s</th>' % (kind, sorting, column.title)
    yield "</tr></thead>\n"


def _host(row: Row, columns: t.Sequence[Column]) -> t.Iterator[str]:
    look = " look" if row.needs_attention else ""
    yield '<tbody class="%s%s"><tr class="host">' % (CLASSES[row.status], look)
    for column in columns:
        value, shown = column.cell(row)
        key = "" if value is None else ' data-v="%s"' % _escaped(str(value))
        if column.title == "Host":
            yield '<th scope="row"%s>%s</th>' % (key, shown)
        else:
            kind = " ".join(filter(None, (column.kind, "" if shown else "none")))
            yield '<td class="%s" data-label="%s"%s>%s</td>' % (kind, column.title, key, shown)
    yield '</tr>\n<tr class="more"><td colspan="%d">' % len(columns)
    told = "".join(_told(row))
    summary = _escaped(row.summary)
    if told:
        yield '<details><summary>%s</summary><div class="told">%s</div></details>' % (summary, told)
    else:
        yield summary
    yield "</td></tr></tbody>\n"


def _usage(row: Row) -> tuple[t.Any, str]:
    if row.usage is None:
        return None, ""
    return row.usage, "<span>%s</span>%s" % (words.percent(row.usage), usage_bar(row))


def _entries(row: Row) -> tuple[t.Any, str]:
    if row.entries is None:
        return None, ""
    most = "no limit" if row.unlimited else "of %s" % words.grouped(row.max) if row.max is not None else ""
    return row.entries, '<span>%s <span class="of">%s</span></span>' % (words.grouped(row.entries), most)


def _told_by(shown: t.Callable[[t.Any], str], value: t.Any) -> tuple[t.Any, str]:
    return value, "" if value is None else shown(value)


_OF_INTERVAL = ("Trend", "Dropped/s", "Full in")
_COLUMNS = (
    Column("Host", "", "t", "ascending", lambda row: (row.host, _host_name(row.host))),
    Column(
        "Verdict", "verdict", "n", "descending",
        lambda row: (statuses.severity(row.status), '<span class="badge">%s</span>' % statuses.label(row.status)),
    ),
    Column("Usage", "n", "n", "descending", _usage),
    Column("Entries", "n", "n", "descending", _entries),
    Column("Trend", "trend", "n", "descending", lambda row: (row.growth_per_second, spark(row))),
    Column("Dropped", "n", "n", "descending", lambda row: _told_by(words.grouped, row.drops)),
    Column("Dropped/s", "n", "n", "descending", lambda row: _told_by(words.rate, row.drops_per_second)),
    Column("Full in", "n", "n", "ascending", lambda row: _told_by(words.soon, row.seconds_to_full)),
    Column("Drift", "n", "n", "descending", lambda row: (len(row.drift), str(len(row.drift) or ""))),
)  # fmt: skip


def _told(row: Row) -> t.Iterator[str]:
    """All that is known beyond the numbers, a section for each kind of it."""
    if row.error and row.error not in row.summary:
        yield '<section class="wide"><h3>Error</h3><p>%s</p></section>' % _escaped(row.error)
    yield _list("Evidence", map(_escaped, row.evidence))
    yield _list("What to do", map(_advice, row.advice))
    yield _drift(row)
    yield _talkers(row)
    yield _list("What stands out in the table", map(_finding, row.findings))
    yield _list("Others who set these values", map(_writer, row.writers))
    yield _list("Not read", map(_escaped, row.unread))
    about = (row.kernel and "kernel %s" % row.kernel, row.transport and "served by %s" % row.transport)
    yield _list("The host", [_escaped("; ".join(filter(None, about)))] if any(about) else [])


def _list(title: str, lines: t.Iterable[str]) -> str:
    shown = "".join("<li>%s</li>" % line for line in lines)
    return "<section><h3>%s</h3><ul>%s</ul></section>" % (title, shown) if shown else ""


def _advice(item: t.Mapping[str, t.Any]) -> str:
    where = " On the host of this container." if item["where"] == "host" and item["setting"] else ""
    if not item["setting"]:
        return _escaped(item["why"])
    now = "" if item["now"] is None else " (now %d)" % item["now"]
    return "<code>%s = %s</code>%s. %s%s" % (
        _escaped(item["setting"]),
        item["value"],
        now,
        _escaped(item["why"]),
        where,
    )


def _finding(item: t.Mapping[str, t.Any]) -> str:
    settings = "".join(" <code>%s = %s</code>" % (_escaped(name), value) for name, value in item["settings"].items())
    evidence = "".join("<br>%s" % _escaped(line) for line in item["evidence"])
    return "<b>%s</b>: %s%s%s" % (
        _escaped(item["finding"].replace("_", " ")),
        _escaped(item["why"]),
        evidence,
        settings,
    )


def _writer(item: t.Mapping[str, t.Any]) -> str:
    return "%s. Its knob: %s" % (_escaped(item["name"]), _escaped(item["knob"]))


def _drift(row: Row) -> str:
    if not row.drift:
        return ""
    lines = "".join(
        '<tr><td>%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td>%s</td></tr>'
        % (
            _escaped(item["setting"]),
            *(_known(item[name]) for name in ("live", "after_boot", "wanted")),
            _escaped(item["why"]),
        )
        for item in row.drift
    )
    return (
        '<section class="wide"><h3>Drift</h3><table><tr><th scope="col">Setting</th><th scope="col" class="n">Now</th>'
        '<th scope="col" class="n">After a boot</th><th scope="col" class="n">Asked for</th>'
        '<th scope="col">Why</th></tr>%s</table></section>' % lines
    )


def _talkers(row: Row) -> str:
    if not row.talkers:
        return ""
    lines = "".join(
        '<tr><td>%s</td><td>%s</td><td class="n">%s</td><td class="n">%s</td></tr>'
        % (_escaped(item["group"].replace("_", " ")), _name(item["who"]), _known(item["entries"]), _share(item))
        for item in row.talkers
    )
    return (
        '<section><h3>Top talkers</h3><table><tr><th scope="col">By</th><th scope="col">Who</th>'
        '<th scope="col" class="n">Entries</th><th scope="col" class="n">Share</th></tr>%s</table></section>' % lines
    )


def _known(value: int | None) -> str:
    return words.grouped(value) if value is not None else words.NONE


def _share(item: t.Mapping[str, t.Any]) -> str:
    if item["share"] is None:
        return words.NONE
    low, high = item["share_low"], item["share_high"]
    between = (
        ""
        if low is None or high is None or low == high
        else ' <span class="range">(%.0f to %.0f)</span>' % (100 * low, 100 * high)
    )
    return words.percent(item["share"]) + between
