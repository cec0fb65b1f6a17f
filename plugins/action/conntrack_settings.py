# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirms a change of settings over a fresh connection."""

from __future__ import annotations

from ..module_utils.calls import settings
from ..plugin_utils.confirming import ConfirmingAction


class ActionModule(ConfirmingAction):
    CALLED = settings
    # How ``auto`` was computed.
    KEPT = ("sizing",)
