# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to read on a host, for each subset of the facts. A declared list: no logic, no I/O."""

from __future__ import annotations

import typing as t

from .formats import record_file
from .formats.log_words import KEEP

LOG_BYTES = 1 << 20


class File(t.NamedTuple):
    """One file, at most ``limit`` bytes of it; the end of it where ``tail``.

    With ``keep``, only the first line, the last line and those that hold one of the words are kept; the others are
    left blank, so that a line which refers to the one before is not taken for another's. A name that ends in .gz,
    .bz2 or .xz is unpacked, and ``limit`` then counts unpacked bytes.
    """

    path: str
    limit: int = 65536
    tail: bool = False
    keep: tuple[str, ...] = ()


class Glob(t.NamedTuple):
    """Every file that matches; where there are more than ``most``, those that changed last."""

    pattern: str
    limit: int = 65536
    tail: bool = False
    keep: tuple[str, ...] = ()
    most: int = 256


class Names(t.NamedTuple):
    """Which paths match, and where links point, without reading them: their text is empty."""

    pattern: str
    most: int = 256


class Command(t.NamedTuple):
    """A command that changes nothing, its standard output up to ``limit`` bytes, ended after ``seconds``."""

    argv: tuple[str, ...]
    limit: int = 65536
    keep: tuple[str, ...] = ()
    seconds: int = 10


Item = t.Union[File, Glob, Names, Command]

# Of what is read for more than one purpose. Of udev's rules with the same name the first counts.
TABLE_FILES = ("/proc/net/nf_conntrack", "/proc/net/ip_conntrack")
TUNED_ACTIVE = "/etc/tuned/active_profile"
IPTABLES_SCRIPTS = ("/usr/libexec/iptables/iptables.init", "/etc/rc.d/init.d/iptables", "/etc/init.d/iptables")
UDEV_RULES = (
    "/etc/udev/rules.d/*.rules",
    "/usr/local/lib/udev/rules.d/*.rules",
    "/usr/lib/udev/rules.d/*.rules",
    "/lib/udev/rules.d/*.rules",
)

MOUNTS = File("/proc/mounts", limit=1 << 18)
MODULES = File("/proc/modules", limit=1 << 18)
OWN_NAMESPACE = Names("/proc/self/ns/net")
INIT_NAMESPACE = Names("/proc/1/ns/net")
UNAME = Command(("uname", "-m"))
PAGE_SIZE = Command(("getconf", "PAGESIZE"))
DATE = Command(("date", "+%s %z"))
DMESG = Command(("dmesg",), limit=4 * LOG_BYTES, keep=KEEP)
# short-iso is the oldest of journalctl's formats that names the year and the zone (systemd 219).
JOURNAL = Command(
    ("journalctl", "--quiet", "--no-pager", "--output=short-iso", "--lines=20000", "_TRANSPORT=kernel"),
    limit=4 * LOG_BYTES,
    keep=KEEP,
)

SYSCTLS: tuple[Item, ...] = (
    Glob("/proc/sys/net/netfilter/nf_conntrack_*", limit=64),
    Glob("/proc/sys/net/netfilter/nf_flowtable_*", limit=64),
    File("/proc/sys/net/nf_conntrack_max", limit=64),
    Glob("/proc/sys/net/ipv4/netfilter/ip_conntrack_*", limit=64),
    File("/proc/sys/net/ipv4/ip_conntrack_max", limit=64),
    File("/sys/module/nf_conntrack/parameters/hashsize", limit=64),
    File("/sys/module/ip_conntrack/parameters/hashsize", limit=64),
    File("/sys/module/ip_conntrack/hashsize", limit=64),
)

BASE: tuple[Item, ...] = (
    File("/proc/sys/kernel/osrelease", limit=256),
    File("/proc/meminfo"),
    MOUNTS,
    File("/proc/self/status"),
    MODULES,
    Names("/sys/module/*conntrack*"),
    OWN_NAMESPACE,
    INIT_NAMESPACE,
    UNAME,
    PAGE_SIZE,
    *SYSCTLS,
)

