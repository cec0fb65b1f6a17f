# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a machine that is then rebooted: lays combinations into its root, says what the model expects, reads back.

python3 on_guest.py lay NUMBER [PATH=TEXT ...]   lays the list of that number, and other files; prints what is expected
python3 on_guest.py read                         prints every setting as it is
python3 on_guest.py clear                        removes what was laid

Expects the checkout's plugins/module_utils and this folder below the folder that it stands in, as copied there.
"""

from __future__ import annotations

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LAID = "/var/tmp/conntrack-audit.json"
PROC = "/proc/sys/net/netfilter/nf_conntrack_"


def main() -> int:
    sys.path[:0] = [HERE]
    sys.dont_write_bytecode = True
    import combinations

    if sys.argv[1] == "lay":
        lay(combinations, int(sys.argv[2]), sys.argv[3:])
    elif sys.argv[1] == "clear":
        clear()
    else:
        names = sorted(name for name in os.listdir(PROC.rsplit("/", 1)[0]) if name.startswith("nf_conntrack_"))
        print(json.dumps({name[len("nf_conntrack_") :]: value(name) for name in names}))
    return 0


def lay(combinations, number: int, others) -> None:
    from ansible_collections.netops.conntrack.plugins.module_utils import catalogue, probe
    from ansible_collections.netops.conntrack.plugins.module_utils.facts import boot, identity
    from ansible_collections.netops.conntrack.plugins.module_utils.hosts import local

    before = {}
    if os.path.exists(combinations.SYSCTL_CONF):
        with open(combinations.SYSCTL_CONF, encoding="utf-8") as stream:
            before[combinations.SYSCTL_CONF] = stream.read()
    made = []
    chunk = combinations.chunks()[number] if number >= 0 else []
    for combination, leaf in chunk:
        made += combinations.lay("/", combination, leaf)
    for other in others:
        path, _sign, text = other.partition("=")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text.encode().decode("unicode_escape"))
        made.append(path)
    with open(LAID, "w", encoding="utf-8") as stream:
        json.dump([made, before], stream)
    snapshot = local.LocalHost().read(probe.items(["persistence"]))
    seen = identity.identify(snapshot)
    expected = {
        setting.name: boot.after_boot(snapshot, setting, seen)[:5]
        for setting in catalogue.SETTINGS
        if setting.writable and any(key.startswith("net.netfilter.nf_conntrack_") for key in setting.keys)
    }
    leaves = [(combination.name, leaf) for combination, leaf in chunk]
    print(json.dumps({"state": seen.state, "expected": expected, "leaves": leaves}))


def clear() -> None:
    with open(LAID, encoding="utf-8") as stream:
        made, before = json.load(stream)
    for path in made:
        if os.path.lexists(path):
            os.unlink(path)
    for path, text in before.items():
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
    os.unlink(LAID)


def value(name: str) -> int | None:
    try:
        with open("/proc/sys/net/netfilter/" + name, encoding="ascii") as stream:
            return int(stream.read().split()[0])
    except (OSError, ValueError, IndexError):
        return None


if __name__ == "__main__":
    sys.exit(main())
