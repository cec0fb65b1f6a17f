# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule sets and module graphs that hold connection tracking, or do not, and what conntrack_unload must answer.

Plain data. Each is a shell script that makes it on a Debian 12 without conntrack. Rules of nftables and iptables need
no tidying up; for other things there is a second script.
"""

from __future__ import annotations

import typing as t

NOT_LOADED, NOTHING, LEFTOVERS, NEEDED = "not_loaded", "nothing_holds", "leftovers", "needed"

INPUT = "type filter hook input priority 0;"
RAW = "type filter hook prerouting priority -300;"
DNAT = "type nat hook prerouting priority -100;"
SNAT = "type nat hook postrouting priority 100;"
STATEFUL = "table inet t { chain c { %s ct state established accept; }; }" % INPUT
LEGACY, LEGACY6 = "iptables-legacy", "ip6tables-legacy"
# Another network namespace, and how to work in it.
ADD, IN, DELETE = "ip netns add other; ", "ip netns exec other ", "ip netns del other"

# Rules in a network namespace that nobody is in and that has no name: only an open file keeps it.
HIDDEN = (
    """cat >/run/row.py <<'END'
import ctypes, os, subprocess, time
libc = ctypes.CDLL(None)
here = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.unshare(0x40000000) == 0
subprocess.run(["nft", "%s"], check=True)
kept = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.setns(here, 0) == 0
open("/run/row.ready", "w").close()
time.sleep(300)
END
"""
    % STATEFUL
)

# Somebody is in a multicast group of netfilter's netlink.
LISTENING = """awk '$2 == 12 && $4 != "00000000" { found = 1 } END { exit !found }' /proc/net/netlink"""

# One connection whose address is translated.
TRANSLATED = (
    "nft 'table ip t { chain c { type nat hook output priority -100; udp dport 7 redirect to :9; }; }'; "
    "echo >/dev/udp/127.0.0.1/7; "
)

# A table that goes with the program that made it, and that no other one may change.
OWNER = (
    """mkfifo /run/row.fifo
