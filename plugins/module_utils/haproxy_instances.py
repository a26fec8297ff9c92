"""The instances behind the balancer, asked themselves: which release they are, and whether they can serve.

Every question has a deadline, for an instance that hangs accepts connections and never answers.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any, NamedTuple

TOO_LONG = 1_000_000


class Answer(NamedTuple):
    """What came back: `status` is None where nothing did, and `reached` false where no connection was made at all."""

    reached: bool
    status: int | None
    body: bytes
    because: str


class Question(NamedTuple):
    """A path of one instance."""

    host: str
    colour: str
    path: str


def get(address: str, port: int, path: str, timeout: float) -> Answer:
    """The answer to a GET within `timeout` seconds in all, however it drips."""
    deadline = time.monotonic() + timeout
    try:
        connection = socket.create_connection((address, port), timeout=timeout)
    except ConnectionRefusedError:
        return Answer(True, None, b"", f"nothing listens on port {port}")
    except OSError as error:
        return Answer(False, None, b"", f"no connection to {address}:{port} within {timeout:g} s: {error}")
    try:
        with connection:
            # HTTP/1.0: one answer, in one piece, and the end of the connection is the end of it.
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            return _understand(_read(connection, deadline))
    except (OSError, ValueError) as error:
        return Answer(True, None, b"", f"connected, and no answer within {timeout:g} s: {error or 'none'}")


def _read(connection: socket.socket, deadline: float) -> bytes:
    text = b""
    while len(text) < TOO_LONG and not _is_whole(text):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("it began and did not end" if text else "timed out")
        connection.settimeout(left)
        chunk = connection.recv(65536)
        if not chunk:
            break
        text += chunk
    return text


def _is_whole(text: bytes) -> bool:
    head, end, body = text.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(body) >= int(value)
    return False


def _understand(text: bytes) -> Answer:
    head, _, body = text.partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):  # noqa: PLR2004  protocol and status
        raise ValueError("it is no HTTP" if text else "it closed the connection")
    return Answer(True, int(words[1]), body, f"status {int(words[1])}")


def ask_all(
    applications: dict[str, str], ports: dict[str, int], timeout: float, within: float
) -> dict[Question, Answer]:
    """What every instance answers about its version and its readiness, all asked at the same time.

    Returns within `within` seconds; what is not there by then, because its name is still looked up, is unreached.
    """
    unanswered = Answer(False, None, b"", f"no address and no connection within {within:g} s")
    answers: dict[Question, Answer] = {}

    def ask(question: Question) -> None:
        answers[question] = get(applications[question.host], ports[question.colour], question.path, timeout)

    questions = [Question(h, c, path) for h in applications for c in ports for path in ("/version", "/readyz")]
    threads = [threading.Thread(target=ask, args=(question,), daemon=True) for question in questions]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    seen = dict(answers)
    return {question: seen.get(question, unanswered) for question in questions}


def instance(version: Answer, readiness: Answer, *, in_service: bool) -> dict[str, Any]:
    """What is known of one instance from its answers about its version and its readiness."""
    told, state = _object(version), _object(readiness)
    schema = told.get("schema")
    answers = version.status == 200 and bool(told)  # noqa: PLR2004  OK
    ready = readiness.status == 200  # noqa: PLR2004  OK
    return {
        "reachable": version.reached or readiness.reached,
        "answers": answers,
        "ready": ready,
        "release": told.get("digest"),
        "version": told.get("release"),
        "schema_state": schema.get("state") if isinstance(schema, dict) else None,
        "in_service": in_service,
        "because": None if ready else str(state.get("because") or state.get("status") or readiness.because),
    }


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def colour(hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What is known of all instances of one colour; its release only where all that are in service say the same."""
    told = {host["release"] for host in hosts.values() if host["in_service"] and host["answers"]}
    return {
        "release": told.pop() if len(told) == 1 else None,
        "ready": [name for name, host in hosts.items() if host["in_service"] and host["ready"]],
        "hosts": hosts,
    }