# Expired entries count until somebody meets them, such as who reads the table: so it is asked for before and after.
COUNT: tuple[Item, ...] = (
    File("/proc/sys/net/netfilter/nf_conntrack_count", limit=64),
    File("/proc/sys/net/ipv4/netfilter/ip_conntrack_count", limit=64),
)

COUNTERS: tuple[Item, ...] = (
    File("/proc/uptime", limit=256),
    *COUNT,
    File("/proc/net/stat/nf_conntrack", limit=1 << 20),
    File("/proc/net/stat/ip_conntrack", limit=1 << 20),
)

# Reading the table is work inside the kernel for each entry, so it is asked for only when nothing else has the count.
TABLE: tuple[Item, ...] = (
    Command(("wc", "-l", "/proc/net/ip_conntrack")),
    Command(("wc", "-l", "/proc/net/nf_conntrack")),
)

# /proc/slabinfo lacks a slab that was merged with others of its size; /sys still has it under its name.
SLAB_SIZES: tuple[File, ...] = (
    File("/sys/kernel/slab/nf_conntrack/slab_size", limit=64),
    File("/sys/kernel/slab/ip_conntrack/slab_size", limit=64),
)
SLABINFO: tuple[Item, ...] = (File("/proc/slabinfo", limit=1 << 18), *SLAB_SIZES)

TUNED: tuple[Item, ...] = (
    File(TUNED_ACTIVE, limit=4096),
    File("/etc/tuned/post_loaded_profile", limit=4096),
    File("/etc/tuned/tuned-main.conf"),
    Glob("/etc/tuned/*/tuned.conf"),
    Glob("/etc/tuned/profiles/*/tuned.conf"),
    Glob("/usr/lib/tuned/*/tuned.conf"),
    Glob("/usr/lib/tuned/profiles/*/tuned.conf"),
    Names("/etc/systemd/system/*.wants/tuned.service"),
)

RECORD = File(record_file.PATH, limit=record_file.LIMIT)
LAST_CHANGE = File(record_file.LAST_CHANGE, limit=record_file.LIMIT)

# A rule may go on over several lines, and jump.
_RULE_WORDS = ("conntrack", "sysctl", "/proc/sys", "module", "GOTO", "LABEL", "\\")

PERSISTENCE: tuple[Item, ...] = (
    File("/etc/sysctl.conf"),
    Glob("/etc/sysctl.d/*"),
    Glob("/run/sysctl.d/*"),
    Glob("/usr/local/lib/sysctl.d/*"),
    Glob("/usr/lib/sysctl.d/*"),
    Glob("/lib/sysctl.d/*"),
    # procps reads hidden files too.
    Glob("/etc/sysctl.d/.*.conf"),
    Glob("/run/sysctl.d/.*.conf"),
    Glob("/usr/local/lib/sysctl.d/.*.conf"),
    Glob("/usr/lib/sysctl.d/.*.conf"),
    Glob("/lib/sysctl.d/.*.conf"),
    File("/etc/modprobe.conf"),
    File("/etc/modules.conf"),
    Glob("/etc/modprobe.d/*"),
    Glob("/usr/local/lib/modprobe.d/*"),
    Glob("/usr/lib/modprobe.d/*"),
    Glob("/lib/modprobe.d/*"),
    # 600 kB of which a few lines count; of several kernels the newest, the next boot's.
    Glob("/lib/modules/*/modules.dep", limit=1 << 22, keep=("_conntrack",), most=3),
    File("/etc/modules"),
    Glob("/etc/modules-load.d/*.conf"),
    Glob("/usr/local/lib/modules-load.d/*.conf"),
    Glob("/usr/lib/modules-load.d/*.conf"),
    Glob("/lib/modules-load.d/*.conf"),
    Glob("/etc/sysconfig/modules/*.modules"),
    File("/etc/rc.modules"),
    File("/etc/initramfs-tools/modules"),
    File("/usr/share/initramfs-tools/modules"),
    File("/etc/dracut.conf"),
    Glob("/etc/dracut.conf.d/*.conf"),
    Glob("/usr/lib/dracut/dracut.conf.d/*.conf"),
    *(Glob(pattern, keep=_RULE_WORDS) for pattern in UDEV_RULES),
    File("/etc/sysconfig/iptables-config"),
    File("/etc/sysconfig/ip6tables-config"),
    *map(File, IPTABLES_SCRIPTS),
    File("/etc/rc.d/rc.sysinit", limit=1 << 18),
    File("/etc/rc.d/init.d/functions", limit=1 << 18),
    File("/etc/rc.d/init.d/network", limit=1 << 18),
    File("/proc/cmdline"),
    RECORD,
    *TUNED,
    Names("/run/systemd/system"),
    Names("/usr/lib/systemd/systemd-sysctl"),
    Names("/lib/systemd/systemd-sysctl"),
    Names("/usr/lib/systemd/systemd-udevd"),
    Names("/lib/systemd/systemd-udevd"),
    Names("/sbin/udevd"),
    Names("/usr/sbin/udevd"),
    Names("/etc/init.d/procps"),
    Names("/etc/init.d/sysctl"),
    Names("/etc/sysctl.d"),
    Names("/etc/modprobe.d"),
)

