# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a shell only, whose table can be read too, from /proc: its first lines, in one answer.

On the host that takes sed, and gzip where there is one: of the lines of a table it leaves a fifth.
"""

from __future__ import annotations

import errno
import io
import math
import re
import typing as t
import zlib

from ..probe import TABLE_FILES
from ..table.batch import Batch
from ..table.filter import NO_FILTER
from ..table.reading import CTNETLINK, END, SAMPLE, TIME, Progress, Unreadable, Wanted
from . import shell_answer, table_by_lines
from .remote import Parts, RemoteHost
from .shell_answer import Unanswered

# All lines come over the connection, and wait here until the last one is there: of a kernel's usual ones 50 MB. It is
# also what a host can be made to do: older kernels begin at the first entry again for every page that is read.
MOST_LINES = 200_000
NEEDS_PYTHON = "failed: needs Python on the host"

# What ends a process whose processor time is over: SIGKILL, or SIGXCPU by its number here and on MIPS.
_TIME_IS_OVER = (9, 24, 30)

# Parts: t the lines, or g the same packed; e what sed complained of, its status and that of what packs.
_SCRIPT = r"""
p=@NEW@
[ -e "$p" ] || p=@OLD@
first() {
  @LIMIT@
  exec sed @LINES@q "$p"
}
pack=cat tag=t
unset GZIP
# To a terminal gzip writes nothing.
if [ ! -t 1 ] && : | gzip -1 >/dev/null 2>&1; then pack='gzip -1' tag=g; fi
printf "$F" "$tag"
{ said=$( { { (first) 2>&4 3>&-; printf '\n%s' "$?" >&4; } 2>/dev/null |
  { $pack >&3; code=$?; [ "$code" = 0 ] || cat >/dev/null; printf ' %s' "$code" >&4; } 2>/dev/null; } 4>&1); } 3>&1
printf "$F%s" e "$said"
"""
_SAID = re.compile(rb"(.*)\n(\d+) (\d+)\Z", re.DOTALL)


class RemoteTableHost(RemoteHost):
    def table(self, way: str, wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
        """The entries, by one of the ways of table.reading. Raises Unreadable before the first."""
        if way == CTNETLINK:
            raise Unreadable(NEEDS_PYTHON)
        asked = _lines(wanted)
        content, said, status = _answered(self._ask(_script(asked, wanted.seconds)))
        over = bool(wanted.seconds) and status > 128 and status & 127 in _TIME_IS_OVER
        if over:
            # Whatever ended sed may have ended a line.
            content = content[: content.rfind(b"\n") + 1]
        yield from _parsed(content, wanted, progress)
        if progress.ended_by != END:
            return
        # No more lines came; the end of the table it is only if nothing else ended them.
        if over:
            progress.ended_by = TIME
        elif status:
            progress.broke_off(_error(said, status), table_by_lines.REASONS)
        elif content.count(b"\n") + content.count(b"\0") >= asked:  # to BusyBox's sed a NUL ends a line too
            progress.ended_by = SAMPLE


def _lines(wanted: Wanted) -> int:
    """How many to ask for. With a filter nobody knows how many it takes."""
    return min(wanted.most, MOST_LINES) if wanted.most and wanted.filter == NO_FILTER else MOST_LINES


def _script(lines: int, seconds: float) -> str:
    # Nobody watches a clock while sed reads. What takes long is the kernel's work for it, and that is processor time
    # of sed, in whole seconds; how long lines are under way their number bounds. Where a shell cannot set this limit
    # there is a lower one, or that number only.
    limit = "ulimit -t %d 2>/dev/null || :" % max(1, math.ceil(seconds)) if seconds else ":"
    values = {"NEW": TABLE_FILES[0], "OLD": TABLE_FILES[1], "LIMIT": limit, "LINES": str(lines)}
    return re.sub("@([A-Z]+)@", lambda found: values[found.group(1)], _SCRIPT)


def _answered(parts: Parts) -> tuple[bytes, bytes, int]:
    """The lines, what sed complained of, and its exit status. Raises Unanswered."""
    found = dict(parts)
    said = _SAID.match(found.get("e", b""))
    if not said or not ("g" in found or "t" in found):
        raise Unanswered("it did not say how reading the table went", begun=True)
    if int(said.group(3)):
        raise Unanswered("what should pass on its table ended with exit status %d" % int(said.group(3)), begun=True)
    content = _unpacked(found["g"]) if "g" in found else found["t"]
    return content, said.group(1), int(said.group(2))


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        content = unpacking.decompress(packed, shell_answer.MOST_BYTES)
    except zlib.error as error:
        raise Unanswered("its packed table is damaged: %s" % error, begun=True) from error
    if not unpacking.eof:
        # It is cut off, or more than any table of so many lines is.
        raise Unanswered("its packed table has no end within %d bytes" % shell_answer.MOST_BYTES, begun=True)
    return content


def _parsed(content: bytes, wanted: Wanted, progress: Progress) -> t.Iterator[Batch]:
    """The time that the answer took is no reason not to look at what came."""
    there = Progress(wanted._replace(seconds=0.0))
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape")
    yield from table_by_lines.read(lines, wanted, there)
    progress.scanned, progress.walked, progress.taken = there.scanned, there.walked, there.taken
    progress.malformed = there.malformed
    progress.ended_by = there.ended_by


def _error(said: bytes, status: int) -> OSError:
    """As the reading itself would have raised it."""
    complaint = shell_answer.text(said)
    name, wording = shell_answer.error(complaint)
    if not any(path in complaint for path in TABLE_FILES):
        # Not of the table: there is no sed, say.
        lines = complaint.strip().splitlines()
        return OSError(errno.EIO, lines[-1] if lines else "sed ended with exit status %d" % status)
    return OSError(getattr(errno, name, errno.EIO), wording)
