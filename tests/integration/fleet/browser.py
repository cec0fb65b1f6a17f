# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page in a real browser: headless Chromium, told what to do over a pipe, so that it needs neither port nor driver.

CHROMIUM names the program; otherwise the first of NAMES that is on the PATH is taken.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# It looks for nothing on the network; root has no sandbox.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
SECONDS = 60


def program():
    """None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One tab. ``said`` is what came to its console, and each error that nobody caught."""

    def __init__(self, folder):
        theirs, self._out = os.pipe()
        self._in, told = os.pipe()

        def connect():
            # Those are the numbers that Chromium reads and writes; both ends may be in the way of each other.
            first, second = os.dup(theirs), os.dup(told)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [program(), *FLAGS, "--user-data-dir=%s" % folder, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=connect,
        )  # fmt: skip
        os.close(theirs)
        os.close(told)
        self._number, self._session, self._rest, self._events, self.said = 0, None, b"", [], []
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.tell(domain + ".enable")

    def close(self):
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(SECONDS)

    def tell(self, method, **params):
        """The answer to a command of the DevTools protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        number = self._number
        answer = self._until(lambda found: found.get("id") == number)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, url):
        self._events.clear()
        self.tell("Page.navigate", url=url)
        if not any(each.get("method") == "Page.loadEventFired" for each in self._events):
            self._until(lambda found: found.get("method") == "Page.loadEventFired")

    def value(self, script):
        """What an expression is in the page; a promise is waited for."""
        found = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key, code, text=""):
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def look(self, width, height=900, dark=False, paper=False, scale=1):
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.tell("Emulation.setEmulatedMedia", media="print" if paper else "", features=features)
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    def screenshot(self, path, whole=False):
        found = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as stream:
            stream.write(base64.b64decode(found["data"]))

    def printed(self, path):
        with open(path, "wb") as stream:
            stream.write(base64.b64decode(self.tell("Page.printToPDF", printBackground=False)["data"]))

    def _until(self, fits):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            while b"\0" in self._rest:
                line, self._rest = self._rest.split(b"\0", 1)
                found = json.loads(line)
                self._note(found)
                if fits(found):
                    return found
            part = os.read(self._in, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        raise AssertionError("no answer of the browser within %d seconds" % SECONDS)

    def _note(self, found):
        if "method" not in found:
            return
        self._events.append(found)
        if found["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(found["params"])


@contextlib.contextmanager
def page(folder):
    made = Page(folder)
    try:
        yield made
    finally:
        made.close()
