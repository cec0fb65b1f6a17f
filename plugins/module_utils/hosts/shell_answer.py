# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script prints, taken apart: a beginning, parts, an end, and none of it to be mistaken for a file's content.

Every part begins with a newline, "@" and a mark that the host made up when the script began (random(4)), so that
nobody who saw the script could have put it into a file. What comes before the beginning and after the end is noise: a
banner, what sudo lectures. An answer without its end is no answer.
"""

from __future__ import annotations

import re
import typing as t

MOST_BYTES = 256 << 20


class Unanswered(Exception):
    """No answer of ours in what a host printed; ``begun`` where there was the beginning of one."""

    def __init__(self, said: str, begun: bool = False) -> None:
        super().__init__(said)
        self.begun = begun


def frame(request: str, body: str) -> str:
    """A whole script around ``body``, which prints parts with ``printf "$F%s" TAG TEXT``.

    In braces, so that a shell does nothing at all before it has read all of it. ``request`` is the controller's part of
    the mark, in letters and digits.
    """
    return _FRAME % {"request": request, "body": body}


# A process number must do where the host cannot make up a mark.
_FRAME = """\
{
LC_ALL=C PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unset GREP_OPTIONS POSIXLY_CORRECT QUOTING_STYLE TIME_STYLE
mark=$(cat /proc/sys/kernel/random/uuid 2>/dev/null)
[ -n "$mark" ] || mark=$$
F="
@%(request)s-$mark%%s"
printf '\\n@@%(request)s@%%s@\\n' "$mark"
%(body)s
printf "$F\\n" .
}
"""


def parts(request: str, data: bytes) -> list[tuple[str, bytes]]:
    """Tag and content of each part, in order. Raises Unanswered."""
    begun = re.search(rb"\n@@%s@([0-9a-f-]+)@(\r*)\n" % request.encode("ascii"), b"\n" + data)
    if not begun:
        raise Unanswered("it did not answer as a POSIX shell does")
    answer = (b"\n" + data)[begun.end() - 1 :]
    # A terminal puts a carriage return before each newline; taking away one before each gives the bytes back.
    for _each in begun.group(2):
        answer = answer.replace(b"\r\n", b"\n")
    mark = b"\n@%s-%s" % (request.encode("ascii"), begun.group(1))
    first, *pieces = answer.split(mark)
    ends = [number for number, piece in enumerate(pieces) if piece[:2] == b".\n"]
    if not ends:
        raise Unanswered("its answer broke off after %d bytes" % len(answer), begun=True)
    return [(chr(piece[0]), piece[1:]) for piece in pieces[: ends[0]] if piece]


# How the C libraries (glibc, musl) word an error, and its name; what the shells themselves say of a missing file.
_ERRORS = {
    "EACCES": ("Permission denied",),
    "EAGAIN": ("Resource temporarily unavailable",),
    "EBUSY": ("Device or resource busy", "Resource busy"),
    "EDQUOT": ("Disk quota exceeded", "Quota exceeded"),
    "EEXIST": ("File exists",),
    "EFBIG": ("File too large",),
    "EINVAL": ("Invalid argument",),
    "EIO": ("Input/output error", "I/O error"),
    "EISDIR": ("Is a directory",),
    "ELOOP": ("Too many levels of symbolic links", "Symbolic link loop"),
    "ENAMETOOLONG": ("File name too long", "Filename too long"),
    "ENODEV": ("No such device",),
    "ENOENT": ("No such file or directory", "nonexistent", "not found"),
    "ENOMEM": ("Cannot allocate memory", "Out of memory"),
    "ENOSPC": ("No space left on device",),
    "ENOTCONN": ("Transport endpoint is not connected", "Socket not connected"),
    "ENOTDIR": ("Not a directory",),
    "ENXIO": ("No such device or address",),
    "EOPNOTSUPP": ("Operation not supported", "Not supported"),
    "EPERM": ("Operation not permitted",),
    "ERANGE": ("Numerical result out of range", "Result not representable"),
    "EROFS": ("Read-only file system",),
    "ESTALE": ("Stale file handle", "Stale NFS file handle"),
    "ETIMEDOUT": ("Connection timed out", "Operation timed out"),
    "ETXTBSY": ("Text file busy",),
}
# A longer wording first, as one may hold another.
_WORDINGS = sorted(((text, name) for name, texts in _ERRORS.items() for text in texts), key=lambda pair: -len(pair[0]))


def error(said: str) -> tuple[str, str]:
    """The name of the error that a command complained of, and its wording in glibc.

    EIO, and the last line as it is, for a complaint that holds no known wording.
    """
    for text, name in _WORDINGS:
        if text in said:
            return name, _ERRORS[name][0]
    lines = [line for line in said.splitlines() if line.strip()]
    return "EIO", lines[-1].strip() if lines else "it failed and said nothing"


def text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def data(content: str) -> bytes:
    return content.encode("utf-8", "surrogateescape")


def by_tag(found: t.Iterable[tuple[str, bytes]], tag: str) -> t.Iterator[bytes]:
    return (content for each, content in found if each == tag)