LOGS: tuple[Item, ...] = (
    DATE,
    RECORD,
    File("/proc/uptime", limit=256),
    DMESG,
    JOURNAL,
    Glob("/var/log/messages*", limit=LOG_BYTES, tail=True, keep=KEEP, most=6),
    Glob("/var/log/kern.log*", limit=LOG_BYTES, tail=True, keep=KEEP, most=6),
)

WRITERS: tuple[Item, ...] = (
    Glob("/proc/[0-9]*/comm", limit=64, most=2048),
    *TUNED,
    File("/etc/firewalld/firewalld.conf"),
    Names("/etc/docker/daemon.json"),
    Names("/var/lib/kube-proxy/*"),
    File("/var/lib/kube-proxy/config.conf"),
    File("/var/lib/kube-proxy/config.yaml"),
    Names("/etc/cni/net.d/*"),
)

# Who holds the modules. Another network namespace is seen by the processes in it, or by the name that ip-netns gave it.
HOLDERS: tuple[Item, ...] = (
    Names("/proc/[0-9]*/ns/net", most=4096),
    Names("/run/netns/*"),
    Names("/var/run/netns/*"),
    Glob("/proc/[0-9]*/comm", limit=64, most=4096),
    File("/proc/net/ip_vs", limit=1 << 18),
    File("/proc/net/nf_conntrack_expect", limit=1 << 18),
    File("/proc/sys/net/bridge/bridge-nf-call-iptables", limit=64),
    File("/proc/sys/kernel/modules_disabled", limit=64),
    Glob("/sys/module/[in][pf]_*/parameters/*", limit=4096),
)

# How the table can be read, and what its entries' timers were set from.
TABLE_WAYS: tuple[Item, ...] = (
    *BASE,
    *COUNTERS,
    *map(Names, TABLE_FILES),
    Glob("/lib/modules/*/modules.builtin", limit=1 << 20, keep=("_conntrack_netlink",), most=3),
    # Who must not be locked out by a rule: 01 is the state of an open connection.
    File("/proc/net/tcp", limit=1 << 22, keep=(" 01 ",)),
    File("/proc/net/tcp6", limit=1 << 22, keep=(" 01 ",)),
    File("/proc/net/fib_trie", limit=1 << 20),
    File("/proc/net/if_inet6", limit=1 << 18),
)

# Only where addresses are translated: it is work inside the kernel for each entry.
ENTRIES: tuple[Item, ...] = tuple(File(path, limit=1 << 26) for path in TABLE_FILES)

SUBSETS: dict[str, tuple[Item, ...]] = {
    "limits": (),
    "usage": (*COUNTERS, *SLABINFO),
    "timeouts": (),
    "statistics": COUNTERS,
    "memory": SLABINFO,
    "modules": (
        Names("/sys/module/nf_conntrack/holders/*"),
        File("/proc/net/nf_conntrack_expect", limit=1 << 18),
    ),
    "log": LOGS,
    "persistence": PERSISTENCE,
    "writers": WRITERS,
}


def items(subsets: t.Iterable[str]) -> tuple[Item, ...]:
    """What to read for these subsets, each thing once. Raises KeyError for a subset there is not."""
    wanted = list(BASE)
    for subset in subsets:
        wanted.extend(SUBSETS[subset])
    return tuple(dict.fromkeys(wanted))
