# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A passive FTP session over loopback, as far as the announcement of a connection that then nobody makes."""

from __future__ import annotations

import socket

server = socket.create_server(("127.0.0.1", 21))
client = socket.create_connection(("127.0.0.1", 21), timeout=10)
session, _address = server.accept()
# The kernel's helper reads on from the end of a line that it has seen.
session.sendall(b"220 ready\r\n")
client.recv(100)
client.sendall(b"PASV\r\n")
session.recv(100)
session.sendall(b"227 Entering Passive Mode (127,0,0,1,200,10)\r\n")
client.recv(100)
