# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the table by the host's Python or by its shell."""

from __future__ import annotations

from ..module_utils.calls import table
from ..module_utils.hosts.remote_table import RemoteTableHost
from ..plugin_utils.transport import TransportAction


class ActionModule(TransportAction):
    CALLED = table
    HOST = RemoteTableHost
