# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table looks like, and what would help. Rules are shown, never applied: only their owner knows all of them.

Shares are those of the whole table, whatever a filter let through: what stands out is what fills it. They are
concluded from a sample, so a finding needs the low end of its share's interval to be that high.
"""

from __future__ import annotations

import collections
import typing as t

from ..formats.conntrack_entry import TCP, UDP
from . import notrack
from .grouping import Names, address, protocol_name
from .report import Sample, amount, by_timer, words
from .rows import Row, rows
from .shares import Share, share
from .surroundings import Surroundings
from .survey import Survey
from .what_if import timeout

# Of fewer entries nothing is concluded: any table of a handful is made up of a handful of sources.
_LEAST = 100
# From this share of the table on something is worth a word.
_MUCH = 0.25
# A timeout that lets less of the table go is not worth setting.
_NOTICED = 0.01
# From this share of such entries on they are from these sources, or to this service.
_MOST = 0.5
# So many sources are few: they can be looked at one by one.
_FEW = 5
# A source with less of them is none of those.
_PART = 0.05
# A scan tries each target a few times, a flood each of its targets very often.
_TRIES = 4
# Where keepalive is on, a connection of Linux has a packet every 7200 seconds. This is the least that RFC 5382 asks of
# a NAT, 2 hours 4 minutes.
_LONG = 7440
# Half of the five days, one day, and that least.
_ESTABLISHED = (216000, 86400, _LONG)
# As long as Linux itself keeps a socket in this state (TCP_TIMEWAIT_LEN).
_TIME_WAIT = 60
# A SYN is sent again after 1, 2, 4, 8, 16 and 32 seconds, and each sets the timer anew.
_SYN_SENT = 60
# Resolvers ask again after 5 seconds at most.
_UDP = 10
_BUSY = 0.8
_DNS = 53
# Traffic that wants no answer: SNMP traps, syslog, NetFlow, IPFIX, sFlow, statsd.
_ONE_WAY = (162, 514, 2055, 4739, 6343, 8125, 9995, 9996)
_SHOWN_SERVICES = 3


class Numbers(t.NamedTuple):
    """What is known of the table as a whole; ``timeouts`` are those set now, in seconds, by canonical name.

    ``count`` is the kernel's once the table was read, ``living`` how many of these have not expired; None is the count.
    """

    count: int | None
    max: int | None
    timeouts: t.Mapping[str, int]
    living: int | None = None
    around: Surroundings = Surroundings()


class Finding(t.NamedTuple):
    """``finding`` is a word for programs. ``settings`` are what conntrack_settings takes, ``rules`` by tool."""

    finding: str
    why: str
    evidence: list[str]
    settings: dict[str, t.Any]
    rules: dict[str, list[str]]


class _Case:
    """``seen`` are the rows, out of ``looked_at`` entries of the table; None where nobody knows how many these were.

    ``blamed`` are the sources that a finding named.
    """

    def __init__(self, survey: Survey, whole: Sample, numbers: Numbers, names: Names) -> None:
        self.rows = rows(survey.rows, numbers.timeouts)
        self.survey, self.whole, self.numbers, self.names = survey, whole, numbers, names
        self.blamed: set[t.Any] = set()
        # The rows are a part of what was taken.
        self._part = len(self.rows) / whole.taken if whole.taken else 0
        self._looked_at = max(len(self.rows), round((whole.passed or 0) * self._part))

    def like(self, fits: t.Callable[[Row], bool]) -> list[Row]:
        return [row for row in self.rows if fits(row)]

    def is_much(self, some: t.Sequence[Row], least: float = _MUCH) -> bool:
        return self._share(some).low >= least

    def _share(self, some: t.Sequence[Row]) -> Share:
        return share(len(some), self._looked_at, self.population, self.whole.complete and self._part == 1)

    def told(self, some: t.Sequence[Row], what: str) -> str:
        """How many they are, in words."""
        found = self._share(some)
        return "%s: %s" % (what, words(found.share, found.low, found.high, found.entries, " of the table"))

    def name(self, key: t.Any) -> str:
        return self.names.address(address(key))

    def services(self, some: t.Sequence[Row]) -> str:
        """Where most of them go."""
        counted = collections.Counter((row.protocol, row.port) for row in some)
        top = [
            "%d to %s%s" % (entries, protocol_name(protocol), "" if port is None else " port %d" % port)
            for (protocol, port), entries in counted.most_common(_SHOWN_SERVICES)
        ]
        return "of %d seen: %s" % (len(some), ", ".join(top))

    @property
    def population(self) -> int | None:
        """How many entries there are, None where nobody knows."""
        return self.whole.passed if self.whole.complete else self.whole.table

    def change(self, name: str, value: int, population: int) -> dict[str, int]:
        """What a lower timeout does to a table of so many entries."""
        now = self.numbers.timeouts
        histogram: collections.Counter[int] = collections.Counter()
        for timed, left in by_timer(self.survey.census, now).items():
            if timed.timeout == name:
                histogram.update(left)
        sampled = self.whole.passed or 0
        return timeout(name, now[name], value, histogram, sampled, population, self.whole.complete)["change"]

    def lower(self, name: str, enough: int, evidence: list[str]) -> dict[str, t.Any]:
        """A timeout that is to be lowered, its effect as evidence; nothing where few would go, or where it is not."""
        if self.numbers.timeouts.get(name, 0) <= enough:
            return {}
        among = self.population or self.whole.passed or 0
        if -self.change(name, enough, among)["estimate"] < _NOTICED * among:
            return {}
        evidence.append(_effect(self, name, enough))
        return {name: enough}


def advise(survey: Survey, whole: Sample, numbers: Numbers, names: Names) -> list[Finding]:
    """Findings, each with its evidence; none where nothing stands out, or where shares of the table are unknown."""
    case = _Case(survey, whole, numbers, names)
    found = []
    if len(case.rows) >= _LEAST and whole.passed is not None:
        found = [*_one_way(case), *_unanswered(case), *_leak(case), *_time_wait(case), *_udp(case)]
        found += _one_client(case)
    return found or _busy(case)


def _wants_no_answer(row: Row) -> bool:
    return row.protocol == UDP and not row.replied and row.port in _ONE_WAY


def _sources(some: t.Sequence[Row]) -> collections.Counter[tuple[int, t.Any]]:
    return collections.Counter((row.family, row.source) for row in some)


def _from(some: t.Sequence[Row]) -> str:
    return "from %s" % amount(len(_sources(some)), "source", "sources")


def _one_way(case: _Case) -> t.Iterator[Finding]:
    """Whoever sends it, and however few: it is what a log server or a collector is there for."""
    some = case.like(_wants_no_answer)
    if not case.is_much(some):
        return
    counted = collections.Counter(t.cast(int, row.port) for row in some).most_common()
    ports = [port for port, entries in counted if entries >= _PART * len(some)]
    evidence = [case.told(some, "UDP that wants no answer")]
    for port in ports:
        mine = [row for row in some if row.port == port]
        evidence.append("%d of %d seen are to UDP port %d, %s" % (len(mine), len(some), port, _from(mine)))
    rules = _spared(some, ports, evidence)
    yield Finding("udp", _NO_ANSWER % ports[0], evidence, _sooner_gone(case, some, evidence), rules)


def _unanswered(case: _Case) -> t.Iterator[Finding]:
    # A half-open connection was answered, and then its client fell silent, as one with a forged address does.
    every = case.like(lambda row: not row.replied or (row.protocol == TCP and row.state == "SYN_RECV"))
    some = [row for row in every if not _wants_no_answer(row)]
    if not case.is_much(some):
        return
    but = ", but for UDP that wants no answer" if len(some) < len(every) else ""
    evidence = [case.told(some, "unanswered or half open" + but)]
    sources = _sources(some)
    few = _few(sources, len(some))
    (destination, port), most = collections.Counter((row.destination, row.port) for row in some).most_common(1)[0]
    if few:
        found = _by_few(case, some, few, evidence)
    elif most >= _MOST * len(some):
        mine = [row for row in some if row.destination == destination and row.port == port]
        target = case.name(destination) + ("" if port is None else " port %d" % port)
        evidence.append("%d of %d seen are to %s, %s" % (most, len(some), target, _from(mine)))
        found = Finding("flood", _TO_ONE, evidence, {}, {})
    else:
        evidence += ["they are %s, the largest has %d" % (_from(some), max(sources.values()))]
        evidence += [case.services(some)]
        middle = sum(row.state == "ESTABLISHED" for row in some)
        if middle:
            evidence.append("%d of %d began in mid-stream: their other direction goes elsewhere" % (middle, len(some)))
        found = Finding("unanswered", _MISSING, evidence, {}, {})
    yield found._replace(settings=_sooner_gone(case, some, evidence))


_TO_ONE = (
    "Many sources send to one target that does not answer. Their addresses may be forged: no rule by source helps."
)
_MISSING = "Answers are missing for many: they come back by another way, a rule drops them, or a service is down."


def _few(sources: t.Counter[t.Any], entries: int) -> list[tuple[int, t.Any]]:
    """The few sources that most entries are from, the largest first; empty where it takes more."""
    few = [(source, theirs) for source, theirs in sources.most_common(_FEW) if theirs >= _PART * entries]
    return [source for source, _theirs in few] if sum(theirs for _source, theirs in few) >= _MOST * entries else []


def _by_few(case: _Case, some: t.Sequence[Row], few: t.Sequence[tuple[int, t.Any]], evidence: list[str]) -> Finding:
    targets: set[t.Any] = set()
    theirs = 0
    for family, source in few:
        mine = [row for row in some if (row.family, row.source) == (family, source)]
        there = {(row.destination, row.port) for row in mine}
        evidence.append(
            "%d of %d seen are from %s, to %s"
            % (len(mine), len(some), case.name(source), amount(len(there), "target", "targets"))
        )
        targets |= {(source, *each) for each in there}
        theirs += len(mine)
    case.blamed.update(source for _family, source in few)
    scan = _TRIES * len(targets) >= theirs
    strangers = _strangers(case, few, evidence)
    return Finding(
        "scan" if scan else "flood",
        "%s. Their packets can be dropped before they are tracked, all of them, so look first who they are."
        % (
            "Few sources try many targets, and get no answer"
            if scan
            else "Few sources send again and again to targets that do not answer: a flood, or a service that is down"
        ),
        evidence,
        {},
        notrack.dropped(strangers) if strangers else {},
    )


def _strangers(case: _Case, sources: t.Iterable[tuple[int, t.Any]], evidence: list[str]) -> list[tuple[int, str]]:
    """Those a rule may speak of; of the others the evidence says why not. Who asks has a connection too."""
    strangers = []
    for family, source in sources:
        if case.numbers.around.is_own(source):
            evidence.append("no rule for %s: it is an address of this host" % case.name(source))
        elif case.numbers.around.is_spared(source):
            evidence.append(
                "no rule for %s: it has an open TCP connection with this host, maybe yours" % case.name(source)
            )
        else:
            strangers.append((family, case.name(source)))
    return strangers


# Whoever lets in all that is untracked opens every port to a sender who takes this one for its own.
_NARROWLY = (
    " Where no rule of yours needs their state, they need no tracking. Accept them by address and port then (%s udp %s"
    " %%d accept): a bare ct state untracked accept lets in every packet with that source port."
)
_NO_ANSWER = "These want no answer; each sender's port is an entry." + _NARROWLY % ("nft: ip saddr SENDER", "dport")
_QUESTIONS = "Each question is an entry of its own." + _NARROWLY % ("nft, for answers: ip saddr RESOLVER", "sport")
_FLOWS = "Each client's port is an entry of its own." + _NARROWLY % ("nft, for answers: ip saddr SERVER", "sport")


def _spared(some: t.Sequence[Row], ports: t.Sequence[int], evidence: list[str]) -> dict[str, list[str]]:
    """The rules that keep services out of the table, or why there are none."""
    translated = sum(row.translated for row in some)
    if not translated:
        return notrack.untracked(*ports)
    evidence.append("%d of %d seen are translated (NAT), which needs tracking: no rules" % (translated, len(some)))
    return {}


def _sooner_gone(case: _Case, some: t.Sequence[Row], evidence: list[str]) -> dict[str, t.Any]:
    """The timeouts that keep unanswered entries longer than they are worth."""
    settings = {}
    if case.is_much([row for row in some if row.protocol == TCP and row.state == "SYN_SENT"]):
        settings.update(case.lower("tcp_timeout_syn_sent", _SYN_SENT, evidence))
    if case.is_much([row for row in some if row.protocol == UDP]):
        settings.update(case.lower("udp_timeout", _UDP, evidence))
    return settings


def _leak(case: _Case) -> t.Iterator[Finding]:
    some = case.like(
        lambda row: row.protocol == TCP and row.state == "ESTABLISHED" and row.idle is not None and row.idle >= _LONG
    )
    if not case.is_much(some):
        return
    name = "tcp_timeout_established"
    lower = [value for value in _ESTABLISHED if value < case.numbers.timeouts[name]]
    evidence = [case.told(some, "established, and without a packet for more than 2 hours"), case.services(some)]
    evidence += [_effect(case, name, value) for value in lower]
    # The mildest one that lets half of them go, or else the lowest that a NAT may have.
    idle = sorted(row.idle or 0 for row in some)
    better = [value for value in lower if value < idle[len(idle) // 2]] or lower[-1:]
    yield Finding(
        "connection_leak",
        "Connections that nobody uses or closes stay until their timeout. A lower one lets them go sooner; keepalive"
        " at either end tells dead ones from idle ones. Those that live without it, as in pools to a database, lose"
        " their entry with a lower one, and are cut where NAT or a strict firewall needs it.",
        evidence,
        {name: better[0]} if better else {},
        {},
    )


def _effect(case: _Case, name: str, value: int) -> str:
    if case.population is None:
        return "%s %d: the effect is unknown, as the number of entries is" % (name, value)
    change = case.change(name, value, case.population)
    least, most = -change["high"], -change["low"]
    said = "with %s %d the table settles at %s fewer" % (name, value, amount(-change["estimate"]))
    return said if least == most else "%s (%d to %d)" % (said, least, most)


def _time_wait(case: _Case) -> t.Iterator[Finding]:
    some = case.like(lambda row: row.protocol == TCP and row.state == "TIME_WAIT")
    if not case.is_much(some):
        return
    evidence = [case.told(some, "in TIME_WAIT"), case.services(some)]
    yield Finding(
        "time_wait",
        "Many short connections: these are over, and stay for a while. Clients that keep connections open make fewer.",
        evidence,
        case.lower("tcp_timeout_time_wait", _TIME_WAIT, evidence),
        {},
    )


def _udp(case: _Case) -> t.Iterator[Finding]:
    answered = case.like(lambda row: row.protocol == UDP and row.replied)
    ports = [port for port, _entries in collections.Counter(row.port for row in answered).most_common(_SHOWN_SERVICES)]
    found = False
    for port in ports:
        some = [row for row in answered if row.port == port]
        if port is None or not case.is_much(some):
            continue
        found = True
        evidence = [case.told(some, "answered, to UDP port %d" % port)]
        if port == _DNS:
            rules = _spared(some, [port], evidence)
            single = case.is_much([row for row in some if not row.assured])
            settings = case.lower("udp_timeout", _UDP, evidence) if single else {}
            yield Finding("dns", _QUESTIONS % port, evidence, settings, rules)
        else:
            yield Finding("udp", _FLOWS % port, evidence, {}, _spared(some, [port], evidence))
    if not found and case.is_much(answered, _MOST):
        spread = amount(len({row.port for row in answered}), "port", "ports")
        evidence = [case.told(answered, "answered UDP, to %s" % spread)]
        why = "Many UDP flows to no service of their own, as of games, calls or file sharing: no rule by port helps."
        yield Finding("udp", why, evidence, {}, {})


def _one_client(case: _Case) -> t.Iterator[Finding]:
    others = case.like(lambda row: row.source not in case.blamed and not _wants_no_answer(row))
    if not others:
        return
    (family, source), _entries = collections.Counter((row.family, row.source) for row in others).most_common(1)[0]
    some = [row for row in others if (row.family, row.source) == (family, source)]
    if not case.is_much(some):
        return
    evidence = [case.told(some, "from %s" % case.name(source)), case.services(some)]
    strangers = _strangers(case, [(family, source)], evidence)
    yield Finding(
        "one_client",
        "One source holds much of the table: this host itself, a proxy, many hosts behind one NAT, or one gone wild."
        " Rules limit what comes in from it; the number in them is an example.",
        evidence,
        {},
        notrack.limited(*strangers[0]) if strangers else {},
    )


def _busy(case: _Case) -> list[Finding]:
    count, most = case.numbers.count, case.numbers.max
    if case.whole.filtered or not count or not most or count < _BUSY * most:
        return []
    evidence = ["%d of %d entries are in use" % (count, most)]
    if case.rows:
        source, largest = collections.Counter(row.source for row in case.rows).most_common(1)[0]
        evidence.append("the largest source, %s, has %d of %d seen" % (case.name(source), largest, len(case.rows)))
        evidence.append(case.services(case.rows))
    return [
        Finding(
            "busy",
            "Nothing stands out: the table is full of what this host is there for, and too small for it.",
            evidence,
            {"max": "auto"},
            {},
        )
    ]
