# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of mounts, as the kernel writes it."""

from __future__ import annotations

from ansible_collections.netops.conntrack.plugins.module_utils.formats.mounts import mounts

# In the manner of a container's.
TEXT = (
    "overlay / overlay rw,relatime,lowerdir=/a:/b 0 0\n"
    "proc /proc/sys proc ro,nosuid 0 0\n"
    "/dev/sda1 /mnt/my\\040disk\\134x ext4 ro 0 0\n"
    "half a line\n"
)


def test_points_and_options_in_their_order():
    assert list(mounts(TEXT)) == [
        ("/", ("rw", "relatime", "lowerdir=/a:/b")),
        ("/proc/sys", ("ro", "nosuid")),
        ("/mnt/my disk\\x", ("ro",)),
    ]
