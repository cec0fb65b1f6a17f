# Copyright: (c) 2026, the netops.conntrack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of the API of AWX as ansible-rulebook needs to launch job templates. Keeps what was launched."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

TEMPLATES = {1: "Conntrack diagnose", 2: "Conntrack tune"}


class Controller:
    """``launched``: name of the template and the body of the request, one after the other."""

    def __init__(self):
        self.launched = []
        controller = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path, query = (self.path + "?").split("?")[:2]
                self._answer(controller.get(path, dict(urllib.parse.parse_qsl(query))))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(controller.launch(self.path, body))

            def _answer(self, told):
                data = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def get(self, path, query):
        if path == "/api/v2/config/":
            return {"version": "24.6.1"}
        if path == "/api/v2/unified_job_templates/":
            found = [self._template(number) for number, name in TEMPLATES.items() if name == query["name"]]
            return {"count": len(found), "next": None, "results": found}
        assert path == "/api/v2/jobs/", path
        jobs = [{"id": int(job), "status": "successful", "created": "now"} for job in query["id__in"].split(",")]
        return {"count": len(jobs), "next": None, "results": jobs}

    def _template(self, number):
        asks = {"ask_%s_on_launch" % what: what in ("limit", "variables") for what in ("limit", "labels", "inventory")}
        return {
            **asks,
            "ask_variables_on_launch": True,
            "id": number,
            "type": "job_template",
            "name": TEMPLATES[number],
            "related": {"launch": "/api/v2/job_templates/%d/launch/" % number},
            "summary_fields": {"organization": {"name": "Default"}},
        }

    def launch(self, path, body):
        self.launched.append((TEMPLATES[int(path.split("/")[4])], body))
        return {"url": "/api/v2/jobs/%d/" % len(self.launched)}

    def end(self):
        self._server.shutdown()
        self._server.server_close()
