"""One instance of the bookings service, asked directly."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 and the reason in `text` when nothing did."""

    status: int
    text: str

    def __str__(self) -> str:
        """The answer in one line."""
        said = " ".join(self.text.split())[:200]
        return f"{self.status} {said}" if self.status else said

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object in it; an empty one when there is none."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Instance:
    """One instance of the service, reached directly."""

    def __init__(self, url: str, timeout: float) -> None:
        address = urlsplit(url)
        self._host, self._port, self._timeout = address.hostname or "", address.port, timeout

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """The answer to one request; it does not raise when there is none."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, named)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(errors="replace"))
        except TimeoutError:
            return Answer(0, f"no answer within {self._timeout} s")
        except ConnectionRefusedError:
            return Answer(0, "connection refused")
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, f"no answer: {error!r}")
        finally:
            connection.close()
