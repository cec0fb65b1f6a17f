# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirms over a fresh connection that connection tracking was unloaded."""

from __future__ import annotations

from ..module_utils.calls import unload
from ..plugin_utils.confirming import ConfirmingAction


class ActionModule(ConfirmingAction):
    CALLED = unload
    # Who held it is not to be seen any more once it is gone.
    KEPT = ("answer", "holders", "modules", "report", "unload_order")
