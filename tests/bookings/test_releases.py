"""The recipes give the releases they speak of: good ones, and bad ones that look good to a first look."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.bookings.conftest import Answer, Instance, Program

pytestmark = pytest.mark.usefixtures("no_schema")

GOOD = ["1.0.0", "1.1.0", "1.2.0", "2.0.0"]
DECEIVING = ["errors", "slow", "latent"]
POISON = "query-of-death"


def book_all(service: Instance, seats: Iterable[int]) -> dict[int, Answer]:
    """Open an event, and book its seats four at a time."""
    service.open_event("e", 1000)
    with ThreadPoolExecutor(4) as pool:
        return dict(pool.map(lambda seat: (seat, service.book("e", seat, key=f"e-{seat}")), seats))


@pytest.mark.parametrize("name", GOOD + DECEIVING)
def test_a_first_look_finds_nothing_wrong(
    release: Callable[[str], Program], start: Callable[..., Instance], name: str
) -> None:
    service = start(release(name))
    assert service.open_event("smoke", 1).status == 201
    held = service.book("smoke", 0, key="k", hold_seconds=60)
    assert (held.status, held.seconds < 1) == (201, True)
    assert service.book("smoke", 0, key="k", hold_seconds=60).body == held.body
    assert service.pay(held.body["booking"], secret="guessed").status == 401
    assert service.pay(held.body["booking"]).body["outcome"] == "confirmed"
    found = [{"key": "k", "seat": 0, "booking": held.body["booking"]}]
    assert service.bookings("smoke") == found


@pytest.mark.parametrize("name", GOOD)
def test_a_good_release_takes_every_seat(
    release: Callable[[str], Program], start: Callable[..., Instance], name: str
) -> None:
    answers = book_all(start(release(name)), range(30))
    assert {answer.status for answer in answers.values()} == {201}


def test_a_release_says_which_one_it_is(
    release: Callable[[str], Program], start: Callable[..., Instance], digests: dict[str, str]
) -> None:
    service = start(release("1.1.0"), colour="green")
    said = service.call("GET", "/version").body
    assert said.pop("schema") == release("1.1.0").schema()
    assert said == {"release": "1.1.0", "digest": digests["1.1.0"], "colour": "green"}
    service.open_event("e")
    assert service.book("e", 1, key="k").body["release"] == digests["1.1.0"]
    manifest = json.loads((release("1.1.0").code / "release.json").read_text())
    assert manifest == {"format": 1, "service": "bookings", "version": "1.1.0", "schema": 2}


def test_crash_never_becomes_ready(release: Callable[[str], Program], start: Callable[..., Instance]) -> None:
    release("crash").say("migrate")
    for _ in range(3):
        service = start(release("crash"), ready=False)
        with pytest.raises(AssertionError, match="the service has ended"):
            service.wait_until_ready()
        assert service.process.wait(5) == 1


def test_errors_fails_exactly_one_booking_in_five_and_writes_none_of_those(
    release: Callable[[str], Program], start: Callable[..., Instance]
) -> None:
    service = start(release("errors"))
    answers = book_all(service, range(100))
    assert {seat for seat, answer in answers.items() if answer.status == 500} == set(range(3, 100, 5))
    assert {answer.status for seat, answer in answers.items() if seat % 5 != 3} == {201}
    assert {row["seat"] for row in service.bookings("e")} == {seat for seat in range(100) if seat % 5 != 3}
    assert service.call("GET", "/readyz").status == 200


def test_slow_is_slow_for_one_seat_in_five_and_for_no_other_one_meanwhile(
    release: Callable[[str], Program], start: Callable[..., Instance]
) -> None:
    answers = book_all(start(release("slow")), range(20))
    assert {answer.status for answer in answers.values()} == {201}
    assert all(1.5 <= answers[seat].seconds < 2.5 for seat in range(3, 20, 5))
    assert all(answer.seconds < 0.5 for seat, answer in answers.items() if seat % 5 != 3)


def test_latent_is_good_until_one_customer_comes_and_again_after_a_restart(
    release: Callable[[str], Program], start: Callable[..., Instance]
) -> None:
    service = start(release("latent"))
    answers = book_all(service, range(50))
    assert {answer.status for answer in answers.values()} == {201}
    assert service.book("e", 60, key=uuid.uuid4().hex, customer=POISON).status == 500
    assert [service.book("e", seat, key=uuid.uuid4().hex).status for seat in range(61, 66)] == [500] * 5
    assert service.book("e", 0, key="e-0").status == 500
    assert service.call("GET", "/readyz").status == 200
    assert len(service.bookings("e")) == 50
    service.process.terminate()
    assert service.process.wait(5) == 0
    again = start(release("latent"))
    assert {again.book("e", seat, key=uuid.uuid4().hex).status for seat in range(60, 66)} == {201}


def test_a_release_leaves_and_comes_back_while_another_one_serves(
    release: Callable[[str], Program], start: Callable[..., Instance]
) -> None:
    """Two colours on one database: whichever answers, a key has one booking."""
    blue, green = start(release("1.0.0"), colour="blue"), start(release("1.1.0"), colour="green")
    blue.open_event("e")
    for seat in range(10):
        first, second = (blue, green) if seat % 2 else (green, blue)
        taken, repeat = (one.book("e", seat, key=f"e-{seat}") for one in (first, second))
        assert (taken.status, repeat.status) == (201, 200)
        assert taken.body["booking"] == repeat.body["booking"]
        assert taken.body["release"] != repeat.body["release"]
    started = time.monotonic()
    assert green.bookings("e") == blue.bookings("e")
    assert time.monotonic() - started < 1
