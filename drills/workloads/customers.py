"""The customers: they book fresh seats, race each other for one, and ask again for what they have."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from array import array
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import ClientError

from drills.workloads.answers import Answer, Purpose, no_answer, read_answer, too_late

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiohttp import ClientSession
    from yarl import URL

    from drills.workloads.ledger import GroupCommit, Ledger

RIVALS_EVERY, RIVALS_AT = 10, 5
REPEAT_EVERY, REPEAT_AT = 20, 10
REPEAT_AFTER_S = 1.0
IN_FLIGHT_S = 5.0


class Wish(NamedTuple):
    """A request as it is sent; a repeat carries the booking that it must get again."""

    purpose: Purpose
    key: str
    seat: int
    body: bytes
    booking: str | None = None


class Customers:
    """Sends what is due without waiting, and notes each request and each answer in the ledger."""

    def __init__(  # noqa: PLR0913  # the parts of a workload, each once
        self,
        session: ClientSession,
        url: URL,
        event: str,
        *,
        seats: int,
        per_second: float,
        timeout_s: float,
        ledger: Ledger,
        commit: GroupCommit,
        crashed: Callable[[BaseException], None],
    ) -> None:
        """Keep the session, whose own timeout must be `timeout_s`; `url` is that of the bookings."""
        self._session, self._url, self._event = session, url, json.dumps(event)
        self._timeout_s = timeout_s
        self._ledger, self._commit, self._crashed = ledger, commit, crashed
        self._cap = max(2, round(per_second * IN_FLIGHT_S))
        self._free_seats = iter(range(1, seats + 1))
        self._seats = seats
        self._keys = uuid.uuid4().hex[:12]
        self._number = 0
        self._in_flight: set[asyncio.Task[None]] = set()
        self._had: deque[tuple[float, Wish]] = deque()
        self.attempted = 0
        self.lateness = array("d")

    def send(self, tick: int, due: float) -> None:
        """Send what this tick calls for, or note why it cannot be sent."""
        if len(self._in_flight) + 2 > self._cap:
            self.miss(due, f"{len(self._in_flight)} requests are in flight already")
            return
        wishes = self._wishes(tick)
        if not wishes:
            self.miss(due, f"all {self._seats} seats of the event were asked for")
        for wish in wishes:
            self._send(wish, due)

    def miss(self, due: float, because: str) -> None:
        """Note a tick at which nothing was sent."""
        self._number += 1
        ledger = self._ledger
        ledger.note("missed", n=self._number, due=ledger.clock(due), t=ledger.clock(), because=because)

    async def settle(self, within_s: float) -> None:
        """Wait for the answers still to come; who has none by then stays without."""
        if self._in_flight:
            _, hanging = await asyncio.wait(self._in_flight, timeout=within_s)
            for task in hanging:
                task.cancel()

    def _wishes(self, tick: int) -> list[Wish]:
        if tick % REPEAT_EVERY == REPEAT_AT and (repeat := self._repeat()):
            return [repeat]
        if (seat := next(self._free_seats, None)) is None:
            return []
        if tick % RIVALS_EVERY == RIVALS_AT:
            return [self._wish("rival", seat, "a"), self._wish("rival", seat, "b")]
        return [self._wish("book", seat, "a")]

    def _wish(self, purpose: Purpose, seat: int, customer: str) -> Wish:
        body = f'{{"event":{self._event},"seat":{seat},"customer":"customer-{seat}{customer}"}}'
        return Wish(purpose, f"{self._keys}-{seat}{customer}", seat, body.encode())

    def _repeat(self) -> Wish | None:
        """The newest booking that was acknowledged at least a second ago: the likeliest to be lost."""
        ripe = time.monotonic() - REPEAT_AFTER_S
        while len(self._had) > 1 and self._had[1][0] <= ripe:
            self._had.popleft()
        if self._had and self._had[0][0] <= ripe:
            return self._had[0][1]
        return None

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
        self.attempted += 1
        self.lateness.append(now - due)
        self._start(self._ask(self._number, wish, now))

    def _start(self, asking: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(asking)
        self._in_flight.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(error)

    async def _ask(self, number: int, wish: Wish, sent: float) -> None:
        answer = await self._exchange(wish)
        ended = time.monotonic()
        if answer.status is not None and ended - sent > self._timeout_s:
            answer = too_late(answer, ended - sent, self._timeout_s)
        self._ledger.note("answered", n=number, t=self._ledger.clock(ended), **answer._asdict())
        if answer.outcome == "acknowledged":
            await self._commit.durable()
            if answer.booking is not None and wish.purpose != "repeat":
                self._had.append((time.monotonic(), wish._replace(purpose="repeat", booking=answer.booking)))

    async def _exchange(self, wish: Wish) -> Answer:
        """One request and its answer, never repeated: aiohttp resends idempotent methods only, no POST."""
        try:
            async with self._session.post(
                self._url,
                data=wish.body,
                headers={"Idempotency-Key": wish.key},
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except (ClientError, TimeoutError, OSError) as error:
            return no_answer(error, self._timeout_s)
        retry_after = response.headers.get("Retry-After")
        return read_answer(wish.purpose, response.status, body, wish.booking, retry_after=retry_after)
