# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs: on a copy of every recorded host, on hosts where something fails, and on the kernel of this machine."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.planners import (
    applying,
    iptables_config,
    record,
    undoing,
)
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Reading
from ansible_collections.netops.conntrack.tests.unit import planning, recorded

DROP_IN = "/etc/sysctl.d/99-zz-netops-conntrack.conf"
MODPROBE = "/etc/modprobe.d/zz-netops-conntrack.conf"
IPTABLES = "/etc/sysconfig/iptables-config"
NF = planning.NF

# But for the one that an ordinary user looks at, who changes nothing.
every_host = pytest.mark.parametrize("name", [name for name in recorded.names() if name != "forbidden"])


def setup(host, settings, check=False, **options):
    return applying.apply(host, parse(settings), Options(**options), check)


def reasons(result):
    return {row.what: row.reason for row in result.unapplied}


def read(host, path):
    with open(host.root + path, encoding="utf-8") as stream:
        return stream.read()


# The original case


def test_the_original_case(tmp_path):
    """36271 entries where 16640 may be: max and the timeout under this host's names, the helper, and back."""
    host = recorded.copy("rhel5-origin", tmp_path)
    cure = {"max": 131072, "tcp_timeout_established": 216000}
    first = planning.tree(host.root, ())

    predicted = setup(host, cure, check=True)
    assert planning.tree(host.root, ()) == first

    result = setup(host, cure)
    assert result._asdict() == predicted._asdict()
    assert result.changed
    assert result.unapplied == []
    conf = first["/etc/sysctl.conf"]
    lines = (
        b"net.ipv4.netfilter.ip_conntrack_max = 131072\n"
        b"net.ipv4.netfilter.ip_conntrack_tcp_timeout_established = 216000\n"
    )
    assert planning.changes(first, planning.tree(host.root)) == {
        planning.IP + "max": (b"16640\n", b"131072\n"),
        planning.IP + "tcp_timeout_established": (b"432000\n", b"216000\n"),
        "/etc/sysctl.conf": (conf, conf + lines),
    }
    assert result.settings == {
        "max": {
            "key": "net.ipv4.netfilter.ip_conntrack_max",
            "before": 16640,
            "wanted": 131072,
            "after": 131072,
            "after_boot": 131072,
            "after_boot_source": "/etc/sysctl.conf",
            "overruled_by": None,
            "changed": True,
            "reason": None,
            "detail": None,
        },
        "tcp_timeout_established": {
            "key": "net.ipv4.netfilter.ip_conntrack_tcp_timeout_established",
            "before": 432000,
            "wanted": 216000,
            "after": 216000,
            "after_boot": 216000,
            "after_boot_source": "/etc/sysctl.conf",
            "overruled_by": None,
            "changed": True,
            "reason": None,
            "detail": None,
        },
    }
    assert [step["path"] for step in result.steps] == [
        planning.IP + "max",
        planning.IP + "tcp_timeout_established",
        "/etc/sysctl.conf",
    ]
    assert [entry["before_header"] for entry in result.diff] == ["live values", "/etc/sysctl.conf"]

    tuned = planning.tree(host.root, ())
    again = setup(host, cure)
    assert (again.changed, again.steps, again.diff) == (False, [], [])
    assert planning.tree(host.root, ()) == tuned

    helper = iptables_config.apply(host, iptables_config.PATHS, ["ip_conntrack_netbios_ns"], "commented", False)
    assert helper.still_loaded == ["ip_conntrack_netbios_ns"]
    assert not helper.warnings
    line = b'IPTABLES_MODULES="ip_conntrack_netbios_ns"\n'
    assert planning.changes(tuned, planning.tree(host.root, ())).keys() == {IPTABLES, record.PATH}
    assert planning.tree(host.root)[IPTABLES] == first[IPTABLES].replace(line, b"#" + line)
    assert first[IPTABLES].count(line) == 1

    # 36271 entries are in use still: max alone does not go back unless permitted.
    refused = undoing.undo(host, allow_lower=False, check=False)
    assert reasons(refused) == {"max": "would_lower"}
    assert planning.changes(first, planning.tree(host.root)) == {planning.IP + "max": (b"16640\n", b"131072\n")}
    undone = undoing.undo(host, allow_lower=True, check=False)
    assert undone.unapplied == []
    assert planning.tree(host.root, ()) == first


