# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables-config: read as the shells of this machine read it, edited so that every edit can be undone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile

import pytest
from ansible_collections.netops.conntrack.plugins.module_utils.formats.shell_assignments import (
    assign,
    assignments,
    comment_out,
    effective,
    put_back,
    take_out,
    words,
)
from hypothesis import given
from hypothesis import strategies as st

NAME = "IPTABLES_MODULES"
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]

# Files whose value is known, and the value.
KNOWN = {
    "": "",
    'IPTABLES_MODULES="ip_conntrack_netbios_ns"\n': "ip_conntrack_netbios_ns",
    '#IPTABLES_MODULES="a"\n': "",
    'IPTABLES_MODULES_UNLOAD="yes"\n': "",
    'IPTABLES_MODULES=""\nIPTABLES_MODULES="a b"': "a b",
    'IPTABLES_MODULES="a"\nIPTABLES_MODULES="$IPTABLES_MODULES b"\n': "a b",
    "IPTABLES_MODULES='a $b'\n": "a $b",
    'IPTABLES_MODULES="a\\"b\\\\c\\d\\$e"\n': 'a"b\\c\\d$e',
    'IPTABLES_MODULES="a \\\n  b"\n': "a   b",
    "IPTABLES_MODULES=a\\ b\\\nc # note\n": "a bc",
    'IPTABLES_MODULES="a\nb"\n': "a\nb",
    "IPTABLES_MODULES=a#b\n": "a#b",
    "IPTABLES_MODULES=*.ko\n": "*.ko",
    'IPTABLES_MODULES="a"\r\n': "a\r",
    "IPTABLES_MODULES=a; IPTABLES_MODULES=b\n": "b",
    "IPTABLES_MODULES=a && IPTABLES_MODULES=b\n": "b",
    "IPTABLES_MODULES=a &&\nIPTABLES_MODULES=b\n": "b",
    "X=a Y=$X\nIPTABLES_MODULES=${X}_b$Y'c'\"d\"\n": "a_bacd",
    "export IPTABLES_MODULES='a b'\n": "a b",
    "IPTABLES_MODULES=a\nunset IPTABLES_MODULES\n": "",
    "echo a >/dev/null \\\nIPTABLES_MODULES=b\n": "",
    "\\\nIPTABLES_MODULES=a\n": "a",
    "I\\\nPTABLES_MODULES=a\n": "a",
    "  IPTABLES_MODULES=a;\n": "a",
    "f() {\n  X=b\n}\nIPTABLES_MODULES=a\n": "a",
    "case x in\n  y) X=1 ;;\n  *) X=2 ;;\nesac\nIPTABLES_MODULES=a\n": "a",
    "if [ -e /nonexistent ]; then X=1; fi\nIPTABLES_MODULES=a\n": "a",
    "IPTABLES_MODULES=a 2>/dev/null\n": "a",
    "X=~\nIPTABLES_MODULES='~'\n": "~",
    'IPTABLES_MODULES="a $"\n': "a $",
    "X=$(echo ')' \"$(echo b)\")\nIPTABLES_MODULES=a\n": "a",
    "IPTABLES_MODULES=b ; # x\n! IPTABLES_MODULES=a\n": "a",
}

