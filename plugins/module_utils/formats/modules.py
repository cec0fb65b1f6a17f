# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/proc/modules: what is loaded and what holds it, from Linux 2.4 on.

2.6 and later: ``name size references users, state address``. 2.4: ``name size count (flags) [users]``. The
file is absent where the kernel was built without modules. Source: m_show and print_unload_info in
kernel/module.c (later kernel/module/procfs.c), get_module_list in kernel/module.c of 2.4.
"""

from __future__ import annotations

import re
import typing as t

_STATES = ("Live", "Loading", "Unloading")
_SIZE = re.compile(r"[0-9]{1,20}")
_COUNT = re.compile(r"-?[0-9]{1,20}|-")
_OLD_FLAGS = re.compile(r"\(([^()]*)\)")
_OLD_USERS = re.compile(r"\[([^\[\]]*)\]")


class Module(t.NamedTuple):
    """One loaded module; ``size`` in bytes.

    ``refcount`` is None where the kernel does not count: built without unloading (``-``), or a module of 2.4
    that decides for itself (-1). ``users`` are the modules that use it. ``state`` is Live, Loading or
    Unloading; on 2.4 it holds the flags instead, joined by commas, such as ``autoclean,unused``, or nothing.
    A ``permanent`` module cannot be unloaded.
    """

    name: str
    size: int
    refcount: int | None
    users: tuple[str, ...]
    state: str
    permanent: bool


def parse(text: str) -> list[Module]:
    """Every row that can be read, in order."""
    return [module for module in map(_row, text.split("\n")) if module]


def unnamed_references(module: Module) -> int | None:
    """References that no module in ``users`` accounts for: rules, connections or other holders took them.

    None where the kernel does not count. On 2.4 a user need not hold a reference, so there it is a lower
    bound.
    """
    if module.refcount is None:
        return None
    return max(0, module.refcount - len(module.users))


def without(text: str, name: str) -> str:
    """The list as the kernel shows it once a module is unloaded: those that it used lose one user."""
    rows = []
    for line in text.splitlines(keepends=True):
        words = line.split(" ")
        if words[0] == name:
            continue
        if len(words) > 3 and name in words[3].split(","):
            users = [user for user in words[3].split(",") if user != name]
            words[2:4] = [str(int(words[2]) - 1), ",".join(users) or "-"]
            line = " ".join(words)
        rows.append(line)
    return "".join(rows)


def with_one(text: str, name: str) -> str:
    """The list as the kernel shows it once a module is loaded, as far as that can be known."""
    if any(module.name == name for module in parse(text)):
        return text
    return "%s 0 0 - Live 0x0000000000000000\n%s" % (name, text)


def _row(line: str) -> Module | None:
    words = line.split()
    if len(words) < 3 or not _SIZE.fullmatch(words[1]) or not _COUNT.fullmatch(words[2]):
        return None
    refcount = int(words[2]) if _SIZE.fullmatch(words[2]) else None
    if len(words) >= 5 and words[4] in _STATES:
        # Flags such as [permanent] stand between the users; a comma ends each, and "-" says there are none.
        users = [word for word in words[3].split(",") if word and word != "-"]
        named = tuple(word for word in users if not word.startswith("["))
        return Module(words[0], int(words[1]), refcount, named, words[4], "[permanent]" in users)
    rest = " ".join(words[3:])
    listed = tuple(user for group in _OLD_USERS.findall(rest) for user in group.split())
    return Module(words[0], int(words[1]), refcount, listed, ",".join(_OLD_FLAGS.findall(rest)), False)
