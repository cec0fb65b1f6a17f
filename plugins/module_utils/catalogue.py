# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every conntrack setting of every kernel generation. A new setting is one row here and nowhere else.

Sources: Documentation/networking/nf_conntrack-sysctl.rst, and the sysctl tables of
net/netfilter/nf_conntrack_standalone.c, nf_conntrack_core.c and nf_conntrack_proto_*.c,
net/ipv6/netfilter/nf_conntrack_reasm.c, net/ipv4/netfilter/ip_conntrack_standalone.c and
ip_conntrack_proto_*.c of Linux 2.4.21 to 6.18 and of RHEL 3 to 8; RFC 5382.
Versions are advice for messages and defaults: whether a key is there is always probed.
"""

from __future__ import annotations

import typing as t

from .kernel import vendor, version

INT_MAX = 2147483647
# Timeouts are kept in jiffies in an int: this many seconds fit at HZ=1000, and so at every HZ.
TIMEOUT_MAX = INT_MAX // 1000
# The kernel refuses a table of more than INT_MAX bytes once rounded up to whole pages, whatever their size.
# 2^27 heads of 8 bytes are 1 GiB.
BUCKETS_MAX = 1 << 27

IP = "ip_conntrack"
NF = "nf_conntrack"


class Default(t.NamedTuple):
    """One compiled-in default: from kernel ``since`` on, up to but without ``until``.

    ``vendor`` is a tag looked for in the release string ("el8"); the first such row that fits wins.
    """

    value: int
    since: str | None = None
    until: str | None = None
    vendor: str | None = None


class Setting(t.NamedTuple):
    """One knob under all its names.

    ``name`` is canonical, without a generation's prefix. ``unit`` is entries, buckets, seconds, switch,
    number, bytes or protocol. ``keys`` are the sysctl names over all generations, preferred first.
    ``defaults`` is empty where the kernel computes the value from memory, or where it is not known.
    ``minimum`` and ``maximum`` bound what we accept; one kernel may take less. ``scope`` is host (one value,
    owned by the first network namespace) or netns (one value for each); ``netns_since`` says from when,
    None: as long as it has existed. ``writable_since`` is for a sysctl that was read-only before.
    ``since`` is the first kernel known to have it, ``until`` the first without.
    """

    name: str
    meaning: str
    unit: str
    keys: tuple[str, ...]
    defaults: tuple[Default, ...] = ()
    minimum: int = 0
    maximum: int = INT_MAX
    scope: str = "netns"
    netns_since: str | None = None
    writable: bool = True
    writable_since: str | None = None
    since: str | None = None
    until: str | None = None
    note: str | None = None


def _nf(name: str) -> tuple[str, ...]:
    return ("net.netfilter.nf_conntrack_" + name,)


def _ip(name: str) -> tuple[str, ...]:
    return ("net.ipv4.netfilter.ip_conntrack_" + name,)


def _both(name: str) -> tuple[str, ...]:
    return _nf(name) + _ip(name)


def _row(name: str, meaning: str, unit: str, default: t.Any, keys: t.Any = _nf, **rest: t.Any) -> Setting:
    """``default``: one value for all kernels, or rows. ``keys``: a function of the name, or the names."""
    rows = (Default(default),) if isinstance(default, int) else tuple(Default(*row) for row in default)
    return Setting(name, meaning, unit, keys(name) if callable(keys) else keys, rows, **rest)


def _switch(name: str, meaning: str, default: t.Any, keys: t.Any = _nf, **rest: t.Any) -> Setting:
    return _row(name, meaning, "switch", default, keys, **{"maximum": 1, **rest})


def _seconds(name: str, meaning: str, default: t.Any, keys: t.Any = _nf, **rest: t.Any) -> Setting:
    return _row(name, meaning, "seconds", default, keys, **{"maximum": TIMEOUT_MAX, **rest})


def _old(name: str, meaning: str, default: t.Any, **rest: t.Any) -> Setting:
    """A timeout of both generations: one value for the host before 3.6."""
    return _seconds(name, meaning, default, _both, **{"netns_since": "3.6", "since": "2.4.32", **rest})


def _sctp(state: str, meaning: str, default: t.Any, **rest: t.Any) -> Setting:
    return _old("sctp_timeout_" + state, "SCTP: " + meaning, default, **{"since": "2.6.9", **rest})


def _dccp(state: str, meaning: str, default: int) -> Setting:
    life = {"since": "2.6.26", "until": "6.17", "note": _DCCP}
    return _seconds("dccp_timeout_" + state, "DCCP: " + meaning, default, **life)


_DCCP = "Removed in 6.17 together with DCCP tracking."
_UDPLITE = "Removed in 4.12, and in RHEL 7.9: UDP-Lite then uses the UDP timeouts."
_FRAG6 = "The high threshold may not be below the low one. Ubuntu kernels of 2018 went back to 256 KiB."
_PICKUP = "Only in release candidates of 5.14."
_HEARTBEAT = "Also in RHEL 6.8 and 7.9."
_SHUTDOWN = (
    "The default before 6.5 is 300 ms, which reads as 0: to write that 0 back would set 0 ms. "
    "Later stable releases of older series have 3 s."
)

# Stable series took up these changes at points not all known, and distributions hide the point (their release
# is 6.1.0-18-amd64). What lies between the rows is unknown, and so without a default.
_SCTP_ESTABLISHED = (
    (432000, None, "5.4"),
    (432000, "5.5", "5.10"),
    (432000, "5.11", "5.14"),
    (432000, "5.16", "6.1"),
    (210, "5.4.231", "5.5"),
    (210, "5.10.198", "5.11"),
    (210, "6.1.192", "6.2"),
    (210, "6.2"),
)
_SCTP_SHUTDOWN = (
    (0, None, "4.14"),
    (0, "4.15", "4.19"),
    (0, "4.20", "5.4"),
    (0, "5.5", "5.10"),
    (0, "5.11", "5.14"),
    (0, "5.16", "6.1"),
    (0, "6.2", "6.4"),
    (3, "5.10.198", "5.11"),
    (3, "5.15.128", "5.16"),
    (3, "6.1.192", "6.2"),
    (3, "6.5"),
)

_MAX_KEYS = (*_nf("max"), "net.nf_conntrack_max", *_ip("max"), "net.ipv4.ip_conntrack_max")

# fmt: off
SETTINGS: tuple[Setting, ...] = (
    _row("max", "most entries the table may hold", "entries", (), _MAX_KEYS, minimum=1, scope="host",
         note="The limit holds for each network namespace by itself. Up to 6.18 the kernel takes 0 as none."),
    _row("count", "entries in the table now", "entries", (), _both,
         netns_since="2.6.29", writable=False, since="2.6.9"),
    _row("buckets", "size of the hash table that finds entries", "buckets", (), _both,
         minimum=1, maximum=BUCKETS_MAX, scope="host", writable_since="4.8", since="2.4.32",
         note="Rounded up to whole pages. From 2.6.29 to 4.6 each network namespace had its own table."),
    _row("expect_max", "most expected connections, as helpers announce them", "entries", (),
         minimum=1, scope="host", since="2.6.24", note="By default 4 for each 256 buckets."),
    _switch("checksum", "verify checksums; a packet with a bad one is not tracked", 1, _both,
            netns_since="2.6.29", since="2.6.18"),
    _row("log_invalid", "log invalid packets of this IP protocol; 0 none, 255 all", "protocol", 0, _both,
         maximum=255, netns_since="2.6.29", since="2.6.9"),
    _switch("acct", "count packets and bytes of each entry",
            ((0, "2.6.37"), (0, "2.6.32", "2.6.33", "el6")), netns_since="2.6.29", since="2.6.27",
            note="Up to 2.6.36 the default is a choice of the kernel's build; RHEL 6.8 and later: 0."),
    _switch("events", "report changes to listeners; 2: only while somebody listens",
            ((1, None, "5.19"), (2, "5.19"), (1, "5.14", "5.15", "el9_0"), (2, "5.14", "5.15", "el9")),
            maximum=2, since="2.6.32", note="2 exists since 5.19 and in RHEL 9."),
    _seconds("events_retry_timeout", "wait before a lost destroy event is sent again", 15,
             since="2.6.32", until="3.19"),
    _switch("timestamp", "note when each entry began and ended", 0, since="2.6.39"),
    _switch("helper", "assign helpers to connections by their port", ((1, None, "4.7"), (0, "4.7")),
            since="3.6", until="6.0", note="Removed in 6.0: helpers are assigned by rules."),
    _switch("default_on", "new network namespaces track from their start", 1,
            scope="host", since="4.10", until="4.16"),

    _switch("tcp_loose", "pick up TCP connections that began unseen",
            ((3, None, "2.6.21"), (1, "2.6.21"), (1, "2.6.18", "2.6.19", "el5")), _both, maximum=3,
            netns_since="3.6", since="2.4.32", note="2 and 3 were taken up to 5.1."),
    _switch("tcp_be_liberal", "of packets out of window, only resets are invalid", 0, _both,
            netns_since="3.6", since="2.4.32"),
    _row("tcp_max_retrans", "retransmissions without an answer before the timeout is cut", "number", 3, _both,
         maximum=255, netns_since="3.6", since="2.4.32"),
    _switch("tcp_ignore_invalid_rst", "resets out of window are not invalid", 0, since="5.14"),
    _switch("tcp_no_window_check", "do not check TCP windows", (),
            note="A patch of OpenWrt, not in Linux itself."),
    _switch("tcp_log_invalid", "log TCP packets out of window", (), _ip, since="2.4.32", until="2.6.9",
            note="log_invalid took its place."),

    _old("tcp_timeout_syn_sent", "TCP: opening, no answer yet", 120),
    _seconds("tcp_timeout_syn_sent2", "TCP: opened from both ends at once", 120, _ip,
             netns_since="3.6", since="2.6.32", until="4.9",
             note="It never had a name of the nf_conntrack generation."),
    _old("tcp_timeout_syn_recv", "TCP: opening, answered", 60),
    _old("tcp_timeout_established", "TCP: an open connection that is idle", 432000,
         note="RFC 5382 asks for 2 hours 4 minutes (7440) at least."),
    _old("tcp_timeout_fin_wait", "TCP: one end has closed", 120),
    _old("tcp_timeout_close_wait", "TCP: one end has closed, the other has confirmed", 60),
    _old("tcp_timeout_last_ack", "TCP: both ends have closed, the last confirmation is due", 30),
    _old("tcp_timeout_time_wait", "TCP: closed, late packets may still come", 120),
    _old("tcp_timeout_close", "TCP: reset", 10),
    _old("tcp_timeout_max_retrans", "TCP: too many retransmissions without an answer", 300),
    _seconds("tcp_timeout_unacknowledged", "TCP: data sent that nobody confirms", 300,
             netns_since="3.6", since="2.6.27"),

    _old("udp_timeout", "UDP: packets seen one way, or just begun", 30),
    _old("udp_timeout_stream", "UDP: packets both ways for a while",
         ((180, None, "5.0"), (120, "5.0"), (120, "4.18", "4.19", "el8"))),
    _seconds("udplite_timeout", "UDP-Lite: packets seen one way", 30,
             netns_since="3.6", since="2.6.24", until="4.12", note=_UDPLITE),
    _seconds("udplite_timeout_stream", "UDP-Lite: packets both ways", 180,
             netns_since="3.6", since="2.6.24", until="4.12", note=_UDPLITE),
    _old("icmp_timeout", "ICMP: a request without its reply", 30),
    _seconds("icmpv6_timeout", "ICMPv6: a request without its reply", 30,
             netns_since="3.6", since="2.6.20"),
    _old("generic_timeout", "protocols that have no tracker", 600),
    _seconds("gre_timeout", "GRE: packets seen one way", 30, since="5.0"),
    _seconds("gre_timeout_stream", "GRE: packets both ways", 180, since="5.0"),

    _sctp("closed", "closed", 10),
    _sctp("cookie_wait", "opening, no cookie yet", 3),
    _sctp("cookie_echoed", "opening, cookie sent back", 3),
    _sctp("established", "an open association that is idle", _SCTP_ESTABLISHED,
          note="210 since 6.2 and in later stable releases of older series."),
    _sctp("shutdown_sent", "the end that opened is closing", _SCTP_SHUTDOWN, note=_SHUTDOWN),
    _sctp("shutdown_recd", "the other end is closing", _SCTP_SHUTDOWN, note=_SHUTDOWN),
    _sctp("shutdown_ack_sent", "closing, confirmed", 3),
    _seconds("sctp_timeout_heartbeat_sent", "SCTP: a further path, probed", 30, since="4.4", note=_HEARTBEAT),
    _seconds("sctp_timeout_heartbeat_acked", "SCTP: a further path, confirmed", 210, since="4.4", until="6.2",
             note=_HEARTBEAT + " Later stable releases of older series lack it: established covers it."),

    _switch("dccp_loose", "pick up DCCP connections that began unseen", 1,
            since="2.6.26", until="6.17", note=_DCCP),
    _dccp("request", "opening, no answer yet", 240),
    _dccp("respond", "opening, answered", 480),
    _dccp("partopen", "opening, nearly open", 480),
    _dccp("open", "an open connection that is idle", 43200),
    _dccp("closereq", "the server asks to close", 64),
    _dccp("closing", "closing", 64),
    _dccp("timewait", "closed, late packets may still come", 240),

    _seconds("frag6_timeout", "how long IPv6 fragments wait for the rest", 60,
             netns_since="3.7", since="2.6.20"),
    _row("frag6_high_thresh", "memory for IPv6 fragments at which they are thrown away", "bytes",
         ((262144, None, "3.9"), (4194304, "3.9"), (4194304, "2.6.32", "2.6.33", "el6")),
         netns_since="3.7", since="2.6.20", note=_FRAG6),
    _row("frag6_low_thresh", "memory for IPv6 fragments down to which they are thrown away", "bytes",
         ((196608, None, "3.9"), (3145728, "3.9"), (3145728, "2.6.32", "2.6.33", "el6")),
         netns_since="3.7", since="2.6.20", note=_FRAG6),

    _seconds("flowtable_tcp_timeout", "TCP: idle in the flow table before conntrack has it back", 30,
             ("net.netfilter.nf_flowtable_tcp_timeout",), since="5.14"),
    _seconds("flowtable_udp_timeout", "UDP: idle in the flow table before conntrack has it back", 30,
             ("net.netfilter.nf_flowtable_udp_timeout",), since="5.14"),
    _seconds("flowtable_tcp_pickup", "TCP: timeout once conntrack has it back", 120,
             ("net.netfilter.nf_flowtable_tcp_pickup",), since="5.14", until="5.14", note=_PICKUP),
    _seconds("flowtable_udp_pickup", "UDP: timeout once conntrack has it back", 30,
             ("net.netfilter.nf_flowtable_udp_pickup",), since="5.14", until="5.14", note=_PICKUP),
)
# fmt: on

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
_BY_KEY: dict[str, Setting] = {key: setting for setting in SETTINGS for key in setting.keys}
# The bare nf_conntrack_max and its like.
_BY_LAST: dict[str, Setting] = {key.rpartition(".")[2]: setting for key, setting in _BY_KEY.items()}


def _dotted(word: str) -> str:
    word = word.strip().replace("/", ".").strip(".")
    return word[len("proc.sys.") :] if word.startswith("proc.sys.") else word


def find(word: str) -> Setting | None:
    """The setting of a canonical name, a sysctl key in dotted or slash form, a path, or a key's last part."""
    word = _dotted(word)
    return BY_NAME.get(word) or _BY_KEY.get(word) or _BY_LAST.get(word)