# Files whose value a running shell alone can tell, and a word of the reason.
UNKNOWN = {
    "IPTABLES_MODULES=$(echo a)\n": "echo",
    "IPTABLES_MODULES=`echo a`\n": "echo",
    'IPTABLES_MODULES="$OTHER a"\n': "OTHER",
    "IPTABLES_MODULES=${X:-a}\n": "X",
    "IPTABLES_MODULES=$((1+1))\n": "1",
    "IPTABLES_MODULES=$1\n": "$1",
    "IPTABLES_MODULES=~/a\n": "home",
    "if true; then\nIPTABLES_MODULES=a\nfi\n": "may not be made",
    "for IPTABLES_MODULES in a b; do :; done\n": "loop",
    "IPTABLES_MODULES=a\n. /etc/other\n": "line 2",
    "IPTABLES_MODULES=a\nread IPTABLES_MODULES\n": "line 2",
    "IPTABLES_MODULES=a\nf() { IPTABLES_MODULES=b; }\n": "line 2",
    "exit\nIPTABLES_MODULES=a\n": "exit",
    "false || IPTABLES_MODULES=a\n": "line 1",
    "! X=1 && IPTABLES_MODULES=a\n": "line 1",
    "false && X=1 && IPTABLES_MODULES=a\n": "line 1",
    "IPTABLES_MODULES=a &\n": "line 1",
    "IPTABLES_MODULES=a | cat\n": "line 1",
    "( IPTABLES_MODULES=a )\n": "line 1",
    "IPTABLES_MODULES=a : x\n": "one command",
    ": ${IPTABLES_MODULES:=a}\n": "line 1",
    ": $((IPTABLES_MODULES=3))\n": "line 1",
    'IPTABLES_MODULES="a\n': "double quote",
    "IPTABLES_MODULES='a\n": "single quote",
    "IPTABLES_MODULES=a\ncat <<E\nIPTABLES_MODULES=b\nE\n": "here-document",
    "IPTABLES_MODULES=(a b)\n": "parenthesis",
    "IPTABLES_MODULES=$'a'\n": "shells differ",
    "IPTABLES_MODULES=a\nfi\n": "fi is not where it belongs",
    "IPTABLES_MODULES=a\nif true; then\nfi\n": "fi is not where it belongs",
    "IPTABLES_MODULES=a\nfor x in b; done\n": "done is not where it belongs",
    "IPTABLES_MODULES=a\n()\n": "not where it belongs",
    "IPTABLES_MODULES=a &&\n": "nothing follows",
    "if true; then\nIPTABLES_MODULES=a\n": "not closed",
    "IPTABLES_MODULES=a\n; b\n": "nothing stands",
    "IPTABLES_MODULES=a\\": "backslash",
    "IPTABLES_MODULES=a\0\n": "NUL",
}

ANY_TEXT = st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
WORD = st.sampled_from(["ip_conntrack_ftp", "ip-conntrack-ftp", "nf_nat", "ip_conntrack_netbios_ns"])
BLANK = st.sampled_from([" ", " ", "  ", "\t", " \\\n", "\n"])
ATOM = WORD | st.sampled_from(
    [
        "$IPTABLES_MODULES",
        "${IPTABLES_MODULES}",
        "$X",
        "${X}",
        "\\$X",
        '\\"',
        "\\\\",
        "\\a",
        "#",
        "$",
        "é",
        "\udcff",
    ]
)
LIST = st.lists(st.tuples(BLANK | st.just(""), ATOM).map("".join), max_size=4).map("".join)
BARE = st.lists(WORD | st.sampled_from(["\\ ", "\\\n", "$X", "#", "''", '"a b"', "'c d'", "\\#"]), max_size=4)
VALUE = st.one_of(
    LIST.map(lambda value: '"' + value + ' "'),
    LIST.map(lambda value: '"' + value + '"'),
    LIST.map(lambda value: "'" + value + "'"),
    BARE.map("".join),
)
TARGET = st.sampled_from([NAME, NAME, NAME, "IPTABLES_MODULES_UNLOAD", "X", "export " + NAME])
TAIL = st.sampled_from(["\n", "\n", "\n", "\r\n", " # note\n", ";\n", "; ", " && ", " &&\n", "\n\n", " \n", ""])


def _files(operators):
    statement = st.tuples(TARGET, st.sampled_from(operators), VALUE, TAIL).map("".join)
    comment = st.sampled_from(
        ["# text\n", '#IPTABLES_MODULES="nf_nat"\n', "# IPTABLES_MODULES=x\n", "#netops.conntrack:"]
    )
    other = st.sampled_from(["if true; then\n", "fi\n", "unset X\n", ": $X\n", "'\n", "  "])
    line = st.one_of(statement, statement, statement, statement, statement, comment, other)
    return st.lists(line, max_size=6).map("".join)


FILES = _files(["="])
BASH_FILES = _files(["=", "=", "+="])
CHOSEN = st.none() | st.lists(WORD, max_size=2)


@pytest.fixture(scope="module", name="run")
def _run():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "iptables-config")

        def run(shell, text):
            with open(path, "wb") as stream:
                stream.write(text.encode("utf-8", "surrogateescape"))
            argv = [shutil.which(shell), *(["sh"] if shell == "busybox" else [])]
            script = '. "$1"; printf "%s" "${IPTABLES_MODULES}"'
            done = subprocess.run([*argv, "-c", script, "sh", path], env={}, capture_output=True, check=False)
            return done.stdout.decode("utf-8", "surrogateescape")

        yield run


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", KNOWN)
def test_shells_agree_with_the_table(run, shell, text):
    assert run(shell, text) == KNOWN[text]


