"""What callers send, checked before anything else sees it."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 200
MAX_NUMBER = 2**31 - 1
MAX_HOLD_SECONDS = 24 * 3600
MAX_PAGE = 1000


class BadRequest(Exception):  # noqa: N818 - it is an answer, not a bug
    """The request makes no sense; nothing was written."""


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """One seat for one customer, for good or (hold_seconds) until paid for."""

    key: str
    event: str
    seat: int
    customer: str
    hold_seconds: float | None

    def digest(self) -> bytes:
        """Return the fingerprint by which a repeated request is told from another one under the same key."""
        return hashlib.sha256(json.dumps([self.event, self.seat, self.customer, self.hold_seconds]).encode()).digest()


def booking_request(key: str | None, body: bytes, bearer: str | None) -> BookingRequest:
    """Return the booking asked for, or raise BadRequest; who is signed in books for himself."""
    fields = _object(body)
    if not key or len(key) > MAX_TEXT:
        raise BadRequest(f"the header Idempotency-Key must have 1 to {MAX_TEXT} characters")
    hold = fields.get("hold_seconds")
    if hold is not None and not (_is_number(hold) and 0 < hold <= MAX_HOLD_SECONDS):
        raise BadRequest(f"hold_seconds must be a number above 0, up to {MAX_HOLD_SECONDS}")
    return BookingRequest(
        key=key,
        event=_text(fields, "event"),
        seat=_number(fields, "seat", least=0),
        customer=_customer(fields, bearer),
        hold_seconds=None if hold is None else float(hold),
    )


def event_request(body: bytes) -> tuple[str, int]:
    """Return the event's id and how many seats it has, or raise BadRequest."""
    fields = _object(body)
    return _text(fields, "id"), _number(fields, "seats", least=1)


def sign_in_request(body: bytes) -> str:
    """Return the customer who signs in, or raise BadRequest."""
    return _text(_object(body), "customer")


def payment_request(body: bytes) -> tuple[str, uuid.UUID]:
    """Return the payment's id and the booking that it pays, or raise BadRequest."""
    fields = _object(body)
    try:
        return _text(fields, "payment"), uuid.UUID(_text(fields, "booking"))
    except ValueError:
        raise BadRequest("booking must be a UUID") from None


def page_request(event: str | None, after: str | None, limit: str) -> tuple[str, int, uuid.UUID, int]:
    """Return the event, the seat and booking after which the page starts, and its size; or raise BadRequest."""
    if not event:
        raise BadRequest("the parameter event is missing")
    seat, _, booking = (after or f"-1.{uuid.UUID(int=0)}").partition(".")
    try:
        page = event, int(seat), uuid.UUID(booking), int(limit)
    except ValueError:
        raise BadRequest("after must be a cursor from an earlier page, and limit a number") from None
    if not (1 <= page[3] <= MAX_PAGE and -1 <= page[1] <= MAX_NUMBER):
        raise BadRequest(f"limit must be 1 to {MAX_PAGE}, and after a cursor from an earlier page")
    return page


def signed_with(body: bytes, signature: str, secrets: Mapping[str, str]) -> str | None:
    """Return the id of the secret under which the signature, `sha256=<hex>`, is the body's HMAC-SHA256; or None."""
    for identity, secret in secrets.items():
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected.encode(), signature.encode()):
            return identity
    return None


def _customer(fields: dict[str, Any], bearer: str | None) -> str:
    if bearer is None:
        return _text(fields, "customer")
    if fields.get("customer", bearer) != bearer:
        raise BadRequest("customer is not the one who is signed in")
    return bearer


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(fields, dict):
        raise BadRequest("the body is not a JSON object")
    return fields


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or "\0" in value:
        raise BadRequest(f"{name} must be a text of 1 to {MAX_TEXT} characters")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(fields: dict[str, Any], name: str, *, least: int) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_NUMBER:
        raise BadRequest(f"{name} must be a whole number from {least} on")
    return value
