"""The HTTP side: each route, what it asks of the database, and which answer is which status."""

from __future__ import annotations

import logging
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .bearer import BadToken, key_set, sign, verify
from .compatibility import Applied, Compatibility, judge
from .database import Database, Indeterminate
from .keyring import Keyring
from .metrics import Metrics
from .migration import APPLIED, IS_MIGRATED, expected
from .pool import Unavailable
from .release import read_release
from .requests import (
    BadRequest,
    booking_request,
    event_request,
    page_request,
    payment_request,
    sign_in_request,
    signed_with,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from .settings import Settings

    Endpoint = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)

OPEN_EVENT = "SELECT bookings.open_event(%s, %s)"
BOOK = "SELECT * FROM bookings.book(%s, %s, %s, %s, %s, %s)"
TAKE_PAYMENT = "SELECT bookings.take_payment(%s, %s)"
PAGE = """
    SELECT key, seat, id::text FROM bookings.bookings
    WHERE event = %s AND seat >= %s AND (seat, id) > (%s, %s)
        AND (state = 'confirmed' OR state = 'held' AND held_until > now())
    ORDER BY seat, id LIMIT %s
"""
LOOK = f"SELECT current_setting('transaction_read_only') = 'off', ({IS_MIGRATED})"

STATUS = {
    "created": 201,
    "repeated": 200,
    "confirmed": 200,
    "refund_due": 200,
    "other_request": 422,
    "seat_taken": 409,
    "unknown_seat": 404,
    "unknown_booking": 404,
}
RETRY = {"Retry-After": "1"}
CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class Service:
    """One instance of the bookings service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keyring = Keyring(settings.secrets)
        self._database = Database(settings, self._keyring.credentials)
        self._metrics = Metrics(self._database, self._keyring)
        self._release = read_release()
        self._expected = expected()
        self.draining = False

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                self._route("POST", "/v1/bookings", self.book),
                self._route("GET", "/v1/bookings", self.list_bookings),
                self._route("POST", "/v1/events", self.open_event),
                self._route("POST", "/v1/webhooks/payments", self.take_payment),
                self._route("POST", "/v1/sign-in", self.sign_in),
                self._route("GET", "/.well-known/jwks.json", self.key_set),
                self._route("GET", "/healthz", self.health),
                self._route("GET", "/readyz", self.readiness),
                self._route("GET", "/metrics", self.metrics),
                self._route("GET", "/version", self.version),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._database.pool.opened(), self._keyring.watched(self._database.sign_in):
            yield

    def _route(self, method: str, path: str, endpoint: Endpoint) -> Route:
        """Return the route with what all have in common: the answers to trouble, and the counting."""

        async def answer(request: Request) -> Response:
            started = time.perf_counter()
            try:
                request.state.bearer = self._bearer(request) if path.startswith("/v1/") else None
                response = await endpoint(request)
            except BadToken as error:
                response = JSONResponse({"error": "bad_token", "because": str(error)}, 401, CHALLENGE)
            except BadRequest as error:
                response = JSONResponse({"error": "bad_request", "because": str(error)}, 400)
            except Unavailable as error:
                log.info("%s %s: %s", method, path, error)
                response = JSONResponse({"error": "database_unavailable", "written": False}, 503, RETRY)
            except Indeterminate as error:
                log.warning("%s %s: not acknowledged: %s", method, path, error)
                self._metrics.indeterminate.inc()
                response = JSONResponse({"error": "outcome_unknown", "written": None}, 503, RETRY)
            if self.draining:
                # The caller's next request would meet a closed door: let it connect elsewhere now.
                response.headers["Connection"] = "close"
            self._metrics.note(f"{method} {path}", response.status_code, time.perf_counter() - started)
            return response

        return Route(path, answer, methods=[method])

    def _bearer(self, request: Request) -> str | None:
        """Return the customer who shows a token; None for a guest, who shows none.

        Raises:
            BadToken: what is shown is no good; that nobody is taken for a guest who believes to be signed in.
        """
        shown = request.headers.get("authorization")
        if shown is None:
            return None
        bearer = verify(self._keyring.signing, shown)
        self._metrics.note_key("verifying", bearer.kid)
        return bearer.customer

    async def open_event(self, request: Request) -> Response:
        """201 for a new event, 200 for the same one again, 422 if it has another number of seats."""
        event, seats = event_request(await request.body())
        (outcome,) = await self._database.write(OPEN_EVENT, (event, seats))
        return self._answer(outcome, {"id": event, "seats": seats})

    async def book(self, request: Request) -> Response:
        """201 for a new booking, 200 and the same body for a repeat, 409 for a seat that is sold."""
        key, bearer = request.headers.get("idempotency-key"), request.state.bearer
        wish = booking_request(key, await request.body(), bearer)
        outcome, booking, held_until, server, timeline = await self._database.write(
            BOOK, (wish.key, wish.digest(), wish.event, wish.seat, wish.customer, wish.hold_seconds)
        )
        body = {"booking": booking, "event": wish.event, "seat": wish.seat}
        body |= {"server": server, "timeline": timeline, "release": self._release.digest}
        if held_until is not None:
            body["held_until"] = held_until.isoformat()
        return self._answer(outcome, body)

    async def list_bookings(self, request: Request) -> Response:
        """A page of the seats that are sold or held, by seat; `next` is null on the last one."""
        query = request.query_params
        event, seat, booking, limit = page_request(query.get("event"), query.get("after"), query.get("limit", "1000"))
        rows = await self._database.read(PAGE, (event, seat, seat, booking, limit))
        cursor = f"{rows[-1][1]}.{rows[-1][2]}" if len(rows) == limit else None
        found = [{"key": key, "seat": number, "booking": taken} for key, number, taken in rows]
        return JSONResponse({"bookings": found, "next": cursor})

    async def take_payment(self, request: Request) -> Response:
        """200 when the payment is noted, once or again; 401 when it is not the payment provider who says so."""
        body = await request.body()
        signer = signed_with(body, request.headers.get("x-signature", ""), self._keyring.webhook.accepted)
        if signer is None:
            return JSONResponse({"error": "bad_signature"}, 401)
        self._metrics.note_key("webhook", signer)
        payment, booking = payment_request(body)
        (outcome,) = await self._database.write(TAKE_PAYMENT, (payment, booking))
        return self._answer(outcome, {"payment": payment, "booking": str(booking), "outcome": outcome})

    async def sign_in(self, request: Request) -> Response:
        """200 with a token that makes the caller this customer for a while."""
        customer = sign_in_request(await request.body())
        token = sign(self._keyring.signing, customer, self._settings.token_seconds)
        body = {"token": token.text, "kid": token.kid, "expires_at": token.expires_at}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def key_set(self, _: Request) -> Response:
        """The keys that tokens can be verified with (JWKS)."""
        return JSONResponse(key_set(self._keyring.signing))

    async def health(self, _: Request) -> Response:
        """200: the process runs. It does not touch the database, whose loss a restart would not mend."""
        return JSONResponse({"status": "alive"})

    async def readiness(self, _: Request) -> Response:
        """200 when bookings can be taken: not draining, a primary answers, and its schema suits this release."""
        if self.draining:
            return not_ready("draining", "this instance is about to leave")
        try:
            writable, schema = await self._look()
        except Unavailable as error:
            return not_ready("database_unavailable", str(error))
        if not writable:
            return not_ready("read_only", "the database takes no writes")
        if schema.state != "works":
            return not_ready(f"schema_{schema.state}", schema.because)
        return JSONResponse({"status": "ready"})

    async def metrics(self, _: Request) -> Response:
        """Figures for Prometheus."""
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def version(self, _: Request) -> Response:
        """The release that runs, and the schema that it found: null when the database cannot say."""
        try:
            schema = (await self._look())[1].as_json()
        except Unavailable:
            schema = None
        return JSONResponse(
            {
                "release": self._release.version,
                "digest": self._release.digest,
                "colour": self._settings.colour or None,
                "schema": schema,
            }
        )

    async def _look(self) -> tuple[bool, Compatibility]:
        """Return whether the database takes writes, and whether its schema suits this release."""
        ((writable, migrated),) = await self._database.read(LOOK)
        rows = await self._database.read(APPLIED) if migrated else []
        return writable, judge([Applied.read(row) for (row,) in rows], self._expected)

    @staticmethod
    def _answer(outcome: str, body: dict[str, Any]) -> Response:
        status = STATUS[outcome]
        return JSONResponse(body if status in {200, 201} else {"error": outcome}, status)


def not_ready(status: str, because: str) -> JSONResponse:
    """Return the answer that keeps customers away."""
    return JSONResponse({"status": status, "because": because}, 503)
