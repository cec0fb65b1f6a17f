# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conntrack_settings against this machine's own kernel and files, and in a namespace of it."""

from __future__ import annotations

import os
import shutil

import pytest

# Far from any default, and harmless.
WANTED = {
    "tcp_timeout_established": 216011,
    "udp_timeout": 41,
    "generic_timeout": 611,
    "tcp_be_liberal": True,
    "net.netfilter.nf_conntrack_icmp_timeout": 29,
}
KEYS = {
    "nf_conntrack_tcp_timeout_established": 216011,
    "nf_conntrack_udp_timeout": 41,
    "nf_conntrack_generic_timeout": 611,
    "nf_conntrack_tcp_be_liberal": 1,
    "nf_conntrack_icmp_timeout": 29,
}


def text(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def first_max(machine):
    return int(machine.first[0][machine.proc + "nf_conntrack_max"])


def said(result):
    """What a run and its prediction must agree on."""
    return {name: result[name] for name in ("changed", "settings", "steps", "diff")}


def test_several_at_once_as_predicted_and_only_once(settings, machine):
    values, files = machine.state()

    predicted = settings(WANTED, check_mode=True)
    assert predicted["changed"]
    assert machine.state() == machine.first, "check mode must change nothing"
    done = settings(WANTED)
    assert said(done) == said(predicted)

    now, present = machine.state()
    live = {path: int(value) for path, value in now.items() if value != values[path]}
    assert live == {machine.proc + key: value for key, value in KEYS.items()}
    for row in done["settings"].values():
        path = "/proc/sys/" + row["key"].replace(".", "/")
        assert row["before"] == int(values[path])
        assert row["after"] == row["wanted"] == row["after_boot"] == int(text(path))
        assert (row["changed"], row["reason"], row["after_boot_source"]) == (True, None, machine.drop_in)
    assert present.keys() - files.keys() == {machine.drop_in, machine.record}
    assert {path: present[path] for path in files} == files

    again = settings(WANTED)
    assert (again["changed"], again["steps"], again["diff"]) == (False, [], [])
    assert {row["before"] for row in again["settings"].values()} == set(KEYS.values())
    assert machine.state() == (now, present)


def test_the_drop_in_says_just_that_and_sysctl_takes_it(settings, machine, output):
    settings(WANTED)

    assert os.stat(machine.drop_in).st_mode & 0o777 == 0o644
    assert os.stat(machine.record).st_mode & 0o777 == 0o600
    lines = [line for line in text(machine.drop_in).splitlines() if not line.startswith("#")]
    found = {key.strip(): int(value) for key, value in (line.split("=") for line in lines)}
    assert found == {"net.netfilter." + key: value for key, value in KEYS.items()}
    # As the boot does it: from the kernel's own values back to these.
    for path, value in machine.first[0].items():
        if os.path.basename(path) in KEYS:
            with open(path, "w", encoding="ascii") as stream:
                stream.write(value)
    output("sysctl", "-p", machine.drop_in)
    assert {key: machine.value(key) for key in KEYS} == KEYS
    for program in ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"):
        if os.path.exists(program):
            output(program, machine.drop_in)


def test_more_settings_join_those_in_the_drop_in(settings, machine):
    settings({"udp_timeout": 41})
    settings({"generic_timeout": 611})
    settings({"udp_timeout": 43})

    lines = [line for line in text(machine.drop_in).splitlines() if not line.startswith("#")]
    assert len(lines) == 2
    assert machine.value("nf_conntrack_udp_timeout") == 43
    assert machine.value("nf_conntrack_generic_timeout") == 611


def test_without_persist_no_settings_file_is_written(settings, machine):
    result = settings({"udp_timeout": 41}, persist=False)
    assert machine.value("nf_conntrack_udp_timeout") == 41
    assert not os.path.exists(machine.drop_in)
    row = result["settings"]["udp_timeout"]
    assert row["changed"]
    assert row["after_boot"] != 41


def test_buckets_are_rounded_as_the_kernel_does_and_predicted_so(settings, machine):
    page = os.sysconf("SC_PAGE_SIZE") // 8
    rounded = -(-100001 // page) * page
    wanted = {"buckets": 100001}

    predicted = settings(wanted, check_mode=True)
    done = settings(wanted)

    assert said(done) == said(predicted)
    row = done["settings"]["buckets"]
    assert row["wanted"] == 100001
    assert row["after"] == rounded == machine.value("nf_conntrack_buckets")
    assert not settings(wanted)["changed"]
    assert machine.value("nf_conntrack_max") == first_max(machine), "buckets leave max alone"


def test_a_table_is_sized_from_this_machine(settings, machine):
    wanted = {"max": "auto", "buckets": "auto"}
    predicted = settings(wanted, check_mode=True)
    done = settings(wanted)
    assert said(done) == said(predicted)
    assert machine.value("nf_conntrack_max") == done["settings"]["max"]["wanted"] >= first_max(machine)
    assert not settings(wanted)["changed"]


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"udp_timeout": 41, "tcp_timeout_established": "60h"}, "in seconds it is 216000"),
        ({"udp_timeout": 41, "udp_timeot": 41}, "did you mean udp_timeout"),
        ({"udp_timeout": 41, "count": 7}, "the kernel only reports it"),
        ({"udp_timeout": 41, "max": 0}, "write unlimited if that is meant"),
        ({"udp_timeout": 41, "net.netfilter.nf_conntrack_udp_timeout": 42}, "give it once as udp_timeout"),
    ],
)
def test_one_bad_setting_and_nothing_is_written(settings, machine, wanted, fault):
    result = settings(wanted)
    assert result["failed"]
    assert fault in result["msg"]
    assert machine.state() == machine.first


