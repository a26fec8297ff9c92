from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from drills.workloads.customers import REPEAT_AT, RIVALS_AT, Customers
from drills.workloads.flight import Flight
from drills.workloads.ledger import GroupCommit, Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.workloads.conftest import Office


def opened(
    office: Office, path: Path, *, seats: int = 1000, fsync: Callable[[int], None] = lambda _: None
) -> AbstractAsyncContextManager[Customers]:
    @asynccontextmanager
    async def customers() -> AsyncIterator[Customers]:
        ledger = Ledger(path, 0.0, fsync=fsync)
        commit = GroupCommit(ledger)
        crashes: list[BaseException] = []
        async with ClientSession(timeout=ClientTimeout(total=5)) as session:
            yield Customers(
                session,
                URL(office.url) / "v1",
                'an "event"',
                seats=seats,
                timeout_s=5,
                ledger=ledger,
                commit=commit,
                flight=Flight(2, crashes.append),
            )
        commit.close()
        assert crashes == []

    return customers()


def lines(path: Path, kind: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, path.read_text().splitlines()) if line["kind"] == kind]


def test_a_booking_is_not_repeated_before_its_acknowledgement_is_on_the_disk(office: Office, tmp_path: Path) -> None:
    disk, path = threading.Event(), tmp_path / "ledger.jsonl"

    def slow_fsync(_: int) -> None:
        disk.wait()

    async def story() -> None:
        async with opened(office, path, fsync=slow_fsync) as customers:
            customers.send(0, time.monotonic())
            await asyncio.sleep(1.5)
            assert lines(path, "answered")[0]["outcome"] == "acknowledged"
            customers.send(REPEAT_AT, time.monotonic())
            disk.set()
            await asyncio.sleep(1.5)
            customers.send(REPEAT_AT, time.monotonic())
            await customers.flight.settle(5)

    asyncio.run(story())

    first, early, late = lines(path, "sent")
    assert [first["purpose"], early["purpose"], late["purpose"]] == ["book", "book", "repeat"]
    answers = {line["n"]: line for line in lines(path, "answered")}
    assert late["key"] in {first["key"], early["key"]}
    assert (answers[late["n"]]["status"], answers[late["n"]]["good"]) == (200, True)


def test_rivals_want_the_same_seat_at_the_same_moment_over_two_connections(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    async def story() -> None:
        async with opened(office, path) as customers:
            customers.send(RIVALS_AT, time.monotonic())
            await customers.flight.settle(5)

    asyncio.run(story())

    one, other = lines(path, "sent")
    assert one["seat"] == other["seat"]
    assert one["key"] != other["key"]
    assert one["due"] == other["due"]
    answers = lines(path, "answered")
    assert sorted(line["status"] for line in answers) == [201, 409]
    assert all(line["good"] for line in answers)
    assert office.be("well")["peers"] == 2


def test_what_cannot_be_sent_is_noted_as_missed(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    async def story() -> None:
        await asyncio.to_thread(office.be, "stall")
        async with opened(office, path, seats=15) as customers:
            for _ in range(12):
                customers.send(0, time.monotonic())
            await asyncio.to_thread(office.be, "well")
            await customers.flight.settle(5)
            for _ in range(8):
                customers.send(0, time.monotonic())
            await customers.flight.settle(5)

    asyncio.run(story())

    missed = lines(path, "missed")
    assert len(lines(path, "sent")) + len(missed) == 20
    reasons = [line["because"] for line in missed]
    assert reasons[0] == "9 requests are in flight already"
    assert reasons[-1] == "all 15 seats of the event were asked for"
    numbers = [line["n"] for line in lines(path, "sent") + missed]
    assert sorted(numbers) == list(range(1, 21))