def suggest(word: str) -> list[str]:
    """Canonical names close to a word that ``find`` does not know, closest first; at most three."""
    import difflib  # only an error message pays for it

    last = _dotted(word).rpartition(".")[2].lower()
    for prefix in (NF + "_", IP + "_", "conntrack_", "nf_", "ip_"):
        if last.startswith(prefix):
            last = last[len(prefix) :]
            break
    return difflib.get_close_matches(last, list(BY_NAME), n=3, cutoff=0.6)


def path(key: str) -> str:
    """``/proc/sys/net/netfilter/nf_conntrack_max``, for a key. No conntrack key has a dot within a part."""
    return "/proc/sys/" + key.replace(".", "/")


def generation_of(key: str) -> str:
    """``ip_conntrack`` or ``nf_conntrack``; the flow table's keys belong to the latter."""
    return IP if key.rpartition(".")[2].startswith(IP) else NF


def keys_of(setting: Setting, generation: str) -> tuple[str, ...]:
    """The keys of a setting in one generation, preferred first."""
    return tuple(key for key in setting.keys if generation_of(key) == generation)


def default(setting: Setting, release: str) -> int | None:
    """The value a kernel of this release starts with, or None where it is computed or not known.

    ``release`` is as in /proc/sys/kernel/osrelease: ``2.6.18-274.el5``. Whether that kernel has the key is
    not asked: vendors carry settings back.
    """
    running = version(release)
    if not running:
        return None
    # False sorts first: a vendor's rows come before those of Linux itself.
    for row in sorted(setting.defaults, key=lambda row: row.vendor is None):
        if row.vendor and not vendor(release, row.vendor):
            continue
        if row.since and running < version(row.since):
            continue
        if row.until and running >= version(row.until):
            continue
        return row.value
    return None


def removed(setting: Setting, release: str) -> str | None:
    """Why such a kernel lacks the setting: ``removed in Linux 6.0``, ``new in Linux 5.14``, or None."""
    running = version(release)
    if running and setting.until and running >= version(setting.until):
        return "removed in Linux " + setting.until
    if running and setting.since and running < version(setting.since):
        return "new in Linux " + setting.since
    return None