@pytest.mark.parametrize("text", KNOWN)
def test_known_values(text):
    assert effective(text, NAME) == (KNOWN[text], None)


@pytest.mark.parametrize("text", UNKNOWN)
def test_unknown_values_have_a_reason(text):
    value, reason = effective(text, NAME)
    assert value is None
    assert UNKNOWN[text] in reason


@pytest.mark.skipif("bash" not in SHELLS, reason="+= is bash's: no bash on this machine")
def test_plus_equals_as_bash_reads_it(run):
    text = 'IPTABLES_MODULES=a\nIPTABLES_MODULES+=" b"\nIPTABLES_MODULES_UNLOAD+=c\n'
    assert effective(text, NAME) == (run("bash", text), None) == ("a b", None)


@given(text=FILES)
def test_values_are_those_of_the_shells(run, text):
    value, _reason = effective(text, NAME)
    if value is not None:
        assert {shell: run(shell, text) for shell in SHELLS} == dict.fromkeys(SHELLS, value)


@pytest.mark.skipif("bash" not in SHELLS, reason="+= is bash's: no bash on this machine")
@given(text=BASH_FILES)
def test_values_with_plus_equals_are_those_of_bash(run, text):
    value, _reason = effective(text, NAME)
    if value is not None:
        assert run("bash", text) == value


def test_an_assignment_and_its_lines():
    text = '# one\nIPTABLES_MODULES="a \\\n b" # note\nIPTABLES_MODULES_UNLOAD=yes\n'
    (found,) = assignments(text, NAME)
    assert (found.value, found.line, found.reason) == ("a  b", 2, None)
    assert text[found.start : found.end] == 'IPTABLES_MODULES="a \\\n b" # note\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("IPTABLES_MODULES=a; X=b\n", "other commands"),
        ("IPTABLES_MODULES=a X=b\n", "other commands"),
        ("IPTABLES_MODULES=a >x\n", "other commands"),
        ("if true\nthen\nIPTABLES_MODULES=a\nfi\n", "an if command"),
        ("while false\ndo\nIPTABLES_MODULES=a\ndone\n", "a loop"),
        ("case a in\nb)\nIPTABLES_MODULES=a\n;;\nesac\n", "a case command"),
        ("f()\n{\nIPTABLES_MODULES=a\n}\n", "a group"),
        ("X=1 &&\nIPTABLES_MODULES=a\n", "joined"),
        ("IPTABLES_MODULES=a command\n", "one command"),
        ("IPTABLES_MODULES=a\n'\n", "cannot be understood"),
    ],
)
def test_what_cannot_be_edited_is_said_and_left_alone(text, reason):
    (found,) = assignments(text, NAME)
    assert reason in found.reason
    for edit in (comment_out(text, NAME, None), comment_out(text, NAME, ["a"]), take_out(text, NAME, ["a"])):
        assert (edit.text, edit.changed) == (text, False)
        assert edit.problems
        assert all(problem.startswith("Line ") and problem.endswith(".") for problem in edit.problems)


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_original_case(ending):
    before, after = "# Load additional modules\r\n", 'IPTABLES_MODULES_UNLOAD="yes"\n'
    line = f'IPTABLES_MODULES="ip_conntrack_netbios_ns"{ending}'
    text = before + line + (after if ending else "")
    edit = comment_out(text, NAME, ["ip_conntrack_netbios_ns"])
    assert edit == (text.replace(line, "#" + line), True, [])
    assert put_back(edit.text, NAME, ["ip_conntrack_netbios_ns"]) == (text, True, [])


