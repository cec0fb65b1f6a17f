# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab remembers between its commands, in its state directory.

  state.json            the bridge, and each host's kind, process, address and link
  key, key.pub          the key that opens every host of this lab
  known_hosts           the hosts' own keys
  inventory.yml         for Ansible
  hosts/NAME/           host key and log; for a recorded host the copy of its recording; for a guest its disk (what
                        it wrote, over the image) and identity.tar (name and keys)

A record is written before the thing it names is made, so that `lab down` finds it after a crash at any point.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading


class LabError(Exception):
    """Something asked of the lab went wrong; the message is a sentence for the person who asked."""


class Unavailable(LabError):
    """This machine cannot have a lab; the message says what is missing."""


class State:
    """The state directory, locked for as long as the `with` block lasts."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.bridge = None
        self.hosts = {}
        self._guard = threading.Lock()

    @classmethod
    def read(cls, folder):
        """The state as it stands, without a lock: for looking only."""
        state = cls(folder)
        state._load()
        return state

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        self._lock = open(self.path("lock"), "w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._load()
        return self

    def __exit__(self, *_exception):
        self._lock.close()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def set_bridge(self, record):
        with self._guard:
            self.bridge = record
            self._save()

    def set_host(self, name, record):
        """Remember a host, or forget it (record None)."""
        with self._guard:
            if record is None:
                self.hosts.pop(name, None)
            else:
                self.hosts[name] = record
            self._save()

    def claim_number(self, name, kind):
        """Give a host of a kind a number no other host of this lab has: the last part of its address."""
        with self._guard:
            taken = {host["number"] for host in self.hosts.values()}
            number = next(number for number in range(10, 250) if number not in taken)
            self.hosts[name] = {"kind": kind, "number": number, "pid": None}
            self._save()

    def make_key(self):
        make_key(self.path("key"))

    def _load(self):
        try:
            with open(self.path("state.json"), encoding="utf-8") as file:
                record = json.load(file)
        except FileNotFoundError:
            return
        self.bridge, self.hosts = record["bridge"], record["hosts"]

    def _save(self):
        temporary = self.path("state.json.new")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump({"bridge": self.bridge, "hosts": self.hosts}, file, indent=2)
        os.replace(temporary, self.path("state.json"))


def make_key(path):
    """An ed25519 key pair at path and path.pub, unless it is there already."""
    if not os.path.exists(path):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
