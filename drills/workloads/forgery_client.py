"""The process of the forgeries workload: `python -m drills.workloads.forgery_client --url … --event … --ledger …`.

The key comes as one line of JSON, {"kid", "private_pem"}, through the standard input; it is kept in memory alone. Each
forged token is shown once, and noted with the service's answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import jwt
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from drills.forgeries import ACCEPTED, REFUSED, UNANSWERED
from drills.workloads.attempts import Attempts
from drills.workloads.ending import Ending
from drills.workloads.flight import Flight, keep_pace
from drills.workloads.order import Parser, obey, open_ledger

if TYPE_CHECKING:
    import argparse

    from drills.workloads.ledger import Ledger

ISSUER = "bookings"
VICTIM = "member-0"  # one of the customers of this very run, who gave nobody a token
LIFETIME_S = 10 * 365 * 24 * 3600
ENOUGH_CHARACTERS = 100  # of an answer that nobody expected


class Forger(Attempts):
    """Shows forged tokens, once there is a key to sign them with."""

    def __init__(self, session: ClientSession, url: URL, ledger: Ledger, flight: Flight) -> None:
        """`url` is a page of the service that anybody may read who shows no bad token."""
        super().__init__(ledger, flight)
        self._session, self._url = session, url
        self._kid = ""
        self._key: Any = None

    def learn(self, line: bytes) -> None:
        """Take the key in the line, and sign with it from now on."""
        told = json.loads(line)
        self._key, self._kid = load_pem_private_key(told["private_pem"].encode(), None), told["kid"]
        self.ledger.note("learned", t=self.ledger.clock(), kid=self._kid)

    def send(self, tick: int, due: float) -> None:
        """Show a forged token; without a key nothing is due."""
        if self._key is not None:
            super().send(tick, due)

    def miss(self, due: float, because: str) -> None:
        """Note a token that could not be shown; without a key nothing is due."""
        if self._key is not None:
            super().miss(due, because)

    async def attempt(self) -> dict[str, Any]:
        """Show one, and take the service at its word."""
        headers = {"Authorization": f"Bearer {forged(self._key, self._kid)}"}
        try:
            async with self._session.get(self._url, headers=headers, allow_redirects=False) as response:
                outcome, because = meaning(response.status, await response.read())
        except (ClientError, TimeoutError, OSError) as error:
            outcome, because = UNANSWERED, f"{type(error).__name__}: {error}".rstrip(": ")
        return {"outcome": outcome, "because": because}


def forged(key: Any, kid: str) -> str:  # noqa: ANN401  # the library's keys have no common type that signs
    """A token (JWT, EdDSA) that says that the victim shows it."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": VICTIM, "iat": now, "exp": now + LIFETIME_S}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})


def meaning(status: int, body: bytes) -> tuple[str, str]:
    """What an answer says of the token: accepted, refused, or unanswered; and why.

    Only the service's own word that the token is bad counts as refused.
    """
    if status == HTTPStatus.OK:
        return ACCEPTED, ""
    try:
        said = json.loads(body)
        if status == HTTPStatus.UNAUTHORIZED and said["error"] == "bad_token":
            return REFUSED, str(said.get("because") or "")
    except (ValueError, KeyError, TypeError):
        pass
    return UNANSWERED, f"{status} {body[:ENOUGH_CHARACTERS].decode(errors='replace')}".rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Run the workload until it is told to end; returns the exit code that `obey` speaks of."""
    return obey(lambda: asyncio.run(_work(_order(arguments))))


async def _work(order: argparse.Namespace) -> None:
    ending = Ending()
    url = (order.url / "v1" / "bookings").with_query(event=order.event, limit=1)
    async with _session(order.timeout) as session:
        ledger = open_ledger(
            order.ledger, order.anchor, per_second=order.per_second, timeout_s=order.timeout, url=str(url)
        )
        forger = Forger(session, url, ledger, Flight(order.per_second, ending.crashed))
        ending.listen(forger.learn)
        await keep_pace(forger, ending, ledger, interval_s=1 / order.per_second, timeout_s=order.timeout)
        ledger.close()


def _session(timeout_s: float) -> ClientSession:
    """A connection of its own for each token, so that the load balancer sends them to every instance in turn."""
    return ClientSession(
        connector=TCPConnector(limit=0, force_close=True),
        timeout=ClientTimeout(total=timeout_s),
        cookie_jar=DummyCookieJar(),
    )


def _order(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("drills.workloads.forgery_client", "Show forged tokens, in an open loop.")
    parser.add_argument("--url", type=URL, required=True, help="where the bookings service is")
    parser.add_argument("--event", required=True, help="the event whose bookings are asked for")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