cat >/run/row.sh <<'END'
exec 0<>/run/row.fifo
echo 'add table ip t { flags owner; }; add chain ip t c { %s }' >&0
exec nft -i
END
"""
    % DNAT
)


class Row(t.NamedTuple):
    """``evidence``: words that the holders must hold, such as the rule."""

    name: str
    setup: str
    answer: str
    evidence: tuple[str, ...] = ()
    teardown: str = ":"


def _nft(name: str, ruleset: str, answer: str, *evidence: str, before: str = ":") -> Row:
    return Row(name, "%s && nft '%s'" % (before, ruleset), answer, evidence)


def _rule(name: str, command: str, *evidence: str, before: str = ":") -> Row:
    """A rule of iptables that needs tracking, which is quoted as it was given."""
    rule = command[command.index(" -A ") + 1 :]
    return Row(name, "%s && %s" % (before, command), NEEDED, evidence or (rule,))


def _background(command: str, ready: str) -> str:
    """Leaves a program running, and goes on as soon as a test says that it is ready."""
    wait = "for _try in $(seq 100); do %s && exit; sleep 0.1; done; exit 1" % ready
    return "%s >/dev/null 2>&1 & echo $! >/run/row.pid; %s" % (command, wait)


def _references(module: str, number: int) -> str:
    return "grep -q '^%s [0-9]* %d ' /proc/modules" % (module, number)


STOP = "kill $(cat /run/row.pid)"

ROWS = (
    # Modules alone.
    Row("nothing is loaded", ":", NOT_LOADED),
    Row("the core alone", "modprobe nf_conntrack", NOTHING),
    Row("conntrack -L was run", "conntrack -L", LEFTOVERS, ("nf_conntrack_netlink",)),
    Row("matches without a rule", "modprobe -a xt_conntrack nft_ct", LEFTOVERS, ("xt_conntrack", "nft_ct")),
    Row("xt_state without a rule", "modprobe xt_state", LEFTOVERS, ("xt_state",)),
    Row(
        "every other module without a rule",
        "modprobe -a xt_CT xt_connmark xt_connlimit xt_connbytes xt_connlabel xt_helper xt_cluster xt_CONNSECMARK "
        "xt_nat xt_MASQUERADE xt_REDIRECT xt_NETMAP ipt_SYNPROXY ip6t_SYNPROXY ipt_CLUSTERIP nft_connlimit nft_masq "
        "nft_nat nft_redir nft_synproxy nft_flow_offload nf_flow_table_inet nfnetlink_cttimeout nfnetlink_cthelper",
        LEFTOVERS,
    ),
    Row("helpers without a rule", "modprobe -a nf_nat_ftp nf_conntrack_netbios_ns", LEFTOVERS, ("nf_conntrack_ftp",)),
    Row("actions of tc without a filter", "modprobe -a act_ct act_ctinfo act_connmark", LEFTOVERS, ("act_ct",)),
    Row("nf_conntrack_bridge without a rule", "modprobe nf_conntrack_bridge", LEFTOVERS, ("nf_conntrack_bridge",)),
    Row("bridge netfilter", "modprobe -a nf_conntrack br_netfilter", NOTHING),
    Row("Open vSwitch, unused", "modprobe openvswitch", NEEDED, ("openvswitch",)),
    Row("IPVS, unused", "modprobe ip_vs", NEEDED, ("ip_vs",)),
    # Rules of nftables.
    _nft("nft: rules without ct", "table inet t { chain c { %s tcp dport 9 accept; }; }" % INPUT, NOTHING,
         before="modprobe nf_conntrack"),
    _nft("nft: a rule about sockets", "table inet t { chain c { %s socket transparent 1 accept; }; }" % RAW, NOTHING,
         before="modprobe nf_conntrack"),
    _nft("nft: a set of states without a rule", "table inet t { set s { type ct_state; elements = { new }; }; }",
         NOTHING, before="modprobe nf_conntrack"),
    _nft("nft: ct state, inet", STATEFUL, NEEDED, "inet t c", "ct state established accept"),
    _nft("nft: ct state, ip", STATEFUL.replace("inet", "ip"), NEEDED, "ip t c", "ct state established accept"),
    _nft("nft: ct state, ip6", STATEFUL.replace("inet", "ip6"), NEEDED, "ip6 t c", "ct state established accept"),
    _nft("nft: ct state, bridge", STATEFUL.replace("inet", "bridge"), NEEDED, "bridge t c", "ct state established"),
    Row(
        "nft: ct state, netdev, which the kernel refuses",
        "! nft 'table netdev t { chain c { type filter hook ingress device lo priority 0; ct state new; }; }'",
        LEFTOVERS,
        ("nft_ct",),
    ),
    _nft("nft: a dormant table", STATEFUL.replace("chain", "flags dormant; chain"), NEEDED,
         "ct state established accept"),
    _nft("nft: a chain that nobody jumps to", "table ip t { chain c { ct state new drop; }; }", NEEDED, "ct state new"),
    _nft("nft: a map of states", "table ip t { chain c { %s ct state vmap { new : drop }; }; }" % INPUT, NEEDED,
         "vmap"),
    _nft("nft: ct mark set", "table ip t { chain c { %s ct mark set 0x7; }; }" % INPUT, NEEDED, "ct mark set 0x"),
    _nft("nft: ct count in a dynamic set",
         "table ip t { set s { type ipv4_addr; flags dynamic; }; "
         "chain c { %s udp dport 9 add @s { ip saddr ct count over 20 }; }; }" % INPUT, NEEDED, "ct count over 20"),
    _nft("nft: notrack", "table ip t { chain c { %s udp dport 53 notrack; }; }" % RAW, NEEDED, "udp dport 53 notrack"),
    _nft("nft: synproxy", "table ip t { chain c { %s tcp dport 9 synproxy mss 1460 wscale 7; }; }" % INPUT, NEEDED,
         "synproxy mss 1460"),
    _nft("nft: masquerade", "table ip t { chain c { %s masquerade; }; }" % SNAT, NEEDED, "ip t c", "masquerade"),
    _nft("nft: snat", "table ip6 t { chain c { %s snat to fd00::9; }; }" % SNAT, NEEDED, "snat to fd00::9"),
    _nft("nft: dnat", "table ip t { chain c { %s tcp dport 9 dnat to 10.9.9.9; }; }" % DNAT, NEEDED,
         "dnat to 10.9.9.9"),
    _nft("nft: redirect", "table inet t { chain c { %s tcp dport 9 redirect to :99; }; }" % DNAT, NEEDED,
         "redirect to :99"),
    # Chains of type nat.
    _nft("nft: empty nat chains", "table ip t { chain c { %s }; chain d { %s }; }" % (DNAT, SNAT), LEFTOVERS,
         "ip t c", "ip t d"),
    _nft("nft: an empty nat chain beside other rules",
         "table inet t { chain c { %s }; chain d { %s tcp dport 9 accept; }; chain e { ip saddr 10.1.1.1; }; }"
         % (DNAT, INPUT), LEFTOVERS, "inet t c"),
    _nft("nft: an empty nat chain of a dormant table", "table ip t { flags dormant; chain c { %s }; }" % DNAT,
         LEFTOVERS, "ip t c"),
    Row("iptables-nft: a rule that was deleted again",
        "iptables-nft -t nat -A POSTROUTING -j MASQUERADE && iptables-nft -t nat -D POSTROUTING -j MASQUERADE",
        LEFTOVERS, ("ip nat POSTROUTING",)),
    _nft("nft: a nat chain with a rule that does nothing", "table ip t { chain c { %s accept; }; }" % DNAT, NEEDED,
         "ip t c", "accept"),
    _nft("nft: a nat chain that jumps",
         "table ip t { chain d { tcp dport 9 accept; }; chain c { %s jump d; }; }" % DNAT, NEEDED, "jump d"),
    _nft("nft: an empty nat chain that drops", "table ip t { chain c { %s policy drop; }; }" % DNAT, NEEDED, "drop"),
    Row("nft: an empty nat chain of another program's own table",
        OWNER + _background("bash /run/row.sh", "nft list tables | grep -q ."), NEEDED, ("ip t c",), STOP),
    # Objects of nftables.
    _nft("nft: a helper", 'table inet t { ct helper h { type "ftp" protocol tcp; }; }', NEEDED, "helper"),
    _nft("nft: a helper and its rule",
         'table inet t { ct helper h { type "ftp" protocol tcp; }; chain c { %s tcp dport 21 ct helper set "h"; }; }'
         % RAW, NEEDED, "ct helper set"),
    _nft("nft: timeouts", "table ip t { ct timeout o { protocol udp; policy = { replied: 9 }; }; }", NEEDED, "timeout"),
    _nft("nft: timeouts and their rule",
         'table ip t { ct timeout o { protocol udp; policy = { replied: 9 }; }; chain c { %s ct timeout set "o"; }; }'
         % RAW, NEEDED, "ct timeout set"),
    _nft("nft: a flow table", "table ip t { flowtable f { hook ingress priority 0; devices = { lo }; }; }", NEEDED,
         "flowtable"),
    _nft("nft: a flow table and its rule",
         "table ip t { flowtable f { hook ingress priority 0; devices = { lo }; }; "
         "chain c { type filter hook forward priority 0; ip protocol tcp flow add @f; }; }", NEEDED, "flow add @f"),
    # Rules of iptables.
    _rule("iptables: -m state", LEGACY + " -A INPUT -m state --state ESTABLISHED -j ACCEPT"),
    _rule("iptables: -m conntrack", LEGACY + " -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    _rule("ip6tables: -m conntrack", LEGACY6 + " -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    _rule("iptables-nft: -m conntrack", "iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
          "ESTABLISHED"),
    _rule("iptables-nft: NAT", "iptables-nft -t nat -A POSTROUTING -o eth9 -j MASQUERADE", "MASQUERADE"),
    _rule("iptables: -m connlimit", LEGACY + " -A INPUT -p tcp -m connlimit --connlimit-above 20 -j DROP",
          "-m connlimit --connlimit-above 20"),
    _rule("iptables: -m connmark", LEGACY + " -t mangle -A INPUT -m connmark --mark 0x1 -j ACCEPT",
          "-A INPUT -m connmark --mark 0x1"),
    _rule("iptables: NOTRACK", LEGACY + " -t raw -A PREROUTING -p udp -j NOTRACK", "-A PREROUTING -p udp -j"),
    _rule("iptables: a helper", LEGACY + " -t raw -A PREROUTING -p tcp -j CT --helper ftp",
          before="modprobe nf_conntrack_ftp"),
    _rule("iptables: SYNPROXY", LEGACY + " -A INPUT -p tcp --dport 9 -j SYNPROXY", "SYNPROXY"),
    Row("iptables: rules that do not track",
        "modprobe nf_conntrack; %s -A INPUT -p udp -m recent --set; %s -t mangle -A PREROUTING -p tcp -m socket"
        % (LEGACY, LEGACY), NOTHING),
    Row("iptables: empty nat tables", "%s -t nat -L; %s -t nat -L" % (LEGACY, LEGACY6), LEFTOVERS,
        ("iptable_nat", "ip6table_nat")),
    Row("iptables: an empty nat table beside other rules",
        "%s -A INPUT -p udp -j ACCEPT && %s -t nat -L" % (LEGACY, LEGACY), LEFTOVERS, ("iptable_nat",)),
    _rule("iptables: NAT", LEGACY + " -t nat -A POSTROUTING -o eth9 -j MASQUERADE"),
    _rule("iptables: a nat table with a rule that does nothing", LEGACY + " -t nat -A OUTPUT -o eth9 -j ACCEPT"),
    Row("iptables: a nat table with a chain of its own", LEGACY + " -t nat -N MINE", NEEDED, ("MINE",)),
    # Other network namespaces.
    Row("other namespace: none of its own", ADD + IN + "conntrack -L", LEFTOVERS, ("nf_conntrack_netlink",), DELETE),
    Row("other namespace: ct state", ADD + IN + "nft '%s'" % STATEFUL, NEEDED,
        ("other", "ct state established"), DELETE),
    Row("other namespace: iptables", ADD + IN + LEGACY + " -A INPUT -m state --state NEW -j DROP", NEEDED,
        ("other", "-A INPUT -m state --state NEW -j DROP"), DELETE),
    Row("other namespace: an empty nat chain, and one here",
        ADD + "nft 'table ip t { chain c { %s }; }'; %snft 'table ip t { chain c { %s }; }'" % (DNAT, IN, DNAT), NEEDED,
        ("nft_chain_nat",), DELETE),
    Row("other namespace: a nat table of iptables", ADD + IN + LEGACY + " -t nat -A OUTPUT -j ACCEPT", NEEDED,
        ("other", "-A OUTPUT -j ACCEPT"), DELETE),
    Row("other namespace: one without a name",
        _background("unshare -n sh -c 'nft \"%s\"; exec sleep 300'" % STATEFUL, _references("nft_ct", 1)), NEEDED,
        ("ct state established",), STOP),
    Row("other namespace: one that nobody is in",
        HIDDEN + _background("python3 /run/row.py", "test -e /run/row.ready"), NEEDED, ("nft_ct",),
        STOP),
    # Everything else.
    Row("tc: a filter", "tc qdisc add dev lo clsact && tc filter add dev lo ingress protocol ip flower action ct",
        NEEDED, ("act_ct",), "tc qdisc del dev lo clsact"),
    Row("tc: an action without a filter", "tc actions add action ct", NEEDED, ("act_ct",),
        "tc actions flush action ct"),
    Row("a program that waits for events",
        "modprobe nf_conntrack_netlink; " + _background("conntrack -E", LISTENING), LEFTOVERS,
        ("nf_conntrack_netlink",), STOP),
    Row("connections that were tracked before the rule went",
        "nft '%s'; for port in 1 2 3; do echo >/dev/udp/127.0.0.1/$port; done; nft delete table inet t; "
        "test $(cat /proc/sys/net/netfilter/nf_conntrack_count) -ge 3" % STATEFUL, LEFTOVERS, ("nft_ct",)),
    Row("connections that were translated before the chain went", TRANSLATED + "nft delete table ip t", LEFTOVERS,
        ("nft_redir",)),
    Row("translated connections, and their chain is empty now", TRANSLATED + "nft flush chain ip t c", NEEDED,
        ("1 translated connection", "dport=7")),
)  # fmt: skip

# The kernel would unload this, and something would be lost.
SPARED = (
    Row("iptables: a nat table that drops",
        "printf '*nat\\n:PREROUTING ACCEPT\\n:POSTROUTING DROP\\nCOMMIT\\n' | iptables-legacy-restore", NEEDED,
        ("DROP",)),
)  # fmt: skip
