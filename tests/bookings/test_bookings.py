"""What a customer is promised."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.bookings.conftest import Answer, Instance


def new_key() -> str:
    return uuid.uuid4().hex


def test_an_event_is_opened_once(service: Instance) -> None:
    name = new_key()
    assert service.open_event(name, 5).status == 201
    assert service.open_event(name, 5).status == 200
    assert service.open_event(name, 6).status == 422


def test_a_booking_says_who_committed_it(service: Instance, event: str) -> None:
    answer = service.book(event, 7, key=new_key())
    assert answer.status == 201
    assert uuid.UUID(answer.body["booking"])
    del answer.body["booking"]
    assert answer.body == {"event": event, "seat": 7, "server": "db1", "timeline": 1, "release": None}


def test_the_same_key_gets_the_same_answer(service: Instance, event: str) -> None:
    key = new_key()
    first, second = service.book(event, 1, key=key), service.book(event, 1, key=key)
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body


def test_the_same_key_for_another_request_is_refused(service: Instance, event: str) -> None:
    key = new_key()
    service.book(event, 1, key=key)
    assert service.book(event, 2, key=key).status == 422
    assert service.book(event, 1, key=key, customer="another").status == 422
    assert len(service.bookings(event)) == 1


def test_a_seat_is_sold_once(service: Instance, event: str) -> None:
    assert service.book(event, 1, key=new_key()).status == 201
    refused = service.book(event, 1, key=new_key())
    assert (refused.status, refused.body) == (409, {"error": "seat_taken"})


def book_at_once(service: Instance, event: str, wishes: list[tuple[int, str]]) -> list[Answer]:
    """Book each (seat, key) in a thread of its own."""
    with ThreadPoolExecutor(len(wishes)) as pool:
        return list(pool.map(lambda wish: service.book(event, wish[0], key=wish[1]), wishes))


def test_a_seat_is_sold_once_to_many_at_the_same_time(service: Instance, event: str) -> None:
    for seat in range(10):
        answers = book_at_once(service, event, [(seat, new_key()) for _ in range(16)])
        assert sorted(answer.status for answer in answers) == [201] + [409] * 15
    assert [row["seat"] for row in service.bookings(event)] == list(range(10))


def test_one_key_sent_many_times_at_once_books_once(service: Instance, event: str) -> None:
    for seat in range(10):
        answers = book_at_once(service, event, [(seat, f"{event}-{seat}")] * 16)
        assert sorted(answer.status for answer in answers) == [200] * 15 + [201]
        assert len({answer.body["booking"] for answer in answers}) == 1
    assert len(service.bookings(event)) == 10


def test_one_key_for_two_seats_at_once_books_one_of_them(service: Instance, event: str) -> None:
    for turn in range(10):
        key = new_key()
        answers = book_at_once(service, event, [(2 * turn, key), (2 * turn + 1, key)])
        assert sorted(answer.status for answer in answers) == [201, 422]
    assert len(service.bookings(event)) == 10


def test_what_does_not_exist_is_not_sold(service: Instance, event: str) -> None:
    assert service.book("no such event", 1, key=new_key()).status == 404
    assert service.book(event, 100, key=new_key()).status == 404
    assert service.book(event, 99, key=new_key()).status == 201


def test_nonsense_is_refused(service: Instance, event: str) -> None:
    for body in (b"", b"[]", b"{", b'{"event":"e","seat":"1","customer":"c"}', b'{"event":"\\u0000"}'):
        assert service.call("POST", "/v1/bookings", body, Idempotency_Key="k").status == 400
    assert service.book(event, -1, key=new_key()).status == 400
    assert service.book(event, 2**31, key=new_key()).status == 400
    assert service.book(event, 1, key=new_key(), hold_seconds=True).status == 400
    assert service.book(event, 1, key="").status == 400
    assert service.call("GET", "/v1/bookings?event=e&after=x").status == 400


def test_all_bookings_can_be_read_back_page_by_page(service: Instance, event: str) -> None:
    booked = {seat: service.book(event, seat, key=f"{event}-{seat}").body["booking"] for seat in range(21)}
    expected = [{"key": f"{event}-{seat}", "seat": seat, "booking": booked[seat]} for seat in range(21)]
    assert service.bookings(event) == expected
