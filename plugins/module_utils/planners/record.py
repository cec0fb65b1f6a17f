# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what a host was like before the first change: live values and the exact bytes of files.

It is a JSON file that only root may read, because the files it holds may be such. Each path is recorded once, before
its first change; ``left`` is the digest of what was written last, so that a later edit by somebody else is noticed.
The record is written before the files: until each is replaced, it still holds what ``earlier`` is the digest of.
``max_set`` is when max was set last: what the kernel log said before that is no reason to raise it again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import typing as t

from ..facts import clock
from ..formats.record_file import PATH, max_set
from ..formats.record_file import wanted as wanted_before
from ..plan import CHAIN, FILE, SYSCTL, UNLOAD, Step
from ..snapshot import FORBIDDEN, Snapshot
from . import persistence

_VERSION = 1
_KINDS = (FILE, SYSCTL, UNLOAD, CHAIN)


class Unusable(ValueError):
    """The record is there but cannot be understood; nothing may be changed before a person has looked at it."""


class Original(t.NamedTuple):
    """``text`` as it was, None where the file was not there; the name of a module that was loaded, the definition of a
    chain. ``left`` and ``earlier`` are None for what is no file.

    ``namespace`` names the network namespace of a live value that is not init's, as ``ip netns exec`` gives one.
    """

    kind: str
    text: str | None
    left: str | None
    namespace: str | None = None
    earlier: str | None = None

    def ours(self, text: str | None) -> bool:
        """Whether a file holds what it held first, or what we wrote."""
        return text == self.text or digest(text) in (self.left, self.earlier)


def read(snapshot: Snapshot, file: str = PATH) -> dict[str, Original]:
    """Path to what was there first; empty on a host that was never changed. Raises Unusable."""
    reading = snapshot.reading(file)
    if reading.text is None:
        if snapshot.exists(file):
            hint = "; use become" if reading.reason == FORBIDDEN else ""
            raise Unusable("%s cannot be read: %s%s" % (file, reading.reason, hint))
        return {}
    try:
        data = json.loads(reading.text)
        if data["version"] != _VERSION:
            raise Unusable("%s was written by another version of netops.conntrack" % file)
        return {_checked(path, row["kind"]): _original(row) for path, row in data["paths"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable("%s is damaged; move it away after a look at it" % file) from error


def step(snapshot: Snapshot, steps: t.Iterable[Step], wanted: t.Mapping[str, int] | None = None) -> Step | None:
    """The step that records what these steps are about to change, and what is ``wanted`` with them.

    None where all of it is on record, or where a host that was never changed is not going to be. Raises Unusable.
    """
    known = read(snapshot)
    steps = list(steps)
    rows = merge(snapshot, known, steps)
    now = clock.read(snapshot)
    sets_max = any(change.kind == SYSCTL and change.setting == "max" and change.after for change in steps)
    when = now.now if now and sets_max else max_set(snapshot.text(PATH) or "")
    told = wanted_before(snapshot.text(PATH) or "")
    wanted = {**told, **(wanted or {})}
    return (
        None
        if rows == known and not sets_max and (wanted == told or not rows)
        else _write(snapshot, rows, when, wanted)
    )


def merge(snapshot: Snapshot, known: t.Mapping[str, Original], steps: t.Iterable[Step]) -> dict[str, Original]:
    """What is on record with these steps.

    What somebody else wrote into a file between two changes of ours must not be undone with them: ``left`` is then not
    brought up to date, so that the file counts as changed by somebody else from then on.
    """
    rows = dict(known)
    for change in steps:
        if change.kind not in _KINDS:
            continue
        namespace = persistence.foreign_namespace(snapshot) if change.kind == SYSCTL else None
        first = rows.get(change.path) or Original(change.kind, change.before, None, namespace)
        if change.kind == FILE and not first.ours(change.before):
            continue
        if change.kind == FILE:
            first = first._replace(left=digest(change.after), earlier=digest(change.before))
        rows[change.path] = first
    return rows


def corrected(
    snapshot: Snapshot, first: Step, done: t.Iterable[Step], wanted: t.Mapping[str, int] | None = None
) -> Step:
    """The step that follows the record step ``first`` where only ``done`` of the steps it was made for were done."""
    right = step(snapshot, done, wanted)
    return first._replace(before=first.after, after=right.after if right else first.before)


def forget(snapshot: Snapshot, paths: t.Collection[str]) -> Step:
    """The step that takes paths off the record, and the record away with the last of them."""
    rows = {path: row for path, row in read(snapshot).items() if path not in paths}
    return _write(snapshot, rows, max_set(snapshot.text(PATH) or ""), {})


def digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def text_of(rows: t.Mapping[str, Original], **more: t.Any) -> str | None:
    """A record as it is written, with ``more`` beside the paths; None for one of nothing."""
    paths = {
        path: {
            "kind": row.kind,
            "bytes": _encode(row.text),
            "left": row.left,
            "earlier": row.earlier,
            "namespace": row.namespace,
        }
        for path, row in sorted(rows.items())
    }
    return json.dumps({"version": _VERSION, **more, "paths": paths}, indent=1) + "\n" if rows else None


def _write(snapshot: Snapshot, rows: t.Mapping[str, Original], when: float | None, wanted: t.Mapping[str, int]) -> Step:
    text = text_of(rows, max_set=when, wanted=dict(sorted(wanted.items())))
    return Step(FILE, PATH, snapshot.text(PATH), text, "so that the first state can be restored", mode=0o600)


def _checked(path: str, kind: str) -> str:
    if kind not in _KINDS or not (kind == CHAIN or path.startswith("/")) or "\0" in path:
        raise ValueError(path)
    return path


def _original(row: t.Mapping[str, t.Any]) -> Original:
    return Original(
        row["kind"], _decode(row["bytes"]), row["left"], row.get("namespace"), row.get("earlier", row["left"])
    )


def _encode(text: str | None) -> str | None:
    return None if text is None else base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


def _decode(data: str | None) -> str | None:
    return None if data is None else base64.b64decode(data, validate=True).decode("utf-8", "surrogateescape")