# Every host


SETTINGS = {
    "max": 300000,
    "buckets": 100000,
    "tcp_timeout_established": 86400,
    "net.netfilter.nf_conntrack_udp_timeout": "45",
    "tcp_be_liberal": True,
    "frag6_high_thresh": 8388608,
    "frag6_low_thresh": 6291456,
    "helper": 1,
}

# What is refused there; on the hosts that are not named: nothing but what their kernel lacks.
REFUSED = {
    "forbidden": "read_only",
    "not-tracking": "not_loaded",
}


@every_host
@pytest.mark.parametrize("persist", [True, False])
def test_check_predicts_the_run_a_second_changes_nothing_and_undo_gives_all_back(name, persist, tmp_path):
    host = planning.copy(name, tmp_path)
    first = planning.tree(host.root, ())

    predicted = setup(host, SETTINGS, check=True, persist=persist)
    assert planning.tree(host.root, ()) == first, "check mode wrote something"

    result = setup(host, SETTINGS, persist=persist)
    assert result.settings == predicted.settings
    assert result._asdict() == predicted._asdict()
    assert len(result.settings) == len(SETTINGS)
    after = planning.tree(host.root)
    assert result.changed == bool(planning.changes(first, after))
    if name in REFUSED:
        assert set(reasons(result).values()) - {"unsupported"} == {REFUSED[name]}
    for setting, row in result.settings.items():
        if row["reason"] is None:
            assert row["after"] in (row["wanted"], 100352), setting
        else:
            assert row["detail"], setting

    tuned = planning.tree(host.root, ())
    again = setup(host, SETTINGS, persist=persist)
    assert (again.changed, again.steps, again.diff) == (False, [], [])
    assert not [setting for setting, row in again.settings.items() if row["changed"]]
    assert reasons(again) == reasons(result)
    assert planning.tree(host.root, ()) == tuned

    undone = undoing.undo(host, allow_lower=True, check=False)
    assert undone.unapplied == []
    assert planning.changes(first, planning.tree(host.root, ())) == {}


@pytest.mark.parametrize("memory", ["as recorded", "plenty"])
@every_host
def test_auto_is_settled_after_one_run(name, memory, tmp_path):
    host = planning.copy(name, tmp_path)
    if memory == "plenty":  # no budget stops it then
        planning.overwrite(host.root + "/proc/meminfo", "MemTotal: %d kB\n" % (1 << 28))
    setup(host, {"max": "auto", "buckets": "auto"})
    tuned = planning.tree(host.root, ())
    assert not setup(host, {"max": "auto", "buckets": "auto"}).changed
    assert planning.tree(host.root, ()) == tuned


def test_buckets_before_4_8_are_predicted_under_the_name_that_shows_them(tmp_path):
    host = planning.copy("rhel7", tmp_path)
    predicted = setup(host, {"buckets": 100000}, check=True, persist=False)
    assert predicted.changed
    assert predicted.settings["buckets"]["after"] == 100352
    result = setup(host, {"buckets": 100000}, persist=False)
    assert result._asdict() == predicted._asdict()
    assert read(host, NF + "buckets") == "100352\n"
    assert [step["path"] for step in result.steps] == ["/sys/module/nf_conntrack/parameters/hashsize"]


def test_what_is_persisted_only_counts_as_a_change(tmp_path):
    host = planning.copy("debian12", tmp_path)
    setup(host, {"udp_timeout": 45}, persist=False)
    result = setup(host, {"udp_timeout": 45})
    row = result.settings["udp_timeout"]
    assert result.changed
    assert (row["before"], row["after"], row["changed"]) == (45, 45, True)
    assert (row["after_boot"], row["after_boot_source"]) == (45, DROP_IN)


