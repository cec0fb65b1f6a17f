# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan to unload in lines for people: the answer, one line a holder, one for each that brings it back."""

from __future__ import annotations

from ..facts.holder import NOTE, Holder
from . import unload
from .unload import UnloadPlan

_ANSWERS = {
    unload.NOT_LOADED: "%s not loaded",
    unload.NOTHING_HOLDS: "%s held by nothing, and can be unloaded now",
    unload.LEFTOVERS: "%s held by leftovers only, and can be unloaded now",
    unload.NEEDED: "%s needed, and not unloaded",
    unload.BUILT_IN: "%s built into the kernel, and cannot be unloaded",
}


def report(plan: UnloadPlan, when: str, helpers_only: bool) -> list[str]:
    what = "the helpers are" if helpers_only else "connection tracking is"
    lines = ["answer: " + _answer(plan, when) % what]
    lines += [_line(holder) for holder in plan.holders]
    lines += [
        "brought back at boot by %s: %s (to stop that, %s)" % (each.source, each.evidence, each.change)
        for each in plan.returns
    ]
    if plan.live:
        lines.append("unloaded in this order: " + ", ".join(plan.order))
    if when == unload.BOOT and not plan.refusal:
        lines.append("only the next boot is prepared")
    return lines


def _answer(plan: UnloadPlan, when: str) -> str:
    if plan.answer == unload.NEEDED and when == unload.BOOT and not plan.refusal:
        return "%s needed now, and stays until the next boot"
    return _ANSWERS[plan.answer]


def _line(holder: Holder) -> str:
    word = "needs it" if holder.needs else "worth knowing" if holder.kind == NOTE else "leftover"
    line = "%s: %s%s" % (word, holder.name, " in %s" % holder.namespace if holder.namespace else "")
    line += ": %s; without tracking: %s" % (holder.evidence, holder.breaks)
    line += "; to change: %s" % holder.change if holder.needs else ""
    return line + ("; brought back by %s" % holder.brought_back_by if holder.brought_back_by else "")
