"""One instance of a service: says who it is, counts what it answers, and misbehaves when a file beside it says so."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST, ADDRESS, PORT, COLOUR, DIGEST = sys.argv[1:6]
FAULTS = Path("/run/faults")
SLOW_S, LONG_S = 1.5, 4


class Instance(ThreadingHTTPServer):
    """The server, and how many customers' requests it has answered."""

    daemon_threads = True
    request_queue_size = 128
    answered = 0
    lock = threading.Lock()


class Answer(BaseHTTPRequestHandler):
    """The answers; while a file says so, every third request of a customer fails or is slow."""

    protocol_version = "HTTP/1.1"
    server: Instance

    def do_GET(self) -> None:
        """Answers a look or a customer."""
        if self.path == "/version":
            self._say(200, {"release": "1.1.0", "digest": DIGEST, "colour": COLOUR, "schema": {"state": "works"}})
        elif self.path == "/answered":
            self._say(200, {"answered": self.server.answered})
        elif self.path == "/readyz" and self._has("not_ready"):
            self._say(503, {"status": "primary_silent", "because": "the file not_ready is there"})
        elif self.path in ("/healthz", "/readyz"):
            self._say(200, {"status": "ready"})
        else:
            self._serve()

    def do_POST(self) -> None:
        """Answers a customer who sends something."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve()

    def _serve(self) -> None:
        with self.server.lock:
            self.server.answered += 1
            is_third = self.server.answered % 3 == 0
        if is_third and self._has("slow"):
            time.sleep(SLOW_S)
        if self.path == "/long":
            time.sleep(LONG_S)
        self._say(500 if is_third and self._has("errors") else 200, {"colour": COLOUR, "host": HOST})

    def _has(self, fault: str) -> bool:
        return (FAULTS / f"{HOST}-{COLOUR}-{fault}").exists() or (FAULTS / f"{COLOUR}-{fault}").exists()

    def _say(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


Instance((ADDRESS, int(PORT)), Answer).serve_forever()