def test_a_host_on_which_nothing_persists_says_so_and_is_set_all_the_same(tmp_path):
    host = planning.copy("userns-hidden", tmp_path)
    result = setup(host, {"udp_timeout": 45})
    assert reasons(result) == {"udp_timeout": "not_persistent"}
    assert "persist: false" in result.unapplied[0].detail
    assert read(host, NF + "udp_timeout") == "45\n"
    assert setup(host, {"udp_timeout": 45}, persist=False).unapplied == []


# Where something fails


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("EINVAL", "out_of_range"),
        ("ERANGE", "out_of_range"),
        ("ENOMEM", "out_of_range"),
        ("ENOENT", "unsupported"),
        ("EACCES", "read_only"),
        ("EPERM", "read_only"),
        ("EROFS", "read_only"),
        ("EIO", "read_only"),
    ],
)
def test_a_value_that_the_kernel_refuses_is_not_persisted_and_the_others_are(error, reason, tmp_path):
    host = planning.copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    faulty = planning.FaultyHost(host, {NF + "max": error})
    result = setup(faulty, {"max": 300000, "udp_timeout": 45, "buckets": 300000})
    assert reasons(result) == {"max": reason}
    assert result.unapplied[0].detail == NF + "max: the test says no"
    row = result.settings["max"]
    assert (row["after"], row["changed"], row["after_boot_source"]) == (row["before"], False, "kernel default")
    assert result.changed
    assert read(host, NF + "max").encode() == first[NF + "max"]
    assert read(host, NF + "udp_timeout") == "45\n"
    assert "udp_timeout = 45\n" in read(host, DROP_IN)
    assert "max" not in read(host, DROP_IN)
    # A hashsize would set max at the next load.
    assert not os.path.exists(host.root + MODPROBE)
    assert undoing.undo(host, True, False).unapplied == []
    assert planning.tree(host.root, ()) == first


def test_where_every_write_fails_nothing_changed(tmp_path):
    host = planning.copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    faulty = planning.FaultyHost(host, {NF + "max": "EINVAL", NF + "udp_timeout": "EIO"})
    result = setup(faulty, {"max": 300000, "udp_timeout": 45})
    assert (result.changed, result.steps, result.diff) == (False, [], [])
    assert reasons(result) == {"max": "out_of_range", "udp_timeout": "read_only"}
    assert planning.tree(host.root, ()) == first


def test_a_file_that_cannot_be_written_leaves_the_value_until_the_next_boot(tmp_path):
    made = planning.copy("debian12", tmp_path)

    def move(_source, destination):
        if "sysctl.d" in destination:
            raise OSError(errno.EROFS, "Read-only file system")
        os.replace(_source, destination)

    host = planning.KernelHost(made.folder, made.root, move=move)
    first = planning.tree(host.root, ())
    result = setup(host, {"max": 300000, "udp_timeout": 45})
    assert reasons(result) == {"max": "not_persistent", "udp_timeout": "not_persistent"}
    assert result.unapplied[0].detail == DROP_IN + ": Read-only file system"
    assert read(host, NF + "max") == "300000\n"
    assert not os.path.exists(host.root + DROP_IN)
    assert result.settings["max"]["after_boot_source"] == "kernel default"
    assert undoing.undo(host, True, False).unapplied == []
    assert planning.tree(host.root, ()) == first


def test_a_failure_of_the_modules_options_concerns_the_buckets_alone(tmp_path):
    host = planning.copy("debian12", tmp_path)
    result = setup(planning.FaultyHost(host, {MODPROBE: "EROFS"}), {"max": 300000, "buckets": 300000})
    assert reasons(result) == {"buckets": "not_persistent"}
    assert "nf_conntrack_max = 300000\n" in read(host, DROP_IN)


def test_a_failed_further_change_can_be_undone(tmp_path):
    host = planning.copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    setup(host, {"udp_timeout": 45})
    setup(planning.FaultyHost(host, {DROP_IN: "EROFS"}), {"udp_timeout": 50})
    setup(planning.FaultyHost(host, {NF + "max": "EINVAL"}), {"udp_timeout": 55, "max": 300000})
    assert undoing.undo(host, True, False).unapplied == []
    assert planning.tree(host.root, ()) == first


