# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every system call by which a run changes something fails once, and the run is killed before each of them."""

from __future__ import annotations

import os

import pytest
from ansible_collections.netops.conntrack.tests.integration.faults.host import RECORD, RESTORE, Scenario, result

SOME = ("conntrack_settings", {"settings": {"udp_timeout": 41, "tcp_timeout_established": 216011}})
MORE = ("conntrack_settings", {"settings": {"udp_timeout": 42, "generic_timeout": 611}})
OTHER = ("conntrack_settings", {"settings": {"udp_timeout": 43}})
SIZES = ("conntrack_settings", {"settings": {"max": 300000, "buckets": 81920, "udp_timeout": 41}})
SMALLER = ("conntrack_settings", {"settings": {"max": 290000}})
COMMENTED = ("iptables_config", {"modules": ["ip_conntrack_netbios_ns"], "state": "commented"})
TAKEN_OUT = ("iptables_config", {"modules": ["ip_conntrack_ftp"], "state": "absent"})

# Files of somebody's own, one of them nobody else's business.
FILES = """
printf '# ours\nnet.netfilter.nf_conntrack_udp_timeout = 35\nkernel.sysrq = 0' > /etc/sysctl.conf
chown 3:4 /etc/sysctl.conf; chmod 0640 /etc/sysctl.conf
printf 'net.netfilter.nf_conntrack_generic_timeout = 601\n' > /etc/sysctl.d/50-local.conf
for name in iptables ip6tables; do
  upper=$(echo $name | tr a-z A-Z)
  printf '%s_MODULES="ip_conntrack_netbios_ns ip_conntrack_ftp"\n' "$upper" > /etc/sysconfig/$name-config
  chown 1:2 /etc/sysconfig/$name-config; chmod 0600 /etc/sysconfig/$name-config
done
"""
# A host whose boot reads nothing but sysctl.conf.
OLD = (
    FILES
    + """
[ ! -d /usr/lib/systemd ] || mount -t tmpfs -o mode=755 scratch /usr/lib/systemd
mkdir -p /etc/rc.d; echo 'sysctl -e -p /etc/sysctl.conf' > /etc/rc.d/rc.sysinit
"""
)

SCENARIOS = {
    "the first change": Scenario((), SOME, OTHER, FILES),
    "a further change": Scenario((SOME,), MORE, OTHER, FILES),
    "a restore": Scenario((SOME, MORE), RESTORE, OTHER, FILES),
    "sysctl.conf": Scenario((), SOME, MORE, OLD),
    "a restore of sysctl.conf": Scenario((SOME,), RESTORE, MORE, OLD),
    "conntrack as a module": Scenario((), SIZES, SMALLER, FILES, "debian11"),
    "iptables-config": Scenario((), COMMENTED, TAKEN_OUT, FILES),
    "a restore of iptables-config": Scenario((TAKEN_OUT,), RESTORE, COMMENTED, FILES),
}
# A minute each, of paths that the others take too.
MORE_OF_THE_SAME = ("the first change", "a restore of sysctl.conf", "a restore of iptables-config")
# So many at least of each, so that a scenario that came to do nothing is noticed.
LEAST = 30

ERRORS = {
    "openat": ("ENOSPC", "EROFS"),
    "mkdir": ("ENOSPC", "EROFS"),
    "write": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "EDQUOT"),
    "rename": ("EBUSY", "EPERM"),
    "unlink": ("EROFS", "EPERM"),
    "rmdir": ("EBUSY",),
}
# As where a disk stays full or broken: from one call to the end of the run. (The result goes out by write.)
ONWARDS = ("fsync", "rename", "unlink", "rmdir")


def kinds(call):
    """(what happens, whether it goes on happening) for one system call."""
    if call.path == "the result":
        return [("SIGKILL", False), ("EPIPE", False)]
    name = call.name[:-2] if call.name.endswith("at") and call.name != "openat" else call.name
    errors = ERRORS.get(name, ("EPERM",))
    found = [("SIGKILL", False), (errors[call.number % len(errors)], False)]
    return [*found, ("EIO", True)] if name in ONWARDS else found


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_fault_loses_anything_or_needs_a_human(scratch, capsys, name):
    if name in MORE_OF_THE_SAME and os.environ.get("FAULTS") != "all":
        pytest.skip("not run: FAULTS=all runs it, the other scenarios take the same paths")
    host = scratch(SCENARIOS[name])
    faults = [(call, *kind) for call in host.calls() for kind in kinds(call)]
    failures = []
    for call, what, onwards in faults:
        try:
            done = host.fault(call, what, onwards)
            if call.path != "the result" and what != "SIGKILL":
                told(host, done)
            refused = call.path.startswith("/proc/") and what != "SIGKILL"
            host.recovers(host.unharmed(refused), refused)
        except AssertionError as error:
            failures.append("%s of %s number %d, %s%s: %s" % (
                what, call.name, call.number, call.path, " and from then on" if onwards else "", error
            ))  # fmt: skip
            host.put(host.before)
    with capsys.disabled():
        print("\n%s: %d faults" % (name, len(faults)), end=" ")
    assert not failures, "%d of %d faults:\n%s" % (len(failures), len(faults), "\n".join(failures))
    assert len(faults) >= LEAST
    assert (len(SCENARIOS) - len(MORE_OF_THE_SAME)) * LEAST >= 150


def told(host, done):
    """A run that says that all is well did all; one that failed names what."""
    said = result(done)
    if said.get("failed"):
        assert "/" in said["msg"], said
        return
    now = host.state()
    done_all = {path for path, row in host.after.items() if now.get(path) != row and path != RECORD}
    assert not done_all, "it says that all is well, but %s is not" % done_all
    assert (RECORD in now) == (RECORD in host.after) or said.get("warnings"), "the record is not as it should be"
