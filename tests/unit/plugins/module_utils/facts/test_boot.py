# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands after a boot: the programs that set sysctls, their precedence, and who wins."""

from __future__ import annotations

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils import catalogue, probe
from ansible_collections.netops.conntrack.plugins.module_utils.facts import audit, boot, boot_files, modprobe
from ansible_collections.netops.conntrack.plugins.module_utils.facts.identity import identify
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import FORBIDDEN, Reading, Snapshot
from hypothesis import given
from hypothesis import strategies as st

MAX = "net.netfilter.nf_conntrack_max"
ALIAS = "net.nf_conntrack_max"
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"

LIVE = {
    "/proc/sys/kernel/osrelease": "6.1.0-18-amd64\n",
    "/proc/meminfo": "MemTotal: 3994832 kB\n",
    "/proc/modules": "nf_conntrack 155648 0 - Live 0x0\n",
    "/proc/sys/net/nf_conntrack_max": "65536\n",
    "/proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
    "/proc/sys/net/netfilter/nf_conntrack_buckets": "65536\n",
    "/proc/sys/net/netfilter/nf_conntrack_expect_max": "1024\n",
    "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established": "432000\n",
}
READERS = {
    "systemd": {"/run/systemd/system": "", "/etc/sysctl.d": ""},
    "procps": {"/etc/init.d/procps": "", "/etc/sysctl.d": ""},
    "rc.sysinit": {
        "/etc/rc.d/rc.sysinit": "apply_sysctl\n",
        "/etc/rc.d/init.d/functions": "for file in /etc/sysctl.d/* ; do\n",
    },
    "sysctl.conf": {"/etc/rc.d/rc.sysinit": "sysctl -e -p /etc/sysctl.conf\n"},
}


# What puts conntrack there before the files are read.
EARLY = {
    "systemd": {"/etc/modules-load.d/early.conf": "nf_conntrack\n"},
    "procps": {"/etc/modules": "nf_conntrack\n"},
    "rc.sysinit": {"/etc/rc.d/init.d/network": "apply_sysctl\n"},
    "sysctl.conf": {"/etc/rc.d/init.d/network": "sysctl -e -p /etc/sysctl.conf\n"},
}


def snapshot(by, files=None, without=(), early=True):
    texts = {**LIVE, **READERS.get(by, {}), **(EARLY.get(by, {}) if early else {}), **(files or {})}
    return Snapshot({path: Reading(text=text, mode=0o644) for path, text in texts.items() if path not in without})


def after(by, files, name="max"):
    host = snapshot(by, files)
    return boot.after_boot(host, catalogue.BY_NAME[name], identify(host))


@pytest.mark.parametrize("by", READERS)
def test_who_sets_sysctls_at_boot(by):
    assert boot_files.reader(snapshot(by)) == by


def test_nobody_sets_sysctls():
    assert boot_files.reader(snapshot("nobody")) == "none"
    assert boot_files.reader(snapshot("nobody", {"/etc/sysctl.conf": ""})) == "sysctl.conf"


@pytest.mark.parametrize("by", READERS)
def test_nothing_said_leaves_the_kernel_default(by):
    assert after(by, {"/etc/sysctl.conf": "# nothing\n"})[:3] == (65536, "kernel default", ())
    assert after(by, {}, "tcp_timeout_established")[:3] == (432000, "kernel default", ())
    assert after(by, {}, "expect_max")[:3] == (1024, "kernel default", ())


FIRST, LAST = "/usr/lib/sysctl.d/10-first.conf", "/etc/sysctl.d/90-last.conf"
BOTH = {FIRST: MAX + " = 1\n", LAST: MAX + " = 2\n"}
LINK = "/etc/sysctl.d/99-sysctl.conf"


def said(*values, key=MAX):
    return "".join("%s = %s\n" % (key, value) for value in values)