@pytest.mark.parametrize(
    ("text", "modules", "expected"),
    [
        ('NAME="a b"\n', ["a"], '#NAME="a b"\nNAME="b" # netops.conntrack: replaces the line above\n'),
        ("NAME='a b'", ["b"], "#NAME='a b'\nNAME='a' # netops.conntrack: replaces the line above"),
        (
            '  export NAME="a \\\n  b" # note\r\n',
            ["a"],
            '#netops.conntrack:  export NAME="a \\\n#netops.conntrack:  b" # note\r\n'
            '  export NAME="b" # netops.conntrack: replaces the 2 lines above\r\n',
        ),
        ('NAME="a"\nNAME="$NAME b"\n', ["a"], '#NAME="a"\nNAME="$NAME b"\n'),
        ('NAME="a"\nNAME="$NAME b"\n', ["b"], 'NAME="a"\n#NAME="$NAME b"\n'),
        ('NAME="x a"\nNAME="a"\n', ["a"], None),
        ('NAME="a-b c"\n', ["a_b", "c"], '#NAME="a-b c"\n'),
        ('NAME="b"\n', ["a"], 'NAME="b"\n'),
        ('NAME="a"\nNAME="b"\n', None, '#NAME="a"\n#NAME="b"\n'),
        ('NAME="$(lsmod)"\n', None, '#NAME="$(lsmod)"\n'),
        ('#NAME="b"\nNAME="a"\n', ["a"], '#NAME="b"\n#netops.conntrack:NAME="a"\n'),
        ('NAME="a"\nNAME+=" b c"\n', ["b"], None),
    ],
)
def test_commenting(text, modules, expected):
    text = text.replace("NAME", NAME)
    edit = comment_out(text, NAME, modules)
    assert edit.problems == []
    if expected is not None:
        assert edit.text == expected.replace("NAME", NAME)
    value = effective(text, NAME)[0]
    wanted = [] if modules is None else [word for word in words(value) if word.replace("-", "_") not in modules]
    assert words(effective(edit.text, NAME)[0]) == wanted
    assert put_back(edit.text, NAME, None).text == text


def test_an_earlier_value_does_not_come_to_light():
    edit = comment_out('IPTABLES_MODULES="x a"\nIPTABLES_MODULES="a"\n', NAME, ["a"])
    assert effective(edit.text, NAME) == ("", None)


def test_a_word_that_comes_from_elsewhere_is_a_problem():
    text = 'MORE="a b"\nIPTABLES_MODULES="$MORE c"\n'
    assert comment_out(text, NAME, ["a"]).problems
    assert take_out(text, NAME, ["a"]).problems
    assert comment_out(text, NAME, ["a"]).text == text


@pytest.mark.parametrize(
    ("text", "modules", "expected"),
    [
        ('NAME="a b c"\n', ["b"], 'NAME="a c"\n'),
        ('NAME="a b c"\n', ["a", "b"], 'NAME="c"\n'),
        ('NAME="a b c"\n', ["c"], 'NAME="a b"\n'),
        ('NAME="a"  # note\r\n', ["a"], 'NAME=""  # note\r\n'),
        ("NAME=a", ["a"], "NAME="),
        ('NAME="a \\\n  b \\\n  c"\n', ["b"], 'NAME="a \\\n  c"\n'),
        ("NAME='a'\" b\"\n", ["b"], "NAME='a'\"\"\n"),
        ("NAME=a\\ b\n", ["a"], "NAME=b\n"),
        ('NAME="a"\nNAME="$NAME a b"\n', ["a"], 'NAME=""\nNAME="$NAME b"\n'),
    ],
)
def test_taking_words_out(text, modules, expected):
    edit = take_out(text.replace("NAME", NAME), NAME, modules)
    assert edit == (expected.replace("NAME", NAME), True, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'NAME="a"\n'),
        ("X=1", 'X=1\nNAME="a"\n'),
        ("X=1\r\n", 'X=1\r\nNAME="a"\r\n'),
        ('NAME=""\n', 'NAME="a"\n'),
        ("NAME=\r\n", 'NAME="a"\r\n'),
        ("NAME=b # note\n", 'NAME="b a" # note\n'),
        ("NAME='b'\n", "NAME='b a'\n"),
        ('NAME="b \\\n c"\n', 'NAME="b \\\n c a"\n'),
        ('NAME="b"\nNAME+=""\n', 'NAME="b"\nNAME+=" a"\n'),
        ('NAME="A-b a"\n', 'NAME="A-b a"\n'),
        ('#NAME="b a"\n', '#NAME="b a"\nNAME="a"\n'),
        ('#NAME="a"\n#NAME="b"\n', 'NAME="a"\n#NAME="b"\n'),
    ],
)
def test_putting_words_back(text, expected):
    text, expected = text.replace("NAME", NAME), expected.replace("NAME", NAME)
    assert put_back(text, NAME, ["a"]) == (expected, text != expected, [])


