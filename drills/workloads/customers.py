"""The customers: they book fresh seats, race each other for one, ask again for what they have, and pay for it."""

from __future__ import annotations

import json
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import ClientError

from drills.workloads.answers import UNAUTHORIZED, Answer, Purpose, no_answer, read_answer, too_late

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from yarl import URL

    from drills.workloads.flight import Flight
    from drills.workloads.identity import Provider, Tokens
    from drills.workloads.ledger import GroupCommit, Ledger

RIVALS_EVERY, RIVALS_AT = 10, 5
REPEAT_EVERY, REPEAT_AT = 20, 10
PAY_EVERY, PAY_AT = 10, 2
REPEAT_AFTER_S = 1.0
PLACES: dict[Purpose, str] = {"sign_in": "sign-in", "pay": "webhooks/payments"}


class Wish(NamedTuple):
    """A request as it is sent; a repeat carries the booking that it must get again, a payment the one it is for.

    `customer` is who must be signed in to send it; None for a guest.
    """

    purpose: Purpose
    key: str | None
    seat: int | None
    body: bytes
    booking: str | None = None
    customer: str | None = None


class Customers:
    """Sends what is due without waiting, and notes each request and each answer in the ledger."""

    def __init__(  # noqa: PLR0913  # the parts of a workload, each once
        self,
        session: ClientSession,
        url: URL,
        event: str,
        *,
        seats: int,
        timeout_s: float,
        ledger: Ledger,
        commit: GroupCommit,
        flight: Flight,
        tokens: Tokens | None = None,
        provider: Provider | None = None,
    ) -> None:
        """Keep the session, whose own timeout must be `timeout_s`; `url` is that of the service's version, …/v1."""
        self._session, self._url, self._event = session, url, json.dumps(event)
        self._timeout_s = timeout_s
        self._ledger, self._commit = ledger, commit
        self.flight = flight
        self._tokens, self._provider = tokens, provider
        self._free_seats = iter(range(1, seats + 1))
        self._seats = seats
        self._keys = uuid.uuid4().hex[:12]
        self._number = 0
        self._had: deque[tuple[float, Wish]] = deque()
        self._unpaid: deque[str] = deque(maxlen=100)

    def send(self, tick: int, due: float) -> None:
        """Send what this tick calls for, or note why it cannot be sent."""
        if because := self.flight.full(wanted=2):
            self.miss(due, because)
            return
        if self._tokens is not None and (customer := self._tokens.to_sign_in()):
            self._send(self._sign_in(customer), due)
        if self._tokens is not None and self._tokens.signed_in(tick) is None:
            self.miss(due, "nobody is signed in")
        elif wishes := self._wishes(tick):
            for wish in wishes:
                self._send(wish, due)
        else:
            self.miss(due, f"all {self._seats} seats of the event were asked for")

    def miss(self, due: float, because: str) -> None:
        """Note a tick at which nothing could be sent."""
        self._number += 1
        self._ledger.note(
            "missed", n=self._number, due=self._ledger.clock(due), t=self._ledger.clock(), because=because
        )

    def _wishes(self, tick: int) -> list[Wish]:
        if tick % REPEAT_EVERY == REPEAT_AT and (repeat := self._repeat()):
            return [repeat]
        if tick % PAY_EVERY == PAY_AT and self._provider is not None and self._unpaid:
            return [self._payment(self._unpaid.pop())]
        if (seat := next(self._free_seats, None)) is None:
            return []
        if tick % RIVALS_EVERY == RIVALS_AT:
            return [self._wish("rival", seat, "a"), self._wish("rival", seat, "b")]
        return [self._wish("book", seat, "a")]

    def _wish(self, purpose: Purpose, seat: int, letter: str) -> Wish:
        customer = self._tokens.signed_in(seat + ord(letter)) if self._tokens is not None else None
        body = f'{{"event":{self._event},"seat":{seat},"customer":"{customer or f"customer-{seat}{letter}"}"}}'
        return Wish(purpose, f"{self._keys}-{seat}{letter}", seat, body.encode(), customer=customer)

    def _sign_in(self, customer: str) -> Wish:
        return Wish("sign_in", None, None, json.dumps({"customer": customer}).encode(), customer=customer)

    def _payment(self, booking: str) -> Wish:
        body = json.dumps({"payment": f"{self._keys}-{booking}", "booking": booking})
        return Wish("pay", None, None, body.encode(), booking)

    def _repeat(self) -> Wish | None:
        """The newest booking that was acknowledged at least a second ago: the likeliest to be lost."""
        ripe = time.monotonic() - REPEAT_AFTER_S
        while len(self._had) > 1 and self._had[1][0] <= ripe:
            self._had.popleft()
        if not self._had or self._had[0][0] > ripe:
            return None
        repeat = self._had[0][1]
        if self._tokens is not None and repeat.customer is not None and not self._tokens.header(repeat.customer):
            return None  # who is not signed in at this moment does not ask as a guest instead
        return repeat

    def _send(self, wish: Wish, due: float) -> None:
        self._number += 1
        now = time.monotonic()
        self._ledger.note(
            "sent",
            n=self._number,
            due=self._ledger.clock(due),
            t=self._ledger.clock(now),
            key=wish.key,
            seat=wish.seat,
            purpose=wish.purpose,
        )
        self.flight.start(self._ask(self._number, wish, now), now - due)

    async def _ask(self, number: int, wish: Wish, sent: float) -> None:
        answer = await self._exchange(wish)
        ended = time.monotonic()
        if answer.status is not None and ended - sent > self._timeout_s:
            answer = too_late(answer, ended - sent, self._timeout_s)
        self._ledger.note("answered", n=number, t=self._ledger.clock(ended), **answer._asdict())
        if answer.outcome == "acknowledged":
            await self._commit.durable()
            if answer.booking is not None and wish.purpose in {"book", "rival"}:
                self._had.append((time.monotonic(), wish._replace(purpose="repeat", booking=answer.booking)))
                self._unpaid.append(answer.booking)

    async def _exchange(self, wish: Wish) -> Answer:
        """One request and its answer, never repeated: aiohttp resends idempotent methods only, no POST."""
        headers = self._headers(wish)
        try:
            async with self._session.post(
                self._url / PLACES.get(wish.purpose, "bookings"),
                data=wish.body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except (ClientError, TimeoutError, OSError) as error:
            return no_answer(error, self._timeout_s)
        answer = read_answer(
            wish.purpose, response.status, body, wish.booking, retry_after=response.headers.get("Retry-After")
        )
        self._heed(wish, answer, body, headers.get("Authorization"))
        return answer

    def _headers(self, wish: Wish) -> dict[str, str]:
        headers = {} if wish.key is None else {"Idempotency-Key": wish.key}
        if wish.purpose == "pay" and self._provider is not None:
            headers["X-Signature"] = self._provider.signature(wish.body)
        elif wish.purpose != "sign_in" and wish.customer is not None and self._tokens is not None:
            headers |= self._tokens.header(wish.customer)
        return headers

    def _heed(self, wish: Wish, answer: Answer, body: bytes, shown: str | None) -> None:
        """Take the token that came, or leave the one that was refused."""
        if self._tokens is None or wish.customer is None:
            return
        if wish.purpose == "sign_in" and answer.good:
            self._tokens.take(wish.customer, body)
        elif wish.purpose != "sign_in" and answer.status == UNAUTHORIZED:
            self._tokens.refused(wish.customer, shown)
