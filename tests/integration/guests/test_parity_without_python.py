# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Debian without Python: what its shell does and tells is what its Python did and told.

conntrack is a module there, which is loaded and unloaded for real; what rules need it is quoted by both.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.tests.integration.transports.story import MODULAR, same, tasks

RULES = "table inet parity { chain input { type filter hook input priority 0; ct state established,related accept; }; }"
REFUSAL = [{"netops.conntrack.conntrack_unload": {}}, {"netops.conntrack.conntrack_unload": {}, "check_mode": True}]
GONE = "/root/not-there"
HIDE = f"mkdir -p {GONE}/bin && mv /usr/bin/python3* {GONE}/bin && mv /usr/lib/python3 {GONE}"
SHOW = f"mv {GONE}/bin/* /usr/bin; mv {GONE}/python3 /usr/lib; rm -rf {GONE}"
FILES = "find /etc /var/lib/netops-conntrack -type f ! -name 'ssh*' -exec ls -ln {} + 2>/dev/null | sort -k 9; :"
# Other tests on this guest may have left modules behind.
UNLOAD = """
for turn in 1 2 3 4; do
    for name in $(awk '$1 ~ /^(nf_|nft_|xt_)/ { print $1 }' /proc/modules); do rmmod $name 2>/dev/null; done
done
! grep -q ^nf_conntrack /proc/modules
"""


@pytest.fixture
def story(guest, tell):
    """story(transport): the results, and the files there are afterwards."""
    inventory = os.path.join(guest.state, "inventory.yml")

    def told(**variables):
        guest.run(UNLOAD)
        variables["ansible_pipelining"] = True
        results = tell(inventory, guest.name, tasks(MODULAR), **variables).told
        files = guest.run(FILES)
        guest.run(f"nft '{RULES}'")
        try:
            results += tell(inventory, guest.name, REFUSAL, **variables).told
        finally:
            guest.run("nft delete table inet parity")
        return results, files

    return told


def test_the_shell_of_a_real_host_without_python_does_the_same(guest, story):
    by_python, files = story()
    guest.run(HIDE)
    try:
        assert guest.run("command -v python3; :") == ""
        by_shell, files_after = story(ansible_python_interpreter="auto")
    finally:
        guest.run(SHOW)
    assert {each["transport"] for each in by_python} == {"python"}
    assert {each["transport"] for each in by_shell} == {"shell"}
    same(by_python, by_shell)
    assert files_after == files
    assert "ct state established,related accept" in by_shell[-1]["msg"]