@pytest.mark.parametrize("word", ["a b", "$(reboot)", "", "a'", "a\n"])
def test_a_word_that_is_no_module_is_not_written(word):
    edit = put_back("", NAME, [word])
    assert (edit.text, edit.changed) == ("", False)
    assert edit.problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'IPTABLES_MODULES="no"\n'),
        ("# only this", '# only this\nIPTABLES_MODULES="no"\n'),
        ("IPTABLES_MODULES=yes # why\n", 'IPTABLES_MODULES="no" # why\n'),
        ("IPTABLES_MODULES=yes\nIPTABLES_MODULES='yes'\nX=1\n", 'IPTABLES_MODULES=yes\nIPTABLES_MODULES="no"\nX=1\n'),
        ("IPTABLES_MODULES=no\n", "IPTABLES_MODULES=no\n"),
    ],
)
def test_assigning(text, expected):
    assert assign(text, NAME, "no") == (expected, expected != text, [])


@pytest.mark.parametrize("text", ['IPTABLES_MODULES="yes\n', "IPTABLES_MODULES=yes true\n", ". other\nexit\n"])
def test_what_cannot_be_assigned_is_said_and_left_alone(text):
    edit = assign(text, NAME, "no")
    assert edit[:2] == (text, False)
    assert edit.problems


@given(text=ANY_TEXT | FILES | BASH_FILES)
def test_an_assignment_holds_or_nothing_changes(run, text):
    edit = assign(text, NAME, "no")
    if not edit.problems:
        assert effective(edit.text, NAME) == ("no", None)
        assert assign(edit.text, NAME, "no") == (edit.text, False, [])
        assert {run(shell, edit.text) for shell in SHELLS if "+=" not in text} <= {"no"}
    else:
        assert edit.text == text


def test_layers_come_off_one_by_one_or_all_for_the_words_asked():
    first = 'IPTABLES_MODULES="a b c"\n'
    second = comment_out(first, NAME, ["a"]).text
    third = comment_out(second, NAME, ["b"]).text
    assert effective(third, NAME) == ("c", None)
    assert put_back(third, NAME, None).text == second
    assert put_back(second, NAME, None).text == first
    assert put_back(third, NAME, ["a", "b"]).text == first


def test_a_comment_inside_quotes_is_no_comment():
    text = 'X="\n#IPTABLES_MODULES=a\n"\n'
    assert put_back(text, NAME, None) == (text, False, [])


@given(text=ANY_TEXT | FILES | BASH_FILES, chosen=CHOSEN)
def test_commenting_can_be_undone_and_is_idempotent(text, chosen):
    edit = comment_out(text, NAME, chosen)
    assert edit.changed == (edit.text != text)
    if not edit.changed:
        return
    assert edit.problems == []
    assert put_back(edit.text, NAME, None).text == text
    assert comment_out(edit.text, NAME, chosen).text == edit.text
    before, after = effective(text, NAME)[0], effective(edit.text, NAME)[0]
    gone = None if chosen is None else {word.replace("-", "_") for word in chosen}
    kept = [] if gone is None else [word for word in words(before) if word.replace("-", "_") not in gone]
    assert words(after) == kept
    if chosen and {word.replace("-", "_") for word in chosen} <= {word.replace("-", "_") for word in words(before)}:
        assert put_back(edit.text, NAME, chosen).text == text


@given(text=ANY_TEXT | FILES | BASH_FILES, chosen=st.lists(WORD, max_size=2))
def test_any_text_can_be_edited(text, chosen):
    gone = {word.replace("-", "_") for word in chosen}
    taken = take_out(text, NAME, chosen)
    if taken.changed:
        assert not gone & {word.replace("-", "_") for word in words(effective(taken.text, NAME)[0])}
        assert take_out(taken.text, NAME, chosen) == (taken.text, False, [])
    else:
        assert taken.text == text
    back = put_back(text, NAME, chosen)
    if not back.problems:
        assert gone <= {word.replace("-", "_") for word in words(effective(back.text, NAME)[0])}
        assert put_back(back.text, NAME, chosen) == (back.text, False, [])
    assert len(assignments(text, NAME)) <= text.count(NAME) + text.count("\\\n")
    put_back(text, NAME, None)
