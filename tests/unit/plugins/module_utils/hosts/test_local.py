# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local host: reads what a probe asks for and says why not, writes a plan's steps; on a folder that is its root."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import stat
import subprocess
import sys

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.hosts.local import LocalHost
from ansible_collections.netops.conntrack.plugins.module_utils.plan import FILE, MODULE, START, SYSCTL, Step
from ansible_collections.netops.conntrack.plugins.module_utils.probe import Command, File, Glob, Names
from ansible_collections.netops.conntrack.plugins.module_utils.snapshot import (
    ABSENT,
    FORBIDDEN,
    TOO_LARGE,
    Reading,
    command_key,
)
from hypothesis import given
from hypothesis import strategies as st

CONF = "/etc/sysctl.conf"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    return tmp_path


def read(root, *items):
    return LocalHost(str(root)).read(items)


def put(root, path, data, mode=0o644):
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    target.chmod(mode)
    return target


def test_a_file_with_its_mode(root):
    put(root, CONF, b"a = 1\n", 0o640)
    assert read(root, File(CONF)).reading(CONF) == Reading("a = 1\n", None, 0o640)


def test_bytes_that_are_no_text_survive(root):
    put(root, CONF, b"\xff\x00\xe9 = 1\r\n")
    assert read(root, File(CONF)).text(CONF).encode("utf-8", "surrogateescape") == b"\xff\x00\xe9 = 1\r\n"


@pytest.mark.parametrize("path", ["/etc/none", "/none/none", "/etc/sysctl.conf/none"])
def test_what_is_not_there_is_absent(root, path):
    put(root, CONF, b"")
    assert read(root, File(path)).reason(path) == ABSENT


def test_a_link_to_nowhere_is_absent_and_says_where_it_leads(root):
    (root / "etc/x.conf").symlink_to("nowhere")
    assert read(root, File("/etc/x.conf")).reading("/etc/x.conf") == Reading(reason=ABSENT, link="nowhere")


def test_a_mask_reads_as_empty_with_its_target(root):
    (root / "etc/x.conf").symlink_to("/dev/null")
    found = read(root, File("/etc/x.conf")).reading("/etc/x.conf")
    assert (found.text, found.link) == ("", "/dev/null")


def test_a_link_is_followed(root):
    put(root, CONF, b"a = 1\n")
    (root / "etc/99.conf").symlink_to("sysctl.conf")
    found = read(root, File("/etc/99.conf")).reading("/etc/99.conf")
    assert (found.text, found.link) == ("a = 1\n", "sysctl.conf")


