# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event source for ansible-rulebook: alerts of Alertmanager that say that a connection-tracking table is full."""

from __future__ import annotations

import ipaddress
import pathlib
import sys
import typing as t

from aiohttp import web
from ansible_rulebook.event_source import webhook

# ansible-rulebook runs this file by its path, and knows nothing of collections in Python's way.
sys.path.append(str(pathlib.Path(__file__).parents[7]))

from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils import alerts, options  # noqa: E402

if t.TYPE_CHECKING:
    import asyncio

    from ansible_collections.netops.conntrack.extensions.eda.plugins.event_utils.desk import Desk

DOCUMENTATION = r"""
---
short_description: Alerts of Alertmanager about full connection-tracking tables
description:
  - Listens for what a webhook receiver of Alertmanager posts, in version 4 of its format, and makes one event of each
    alert that fires, was chosen by its name, and is not held back by the limits.
  - An event has C(conntrack) with C(host), C(verdict), C(usage), C(source), C(message), C(time) and C(tune), which says
    whether the table is full and the limits allow to tune the host now; and C(meta.hosts), by which ansible-rulebook
    limits each run to this one host.
  - What is not such a post is answered with 400, and logged. A body may have 1 MiB.
  - HTTP, TLS and tokens are those of C(eda.builtin.webhook).
options:
  host:
    description: The address to listen on. Another one than of the loopback takes a way of knowing who posts, which is
      O(token), O(hmac_secret), or O(certfile) with O(cafile) or O(capath).
    type: str
    default: 127.0.0.1
  port:
    description: The TCP port to listen on.
    type: int
    default: 5001
  token:
    description: The bearer token that Alertmanager has to send.
    type: str
  certfile:
    description: A file with a certificate, for HTTPS.
    type: str
  keyfile:
    description: A file with the key of O(certfile).
    type: str
  password:
    description: The password of O(keyfile).
    type: str
  cafile:
    description: A file with the authorities for certificates that clients have to show.
    type: str
  capath:
    description: The same as a folder.
    type: str
  hmac_secret:
    description: A secret that posts have to be signed with. Alertmanager itself does not sign.
    type: str
  hmac_algo:
    description: The hash of the signature.
    type: str
    default: sha256
  hmac_header:
    description: The header with the signature.
    type: str
    default: x-hub-signature-256
  hmac_format:
    description: How the signature is written.
    type: str
    choices: [hex, base64]
    default: hex
  alerts:
    description: The names of the alerts that count, each with its verdict, V(full) or V(pressure).
    type: dict
    default:
      ConntrackTableFull: full
      ConntrackTablePressure: pressure
      NodeHighNumberConntrackEntriesUsed: pressure
      HostConntrackLimit: pressure
  host_label:
    description: The label that has the name of the host as the inventory knows it. A port behind it is taken off.
    type: str
    default: instance
  cool_down:
    description: Seconds for which a host that had an event has no other one, unless it is worse.
    type: int
    default: 1800
  tunes_per_hour:
    description: How many hosts an hour may be tuned. V(0) is none.
    type: int
    default: 5
  state_file:
    description: A file in which the limits are kept over a restart. It is shared by the sources that name it. Without
      it they hold for as long as ansible-rulebook runs.
    type: str
"""

EXAMPLES = r"""
- name: Full connection-tracking tables
  hosts: all
  sources:
    - netops.conntrack.alertmanager:
        host: 0.0.0.0
        token: "{{ conntrack_token }}"
        certfile: /etc/ansible-rulebook/cert.pem
        keyfile: /etc/ansible-rulebook/key.pem
        host_label: nodename
        state_file: /var/lib/ansible-rulebook/conntrack.json
  rules:
    - name: Diagnose
      condition: event.conntrack is defined
      action:
        run_playbook:
          name: netops.conntrack.diagnose
"""

_OF_WEBHOOK = (
    *("host", "port", "token", "certfile", "keyfile", "password", "cafile", "capath"),
    *("hmac_secret", "hmac_algo", "hmac_header", "hmac_format"),
)


class Inbox:
    """What the webhook takes for the queue: here posts become events."""

    def __init__(self, queue: asyncio.Queue[t.Any], desk: Desk, verdicts: dict[str, str], host_label: str) -> None:
        self._queue = queue
        self._desk = desk
        self._verdicts = verdicts
        self._host_label = host_label

    async def put(self, received: dict[str, t.Any]) -> None:
        try:
            findings, refused = alerts.read(received["payload"], self._verdicts, self._host_label)
        except alerts.NotAlerts as error:
            self._desk.refuse(["a post was refused: %s" % error])
            raise web.HTTPBadRequest(text="%s\n" % error) from error
        self._desk.refuse(refused)
        for event in self._desk.events(findings):
            await self._queue.put(event)


async def main(queue: asyncio.Queue[t.Any], args: dict[str, t.Any]) -> None:
    given = options.given(args, (*_OF_WEBHOOK, *options.ALERTS, *options.LIMITS))
    passed_on = {name: given[name] for name in _OF_WEBHOOK if name in given}
    passed_on.setdefault("host", "127.0.0.1")
    for name, value in passed_on.items():
        if name != "port" and not isinstance(value, str):
            # Without the value, which may be a secret.
            raise ValueError("%s: it is no text; in a rulebook, a template that looks like a number becomes one" % name)
    passed_on["port"] = options.whole(given, "port", 5001, 1, 65535)
    if not _is_loopback(passed_on["host"]) and not _knows_who_posts(passed_on):
        raise ValueError(
            "host: %s is not of the loopback, and whoever reaches it could start runs; allowed with token, with "
            "hmac_secret, or with certfile and one of cafile and capath" % passed_on["host"]
        )
    inbox = Inbox(queue, options.desk(given), options.verdicts(given), options.host_label(given))
    await webhook.main(inbox, passed_on)


def _knows_who_posts(given: dict[str, t.Any]) -> bool:
    # The webhook asks for certificates only where it has one itself.
    by_certificate = "certfile" in given and ("cafile" in given or "capath" in given)
    return by_certificate or "token" in given or "hmac_secret" in given


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
