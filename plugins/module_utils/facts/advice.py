# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a verdict: settings and values that conntrack_settings takes, each with its reason."""

from __future__ import annotations

import typing as t

from .. import sizing
from ..kernel import Kernel
from .verdict import RACE_PER_SECOND, Signs, duration

# Half of the kernel's five days; still far above the 2 h 4 min that RFC 5382 asks of a NAT.
ESTABLISHED = 216000
# Chains more than twice as long as the kernel lets them grow by itself.
_CROWDED_CHAINS = 2


class Advice(t.NamedTuple):
    """``setting`` and ``value`` are None where no setting helps; ``where`` is ``here`` or ``host``."""

    setting: str | None
    value: int | None
    where: str
    why: str


def advise(
    status: str,
    seen: Signs,
    kernel: Kernel,
    sized: sizing.Recommendation,
    buckets: int | None,
    established: int | None,
) -> list[Advice]:
    """``sized`` is the size this host's table should have, ``established`` the timeout set now, in seconds."""
    if status in ("full", "pressure", "was_full"):
        return [*_larger_table(status, seen, kernel, sized, buckets), *_shorter_timeout(established)]
    if status == "race":
        return _race(seen, kernel, buckets)
    if status == "host_owned":
        return [Advice(None, None, "host", "Run the same diagnosis on the host: its limit holds for every container.")]
    if status == "unknown":
        return [
            Advice(None, None, "here", "Run this as root, on the host itself, so that the kernel shows its counters.")
        ]
    return []


def _larger_table(
    status: str, seen: Signs, kernel: Kernel, sized: sizing.Recommendation, buckets: int | None
) -> t.Iterator[Advice]:
    where = "host" if seen.namespace == "child" else "here"
    owner = "On the host that owns the limit, not in this container: " if where == "host" else ""
    if sized.max > (seen.maximum or 0):
        share = "" if sized.share is None else ", at most %.1f %% of the RAM" % (sized.share * 100)
        why = owner + "room for %d entries costs up to %.0f MiB%s." % (sized.max, sized.bytes / (1 << 20), share)
        if status == "was_full":
            why = why[:-1] + "; if max was raised since, this has been done."
        yield Advice("max", sized.max, where, why[0].upper() + why[1:])
    else:
        why = owner + "a larger table takes more than %g %% of the RAM: find out who fills it." % sizing.MEMORY_PERCENT
        yield Advice(None, None, where, why[0].upper() + why[1:])
    if buckets and sized.max / buckets > _CROWDED_CHAINS * sizing.entries_per_bucket(kernel):
        yield Advice(
            "buckets",
            sized.buckets,
            where,
            "%sWith %d buckets the chains get long and lookups slow." % (owner, buckets),
        )


def _shorter_timeout(established: int | None) -> t.Iterator[Advice]:
    if established is not None and established > ESTABLISHED:
        yield Advice(
            "tcp_timeout_established",
            ESTABLISHED,
            "here",
            "Dead TCP connections stay for %s; %s lets them go sooner (entries already idle keep their old timer)."
            % (duration(established), duration(ESTABLISHED)),
        )


def _race(seen: Signs, kernel: Kernel, buckets: int | None) -> list[Advice]:
    advice = []
    if (seen.chainlength_rate or 0) >= RACE_PER_SECOND and buckets:
        wanted = sizing.round_buckets(buckets * 2, kernel)
        where = "host" if seen.namespace == "child" else "here"
        advice.append(Advice("buckets", wanted, where, "Twice the buckets halve the hash chains that are too long."))
    if (seen.insert_failed_rate or 0) >= RACE_PER_SECOND:
        advice.append(
            Advice(
                None,
                None,
                "here",
                "No size helps: two packets of one UDP client race for a tuple, as DNS queries in pairs do; "
                "use a local DNS cache, or the resolver option single-request-reopen.",
            )
        )
    return advice