def test_what_may_not_be_read_is_forbidden(root):
    put(root, "/etc/secret", b"x", 0)
    os.chmod(str(root / "etc"), 0o755)

    def reason():
        return read(root, File("/etc/secret")).reason("/etc/secret")

    if os.geteuid() != 0:
        assert reason() == FORBIDDEN
        return
    # Root may read everything: ask as nobody, who gets the way to the folder opened.
    for folder in (root, *root.parents):
        if str(folder) in ("/", "/tmp"):
            break
        folder.chmod(0o755)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(0 if reason() == FORBIDDEN else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_file_above_the_limit_is_not_read_in_part(root):
    put(root, CONF, b"x" * 100)
    found = read(root, File(CONF, limit=99)).reading(CONF)
    assert (found.text, found.reason) == (None, TOO_LARGE)
    assert read(root, File(CONF, limit=100)).text(CONF) == "x" * 100


def test_a_fifo_holds_nobody_up(root):
    os.mkfifo(str(root / "etc/fifo.conf"))
    assert not read(root, Glob("/etc/*.conf")).text("/etc/fifo.conf")


def test_a_folder_is_no_file(root):
    (root / "etc/folder.conf").mkdir()
    found = read(root, Glob("/etc/*.conf")).reading("/etc/folder.conf")
    assert found.text is None
    assert found.reason


def test_the_end_of_a_log_begins_with_a_whole_line(root):
    put(root, "/var/log/messages", b"first\nsecond\nthird\n")
    found = read(root, File("/var/log/messages", limit=9, tail=True)).reading("/var/log/messages")
    assert (found.text, found.partial) == ("third\n", True)


def test_of_a_log_the_lines_asked_for_and_the_first_and_last(root):
    lines = ["start", "noise", "table full 1", "noise", "noise", "table full 2", "noise", "end"]
    put(root, "/var/log/messages", ("\n".join(lines) + "\n").encode())
    found = read(root, File("/var/log/messages", keep=("table full",))).reading("/var/log/messages")
    assert [line for line in found.text.split("\n") if line] == ["start", "table full 1", "table full 2", "end"]
    assert found.partial


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_compressed_logs_are_unpacked_up_to_the_limit(root, ending, pack):
    path = "/var/log/messages-1" + ending
    put(root, path, pack(b"one\ntwo\n"))
    assert read(root, File(path)).text(path) == "one\ntwo\n"
    put(root, path, pack(b"line\n" * 100000))
    found = read(root, File(path, limit=1000, tail=True)).reading(path)
    assert found.partial
    assert len(found.text) <= 1000


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_damaged_log_is_a_reason_and_no_traceback(root, ending, pack):
    path = "/var/log/messages-1" + ending
    whole = pack(os.urandom(5000))
    for number, data in enumerate((b"", b"plain text\n", whole[:2000], whole[:200] + b"\xff" * 300 + whole[500:])):
        put(root, path, data)
        found = read(root, File(path)).reading(path)
        assert found.text is not None or found.reason.startswith("failed: "), number


@given(data=st.binary(max_size=60), ending=st.sampled_from((".gz", ".bz2", ".xz")))
def test_any_bytes_for_a_compressed_log(tmp_path_factory, data, ending):
    folder = tmp_path_factory.getbasetemp()
    head = {".gz": b"\x1f\x8b\x08\x00", ".bz2": b"BZh9", ".xz": b"\xfd7zXZ\x00"}[ending]
    put(folder, "/log" + ending, head + data)
    found = read(folder, File("/log" + ending)).reading("/log" + ending)
    assert (found.text is None) != (found.reason is None)


def test_a_glob_keeps_to_the_latest(root):
    for number, name in enumerate(("c", "a", "b")):
        os.utime(str(put(root, "/etc/" + name, name.encode())), (number, number))
    found = read(root, Glob("/etc/*", most=2))
    assert found.glob("/etc/*") == ["/etc/a", "/etc/b"]


def test_names_are_not_read(root):
    put(root, "/etc/cni/secret", b"x")
    found = read(root, Names("/etc/cni*"), Names("/etc/other*"))
    assert found.exists("/etc/cni")
    assert found.text("/etc/cni") == ""
    assert not found.exists("/etc/other")


def run(argv, seconds):
    try:
        done = subprocess.run(argv, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    return done.returncode, done.stdout, done.stderr


def command(code, **options):
    item = Command((sys.executable, "-c", code), **options)
    return LocalHost(run=run).read([item]).reading(command_key(item.argv))


def test_commands():
    assert command("print('a')").text == "a\n"
    assert command("import sys; sys.exit('dmesg: read failed: Operation not permitted')").reason == FORBIDDEN
    assert command("import sys; sys.exit('broken')").reason == "failed: broken"
    assert "1 second" in command("import time; time.sleep(30)", seconds=1).reason
    item = Command(("no-such-command-anywhere",))
    assert LocalHost(run=run).read([item]).reason(command_key(item.argv)) == ABSENT


def test_where_no_commands_are_run_it_is_said():
    assert LocalHost().read([Command(("true",))]).reason("$ true").startswith("failed: ")


def test_of_a_long_output_the_end_is_kept():
    found = command("print('x' * 50); print('last')", limit=20)
    assert (found.text, found.partial) == ("last\n", True)


def step(before, after, path=CONF, kind=FILE, **rest):
    return Step(kind, path, before, after, "because", **rest)


def do(root, *steps, **options):
    return LocalHost(str(root), **options).carry_out(steps)


def test_a_live_value_is_written_with_a_newline(root):
    path = put(root, "/proc/sys/net/x", b"100\n")
    assert do(root, step("100", "7", "/proc/sys/net/x", SYSCTL))[0].error is None
    assert path.read_bytes() == b"7\n"


def test_a_key_that_is_not_there_is_not_made(root):
    (root / "proc").mkdir()
    (outcome,) = do(root, step(None, "7", "/proc/x", SYSCTL))
    assert outcome.error == "ENOENT"
    assert not (root / "proc/x").exists()


def test_a_failed_step_does_not_keep_the_next_from_being_done(root):
    put(root, "/proc/b", b"1\n")
    outcomes = do(root, step("1", "2", "/proc/a", SYSCTL), step("1", "2", "/proc/b", SYSCTL))
    assert [outcome.error for outcome in outcomes] == ["ENOENT", None]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664])
