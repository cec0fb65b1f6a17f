# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next boot will do, said before a real boot and looked up after it, over the table of combinations."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest

CHECKOUT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
THERE = "/root/audit"
SYSTEMD_SYSCTL = "/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter --prefix=/net/nf_conntrack_max"
RULE = 'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nf_conntrack", RUN+="%s"' % SYSTEMD_SYSCTL
WAYS = {
    "loaded early": "/etc/modules-load.d/audit.conf=nf_conntrack",
    "loaded early by what depends on it": "/etc/modules-load.d/audit.conf=nft_ct",
    "set again by a rule": "/etc/udev/rules.d/50-audit.rules=" + RULE,
    "loaded too late": "/etc/audit-nothing=",
}


@pytest.fixture(scope="module")
def audited(guest):
    """The guest with the model in it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for part in ("plugins/module_utils", "tests/integration/audit"):
            tar.add(
                os.path.join(CHECKOUT, part), part, filter=lambda item: None if "__pycache__" in item.name else item
            )
    inside = "ansible_collections/netops/conntrack/plugins"
    guest.feed(
        f"mkdir -p {THERE}/{inside} && cd {THERE} && tar -x && mv plugins/module_utils {inside} "
        f"&& mv tests/integration/audit/* . && touch {inside}/__init__.py",
        archive.getvalue(),
    )
    return guest


@pytest.mark.parametrize(
    ("number", "way"),
    [
        (0, "loaded early"),
        (1, "loaded early by what depends on it"),
        (2, "set again by a rule"),
        (0, "loaded too late"),
    ],
)
def test_a_boot_does_what_was_said(audited, number, way):
    place, _sign, text = WAYS[way].partition("=")
    lay = f"cd {THERE} && python3 on_guest.py lay {number} '{place}={text}\\n'"
    said = json.loads(audited.run(lay))
    try:
        audited.reboot()
        audited.run("modprobe nf_conntrack && udevadm settle && sleep 1")
        found = json.loads(audited.run(f"cd {THERE} && python3 on_guest.py read"))
    finally:
        audited.run(f"cd {THERE} && python3 on_guest.py clear; modprobe -r nft_ct; modprobe -r nf_conntrack")
    names = {leaf: name for name, leaf in said["leaves"]}
    expected = {leaf: said["expected"][leaf] for leaf in names if leaf in found}
    assert len(expected) >= 10
    wrong = [
        (names[leaf], leaf, value, source, found[leaf])
        for leaf, (value, source, *_rest) in expected.items()
        # A default that is not known is said to be unknown.
        if value != found[leaf] and not (value is None and source == "kernel default")
    ]
    assert wrong == []
    by_files = [leaf for leaf, (_value, source, *_rest) in expected.items() if source.startswith("/")]
    assert (by_files == []) == (way == "loaded too late")