def test_what_the_kernel_refuses_is_named_and_the_rest_applied(settings, machine):
    high = machine.value("nf_conntrack_frag6_high_thresh")
    wanted = {"frag6_low_thresh": high + 1, "udp_timeout": 41}
    result = settings(wanted)
    assert result["failed"]
    row = result["settings"]["frag6_low_thresh"]
    assert (row["reason"], row["after"]) == ("out_of_range", row["before"])
    assert machine.value("nf_conntrack_udp_timeout") == 41
    assert "frag6" not in text(machine.drop_in)
    assert not settings(wanted, may_skip=["out_of_range"]).get("failed")


ENTRIES = 5
# Addresses kept for documentation: no packet has them.
OURS = ("-s", "192.0.2.1", "-d", "198.51.100.1")


@pytest.fixture
def entries(machine, output):
    """Entries of the machine's own namespace, put there by hand: no rule makes it track."""
    if not shutil.which("conntrack"):
        pytest.skip("not run: there is no conntrack(8) to make entries with")
    if machine.value("nf_conntrack_count"):
        pytest.skip("not run: this machine tracks connections of its own")
    try:
        for port in range(ENTRIES):
            flow = ("-p", "udp", "--sport", str(1000 + port), "--dport", "53", "-t", "60")
            output("conntrack", "-I", *OURS, *flow)
        assert machine.value("nf_conntrack_count") == ENTRIES
        yield ENTRIES
    finally:
        if machine.value("nf_conntrack_count"):
            output("conntrack", "-D", *OURS)


def test_max_is_not_lowered_below_the_entries_in_use(settings, machine, entries):
    for check_mode in (True, False):
        result = settings({"max": entries, "udp_timeout": 41}, persist=False, check_mode=check_mode)
        assert result["failed"]
        row = result["settings"]["max"]
        assert (row["reason"], row["after"], row["changed"]) == ("would_lower", row["before"], False)
        assert "%d entries are in use" % entries in row["detail"]
        assert machine.value("nf_conntrack_max") == first_max(machine)
    assert machine.value("nf_conntrack_udp_timeout") == 41
    assert settings({"max": entries + 1}, persist=False)["settings"]["max"]["after"] == entries + 1
    allowed = settings({"max": entries}, persist=False, allow_lower=True)
    assert allowed["settings"]["max"]["after"] == entries == machine.value("nf_conntrack_max")


def test_in_a_namespace_the_limit_is_the_hosts_and_timeouts_are_its_own(settings, machine, namespace):
    wanted = {"max": 99999, "udp_timeout": 41}
    here = namespace.interpreter

    predicted = settings(wanted, here, persist=False, check_mode=True)
    done = settings(wanted, here, persist=False)

    assert done["failed"]
    assert said(done) == said(predicted)
    row = done["settings"]["max"]
    assert (row["reason"], row["before"], row["after"]) == ("host_owned", first_max(machine), row["before"])
    assert done["settings"]["udp_timeout"]["after"] == 41 == namespace.value("nf_conntrack_udp_timeout")
    assert machine.state()[0] == machine.first[0], "the machine's own values are not a namespace's to change"
    assert not settings(wanted, here, persist=False, may_skip=["host_owned"]).get("failed")


def test_restored_gives_everything_back(settings, machine):
    settings({**WANTED, "buckets": 100001, "max": first_max(machine) + 1})
    settings({"udp_timeout": 43, "icmpv6_timeout": 31})
    assert machine.state() != machine.first

    predicted = settings(state="restored", check_mode=True)
    done = settings(state="restored")

    assert done["changed"]
    assert said(done) == said(predicted)
    assert machine.state() == machine.first
    again = settings(state="restored")
    assert (again["changed"], again["steps"]) == (False, [])


def test_a_drop_in_that_somebody_edited_since_is_left_to_them(settings, machine):
    settings({"udp_timeout": 41})
    with open(machine.drop_in, "a", encoding="utf-8") as stream:
        stream.write("kernel.panic = 10\n")
    edited = text(machine.drop_in)

    result = settings(state="restored")

    assert result["failed"]
    assert "changed_since" in result["msg"]
    assert text(machine.drop_in) == edited
    values = machine.state()[0]
    assert values == machine.first[0], "live values are given back all the same"
    assert not settings(state="restored", may_skip=["changed_since"]).get("failed")