def test_a_replaced_file_keeps_its_mode(root, mode):
    path = put(root, CONF, b"old\n", mode)
    assert do(root, step("old\n", "new\n", mode=0o644))[0].error is None
    assert path.read_bytes() == b"new\n"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_gets_its_mode_and_its_folders(root):
    assert do(root, step(None, "new\n", "/etc/sysctl.d/90.conf", mode=0o644))[0].error is None
    path = root / "etc/sysctl.d/90.conf"
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new\n", 0o644)
    assert os.listdir(str(path.parent)) == ["90.conf"]


def test_a_private_file_lies_in_a_private_folder(root):
    assert do(root, step(None, "new\n", "/var/lib/x/y", mode=0o600))[0].error is None
    assert stat.S_IMODE((root / "var/lib/x").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "var/lib/x/y").stat().st_mode) == 0o600


def test_a_link_stays_a_link(root):
    target = put(root, CONF, b"old\n")
    link = root / "etc/99.conf"
    link.symlink_to("sysctl.conf")
    assert do(root, step("old\n", "new\n", "/etc/99.conf"))[0].error is None
    assert link.is_symlink()
    assert target.read_bytes() == b"new\n"


def test_a_mask_is_not_written_through(root):
    (root / "etc/99.conf").symlink_to("/dev/null")
    (outcome,) = do(root, step("", "new\n", "/etc/99.conf"))
    assert outcome.error == "EINVAL"
    assert (root / "etc/99.conf").is_symlink()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("before", ["older\n", None])
def test_a_file_changed_meanwhile_is_left_alone(root, before):
    path = put(root, CONF, b"somebody else's\n")
    (outcome,) = do(root, step(before, "ours\n"))
    assert outcome.error == "ESTALE"
    assert path.read_bytes() == b"somebody else's\n"


def test_a_file_gone_meanwhile_is_not_made_anew(root):
    assert do(root, step("old\n", "new\n"))[0].error == "ESTALE"
    assert not (root / "etc/sysctl.conf").exists()


def test_a_file_is_taken_away(root):
    path = put(root, CONF, b"old\n")
    assert do(root, step("old\n", None))[0].error is None
    assert not path.exists()


def test_what_the_check_refuses_is_not_put_in_place(root):
    path = put(root, CONF, b"old\n")
    (outcome,) = do(root, step("old\n", "if then\n", validate=("sh", "-n", "%s")), run=run)
    assert outcome.error == "EINVAL"
    assert path.read_bytes() == b"old\n"
    assert os.listdir(str(root / "etc")) == ["sysctl.conf"]
    assert do(root, step("old\n", "a=1\n", validate=("sh", "-n", "%s")), run=run)[0].error is None


def test_a_backup_is_made_of_what_is_replaced_only(root):
    put(root, CONF, b"old\n")
    copies = []

    def backup(path):
        with open(path, "rb") as stream:
            copies.append(stream.read())
        return "copy"

    host = LocalHost(str(root), backup=backup)
    host.carry_out([step("old\n", "new\n"), step(None, "new\n", "/etc/other"), step("x", "y")])
    assert copies == [b"old\n"]
    assert host.backups == {CONF: "copy"}


def test_every_byte_is_written(root):
    raw = b"\xff\xfe = \xe9\r\n\x00end"
    path = put(root, CONF, b"")
    assert do(root, step("", raw.decode("utf-8", "surrogateescape")))[0].error is None
    assert path.read_bytes() == raw


def test_a_new_file_is_not_seen_before_it_is_whole(root):
    """Its owner and mode are those it will have, on the disk, before it is put in its place."""
    path = put(root, CONF, b"old\n", 0o640)
    seen = []

    def move(source, destination):
        about = os.stat(source)
        with open(source, "rb") as stream:
            seen.append((stream.read(), stat.S_IMODE(about.st_mode), destination))
        os.replace(source, destination)

    do(root, step("old\n", "new\n"), step(None, "other\n", "/etc/other", mode=0o600), move=move)
    assert seen == [(b"new\n", 0o640, str(path)), (b"other\n", 0o600, str(root / "etc/other"))]


def test_a_move_that_fails_leaves_the_old_file_alone(root):
    path = put(root, CONF, b"old\n")

    def move(_source, _destination):
        raise OSError(errno.EBUSY, "Device or resource busy")

    (outcome,) = do(root, step("old\n", "new\n"), move=move)
    assert (outcome.error, outcome.detail) == ("EBUSY", CONF + ": Device or resource busy")
    assert path.read_bytes() == b"old\n"
    assert os.listdir(str(root / "etc")) == ["sysctl.conf"]


