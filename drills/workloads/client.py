"""The process of the bookings workload: `python -m drills.workloads.client --url … --event … --ledger …`.

It ends in good order on SIGTERM, on a line "stop" on its standard input, and when that input ends because
its parent died.
"""

from __future__ import annotations

import asyncio
import math
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from drills.errors import UsageError
from drills.workloads.answers import no_answer, read_answer
from drills.workloads.customers import Customers
from drills.workloads.ending import Ending
from drills.workloads.flight import Flight, keep_pace
from drills.workloads.identity import Provider, Tokens
from drills.workloads.ledger import GroupCommit, Ledger
from drills.workloads.order import Parser, obey, open_ledger
from drills.workloads.trust import Trust

if TYPE_CHECKING:
    from aiohttp.connector import Connection

REACH_WITHIN_S = 10.0
REACH_AGAIN_AFTER_S = 0.25
MIN_SEATS = 100_000
SEATS_FOR_S = 3600.0
# below the five seconds or more after which servers hang up on the idle: a request must not meet a
# connection that is just being closed, or a healthy service would look down
KEEP_ALIVE_S = 2.0
MEMBERS = [f"member-{number}" for number in range(16)]


@dataclass(frozen=True)
class Order:
    """What the process was told to do."""

    url: URL
    event: str
    per_second: float
    timeout_s: float
    anchor: float
    ledger: Path
    payment_provider: Path | None
    address: str | None
    authority: Path | None

    @property
    def seats(self) -> int:
        """Enough seats for an hour: who finds the event sold out learns nothing about the service."""
        return max(MIN_SEATS, math.ceil(self.per_second * SEATS_FOR_S))


def main(arguments: list[str] | None = None) -> int:
    """Run the workload until it is told to end; returns the exit code that `obey` speaks of."""
    return obey(lambda: asyncio.run(_work(_order(arguments))))


async def _work(order: Order) -> None:
    ending = Ending()
    ending.listen()
    provider = Provider(order.payment_provider) if order.payment_provider else None
    async with _session(order) as session:
        await _create_event(session, order, ending)
        tokens = await _signed_in(session, order) if provider else None
        ledger = open_ledger(
            order.ledger,
            order.anchor,
            per_second=order.per_second,
            timeout_s=order.timeout_s,
            url=str(order.url),
            event=order.event,
        )
        await _book(session, order, ending, ledger, (tokens, provider))
        ledger.close()


async def _book(
    session: ClientSession,
    order: Order,
    ending: Ending,
    ledger: Ledger,
    identities: tuple[Tokens | None, Provider | None],
) -> None:
    tokens, provider = identities
    commit = GroupCommit(ledger)
    customers = Customers(
        session,
        order.url / "v1",
        order.event,
        seats=order.seats,
        timeout_s=order.timeout_s,
        ledger=ledger,
        commit=commit,
        flight=Flight(order.per_second, ending.crashed),
        tokens=tokens,
        provider=provider,
    )
    try:
        await keep_pace(customers, ending, ledger, interval_s=1 / order.per_second, timeout_s=order.timeout_s)
    finally:
        commit.close()


class _Fixed(AbstractResolver):
    """Finds every name at one address, where the names of a lab cannot be looked up."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Find `host`."""
        found = {"hostname": host, "host": self._address, "port": port, "family": family}
        return [ResolveResult(**found, proto=0, flags=socket.AI_NUMERICHOST)]  # type: ignore[typeddict-item]

    async def close(self) -> None:
        """Nothing is open."""


class _Verifying(TCPConnector):
    """A connection of its own for each request, for one that is open goes on whatever becomes of a certificate."""

    def __init__(self, trust: Trust, resolver: AbstractResolver | None) -> None:
        super().__init__(limit=0, force_close=True, ssl=trust.context, resolver=resolver)
        self._trust = trust

    async def connect(self, *asked: Any, **more: Any) -> Connection:  # noqa: ANN401  # as the library has them
        """Connect, and trust who is trusted at this moment."""
        self._trust.refresh()
        return await super().connect(*asked, **more)


def _session(order: Order) -> ClientSession:
    """A session that never repeats, redirects, unpacks or remembers; one clock for the whole exchange."""
    resolver = _Fixed(order.address) if order.address else None
    connector = (
        _Verifying(Trust(order.authority), resolver)
        if order.url.scheme == "https"
        else TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, resolver=resolver)
    )
    return ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=order.timeout_s),
        headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
    )


async def _create_event(session: ClientSession, order: Order, ending: Ending) -> None:
    """Have an event with free seats.

    Raises:
        UsageError: The service did not create it within ten seconds, refused it, or the word to end came.
    """
    until = time.monotonic() + REACH_WITHIN_S
    while not ending.said.is_set():
        refusal, is_final = await _try_to_create_event(session, order)
        if not refusal:
            return
        if is_final or time.monotonic() >= until:
            raise UsageError(
                f"the bookings service at {order.url} did not create the event {order.event!r}"
                f" within {REACH_WITHIN_S:g} s: {refusal}",
                f"curl -i {order.url / 'readyz'}",
            )
        await asyncio.sleep(REACH_AGAIN_AFTER_S)
    raise UsageError("the workload was told to end before its first booking", "run the drill again")


async def _signed_in(session: ClientSession, order: Order) -> Tokens:
    """The tokens of customers who have all signed in.

    Raises:
        UsageError: One could not.
    """
    tokens = Tokens(MEMBERS)
    for member in MEMBERS:
        try:
            async with session.post(order.url / "v1/sign-in", json={"customer": member}) as response:
                body = await response.read()
        except (ClientError, TimeoutError, OSError) as error:
            answer = no_answer(error, order.timeout_s)
        else:
            answer = read_answer("sign_in", response.status, body)
        if not answer.good:
            raise UsageError(
                f"{member} could not sign in at {order.url}: {answer.because}", f"curl -i {order.url / 'readyz'}"
            )
        tokens.take(member, body)
    return tokens


async def _try_to_create_event(session: ClientSession, order: Order) -> tuple[str, bool]:
    """Why the event was not created, empty if it was; and whether asking again is of no use."""
    try:
        async with session.post(
            order.url / "v1/events",
            json={"id": order.event, "seats": order.seats},
            timeout=ClientTimeout(total=REACH_WITHIN_S / 2),
            allow_redirects=False,
        ) as response:
            text = (await response.read())[:200].decode(errors="replace")
    except TimeoutError:
        return "no answer", False
    except (ClientError, OSError) as error:
        return str(error) or type(error).__name__, False
    if response.status in {200, 201}:
        return "", True
    return f"{response.status} {text}".rstrip(), 400 <= response.status < 500  # noqa: PLR2004  # HTTP's 4xx


def _order(arguments: list[str] | None) -> Order:
    parser = Parser("drills.workloads.client", "Book seats, in an open loop.")
    parser.add_argument("--url", type=URL, required=True, help="where the bookings service is")
    parser.add_argument("--event", required=True, help="the event to create and to book seats of")
    parser.add_argument("--payment-provider", type=Path, help="the file with its secret; customers sign in, and pay")
    parser.add_argument("--address", help="where the name in the URL is, if it cannot be looked up")
    parser.add_argument("--authority", type=Path, help="the certificate of who signed the service's; else the system's")
    told = parser.parse_args(arguments)
    return Order(
        url=told.url,
        event=told.event,
        per_second=told.per_second,
        timeout_s=told.timeout,
        anchor=told.anchor,
        ledger=told.ledger,
        payment_provider=told.payment_provider,
        address=told.address,
        authority=told.authority,
    )


if __name__ == "__main__":
    sys.exit(main())