# Who reads, the files, and the file and value that win.
WINNERS = [
    # names decide, directories do not
    ("systemd", BOTH, LAST, 2),
    (
        "systemd",
        {"/etc/sysctl.d/10-a.conf": said(1), "/usr/lib/sysctl.d/20-b.conf": said(2)},
        "/usr/lib/sysctl.d/20-b.conf",
        2,
    ),
    ("procps", BOTH, LAST, 2),
    (
        "procps",
        {"/etc/sysctl.d/10-a.conf": said(1), "/usr/lib/sysctl.d/20-b.conf": said(2)},
        "/usr/lib/sysctl.d/20-b.conf",
        2,
    ),
    # the same name in an earlier directory shadows the later one
    (
        "systemd",
        {"/etc/sysctl.d/50-x.conf": said(1), "/usr/lib/sysctl.d/50-x.conf": said(2)},
        "/etc/sysctl.d/50-x.conf",
        1,
    ),
    (
        "systemd",
        {"/usr/local/lib/sysctl.d/50-x.conf": said(1), "/usr/lib/sysctl.d/50-x.conf": said(2)},
        "/usr/local/lib/sysctl.d/50-x.conf",
        1,
    ),
    # but /run is empty after a boot
    (
        "systemd",
        {"/run/sysctl.d/50-x.conf": said(1), "/usr/lib/sysctl.d/50-x.conf": said(2)},
        "/usr/lib/sysctl.d/50-x.conf",
        2,
    ),
    ("systemd", {"/etc/sysctl.d/50-x.conf": "", "/usr/lib/sysctl.d/50-x.conf": said(2)}, "kernel default", 65536),
    ("procps", {"/etc/sysctl.d/50-x.conf": "", "/usr/lib/sysctl.d/50-x.conf": said(2)}, "kernel default", 65536),
    # other endings are not read, except by rc.sysinit
    ("systemd", {"/etc/sysctl.d/README": said(1)}, "kernel default", 65536),
    ("systemd", {"/etc/sysctl.d/50-x.conf.bak": said(1)}, "kernel default", 65536),
    ("rc.sysinit", {"/etc/sysctl.d/conntrack": said(1)}, "/etc/sysctl.d/conntrack", 1),
    (
        "rc.sysinit",
        {"/etc/sysctl.d/a.conf": said(1), "/etc/sysctl.d/z.conf.rpmsave": said(2)},
        "/etc/sysctl.d/a.conf",
        1,
    ),
    ("rc.sysinit", {"/etc/sysctl.d/a.conf": said(1), "/etc/sysctl.d/b.conf~": said(2)}, "/etc/sysctl.d/a.conf", 1),
    # sysctl.conf is last in procps, first in rc.sysinit, and in systemd only through a link
    ("systemd", {"/etc/sysctl.conf": said(1)}, "kernel default", 65536),
    ("systemd", {"/etc/sysctl.conf": said(1), LINK: said(1)}, LINK, 1),
    ("procps", {"/etc/sysctl.conf": said(1), "/etc/sysctl.d/99-zz.conf": said(2)}, "/etc/sysctl.conf", 1),
    ("rc.sysinit", {"/etc/sysctl.conf": said(1), "/etc/sysctl.d/00-a.conf": said(2)}, "/etc/sysctl.d/00-a.conf", 2),
    ("sysctl.conf", {"/etc/sysctl.conf": said(1), "/etc/sysctl.d/00-a.conf": said(2)}, "/etc/sysctl.conf", 1),
    # in one file the last line wins; aliases are one knob, and slashes spell the same key
    ("systemd", {LAST: said(1, 3, 2)}, LAST, 2),
    ("sysctl.conf", {"/etc/sysctl.conf": said(1) + said(2, key=ALIAS)}, "/etc/sysctl.conf", 2),
    ("systemd", {FIRST: said(1, key="net/netfilter/nf_conntrack_max"), LAST: said(2, key=ALIAS)}, LAST, 2),
    ("procps", {FIRST: said(2, key=ALIAS), LAST: said(1, key="-net/netfilter/nf_conntrack_max")}, LAST, 1),
    # what this kernel has no name for is skipped
    ("systemd", {FIRST: said(1), LAST: said(2, key="net.ipv4.netfilter.ip_conntrack_max")}, FIRST, 1),
    # systemd: a value that is there already stays in its place, so that an alias said in between wins
    (
        "systemd",
        {FIRST: said(1), "/etc/sysctl.d/50-alias.conf": said(2, key=ALIAS), LAST: said(1)},
        "/etc/sysctl.d/50-alias.conf",
        2,
    ),
    ("systemd", {FIRST: said(1), "/etc/sysctl.d/50-alias.conf": said(2, key=ALIAS), LAST: said(3)}, LAST, 3),
    ("procps", {FIRST: said(1), "/etc/sysctl.d/50-alias.conf": said(2, key=ALIAS), LAST: said(1)}, LAST, 1),
    # systemd: globs, which leave alone what is named in full or excluded
    ("systemd", {LAST: said(7, key="net.netfilter.nf_conntrack_m*")}, LAST, 7),
    ("systemd", {FIRST: said(1), LAST: said(7, key="net.netfilter.nf_conntrack_m*")}, FIRST, 1),
    ("systemd", {FIRST: "-" + MAX + "\n", LAST: said(7, key="net.netfilter.nf_conntrack_m*")}, "kernel default", 65536),
    # a star in a glob does not cross a dot
    ("systemd", {LAST: said(7, key="net*")}, "kernel default", 65536),
    ("systemd", {LAST: said(7, key="net.*.nf_conntrack_max")}, LAST, 7),
    ("systemd", {LAST: said(7, key="net.*")}, LAST, 7),
    ("systemd", {LAST: said(7, key="net.[z-a].nf_conntrack_max")}, "kernel default", 65536),
    # bases other than ten, as the kernel reads them
    ("systemd", {LAST: said("0x10")}, LAST, 16),
]