def test_a_file_that_changes_under_our_hands_is_not_overwritten(tmp_path):
    host = planning.copy("rhel5-origin", tmp_path)

    class Racing(planning.KernelHost):
        def carry_out(self, steps):
            with open(self.root + "/etc/sysctl.conf", "a", encoding="utf-8") as stream:
                stream.write("# theirs\n")
            return super().carry_out(steps)

    result = setup(Racing(host.folder, host.root), {"udp_timeout": 45})
    assert reasons(result) == {"udp_timeout": "not_persistent"}
    assert "changed after it was read" in result.unapplied[0].detail
    assert read(host, "/etc/sysctl.conf").endswith("# theirs\n")
    assert "conntrack" not in read(host, "/etc/sysctl.conf")


def test_nothing_is_changed_where_the_first_state_cannot_be_recorded(tmp_path):
    host = planning.copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    with pytest.raises(record.Unusable, match="nothing was changed"):
        setup(planning.FaultyHost(host, {record.PATH: "EROFS"}), {"udp_timeout": 45})
    assert planning.changes(first, planning.tree(host.root, ())) == {}


@pytest.mark.parametrize("check", [True, False])
def test_check_mode_knows_a_read_only_file_system(check, tmp_path):
    host = planning.copy("debian12", tmp_path)
    with open(host.root + "/proc/mounts", "w", encoding="ascii") as stream:
        stream.write("/dev/sda1 / ext4 rw 0 0\n/dev/sda2 /etc ext4 ro 0 0\n")
    result = setup(host, {"udp_timeout": 45}, check=check)
    assert reasons(result) == {"udp_timeout": "not_persistent"}
    assert result.settings["udp_timeout"]["after"] == 45
    assert [step["path"] for step in result.steps] == [NF + "udp_timeout"]


@pytest.mark.parametrize("check", [True, False])
def test_an_ordinary_user_is_told_to_become_root_and_a_dry_run_says_the_same(check, tmp_path):
    host = planning.copy("debian12", tmp_path)
    os.makedirs(host.root + "/proc/self", exist_ok=True)
    with open(host.root + "/proc/self/status", "w", encoding="ascii") as stream:
        stream.write("Name:\tpython3\nUid:\t1000\t1000\t1000\t1000\n")
    before = planning.tree(host.root)
    with pytest.raises(record.Unusable, match="only root may write .*/original.json: use become"):
        # It is set so already, and only has to be made to stand.
        setup(host, {"udp_timeout": 30}, check=check)
    assert planning.tree(host.root) == before


class Namespace(planning.KernelHost):
    """As ``ip netns exec`` shows a host: another network namespace, the same files."""

    def read(self, items):
        links = {"/proc/self/ns/net": "net:[4026532177]", "/proc/1/ns/net": "net:[4026531840]"}
        found = {path: Reading(text="", link=link) for path, link in links.items()}
        return super().read(items).with_readings(found)


def test_a_namespace_that_is_not_init_s_changes_no_file_of_the_host(tmp_path):
    host = planning.copy("debian12", tmp_path)
    inside = Namespace(host.folder, host.root)
    result = setup(inside, {"udp_timeout": 45})
    assert reasons(result) == {"udp_timeout": "not_persistent"}
    assert not os.path.exists(host.root + DROP_IN)
    undone = undoing.undo(host, True, False)
    assert reasons(undone) == {NF + "udp_timeout": "host_owned"}
    assert read(host, NF + "udp_timeout") == "45\n"
    assert undoing.undo(inside, True, False).unapplied == []
    assert read(host, NF + "udp_timeout") == "30\n"


def test_a_restore_that_fails_keeps_what_it_still_has_to_do(tmp_path):
    host = planning.copy("debian12", tmp_path)
    first = planning.tree(host.root, ())
    setup(host, {"max": 300000, "udp_timeout": 45})
    result = undoing.undo(planning.FaultyHost(host, {NF + "max": "EINVAL", DROP_IN: "EROFS"}), True, False)
    assert reasons(result) == {NF + "max": "out_of_range", DROP_IN: "read_only"}
    assert read(host, NF + "udp_timeout").encode() == first[NF + "udp_timeout"]
    assert undoing.undo(host, True, False).unapplied == []
    assert planning.tree(host.root, ()) == first


