# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits the files by the host's Python or by its shell."""

from __future__ import annotations

from ..module_utils.calls import iptables_config
from ..plugin_utils.transport import TransportAction


class ActionModule(TransportAction):
    CALLED = iptables_config
