# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host may leave out of a kernel log before anything reads it. Apart from the reader, which is slow to load."""

from __future__ import annotations

# A host may blank every line that holds none of these, but for the first and the last, and no event is lost.
# Blank it, rather than drop it: "last message repeated" speaks of the line before it, and where that is
# dropped it would speak of another.
KEEP = ("table full", " suppressed", " repeated ")
