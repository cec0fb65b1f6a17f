# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a terminal: a table that fits 100 columns, the worst host first, and a last line that sums up."""

from __future__ import annotations

import textwrap
import typing as t

from . import statuses, words
from .rows import Row

# Ansible's output has up to 11 columns around a line of a result, and together they are no more than 100.
WIDTH = 88
ROWS = 100


class Column(t.NamedTuple):
    """``always`` is whether it is there too where no host has a value for it."""

    title: str
    cell: t.Callable[[Row], str]
    always: bool = True


_COLUMNS = (
    Column("USAGE", lambda row: words.percent(row.usage)),
    Column("ENTRIES", lambda row: words.compact(row.entries)),
    Column("DROPS", lambda row: words.compact(row.drops)),
    Column("DROPS/S", lambda row: words.rate(row.drops_per_second), False),
    Column("FULL IN", lambda row: words.soon(row.seconds_to_full), False),
)
_GAP = "  "
NOTE_LINES = 3


def lines(report: t.Any, shown: int = ROWS) -> list[str]:
    """At most ``shown`` hosts, 0 is all of them. Names stand last: of whatever width, they move no number."""
    rows = report.rows[:shown] if shown else report.rows
    left = len(report.rows) - len(rows)
    told = list(_table(rows)) if rows else []
    more = ["... and %d more hosts, none of them worse than these" % left] if left else []
    return [*told, *more, *map(_clipped, summary(report.totals))]


def _table(rows: t.Sequence[Row]) -> t.Iterator[str]:
    cells = [(column.title, [column.cell(row) for row in rows]) for column in _COLUMNS if _is_told(column, rows)]
    sizes = [max(map(len, (title, *column))) for title, column in cells]
    verdict = max(len("VERDICT"), *(len(row.status) for row in rows))
    yield _line("VERDICT", verdict, [title.rjust(size) for (title, _cells), size in zip(cells, sizes)], "HOST")[0]
    for number, row in enumerate(rows):
        numbers = [column[number].rjust(size) for (_title, column), size in zip(cells, sizes)]
        line, whole = _line(statuses.label(row.status), verdict, numbers, words.visible(row.host))
        yield line
        # A name that had to be cut is told in full below.
        for note in ([] if whole else [row.host]) + list(_notes(row)):
            yield from indented(words.visible(note), verdict + len(_GAP))


def _is_told(column: Column, rows: t.Iterable[Row]) -> bool:
    return column.always or any(column.cell(row) != words.NONE for row in rows)


def _line(status: str, size: int, numbers: t.Sequence[str], host: str) -> tuple[str, bool]:
    """The line, and whether the name is in it as a whole."""
    line = _GAP.join((status.ljust(size), *numbers, host))
    return _clipped(line), words.width(line) <= WIDTH


def indented(note: str, columns: int, lines_at_most: int = NOTE_LINES) -> t.Iterator[str]:
    """On a few lines, as why a host was not reached mostly stands at the end; on as many as it takes at the margin."""
    room = WIDTH - columns
    # Wide characters are counted as one: there are half as many on a line then.
    size = room if words.width(note) == len(note) else room // 2
    most = lines_at_most if columns else None
    for line in textwrap.wrap(note, size, max_lines=most, placeholder=" …", break_on_hyphens=False):
        yield _clipped(" " * columns + line)


def _clipped(line: str) -> str:
    return words.clipped(line, WIDTH).rstrip()


def _notes(row: Row) -> t.Iterator[str]:
    """What a row of numbers does not say: what to do, or why there are no numbers."""
    if row.error:
        yield row.error
    if row.advice and row.needs_attention:
        yield "do: %s" % "; ".join(map(words.advice, row.advice))
    if row.drift:
        more = len(row.drift) - 1
        yield "drift: %s%s" % (words.drift(row.drift[0]), " and %d more" % more if more else "")


def summary(totals: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """A few lines, of which the first counts the hosts."""
    counted = ["%d %s" % (number, statuses.label(name)) for name, number in totals["by_status"].items() if number]
    hosts = "1 host" if totals["hosts"] == 1 else "%d hosts" % totals["hosts"]
    yield from _filled(", ", "%s: " % hosts, counted or ["none"])
    more = []
    if totals["fullest"]:
        more.append("the fullest is at %s" % words.percent(totals["fullest"]["usage"]))
    if totals["soonest"]:
        more.append("the first is full in %s" % words.soon(totals["soonest"]["seconds_to_full"]))
    if totals["drops"]:
        more.append("%s packets dropped" % words.compact(totals["drops"]))
    if totals["drops_per_second"]:
        more.append("%s a second now" % words.rate(totals["drops_per_second"]))
    if totals["drifted"]:
        more.append("%d drifted" % totals["drifted"])
    yield from _filled("; ", "", more)


def _filled(between: str, line: str, items: t.Iterable[str]) -> t.Iterator[str]:
    """As many of these on a line as it takes."""
    begun = False
    for item in items:
        if begun and len(line) + len(between) + len(item) > WIDTH:
            yield line + between.rstrip()
            line, begun = "  ", False
        line += (between if begun else "") + item
        begun = True
    if begun:
        yield line