def test_a_private_folder_that_holds_something_else_stays(root):
    put(root, "/var/lib/netops-conntrack/original.json", b"{}", 0o600)
    put(root, "/var/lib/netops-conntrack/other", b"")
    gone = step("{}", None, "/var/lib/netops-conntrack/original.json", mode=0o600)
    assert do(root, gone)[0].error is None
    assert os.listdir(str(root / "var/lib/netops-conntrack")) == ["other"]


LEFT = "/etc/sysctl.d/.netops-conntrack-abc123~"


def leftovers(root):
    (root / "run").mkdir()
    put(root, LEFT, b"net.netfil")
    (root / "etc/sysconfig").mkdir()
    put(root, "/srv/.netops-conntrack-abc123~", b"IPTABL")
    (root / "etc/sysconfig/iptables-config").symlink_to("/srv/iptables-config")
    put(root, "/var/lib/netops-conntrack/.netops-conntrack-abc123~", b"{")


ITEMS = (
    Glob("/etc/sysctl.d/*.conf"),
    File("/srv/iptables-config"),
    File("/var/lib/netops-conntrack/original.json"),
)


def test_a_run_that_holds_the_lock_sweeps_what_killed_runs_left_beside_what_it_reads(root):
    leftovers(root)
    somebodys = [put(root, "/etc/sysctl.d/" + name, b"") for name in (".netops-conntrack-x", "backup~", "a.conf")]
    host = LocalHost(str(root))
    host.lock(0)
    host.read(ITEMS)
    assert sorted((root / "etc/sysctl.d").iterdir()) == sorted(somebodys)
    assert not list((root / "srv").iterdir())
    assert not list((root / "var/lib").iterdir())


def test_one_that_only_reads_sweeps_nothing(root):
    leftovers(root)
    LocalHost(str(root)).read(ITEMS)
    assert (root / LEFT.lstrip("/")).exists()
    assert (root / "var/lib/netops-conntrack").exists()


def test_a_module_is_loaded_and_what_udev_does_then_is_waited_for(root):
    ran = []

    def run(argv, _seconds):
        ran.append(" ".join(argv))
        if argv[0] == "udevadm":
            raise OSError(errno.ENOENT, "No such file or directory")
        return 0, b"", b""

    (outcome,) = do(root, step(None, "nf_conntrack", "/sys/module/nf_conntrack", MODULE), run=run)
    assert outcome.error is None
    assert ran == ["modprobe -- nf_conntrack", "udevadm settle --timeout=10"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((1, b"", b"modprobe: FATAL: Module none not found\n"), "modprobe: FATAL: Module none not found"),
        ((1, b"", b""), "modprobe: exit status 1"),
    ],
)
def test_a_module_that_is_not_loaded(root, answer, said):
    (outcome,) = do(root, step(None, "none", "/sys/module/none", MODULE), run=lambda _argv, _seconds: answer)
    assert (outcome.error, outcome.detail) == ("ENODEV", said)


def test_a_host_without_modprobe_loads_nothing(root):
    def run(_argv, _seconds):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    assert do(root, step(None, "none", "/sys/module/none", MODULE), run=run)[0].error == "ENOENT"
    assert do(root, step(None, "none", "/sys/module/none", MODULE))[0].error == "ENOSYS"


def test_a_script_outlives_the_run_and_its_session(root):
    fifo = root / "var/done"
    put(root, "/var/script", b"read x < %s.go; ps -o sid= -p $$ > %s\n" % (str(fifo).encode(), str(fifo).encode()))
    os.mkfifo(str(fifo))
    os.mkfifo(str(fifo) + ".go")
    (outcome,) = do(root, step(None, None, "/var/script", START), run=run)
    assert outcome.error is None
    with open(str(fifo) + ".go", "w", encoding="ascii") as stream:
        stream.write("go\n")
    with open(str(fifo), encoding="ascii") as stream:
        assert int(stream.read()) != os.getsid(0)


def test_under_systemd_a_script_is_a_unit_of_its_own(root):
    (root / "run/systemd/system").mkdir(parents=True)
    ran = []

    def run(argv, _seconds):
        ran.append(argv)
        return (0, b"", b"") if len(ran) == 1 else (1, b"", b"Failed to connect to bus\n")

    outcomes = do(root, *[step(None, None, "/var/script", START)] * 2, run=run)
    assert ran[0] == ("systemd-run", "--quiet", "--collect", "sh", str(root) + "/var/script")
    assert [(each.error, each.detail) for each in outcomes] == [(None, None), ("EIO", "Failed to connect to bus")]
