# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-rulebook, really running: found, started, posted to as Alertmanager posts, and ended."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
CHECKOUT = HERE.parents[2]
# Made by the gate from requirements.txt beside this.
VENV = CHECKOUT / ".cache" / "venvs" / "eda" / "bin"
POSTED = json.loads((CHECKOUT / "tests" / "unit" / "extensions" / "eda" / "posted.json").read_text(encoding="utf-8"))
TOKEN = "not-so-secret"
PATIENCE = 120


def missing():
    """What is missing for a run, as a sentence, or an empty text."""
    if not program():
        return "there is no ansible-rulebook: python3 -m venv %s, and pip install -r %s" % (
            VENV.parent.relative_to(CHECKOUT),
            (HERE / "requirements.txt").relative_to(CHECKOUT),
        )
    java = shutil.which("java")
    if not java:
        return "there is no Java: apt-get install default-jre-headless"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "([0-9]+)', told)
    if not version or int(version.group(1)) < 17:
        return "Java 17 or newer is needed: %s" % told.partition("\n")[0]
    return ""


def program():
    """ansible-rulebook of that venv, of this one, or of the PATH."""
    for folder in (VENV, pathlib.Path(sys.executable).parent):
        if (folder / "ansible-rulebook").exists():
            return str(folder / "ansible-rulebook")
    return shutil.which("ansible-rulebook")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def alert(host, name="ConntrackTableFull"):
    """What Alertmanager posts for it."""
    body = json.loads(json.dumps(POSTED))
    body["alerts"][0]["labels"].update(alertname=name, instance="%s:9100" % host)
    return body


class Rulebook:
    """``runs`` are the runs of playbooks that ended, in their order."""

    def __init__(self, folder, name, inventory, arguments=(), environment=(), **variables):
        self.port = free_port()
        self._kept = folder / "runs"
        self._log = folder / "log"
        given = folder / "variables.json"
        given.write_text(json.dumps({"conntrack_port": self.port, "conntrack_token": TOKEN, **variables}))
        command = [program(), "-r", name, "-i", str(inventory), "-e", str(given), *arguments]
        environment = {
            **os.environ,
            "PATH": "%s:%s" % (os.path.dirname(program()), os.environ["PATH"]),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "runs_kept",
            "RUNS_KEPT": str(self._kept),
            "ANSIBLE_PIPELINING": "true",
            "HOME": str(folder),
            **dict(environment),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder, env=environment,
                start_new_session=True,
            )  # fmt: skip
        try:
            self.until(self._listens, "nobody listens")
        except BaseException:
            self.end()
            raise

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def runs(self):
        return [json.loads(line) for line in self._kept.read_text().splitlines()] if self._kept.exists() else []

    @property
    def log(self):
        return self._log.read_text(encoding="utf-8", errors="replace")

    def post(self, body, token=TOKEN):
        """The status and the text of the answer. A text or bytes are posted as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": "Bearer " + token}
        request = urllib.request.Request("http://127.0.0.1:%d/alerts" % self.port, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def until(self, wanted, complaint):
        """Waits for it. The log is told where it does not come, or ansible-rulebook has ended."""
        end = time.monotonic() + PATIENCE
        while not wanted():
            assert self._process.poll() is None, "it has ended:\n" + self.log
            assert time.monotonic() < end, "%s:\n%s" % (complaint, self.log)
            time.sleep(0.1)

    def until_runs(self, number):
        """The runs, once there are so many."""
        self.until(lambda: len(self.runs) >= number, "there are not %d runs" % number)
        return self.runs

    def end(self):
        """As systemd ends it. With all that it started."""
        try:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
