# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sets sysctls when a module is loaded: udev rules, and modprobe's install commands.

From udev(7), sysctl.d(5) (its rule for a module), systemd-sysctl.service(8), sysctl(8) of procps 3.3 and 4.0, and
modprobe.d(5). A command is known by the program's base name, also within ``sh -c``.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from ..formats import modprobe_conf, udev_rules
from ..formats.sysctl_conf import normalize_key
from ..probe import UDEV_RULES
from ..snapshot import Snapshot
from . import boot_files, modprobe
from .boot_words import Again, Pass, Said, matches, read
from .identity import Identity

_SHELLS = ("sh", "bash", "dash")
_ENDS = {";", "&", "&&", "|", "||", "(", ")", "\n"}
# Words that stand before a command.
_BEFORE = {"exec", "do", "then", "else", "if", "while", "until", "!", "{", "time", "env", "nice"}
_PROC = re.compile(r"\becho[ \t]+(?:-n[ \t]+)?[\"']?(\d+)[\"']?[ \t]*>[ \t]*/proc/sys/([\w/.-]+)")
_WITH_VALUE = ("--pattern", "-r")


class _Command(t.NamedTuple):
    source: str
    line: int
    text: str


def passes(snapshot: Snapshot, identity: Identity, module: str, names: t.Collection[str]) -> list[Again]:
    """Every run that covers one of these names, though no file may say anything of it yet."""
    found = []
    for command in (*_installs(snapshot, identity, module), *_rules(snapshot, module)):
        for words in _simple_commands(command.text):
            pass_ = _run(snapshot, words, set(names), command)
            if pass_ is not None:
                # By its install command modprobe has loaded the module; the event may come before its keys are there.
                waits = "sleep" in command.text or "/modprobe" in command.source
                found.append(Again(command.source, pass_, waits))
        said = tuple(
            Said(command.source, command.line, normalize_key(key), value)
            for value, key in _PROC.findall(command.text)
            if normalize_key(key) in names
        )
        if said:
            found.append(Again(command.source, Pass(said), "sleep" in command.text))
    return found


def _rules(snapshot: Snapshot, module: str) -> t.Iterator[_Command]:
    event = {"ACTION": "add", "SUBSYSTEM": "module", "KERNEL": module}
    for path in boot_files.by_name(snapshot, UDEV_RULES):
        text = snapshot.text(path) or ""
        if "sysctl" in text or "/proc/sys" in text:
            for command in udev_rules.commands(text, event):
                yield _Command(path, command.line, command.text)


def _installs(snapshot: Snapshot, identity: Identity, module: str) -> t.Iterator[_Command]:
    for path in modprobe.files(snapshot, identity):
        text = snapshot.text(path) or ""
        if "install" not in text:
            continue
        for directive in modprobe_conf.parse(text):
            if directive.command == "install" and directive.module == module and "modprobe" in directive.arguments:
                # Only what comes after the module is loaded finds its keys.
                _before, _modprobe, after = directive.arguments.partition("modprobe")
                yield _Command(path, directive.line, "modprobe" + after)


def _simple_commands(text: str) -> t.Iterator[list[str]]:
    """The commands in a command line, those of a shell's script too."""
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.wordchars += ":,^$%@!{}[]"
        lexer.commenters = ""
        tokens = list(lexer)
    except ValueError:
        return
    words: list[str] = []
    for token in (*tokens, ";"):
        if token not in _ENDS:
            if words or token not in _BEFORE:
                words.append(token)
            continue
        if words and _base(words[0]) in _SHELLS and "-c" in words[:-1]:
            yield from _simple_commands(words[words.index("-c") + 1])
        elif words:
            yield words
        words = []


def _run(snapshot: Snapshot, words: list[str], names: set[str], command: _Command) -> Pass | None:
    program, arguments = _base(words[0]), words[1:]
    if program == "systemd-sysctl":
        return _systemd(snapshot, arguments, names)
    if program == "sysctl":
        return _procps(snapshot, arguments, names, command)
    return None


def _systemd(snapshot: Snapshot, arguments: list[str], names: set[str]) -> Pass | None:
    prefixes, files = [], []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--prefix":
            prefixes.append(next(waiting, ""))
        elif argument.startswith("--prefix="):
            prefixes.append(argument.partition("=")[2])
        elif not argument.startswith("-"):
            files.append(argument)
    covered = {name for name in names if not prefixes or any(_below(name, prefix) for prefix in prefixes)}
    found = read(snapshot, boot_files.SYSTEMD, covered, files or None)
    return found if _says(found) or (covered and not files) else None


def _below(name: str, prefix: str) -> bool:
    """Whether a prefix covers a key: part by part, so that /net/nf_conntrack does not cover nf_conntrack_max."""
    if prefix.startswith("/proc/sys/"):
        prefix = prefix[len("/proc/sys") :]
    start = normalize_key(prefix)
    return name == start or name.startswith(start + ".") or not start


def _procps(snapshot: Snapshot, arguments: list[str], names: set[str], command: _Command) -> Pass | None:
    system = load = False
    pattern: str | None = None
    files, said = [], []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--system":
            system = True
        elif argument in _WITH_VALUE:
            pattern = next(waiting, "")
        elif argument.startswith(("--pattern=", "-r")):
            pattern = argument.partition("=")[2] if argument.startswith("--") else argument[2:]
        elif argument == "--load" or argument.startswith("--load="):
            load = True
            files += [argument.partition("=")[2]] if "=" in argument else []
        elif argument.startswith("-") and not argument.startswith("--") and ("p" in argument or "f" in argument):
            load = True
            rest = re.split("[pf]", argument, maxsplit=1)[1]
            files += [rest] if rest else []
        elif "=" in argument and not argument.startswith("-"):
            key, _sign, value = argument.partition("=")
            if normalize_key(key) in names:
                said.append(Said(command.source, command.line, normalize_key(key), value.strip()))
        elif not argument.startswith((">", "-")) and not argument.isdigit():
            files.append(argument)
    if system:
        found = read(snapshot, boot_files.PROCPS, names, None, pattern)
        covers = pattern is None or any(matches(pattern, name) for name in names)
        return found if covers or _says(found) else None
    found = read(snapshot, boot_files.PROCPS, names, files or [boot_files.CONF], pattern) if load else Pass(tuple(said))
    return found if _says(found) else None


def _says(found: Pass) -> bool:
    return bool(found.standing or found.lost)


def _base(program: str) -> str:
    return program.rsplit("/", 1)[-1]
