"""What an answer of the bookings service means to the customer who waited for it."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple, TypeVar

from aiohttp import ClientConnectorError

T = TypeVar("T")
Purpose = Literal["book", "rival", "repeat", "pay", "sign_in"]
Outcome = Literal["acknowledged", "refused", "indeterminate"]

CREATED, OK, UNAUTHORIZED, CONFLICT, UNAVAILABLE = 201, 200, 401, 409, 503
_CLIENT_ERRORS = range(400, 500)
# what the load balancer itself answers while maintenance is announced: the request went no further
MAINTENANCE = "maintenance"
_GOOD: dict[Purpose, frozenset[int]] = {
    "book": frozenset({CREATED}),
    "rival": frozenset({CREATED, CONFLICT}),
    "repeat": frozenset({OK}),
    "pay": frozenset({OK}),
    "sign_in": frozenset({OK}),
}


class Answer(NamedTuple):
    """What became of a request: its outcome, whether it is what a customer should get, and why not."""

    outcome: Outcome
    good: bool
    status: int | None
    because: str
    booking: str | None = None
    server: str | None = None
    timeline: int | None = None
    release: str | None = None


def read_answer(
    purpose: Purpose, status: int, body: bytes, expected: str | None = None, *, retry_after: str | None = None
) -> Answer:
    """The meaning of an answer that came in time.

    Args:
        purpose: What the customer wanted.
        status: HTTP's status.
        body: The answer's whole body.
        expected: The booking that a repeat must get again, or that a payment is for.
        retry_after: The header Retry-After, as it came.
    """
    fields = _fields(body)
    outcome = _outcome(status, fields)
    booking = _typed(fields.get("booking"), str)
    because = _fault(purpose, status, booking, expected) or _unlike(purpose, fields, expected) or ""
    if because and "error" in fields:
        because += f" ({_reason(status, fields, retry_after)})"
    return Answer(
        outcome,
        not because,
        status,
        because,
        booking,
        _typed(fields.get("server"), str),
        _typed(fields.get("timeline"), int),
        _typed(fields.get("release"), str),
    )


def too_late(answer: Answer, took_s: float, timeout_s: float) -> Answer:
    """The same answer, which came when the customer had gone: it proves nothing and served nobody."""
    because = f"{answer.status} came after {took_s:.3f} s; the customer waits {timeout_s:g} s"
    return answer._replace(outcome="indeterminate", good=False, because=because)


def no_answer(error: BaseException, timeout_s: float) -> Answer:
    """What a failed exchange means: surely not written only if no connection was ever made."""
    if isinstance(error, ClientConnectorError):
        return Answer("refused", good=False, status=None, because=f"not sent: {error}")
    if isinstance(error, TimeoutError):
        return Answer("indeterminate", good=False, status=None, because=f"no answer within {timeout_s:g} s")
    return Answer("indeterminate", good=False, status=None, because=f"{type(error).__name__}: {error}".rstrip(": "))


def _outcome(status: int, fields: dict[str, Any]) -> Outcome:
    if status in {CREATED, OK}:
        return "acknowledged"
    if status in _CLIENT_ERRORS or (status == UNAVAILABLE and _surely_not_written(fields)):
        return "refused"
    return "indeterminate"


def _surely_not_written(fields: dict[str, Any]) -> bool:
    """Whether the answer says so; of an announced maintenance it is known without a word."""
    return fields.get("written", False if fields.get("error") == MAINTENANCE else None) is False


def _reason(status: int, fields: dict[str, Any], retry_after: str | None) -> str:
    """Why it is no better, in the service's own words or those of the load balancer."""
    if status == UNAVAILABLE and fields["error"] == MAINTENANCE:
        return f"announced maintenance, {f'Retry-After {retry_after}' if retry_after else 'without a Retry-After'}"
    return str(fields["error"])


def _fault(purpose: Purpose, status: int, booking: str | None, expected: str | None) -> str | None:
    """What is wrong with the answer in the customer's eyes, or None."""
    if purpose == "repeat" and status == CREATED:
        return f"the key of booking {expected} was forgotten: booked again as {booking}"
    if status not in _GOOD[purpose]:
        wanted = " or ".join(str(good) for good in sorted(_GOOD[purpose]))
        return f"{status} instead of {wanted}"
    if status == CONFLICT or purpose == "sign_in":
        return None
    if booking is None:
        return f"{status} without a booking id"
    if purpose == "repeat" and booking != expected:
        return f"the repeated key got booking {booking} instead of {expected}"
    return None


def _unlike(purpose: Purpose, fields: dict[str, Any], expected: str | None) -> str | None:
    """What is missing in a good status of a sign-in or a payment, or None."""
    if purpose == "sign_in" and not ("token" in fields and "expires_at" in fields):
        return "200 without a token"
    if purpose == "pay" and (fields.get("outcome"), fields.get("booking")) != ("confirmed", expected):
        return f"the payment was noted as {fields.get('outcome')} for booking {fields.get('booking')}"
    return None


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except ValueError:  # a load balancer's own page, say
        return {}
    return fields if isinstance(fields, dict) else {}


def _typed(value: Any, kind: type[T]) -> T | None:  # noqa: ANN401  # the values are JSON's
    return value if isinstance(value, kind) else None
