"""The process of the bookings workload: `python -m drills.workloads.client --url … --event … --ledger …`.

It ends in good order on SIGTERM, on a line "stop" on its standard input, and when that input ends because
its parent died.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from drills.errors import UsageError
from drills.workloads.customers import Customers
from drills.workloads.ledger import GroupCommit, Ledger
from drills.workloads.pace import Pace

if TYPE_CHECKING:
    from array import array

EXIT_USAGE = 64
REACH_WITHIN_S = 10.0
REACH_AGAIN_AFTER_S = 0.25
MIN_SEATS = 100_000
SEATS_FOR_S = 3600.0
# below the five seconds or more after which servers hang up on the idle: a request must not meet a
# connection that is just being closed, or a healthy service would look down
KEEP_ALIVE_S = 2.0


@dataclass(frozen=True)
class Order:
    """What the process was told to do."""

    url: URL
    event: str
    per_second: float
    timeout_s: float
    anchor: float
    ledger: Path

    @property
    def seats(self) -> int:
        """Enough seats for an hour: who finds the event sold out learns nothing about the service."""
        return max(MIN_SEATS, math.ceil(self.per_second * SEATS_FOR_S))


class Ending:
    """The word to end, from whoever says it first; a crash is kept so that it can be raised."""

    def __init__(self) -> None:
        self.said = asyncio.Event()
        self.crash: BaseException | None = None

    def crashed(self, error: BaseException) -> None:
        """End because a part of this process failed."""
        self.crash = self.crash or error
        self.said.set()

    def listen(self) -> None:
        """Heed SIGTERM, SIGINT and the standard input."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.said.set)
        loop.set_exception_handler(self._heed_broken_callback)
        threading.Thread(target=self._hear_input, args=(loop,), daemon=True).start()

    def _heed_broken_callback(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # a tick that raises would end the ticks in silence; what connections leave behind is only logged
        if "handle" in context and isinstance(error := context.get("exception"), BaseException):
            self.crashed(error)
        else:
            loop.default_exception_handler(context)

    def _hear_input(self, loop: asyncio.AbstractEventLoop) -> None:
        heard = b""
        # os.read, not sys.stdin: a daemon thread that holds sys.stdin's lock breaks the interpreter's exit
        while (added := os.read(0, 4096)) and b"stop" not in (heard := heard + added).split(b"\n")[:-1]:
            pass
        if not loop.is_closed():
            loop.call_soon_threadsafe(self.said.set)


def main(arguments: list[str] | None = None) -> int:
    """Run the workload until it is told to end.

    Returns:
        0 after an orderly end, 64 when the order was wrong or the service could not be reached.
    """
    try:
        asyncio.run(_work(_order(arguments)))
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201  # the process's only word to its parent
        return EXIT_USAGE
    return 0


async def _work(order: Order) -> None:
    ending = Ending()
    ending.listen()
    async with _session(order.timeout_s) as session:
        await _create_event(session, order, ending)
        try:
            ledger = Ledger(order.ledger, order.anchor)
        except OSError as error:
            raise UsageError(
                f"cannot create the ledger {order.ledger}: {error.strerror}", "name a folder of a new run"
            ) from error
        ledger.note(
            "opened",
            t=ledger.clock(),
            per_second=order.per_second,
            interval_s=1 / order.per_second,
            timeout_s=order.timeout_s,
            pid=os.getpid(),
            url=str(order.url),
            event=order.event,
        )
        await _book(session, order, ending, ledger)
        ledger.close()


async def _book(session: ClientSession, order: Order, ending: Ending, ledger: Ledger) -> None:
    commit = GroupCommit(ledger)
    customers = Customers(
        session,
        order.url / "v1/bookings",
        order.event,
        seats=order.seats,
        per_second=order.per_second,
        timeout_s=order.timeout_s,
        ledger=ledger,
        commit=commit,
        crashed=ending.crashed,
    )
    pace = Pace(1 / order.per_second, customers.send, customers.miss)
    pace.start()
    await ending.said.wait()
    pace.stop()
    await customers.settle(order.timeout_s + 1.0)
    commit.close()
    if ending.crash is not None:
        raise ending.crash
    ledger.note(
        "closed",
        t=ledger.clock(),
        cpu_s=round(time.process_time(), 3),
        attempted=customers.attempted,
        late_p99_s=round(_percentile(customers.lateness, 0.99), 6),
        late_max_s=round(max(customers.lateness, default=0.0), 6),
    )


def _session(timeout_s: float) -> ClientSession:
    """A session that never repeats, redirects, unpacks or remembers; one clock for the whole exchange."""
    return ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        timeout=ClientTimeout(total=timeout_s),
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


def _percentile(values: array[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, "python -m drills.workloads.client --help")


def _order(arguments: list[str] | None) -> Order:
    parser = _Parser(prog="python -m drills.workloads.client", description="Book seats, in an open loop.")
    parser.add_argument("--url", type=URL, required=True, help="where the bookings service is")
    parser.add_argument("--event", required=True, help="the event to create and to book seats of")
    parser.add_argument("--per-second", type=_positive, required=True, help="ticks per second")
    parser.add_argument("--timeout", type=_positive, default=1.0, help="how long a customer waits (s)")
    parser.add_argument("--anchor", type=float, required=True, help="the monotonic second that counts as zero")
    parser.add_argument("--ledger", type=Path, required=True, help="the file to create")
    told = parser.parse_args(arguments)
    return Order(told.url, told.event, told.per_second, told.timeout, told.anchor, told.ledger)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


if __name__ == "__main__":
    sys.exit(main())