@pytest.mark.parametrize(("by", "files", "source", "value"), WINNERS)
def test_the_winner(by, files, source, value):
    found = after(by, files)
    assert (found.source, found.value) == (source, value)


@pytest.mark.parametrize("folder", ["/etc", "/usr/local/lib", "/usr/lib", "/lib"])
@pytest.mark.parametrize(("by", "value"), [("procps", 2), ("systemd", 1)])
def test_a_hidden_file_counts_where_procps_sets_sysctls(by, value, folder, tmp_path):
    hidden = folder + "/sysctl.d/.hidden.conf"
    for path, text in {**LIVE, **EARLY[by], "/etc/sysctl.d/-.conf": said(1), hidden: said(2)}.items():
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    if by == "systemd":
        (tmp_path / "run/systemd/system").mkdir(parents=True)
    host = LocalHost(root=str(tmp_path)).read(probe.items(["persistence"]))
    found = boot.after_boot(host, catalogue.BY_NAME["max"], identify(host))
    assert (found.source, found.value) == (hidden if by == "procps" else "/etc/sysctl.d/-.conf", value)


def test_what_lies_in_run_is_named_though_it_is_gone_after_a_boot():
    found = after("systemd", {"/run/sysctl.d/50-x.conf": said(1)})
    assert [(loser.path, loser.value, loser.why) for loser in found.losers] == [
        ("/run/sysctl.d/50-x.conf", "1", boot.GONE)
    ]


def test_a_small_host_has_whole_pages_of_buckets():
    """As read on a guest of 475 MiB, on 5.10 and 6.12."""
    for release, maximum in (("5.10.0-32-amd64", 16384), ("6.12.107", 4096)):
        files = {"/proc/meminfo": "MemTotal: 486780 kB\n", "/proc/sys/kernel/osrelease": release + "\n"}
        values = [after("systemd", files, name).value for name in ("buckets", "max", "expect_max")]
        assert values == [4096, maximum, 64]


def test_losers_are_named_with_what_they_say():
    found = after("systemd", {**BOTH, "/etc/sysctl.d/50-same.conf": said(2)})
    assert [(loser.path, loser.value, loser.line) for loser in found.losers] == [(FIRST, "1", 1)]


@pytest.mark.parametrize("value", ["many", "08", "5s", '"5"', "99999999999", "", "+5", "1_0"])
def test_what_the_kernel_refuses_loses_and_says_why(value):
    found = after("systemd", {LAST: said(value)})
    assert (found.source, found.value) == ("kernel default", 65536)
    assert [(loser.path, loser.value, loser.why) for loser in found.losers] == [
        (LAST, value, "the kernel refuses this value")
    ]


