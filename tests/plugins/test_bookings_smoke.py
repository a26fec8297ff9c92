"""An instance that is right passes; one that is wrong in any one way is refused, and the message says how."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

SECRET = "the-secret-of-the-tests"
BOOKING = "11111111-1111-1111-1111-111111111111"
RELEASE = f"sha256:{'a' * 64}"
STEPS = ["ready", "release", "warm", "alive", "metrics", "event", "book", "repeat"]
STEPS += ["forged_payment", "payment", "read_back", "sign_in", "forged_token"]
TOKEN = "header.claims.signature"

Change = dict[str, tuple[int, Any]]


class Service:
    """Answers as the service does, but for the routes in `wrong`, whose answers are as given."""

    def __init__(self, wrong: Change, not_ready: int = 0, late: str = "") -> None:
        self.wrong, self.not_ready, self.late = wrong, not_ready, late
        self.asked: list[str] = []
        self.keys: list[str] = []

    def answer(self, route: str, headers: Any, body: bytes) -> tuple[int, Any]:  # noqa: ANN401  # as http.server has them
        self.asked.append(route)
        if route == "GET /readyz" and self.not_ready:
            self.not_ready -= 1
            return 503, {"status": "schema_behind"}
        return self.wrong.get(route) or self.right(route, headers, body)

    def right(self, route: str, headers: Any, body: bytes) -> tuple[int, Any]:  # noqa: ANN401  # the same
        if route == "POST /v1/bookings":
            self.keys.append(headers["Idempotency-Key"])
            return (201 if len(self.keys) == 1 else 200), {"booking": BOOKING, "seat": 0}
        if route == "POST /v1/webhooks/payments":
            expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            return (200, {"outcome": "confirmed"}) if headers["X-Signature"] == expected else (401, {})
        if route == "POST /v1/sign-in":
            return 200, {"token": TOKEN}
        if route == "GET /v1/bookings" and headers["Authorization"] not in {None, f"Bearer {TOKEN}"}:
            return 401, {}
        if route == "GET /v1/bookings":
            taken = [{"key": key, "seat": 0, "booking": BOOKING} for key in self.keys[:1]]
            return 200, {"bookings": taken, "next": None}
        plain = {
            "GET /version": {"digest": RELEASE},
            "GET /metrics": "bookings_requests_total 1",
        }
        return (201, {}) if route == "POST /v1/events" else (200, plain.get(route, {}))


@contextmanager
def serving(service: Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            route = f"{self.command} {self.path.partition('?')[0]}"
            status, said = service.answer(route, self.headers, body)
            if route == service.late:
                time.sleep(0.15)
            text = said if isinstance(said, str) else json.dumps(said)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def smoke(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("bookings_smoke")


def attempt(smoke: ModuleType, url: str, **changes: object) -> list[dict[str, Any]]:
    asked = {"event": "smoke-1", "webhook_secret": SECRET, "release": RELEASE, "warm": 3, "ready_within": 1.0} | changes
    taken: list[dict[str, Any]] = []
    trial = smoke.Trial(smoke.Instance(url, timeout=1.0), asked)
    smoke.attempt(trial, asked.get("max_seconds", 1.0), taken)
    return taken


def refusal(smoke: ModuleType, service: Service, **changes: object) -> str:
    with serving(service) as url, pytest.raises(smoke.RefusedError) as refused:
        attempt(smoke, url, **changes)
    return str(refused.value)


def test_an_instance_that_is_right_passes_every_step_in_order(smoke: ModuleType) -> None:
    service = Service({})
    with serving(service) as url:
        taken = attempt(smoke, url)
    assert [step["step"] for step in taken] == STEPS
    assert service.asked.count("GET /v1/bookings") == 3 + 3
    assert len(set(service.keys)) == 1


@pytest.mark.parametrize(
    ("route", "answer", "says"),
    [
        ("GET /version", (200, {"digest": f"sha256:{'b' * 64}"}), "digest is not"),
        ("GET /v1/bookings", (500, {"error": "broken"}), "500"),
        ("GET /healthz", (503, {}), "503"),
        ("GET /metrics", (200, "up 1"), "without bookings_requests_total"),
        ("POST /v1/events", (422, {"error": "other_request"}), "other_request"),
        ("POST /v1/sign-in", (503, {"error": "no keys"}), "no keys"),
        ("POST /v1/sign-in", (200, {"token": "another"}), "the answer to its own token"),
        ("POST /v1/bookings", (500, {"error": "broken"}), "500"),
        ("POST /v1/bookings", (201, {"seat": 0}), "without a booking"),
        ("POST /v1/bookings", (201, {"booking": BOOKING}), "201"),
        ("POST /v1/webhooks/payments", (200, {"outcome": "confirmed"}), "badly signed payment"),
        ("POST /v1/webhooks/payments", (401, {}), "401"),
        ("GET /v1/bookings", (200, {"bookings": []}), f"without the booking {BOOKING}"),
    ],
)
def test_an_instance_that_is_wrong_in_one_way_is_refused(
    smoke: ModuleType, route: str, answer: tuple[int, Any], says: str
) -> None:
    assert says in refusal(smoke, Service({route: answer}))


def test_an_instance_that_believes_every_token_is_refused(smoke: ModuleType) -> None:
    class Gullible(Service):
        def right(self, route: str, headers: Any, body: bytes) -> tuple[int, Any]:  # noqa: ANN401  # as in Service
            if route == "GET /v1/bookings":
                headers = {"Authorization": None}
            return super().right(route, headers, body)

    assert "the answer to a forged token" in refusal(smoke, Gullible({}))


def test_a_payment_that_is_not_confirmed_is_refused(smoke: ModuleType) -> None:
    class Unsure(Service):
        def right(self, route: str, headers: Any, body: bytes) -> tuple[int, Any]:  # noqa: ANN401  # as in Service
            status, said = super().right(route, headers, body)
            return status, {"outcome": "refund_due"} if said == {"outcome": "confirmed"} else said

    assert "outcome is not 'confirmed'" in refusal(smoke, Unsure({}))


def test_an_instance_that_gets_ready_in_time_is_waited_for(smoke: ModuleType) -> None:
    with serving(Service({}, not_ready=2)) as url:
        assert attempt(smoke, url)


def test_an_instance_that_never_gets_ready_is_told_with_its_last_answer(smoke: ModuleType) -> None:
    said = refusal(smoke, Service({}, not_ready=1000), ready_within=0.3)
    assert said.startswith("not ready within 0.3 s: 503")
    assert "schema_behind" in said


def test_an_instance_that_does_not_listen_is_told(smoke: ModuleType) -> None:
    with serving(Service({})) as url:
        pass
    with pytest.raises(smoke.RefusedError, match=r"not ready within 0[.]1 s: connection refused"):
        attempt(smoke, url, ready_within=0.1)


def test_a_step_that_takes_too_long_is_refused_although_its_answer_is_right(smoke: ModuleType) -> None:
    assert "right, but after" in refusal(smoke, Service({}, late="POST /v1/bookings"), max_seconds=0.1)


def test_getting_ready_and_warm_may_take_longer(smoke: ModuleType) -> None:
    with serving(Service({}, late="GET /version")) as url:
        assert attempt(smoke, url, max_seconds=0.1)


def test_no_release_is_asked_for_when_none_is_named(smoke: ModuleType) -> None:
    with serving(Service({"GET /version": (200, {})})) as url:
        assert attempt(smoke, url, release="")
