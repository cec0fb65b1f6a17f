# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX (24.6.1) takes for a survey, which answers it takes, and which extra variables it makes of them."""

from __future__ import annotations

TYPES = {
    "text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str, "integer": int,
    "float": (float, int),
}  # fmt: skip
CHOOSING = ("multiplechoice", "multiselect")


def is_a(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool)


def faults(survey):
    """What AWX would refuse, and what its pages cannot show."""
    for field, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(survey.get(field), kind):
            yield "%s has to be there, as %s" % (field, kind.__name__)
            return
    if not survey["spec"]:
        yield "spec has no question"
    variables = [item.get("variable") for item in survey["spec"]]
    for name in sorted({name for name in variables if variables.count(name) > 1}):
        yield "%s is asked twice" % name
    for item in survey["spec"]:
        for fault in _faults_of(item):
            yield "%s: %s" % (item.get("variable"), fault)


def _faults_of(item):
    for field in ("type", "question_name", "variable"):
        if not isinstance(item.get(field), str) or not item[field]:
            yield "%s has to be there, as a text" % field
    if not isinstance(item.get("required"), bool):
        yield "required has to be there, as a boolean"
    if item.get("type") not in TYPES:
        yield "there is no type %s" % item.get("type")
        return
    for field in ("min", "max"):
        if item.get(field) is not None and not is_a(item[field], int):
            yield "%s has to be a whole number" % field
    default = item.get("default", "")
    if default != "" and not is_a(default, TYPES[item["type"]]):
        yield "the default is no %s" % item["type"]
    elif str(default).startswith("$encrypted$"):
        yield "$encrypted$ is reserved"
    elif item["type"] in CHOOSING:
        choices = item.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, str) and choice.strip() for choice in choices):
            # AWX takes a text of lines too, in which it then looks for a part.
            yield "choices have to be there, as a list of texts"
        elif not set(default.splitlines()) <= set(choices):
            yield "the default is none of the choices"
        elif item["type"] == "multiplechoice" and len(default.splitlines()) > 1:
            yield "there is more than one default"
        if "default" not in item:
            yield "without a default its page cannot be opened"
    elif default != "":
        yield from wrong_answers(item, {item["variable"]: default})


def wrong_answers(item, answers):
    """Why AWX refuses to launch with these."""
    name, kind = item["variable"], item["type"]
    if name not in answers:
        if item["required"]:
            yield "%s: value missing" % name
        return
    value = answers[name]
    if kind == "multiselect":
        if not isinstance(value, list) or not set(value) <= set(item["choices"]):
            yield "%s: %r is no list of its choices" % (name, value)
    elif kind == "multiplechoice":
        if value not in item["choices"]:
            yield "%s: %r is none of its choices" % (name, value)
    elif not is_a(value, TYPES[kind]):
        yield "%s: %r is no %s" % (name, value, kind)
    else:
        size = len(value) if isinstance(value, str) else value
        if item.get("min") is not None and size < item["min"] or item.get("max") is not None and size > item["max"]:
            yield "%s: %r is not within %s and %s" % (name, value, item.get("min"), item.get("max"))


def not_accepted(survey, answers, required=True):
    """Why a schedule, or without ``required`` the node of a workflow, is not saved with these answers."""
    spec = survey["spec"] if survey else []
    for item in spec:
        if required or item["variable"] in answers:
            yield from wrong_answers(item, answers)
    for name in sorted(set(answers) - {item["variable"] for item in spec}):
        yield "%s: no question asks for it" % name


def extra_variables(survey, answers):
    """Defaults, where they are answers, and the answers; the default of a multiselect is a text and never one."""
    spec = survey["spec"] if survey else []
    defaults = {item["variable"]: item["default"] for item in spec if item.get("default") is not None}
    taken = {item["variable"] for item in spec if not list(wrong_answers(item, defaults))}
    return {**{name: value for name, value in defaults.items() if name in taken}, **answers}
