# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes values stand over a restart of the iptables service, whose script unloads conntrack and loads it again.

From the iptables scripts of RHEL 5 to 7: where the script sets sysctls again by IPTABLES_SYSCTL_LOAD_LIST from the file
that holds ours, they are put on that list; otherwise the modules stay loaded (IPTABLES_MODULES_UNLOAD).
"""

from __future__ import annotations

from ..facts import access, iptables_service
from ..formats import shell_assignments
from ..plan import FILE, Step
from ..snapshot import Snapshot

_WHY = "so that the values stand after a restart of the firewall"
CONFIGS = (("/etc/sysconfig/iptables-config", "IPTABLES"), ("/etc/sysconfig/ip6tables-config", "IP6TABLES"))
# The script greps for these in the lines of the sysctl files.
_LISTED = {"nf_conntrack": (".nf_conntrack",), "ip_conntrack": (".ip_conntrack",)}


def steps(snapshot: Snapshot, sysctl_file: str, generation: str) -> list[Step]:
    """``sysctl_file`` holds our values, under names of ``generation``."""
    service = iptables_service.service(snapshot)
    if service is None or not service.unloads:
        return []
    covered = any(sysctl_file == source or sysctl_file.startswith(source + "/") for source in service.load_list_from)
    found = []
    # ip6tables has no part in a conntrack of IPv4 alone.
    for path, prefix in CONFIGS if generation == "nf_conntrack" else CONFIGS[:1]:
        text = snapshot.text(path)
        if text is None or access.read_only_mount(snapshot, path) or _stays(text, prefix):
            continue
        if covered:
            edit = shell_assignments.put_back(text, prefix + "_SYSCTL_LOAD_LIST", _LISTED[generation])
        else:
            edit = shell_assignments.assign(text, prefix + "_MODULES_UNLOAD", "no")
        if edit.changed:
            found.append(Step(FILE, path, text, edit.text, _WHY, validate=("sh", "-n", "%s")))
    return found


def _stays(text: str, prefix: str) -> bool:
    """Whether the modules are left loaded already: the script asks for the word ``yes``."""
    value, _reason = shell_assignments.effective(text, prefix + "_MODULES_UNLOAD")
    return bool(value) and value != "yes"
