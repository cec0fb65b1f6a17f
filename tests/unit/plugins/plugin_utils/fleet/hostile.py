# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host, or an inventory, may say to hurt whoever reads the report."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.plugin_utils.fleet.rows import Row

TEXTS = {
    "quotes": "a\"b'c`d",
    "line ends": "a\r\nb\nc\u2028d\x85e",
    "script": "</script><script>document.title='caught'</script><img src=x onerror=\"document.title='caught'\">",
    "comment": "--><!-- ]]> &amp; &lt;",
    "template": "{{ lookup('pipe', 'id') }}{% for a in b %}",
    "formula": '=HYPERLINK("http://example.com","x")',
    "formulas": "\t=1+1",
    "at": "@SUM(1)",
    "wide formula": "＝1+1",
    "long": "x" * 5000,
    "wide": "ゲートウェイ" * 40,
    "to the left": "\u202egnp.exe\u2066 שלום",
    "control": "a\x00b\x1b[31mc\x07d\x7f\x9b31m",
    "joined": "e\u0301\u200b\u200d👩\u200d💻",
    "backslash": "a\\nb\\",
    "nothing": "",
}


def rows():
    """Each text at each place where a host has a say."""
    for name, text in TEXTS.items():
        yield Row(
            host="%s %s" % (name, text), status="full", summary=text, entries=1, max=2, usage=0.5, drops=3,
            interval=10.0, drops_per_second=0.5, growth_per_second=-2.5, evidence=[text],
            advice=[{"setting": text or None, "value": 1, "now": 2, "where": text, "why": text}],
            drift=[{"setting": text, "live": 1, "after_boot": None, "wanted": 3, "why": text}],
            writers=[{"name": text, "knob": text}],
            talkers=[{"group": text, "who": text, "entries": 5, "share": 0.5, "share_low": 0.4, "share_high": 0.6}],
            findings=[{"finding": text, "why": text, "evidence": [text], "settings": {text: 5}}],
            unread=[text], kernel=text, transport=text, error=text,
        )  # fmt: skip
        yield Row(host=text, status="unreachable", summary=text, error=text)
