# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With which options the conntrack module is loaded, and whether modprobe may load it at all.

From modprobe.d(5) and kmod's libkmod-config.c, and from the kernel's module_blacklist= (kernel/module/main.c).
"""

from __future__ import annotations

import typing as t

from ..formats import modprobe_conf
from ..snapshot import Snapshot
from . import boot_files
from .identity import Identity

CMDLINE = "/proc/cmdline"

_MODPROBE_D = (
    "/etc/modprobe.d/*",
    "/usr/local/lib/modprobe.d/*",
    "/usr/lib/modprobe.d/*",
    "/lib/modprobe.d/*",
)
_OLD = ("/etc/modules.conf", "/etc/modprobe.conf")
_NOTHING = ("/bin/true", "/bin/false", "/usr/bin/true", "/usr/bin/false", ":", "true", "false")


class Hashsize(t.NamedTuple):
    value: int
    source: str


def module_name(identity: Identity) -> str:
    """The module that takes hashsize: options for the alias ip_conntrack do not reach nf_conntrack."""
    return identity.module or ("ip_conntrack" if identity.kernel.ip_only else "nf_conntrack")


def files(snapshot: Snapshot, identity: Identity) -> list[str]:
    """modprobe's configuration in the order in which it is read; a file name shadows those of later directories."""
    found = boot_files.by_name(snapshot, _MODPROBE_D)
    if not identity.kernel.before(3):
        # kmod, which came with 3.x, reads no other names, and no modprobe.conf.
        return [path for path in found if path.endswith(".conf")]
    return [*(path for path in _OLD if snapshot.exists(path)), *found]


def hashsize(snapshot: Snapshot, identity: Identity) -> Hashsize | None:
    """The size that the module is loaded with, from modprobe's files, or from the kernel command line if built in."""
    module = module_name(identity)
    if identity.state == "built_in":
        value = _option(snapshot, module)
        return Hashsize(value, CMDLINE) if value else None
    found = None
    for path in files(snapshot, identity):
        value = modprobe_conf.option(snapshot.text(path) or "", module, "hashsize")
        if value is not None and value.isdigit() and int(value):
            found = Hashsize(int(value), path)
    # modprobe puts what the command line says of a module behind the options of its files.
    value = _option(snapshot, module)
    return Hashsize(value, CMDLINE) if value else found


def denied(snapshot: Snapshot, identity: Identity, name: str, blacklist: bool) -> bool:
    """Whether modprobe does not load a module. ``blacklist``: its own blacklist counts, as it does for systemd."""
    if name in command_line(snapshot, "module_blacklist"):
        return True
    if blacklist and name in command_line(snapshot, "modprobe.blacklist"):
        return True
    for path in files(snapshot, identity):
        text = snapshot.text(path) or ""
        if "blacklist" not in text and "install" not in text:
            continue
        for directive in modprobe_conf.parse(text):
            if directive.module != name:
                continue
            if directive.command == "blacklist" and blacklist:
                return True
            if directive.command == "install" and directive.arguments.split()[:1] and _does_nothing(directive):
                return True
    return False


def command_line(snapshot: Snapshot, option: str) -> list[str]:
    """The words of a list on the kernel command line, where dashes and underscores are equal."""
    found: list[str] = []
    for word in (snapshot.text(CMDLINE) or "").split():
        name, _sign, value = word.partition("=")
        if name.replace("-", "_") == option:
            found += [modprobe_conf.normalize_module(each) for each in value.strip('"').split(",") if each]
    return found


def _option(snapshot: Snapshot, module: str) -> int | None:
    for word in reversed((snapshot.text(CMDLINE) or "").split()):
        name, _sign, value = word.partition("=")
        if name.replace("-", "_") == module + ".hashsize" and value.isdigit():
            return int(value)
    return None


def _does_nothing(directive: modprobe_conf.Directive) -> bool:
    return directive.arguments.split()[0] in _NOTHING
