# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether connection tracking can be taken off a host, and how: the answer, its reasons, and the steps.

The kernel's reference counts decide what can be unloaded, and what would break decides what may be.
"""

from __future__ import annotations

import typing as t

from ..catalogue import SETTINGS
from ..facts import access, bringers, conntrack_modules, holders, rulesets, settings, tracking_services
from ..facts import modules as module_facts
from ..facts.bringers import Bringer
from ..facts.conntrack_modules import Removal
from ..facts.holder import CHAIN as NAT_CHAIN
from ..facts.holder import CONTAINER, NOTE, RULE, WORKING, Holder
from ..facts.identity import Identity, identify
from ..formats import modules as module_list
from ..plan import CHAIN, LOADED, SYSCTL, UNLOAD, Step, predict
from ..snapshot import Snapshot
from . import keep_off, sequence

NOT_LOADED = "not_loaded"
NOTHING_HOLDS = "nothing_holds"
LEFTOVERS = "leftovers"
NEEDED = "needed"
BUILT_IN = "built_in"

NOW = "now"
BOOT = "boot"

_MODULES_DISABLED = "/proc/sys/kernel/modules_disabled"
_SHOWN = 5
_WHEN_BOOT = "when: boot (in the role conntrack_unload_when)"


class UnloadPlan(t.NamedTuple):
    """``answer`` is about this moment. ``refusal`` says why nothing is done; None where something is, or need not be.

    ``live`` and ``files`` are the steps; ``lost`` are the values that go with the modules. ``returns`` will load
    conntrack again at the next boot, all the same.
    """

    answer: str
    holders: tuple[Holder, ...]
    returns: tuple[Bringer, ...]
    order: tuple[str, ...]
    live: tuple[Step, ...] = ()
    lost: tuple[Step, ...] = ()
    files: tuple[Step, ...] = ()
    refusal: str | None = None
    warnings: tuple[str, ...] = ()


def plan(snapshot: Snapshot, when: str, options: keep_off.Options) -> UnloadPlan:
    """Raises keep_off.Refused where a file cannot be edited."""
    identity = identify(snapshot)
    modules = module_list.parse(snapshot.text(LOADED) or "")
    wanted = conntrack_modules.is_helper if options.helpers_only else conntrack_modules.is_core
    removal = conntrack_modules.removal(modules, wanted)
    found = holders.find(snapshot, identity, removal, options.helpers_only)
    # Helpers can be modules where the core is none.
    if options.helpers_only and not removal.order and module_facts.helpers(snapshot):
        return _built_in_helpers(module_facts.helpers(snapshot), found)
    if identity.state == "built_in" and not options.helpers_only:
        return _built_in(identity, found)
    files = keep_off.steps(snapshot, identity, options)
    returns = _returns(predict(snapshot, files.steps), identity, options)
    loading = bringers.find(snapshot, identity)
    found = [_brought_back(holder, snapshot, loading) for holder in found]
    answer = _answer(removal, found)
    planned = UnloadPlan(answer, tuple(found), tuple(returns), removal.order)
    what = "a helper" if options.helpers_only else "connection tracking"
    refusal = _refused_now(snapshot, planned, what) if when == NOW else _refused_at_boot(planned)
    refusal = refusal or _refused_to_deny(planned, options)
    if refusal:
        return planned._replace(refusal=refusal, warnings=files.left_alone)
    planned = planned._replace(files=files.steps, warnings=(*files.left_alone, *_warnings(planned, when)))
    if when == BOOT:
        return planned
    return planned._replace(live=tuple(_live(snapshot, removal)), lost=tuple(_lost(snapshot, removal)))


def _answer(removal: Removal, found: t.Sequence[Holder]) -> str:
    if not removal.order:
        return NEEDED if any(holder.kind == CONTAINER for holder in found) else NOT_LOADED
    if any(holder.needs for holder in found):
        return NEEDED
    return LEFTOVERS if any(holder.kind != NOTE for holder in found) else NOTHING_HOLDS


def _brought_back(holder: Holder, snapshot: Snapshot, by: t.Iterable[Bringer]) -> Holder:
    """A rule that stands in a file which a service restores comes back by that file."""
    rule = " ".join(holder.evidence.split())
    for each in by if holder.kind == RULE and not holder.brought_back_by else ():
        if each.kind == tracking_services.RULES and rule in " ".join((snapshot.text(each.source) or "").split()):
            return holder._replace(brought_back_by=each.source)
    return holder


def _built_in(identity: Identity, found: t.Sequence[Holder]) -> UnloadPlan:
    rules = [holder for holder in found if holder.kind in (RULE, NAT_CHAIN)]
    said = "connection tracking is built into this kernel and cannot be unloaded"
    if rules and not identity.kernel.before(4, 10):
        refusal = "%s. What makes it track: %s. Without such rules it tracks nothing; a rule with notrack %s" % (
            said,
            _listed(rules),
            "(nft: 'notrack' in a chain of priority raw; iptables: -t raw -j CT --notrack) spares single services",
        )
        return UnloadPlan(BUILT_IN, tuple(found), (), (), refusal=refusal)
    if identity.kernel.before(4, 10):
        refusal = "%s, and before Linux 4.10 it tracks everything; rules with notrack spare single services" % said
        return UnloadPlan(BUILT_IN, tuple(found), (), (), refusal=refusal)
    return UnloadPlan(
        BUILT_IN, tuple(found), (), (), warnings=(said + "; no rule makes it track, so it tracks nothing",)
    )


def _built_in_helpers(helpers: t.Sequence[str], found: t.Sequence[Holder]) -> UnloadPlan:
    refusal = "built into this kernel, and so not to be unloaded: %s; they do nothing unless a rule assigns them%s" % (
        ", ".join(helpers),
        ", or net.netfilter.nf_conntrack_helper is 1",
    )
    return UnloadPlan(BUILT_IN, tuple(found), (), (), refusal=refusal)


def _refused_now(snapshot: Snapshot, planned: UnloadPlan, what: str) -> str | None:
    if planned.answer == NEEDED:
        hint = "; the next boot would load it again too, by %s" % ", ".join(each.source for each in planned.returns)
        hint = hint if planned.returns else "; with %s only the next boot is prepared" % _WHEN_BOOT
        needing = [holder for holder in planned.holders if holder.needs]
        return "nothing was changed, as %s is needed: %s%s" % (what, _listed(needing), hint)
    if planned.order and snapshot.integer(_MODULES_DISABLED) == 1:
        return (
            "nothing was changed: until the next boot the kernel unloads nothing (kernel.modules_disabled is 1); "
            "with %s only the next boot is prepared" % _WHEN_BOOT
        )
    return None


def _refused_at_boot(planned: UnloadPlan) -> str | None:
    if not planned.returns:
        return None
    said = "; ".join("%s: %s; to stop that, %s" % (each.source, each.evidence, each.change) for each in planned.returns)
    return "nothing was changed, as the next boot would load it again: %s" % said


def _refused_to_deny(planned: UnloadPlan, options: keep_off.Options) -> str | None:
    """A firewall whose rules cannot be loaded leaves the host open."""
    rules = [holder for holder in planned.holders if holder.kind == RULE]
    if options.deny == keep_off.NONE or not (rules or planned.returns):
        return None
    said = "; ".join([*(_told(holder) for holder in rules), *(each.source for each in planned.returns)][:_SHOWN])
    return "deny: %s: nothing was changed, as a firewall could then not be loaded: %s" % (options.deny, said)


def _listed(found: t.Sequence[Holder]) -> str:
    more = "; and %d more, all of them in holders" % (len(found) - _SHOWN) if len(found) > _SHOWN else ""
    return "; ".join(map(_told, found[:_SHOWN])) + more


def _told(holder: Holder) -> str:
    where = " (%s)" % holder.namespace if holder.namespace else ""
    return "%s%s: %s [without tracking: %s; to change: %s]" % (
        holder.name,
        where,
        holder.evidence,
        holder.breaks,
        holder.change,
    )


def _warnings(planned: UnloadPlan, when: str) -> t.Iterator[str]:
    for holder in planned.holders:
        if holder.kind == WORKING:
            yield "%s: %s; %s" % (holder.name, holder.evidence, holder.breaks)
    for each in planned.returns:
        yield "the next boot will load it again, by %s: %s; to stop that, %s" % (
            each.source,
            each.evidence,
            each.change,
        )
    needing = sum(holder.needs for holder in planned.holders)
    if when == BOOT and needing:
        by = "%d holder%s" % (needing, "" if needing == 1 else "s")
        back = sorted({holder.brought_back_by for holder in planned.holders if holder.needs and holder.brought_back_by})
        then = "%s may bring them back" % ", ".join(back) if back else "nothing was found that brings them back"
        yield "it is needed now, by %s; %s at the next boot" % (by, then)


def _returns(predicted: Snapshot, identity: Identity, options: keep_off.Options) -> list[Bringer]:
    found = [_with_option(each) for each in bringers.find(predicted, identity)]
    if options.helpers_only:
        return [each for each in found if conntrack_modules.is_helper(each.loads)]
    return found


def _with_option(each: Bringer) -> Bringer:
    if each.kind == bringers.MODULES_LOAD and keep_off.EDITABLE.match(each.source):
        return each._replace(change="%s, as modules_load (in the role conntrack_modules_load) does" % each.change)
    return each


def _live(snapshot: Snapshot, removal: Removal) -> t.Iterator[Step]:
    if any(name.startswith("nft_chain_nat") for name in removal.order):
        for chain in rulesets.read(snapshot).empty_nat_chains:
            text = "{ %s; policy accept; }" % chain.declared
            yield Step(CHAIN, " ".join(chain[:3]), text, None, "it is of type nat and has no rule")
    for name in removal.order:
        yield Step(UNLOAD, "/sys/module/" + name, _with_parameters(snapshot, name), None, "nothing needs it")


def _with_parameters(snapshot: Snapshot, name: str) -> str:
    """A module and what it was loaded with, to load it again; the core's parameters are settings, which are kept."""
    words = [name]
    for path in () if conntrack_modules.is_core(name) else snapshot.glob("/sys/module/%s/parameters/*" % name):
        value = (snapshot.text(path) or "").strip()
        if value and not set(value) & set(" \t\n()"):
            words.append("%s=%s" % (path.rsplit("/", 1)[-1], value))
    return " ".join(words)


def _lost(snapshot: Snapshot, removal: Removal) -> list[Step]:
    """The values that go with the core, in the opposite of the order in which they can be put back."""
    if not any(map(conntrack_modules.is_core, removal.order)):
        return []
    found = []
    for setting in SETTINGS:
        live = settings.live(snapshot, setting)
        paths = [live.path] if live else []
        paths += settings.HASHSIZE if setting.name == "buckets" else ()
        for path in paths:
            value = snapshot.integer(path)
            if value is not None and access.refusal(snapshot, path) is None:
                found.append(Step(SYSCTL, path, str(value), None, "it goes with its module", setting.name))
                break
    return sorted(found, key=lambda step: sequence.order(step.setting or "", raises=True), reverse=True)