def test_an_unreadable_file_does_not_stop_the_others():
    host = snapshot("systemd", BOTH).with_readings({LAST: Reading(reason=FORBIDDEN, mode=0o600)})
    assert boot.after_boot(host, catalogue.BY_NAME["max"], identify(host)).source == FIRST


HASHSIZE = "options nf_conntrack hashsize=%s\n"


def test_a_file_that_cannot_be_read_leaves_open_what_comes_after_the_last_one_that_could():
    files = {"/etc/sysctl.d/20-us.conf": "net.netfilter.nf_conntrack_max = 300000\n"}
    for name, known in (("10-theirs.conf", 300000), ("30-theirs.conf", None)):
        path = "/etc/sysctl.d/" + name
        host = snapshot("systemd", {**files, path: ""}).with_readings({path: Reading(reason=FORBIDDEN)})
        then = boot.after_boot(host, catalogue.BY_NAME["max"], identify(host))
        assert (then.value, then.source) == (known, "/etc/sysctl.d/20-us.conf")
        assert (then.detail or "").endswith("cannot be read (forbidden)") == (known is None)
        udp = boot.after_boot(host, catalogue.BY_NAME["udp_timeout"], identify(host))
        assert (udp.value, udp.source) == (None, "kernel default")


def test_hashsize_at_load_sets_the_buckets_and_eight_times_as_many_entries():
    files = {"/etc/modprobe.d/conntrack.conf": HASHSIZE % 16384}
    assert after("systemd", files, "buckets")[:2] == (16384, "/etc/modprobe.d/conntrack.conf")
    assert after("systemd", files)[:2] == (131072, "/etc/modprobe.d/conntrack.conf")
    assert after("systemd", files, "expect_max")[:2] == (256, "/etc/modprobe.d/conntrack.conf")
    assert after("systemd", {**files, LAST: said(5)})[:2] == (5, LAST)


def test_hashsize_is_rounded_to_pages():
    assert after("systemd", {"/etc/modprobe.d/c.conf": HASHSIZE % 100000}, "buckets").value == 100352


def test_of_modprobe_files_the_last_by_name_counts_and_equal_names_shadow():
    files = {
        "/etc/modprobe.d/b.conf": HASHSIZE % 1024,
        "/usr/lib/modprobe.d/c.conf": HASHSIZE % 2048,
        "/usr/lib/modprobe.d/b.conf": HASHSIZE % 4096,
    }
    host = snapshot("systemd", files)
    assert modprobe.hashsize(host, identify(host)) == (2048, "/usr/lib/modprobe.d/c.conf")


def test_a_built_in_table_takes_its_size_from_the_command_line():
    files = {
        "/sys/module/nf_conntrack": "",
        "/proc/cmdline": "quiet nf_conntrack.hashsize=4096 nf_conntrack.hashsize=8192 x.hashsize=1\n",
        "/etc/modprobe.d/conntrack.conf": HASHSIZE % 16384,
    }
    host = snapshot("systemd", files, without=["/proc/modules"])
    assert modprobe.hashsize(host, identify(host)) == (8192, "/proc/cmdline")


KEYS = (MAX, ALIAS, "net/netfilter/nf_conntrack_max", "-" + MAX, "net.netfilter.nf_*", ESTABLISHED, "kernel.sysrq", "")
lines = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(("=1", " = 2", " = 3 4", "=", "")), st.just("\n")).map("".join),
    st.text(max_size=20).map(lambda text: text + "\n"),
)
paths = st.sampled_from(
    (
        "/etc/sysctl.conf",
        LINK,
        FIRST,
        LAST,
        "/run/sysctl.d/90-last.conf",
        "/lib/sysctl.d/20-lib.conf",
        "/etc/sysctl.d/x~",
    )
)


@given(st.sampled_from(list(READERS)), st.dictionaries(paths, st.lists(lines, max_size=5).map("".join)))
def test_any_files_have_a_winner_that_is_read(by, files):
    host = snapshot(by, files)
    for name, row in audit.facts(host, identify(host))["settings"].items():
        read = boot_files.files(host, by)
        assert row["source"] == "kernel default" or row["source"] in read, name
        assert all(loser["path"] in read or loser["why"] == boot.GONE for loser in row["losers"])
        assert all("why" in loser for loser in row["losers"] if loser["path"] == row["source"])
