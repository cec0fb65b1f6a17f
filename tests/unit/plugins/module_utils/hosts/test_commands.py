# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands are run for a step, and what their answers mean."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.plan import CHAIN, MODULE, UNLOAD, Step

NAT = "{ type nat hook prerouting priority dstnat; policy accept; }"
SHOWN = b"""table ip nat {
\tchain IN {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t}
}
"""


class Shell:
    """Answers each command by the next of its answers, then by success; notes what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, argv, _seconds):
        self.asked.append(tuple(argv))
        return self.answers.pop(0) if self.answers else (0, b"", b"")


def do(shell, kind, path, before=None, after=None):
    return LocalHost(root="/nowhere", run=shell).carry_out([Step(kind, path, before, after, "")])[0]


def test_a_module_is_unloaded_alone():
    shell = Shell()
    assert do(shell, UNLOAD, "/sys/module/nf_nat_ftp", "nf_nat_ftp ports=21").error is None
    assert shell.asked == [("rmmod", "nf_nat_ftp")]


def test_a_module_that_is_in_use_for_a_moment_is_tried_again():
    shell = Shell((1, b"", b"rmmod: ERROR: Module nft_ct is in use\n"))
    assert do(shell, UNLOAD, "/sys/module/nft_ct", "nft_ct").error is None
    assert len(shell.asked) == 2


def test_what_else_rmmod_says_is_told_at_once():
    shell = Shell((1, b"", b"rmmod: ERROR: Operation not permitted\n"))
    outcome = do(shell, UNLOAD, "/sys/module/nft_ct", "nft_ct")
    assert (outcome.error, "not permitted" in outcome.detail, len(shell.asked)) == ("EBUSY", True, 1)


def test_a_module_is_loaded_with_its_parameters():
    shell = Shell()
    assert do(shell, MODULE, "/sys/module/nf_conntrack_ftp", None, "nf_conntrack_ftp ports=21,2121").error is None
    assert shell.asked[0] == ("modprobe", "--", "nf_conntrack_ftp", "ports=21,2121")


def test_a_chain_that_is_as_it_was_read_is_deleted():
    shell = Shell((0, SHOWN, b""))
    assert do(shell, CHAIN, "ip nat IN", NAT).error is None
    assert shell.asked[-1] == ("nft", "delete", "chain", "ip", "nat", "IN")


def test_a_chain_that_has_got_a_rule_meanwhile_stays():
    shell = Shell((0, SHOWN.replace(b"accept;\n", b"accept;\n\t\tmasquerade\n"), b""))
    assert do(shell, CHAIN, "ip nat IN", NAT).error == "ESTALE"
    assert len(shell.asked) == 1


def test_a_chain_is_added_as_it_was():
    shell = Shell()
    assert do(shell, CHAIN, "ip nat IN", None, NAT).error is None
    assert shell.asked == [("nft", "add table ip nat; add chain ip nat IN " + NAT)]
