"""The process of the handshakes workload: `python -m drills.workloads.handshake_client --host … --ledger …`.

Each handshake is one attempt, never repeated, on a connection of its own, and noted with what was seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drills.workloads.attempts import Attempts
from drills.workloads.ending import Ending
from drills.workloads.flight import Flight, keep_pace
from drills.workloads.order import Parser, obey, open_ledger
from drills.workloads.trust import Trust

if TYPE_CHECKING:
    import argparse

    from drills.workloads.ledger import Ledger

# OpenSSL's numbers of what is wrong with a certificate (x509_vfy.h), in words
VERIFICATION = {9: "not_yet_valid", 10: "expired", 62: "wrong_name"}
UNTRUSTED = "untrusted"
ENOUGH_BYTES = 64  # of the answer, whose first line says all


class BadAnswerError(Exception):
    """The connection was made, and the page did not come through it."""


@dataclass(frozen=True)
class Peer:
    """With whom to shake hands, and what to ask for afterwards."""

    host: str
    port: int
    server_name: str
    path: str


@dataclass(frozen=True)
class Seen:
    """The certificate that was shown: its serial number and SHA-256 fingerprint, in hexadecimal digits, and its end."""

    serial: str
    fingerprint: str
    not_after: str


class Visitors(Attempts):
    """Shake hands, and fetch a page through the connection."""

    def __init__(self, peer: Peer, trust: Trust, ledger: Ledger, flight: Flight, timeout_s: float) -> None:
        super().__init__(ledger, flight)
        self._peer, self._trust, self._timeout_s = peer, trust, timeout_s

    async def attempt(self) -> dict[str, Any]:
        """Shake hands once."""
        try:
            async with asyncio.timeout(self._timeout_s):
                seen, shaken = await self._visit()
        except (OSError, TimeoutError, EOFError, BadAnswerError) as error:
            return {"outcome": classed(error), "because": f"{type(error).__name__}: {error}".rstrip(": ")}
        return {"outcome": "good", "shaken": self.ledger.clock(shaken), **vars(seen)}

    async def _visit(self) -> tuple[Seen, float]:
        """Return what was shown and when hands were shaken; the page has come as well."""
        self._trust.refresh()
        reader, writer = await asyncio.open_connection(
            self._peer.host, self._peer.port, ssl=self._trust.context, server_hostname=self._peer.server_name
        )
        shaken = time.monotonic()
        try:
            seen = shown(writer.get_extra_info("ssl_object"))
            writer.write(
                f"GET {self._peer.path} HTTP/1.1\r\nHost: {self._peer.server_name}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            answer = await reader.readline()
        finally:
            writer.transport.abort()
        if answer.split()[1:2] != [b"200"]:
            raise BadAnswerError(answer[:ENOUGH_BYTES].decode(errors="replace").strip() or "no answer")
        return seen, shaken


def shown(connection: ssl.SSLObject) -> Seen:
    """The certificate of the other side."""
    certificate = connection.getpeercert() or {}
    fingerprint = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    return Seen(str(certificate["serialNumber"]), fingerprint, str(certificate["notAfter"]))


def classed(error: BaseException) -> str:
    """What went wrong, in one word."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return VERIFICATION.get(error.verify_code, UNTRUSTED)
    classes = {
        TimeoutError: "timeout",
        ConnectionRefusedError: "refused",
        BadAnswerError: "answer",
        EOFError: "reset",
        ConnectionError: "reset",
        ssl.SSLEOFError: "reset",
        ssl.SSLError: "tls",
    }
    return next((name for kind, name in classes.items() if isinstance(error, kind)), "unreachable")


def main(arguments: list[str] | None = None) -> int:
    """Run the workload until it is told to end; returns the exit code that `obey` speaks of."""
    return obey(lambda: asyncio.run(_work(_order(arguments))))


async def _work(order: argparse.Namespace) -> None:
    ending = Ending()
    ending.listen()
    peer = Peer(order.host, order.port, order.server_name, order.path)
    trust = Trust(order.authority)
    ledger = open_ledger(order.ledger, order.anchor, per_second=order.per_second, timeout_s=order.timeout, **vars(peer))
    visitors = Visitors(peer, trust, ledger, Flight(order.per_second, ending.crashed), order.timeout)
    await keep_pace(visitors, ending, ledger, interval_s=1 / order.per_second, timeout_s=order.timeout)
    ledger.close()


def _order(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser("drills.workloads.handshake_client", "Shake hands over TLS, in an open loop.")
    parser.add_argument("--host", required=True, help="the address to connect to")
    parser.add_argument("--port", type=int, required=True, help="the port to connect to")
    parser.add_argument("--server-name", required=True, help="the name that the certificate must have")
    parser.add_argument("--authority", type=Path, help="the certificate of who signed it, in PEM; else the system's")
    parser.add_argument("--path", default="/healthz", help="what is asked for through the connection")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