# A real kernel is stricter than the catalogue

SCRIPT = """
import json, sys
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.host import Host
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.planners import applying
from ansible_collections.netops.conntrack.plugins.module_utils.planners.settings import Options
from ansible_collections.netops.conntrack.plugins.module_utils.planners.wanted import parse
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import Snapshot

class Mixed(Host):
    # The kernel of this machine with the files of another folder, so that nothing of the machine's is written.
    def __init__(self, root):
        self.kernel, self.files = LocalHost(), LocalHost(root=root)

    def read(self, items):
        items = list(items)
        kernel = [item for item in items if self.live(getattr(item, "path", getattr(item, "pattern", "/proc/")))]
        files = [item for item in items if item not in kernel]
        return Snapshot({**dict(self.kernel.read(kernel).items()), **dict(self.files.read(files).items())})

    def carry_out(self, steps):
        return [(self.kernel if self.live(step.path) else self.files).carry_out([step])[0] for step in steps]

    def live(self, path):
        return path.startswith(("/proc/", "/sys/"))

root, settings = sys.argv[1], json.loads(sys.argv[2])
result = applying.apply(Mixed(root), parse(settings), Options(), False)
print(json.dumps({"settings": result.settings, "unapplied": result.unapplied}))
"""


def in_a_namespace(root, settings):
    """The result in a fresh network namespace, or None and the reason why there is none."""
    if os.geteuid() != 0:
        return None, "only root may make a network namespace"
    if not os.path.exists(NF + "tcp_loose"):
        return None, "the kernel of this machine does not track connections"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(
            ["unshare", "-n", sys.executable, "-c", SCRIPT, root, json.dumps(settings)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
    except OSError as error:
        return None, "unshare: %s" % error
    if "unshare" in done.stderr and done.returncode:
        return None, done.stderr.strip()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), None


@pytest.mark.parametrize(
    ("settings", "refused", "since"),
    [
        ({"frag6_high_thresh": 1000}, "frag6_high_thresh", (2, 6)),
        ({"tcp_loose": 2}, "tcp_loose", (5, 2)),
        ({"acct": 1, "tcp_loose": 3}, "tcp_loose", (5, 2)),
    ],
)
def test_a_value_that_this_kernel_does_not_take(settings, refused, since, tmp_path):
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if release < since:
        print("this kernel takes the value: it is older than %d.%d" % since)
        return
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    result, why_not = in_a_namespace(str(tmp_path), {**settings, "udp_timeout": 45})
    if why_not:
        print("not tested:", why_not)
        return
    assert [row[:2] for row in result["unapplied"]] == [[refused, "out_of_range"]]
    assert "Invalid argument" in result["unapplied"][0][2]
    row = result["settings"][refused]
    assert row["after"] == row["before"]
    assert not row["changed"]
    assert result["settings"]["udp_timeout"]["after"] == 45
    text = (tmp_path / DROP_IN[1:]).read_text(encoding="utf-8")
    assert "udp_timeout = 45\n" in text
    assert refused not in text


def test_the_plain_host_and_the_double_agree(tmp_path):
    """What the double adds are other names of a value, nothing else."""
    plain = LocalHost(root=planning.copy("debian12", tmp_path / "plain").root)
    double = planning.copy("debian12", tmp_path / "double")
    settings = {"max": 300000, "udp_timeout": 45}
    setup(plain, settings)
    setup(double, settings)
    found = planning.changes(planning.tree(str(tmp_path / "plain/root")), planning.tree(double.root))
    assert list(found) == [planning.HOST_ALIAS]


# A host that is made to track


def test_to_track_is_a_change_and_stands_after_a_boot_without_any_setting(tmp_path):
    result = setup(planning.copy("not-tracking", tmp_path), {}, check=True, load=True)
    assert result.changed
    assert [(step["kind"], step["path"]) for step in result.steps] == [
        ("module", "/sys/module/nf_conntrack"),
        ("file", "/etc/modules-load.d/netops-conntrack.conf"),
    ]
    assert not setup(planning.copy("not-tracking", tmp_path / "other"), {}, check=True).changed
