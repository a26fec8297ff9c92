"""A write that is not replicated is never acknowledged."""

from __future__ import annotations

import socket
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.bookings.conftest import Answer, Instance, Postgres

WAITING = """SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'bookings' LIMIT 1"""
ROWS = "SELECT count(*) FROM bookings.bookings WHERE key = '{}'"


@pytest.fixture
def absent_standby(postgres: Postgres, event: str) -> str:
    """No commit is acknowledged from here on: the standby it waits for does not exist. Gives the event."""
    postgres.configure(synchronous_standby_names="nobody")
    postgres.await_quorum()
    return event


def book_in_background(service: Instance, event: str, key: str) -> Future[Answer]:
    pool = ThreadPoolExecutor(1)
    future = pool.submit(service.book, event, 1, key=key)
    pool.shutdown(wait=False)
    return future


def interrupt(postgres: Postgres, how: str) -> None:
    pid = postgres.wait_for(WAITING)
    with postgres.connect() as connection:
        connection.execute(f"SELECT {how}({pid})".encode())


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_a_cancelled_wait_for_the_standby_is_not_acknowledged(
    service: Instance, postgres: Postgres, absent_standby: str, how: str
) -> None:
    key = uuid.uuid4().hex
    future = book_in_background(service, absent_standby, key)
    interrupt(postgres, how)
    answer = future.result(10)
    assert (answer.status, answer.body) == (503, {"error": "outcome_unknown", "written": None})
    assert answer.headers["retry-after"] == "1"
    with postgres.connect() as connection:
        # This is what makes it dangerous: the row is there, on this one server.
        assert connection.execute(ROWS.format(key).encode()).fetchone() == (1,)


def test_a_killed_server_process_leaves_the_outcome_unknown(
    service: Instance, postgres: Postgres, absent_standby: str
) -> None:
    future = book_in_background(service, absent_standby, uuid.uuid4().hex)
    postgres.wait_for(WAITING)
    postgres.stop("immediate")
    answer = future.result(10)
    assert (answer.status, answer.body["written"]) == (503, None)


def test_a_repeat_does_not_acknowledge_what_the_first_attempt_could_not(
    service: Instance, postgres: Postgres, absent_standby: str
) -> None:
    key = uuid.uuid4().hex
    first = book_in_background(service, absent_standby, key)
    interrupt(postgres, "pg_cancel_backend")
    assert first.result(10).body["written"] is None
    repeat = book_in_background(service, absent_standby, key)
    postgres.wait_for(WAITING)
    time.sleep(0.3)
    assert not repeat.done()
    postgres.configure(synchronous_standby_names="")
    assert repeat.result(10).status == 200


def test_a_customer_who_hangs_up_does_not_cancel_the_commit(
    service: Instance, postgres: Postgres, absent_standby: str
) -> None:
    key = uuid.uuid4().hex
    body = f'{{"event": "{absent_standby}", "seat": 1, "customer": "c"}}'
    head = f"POST /v1/bookings HTTP/1.1\r\nHost: b\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port)) as customer:
        customer.sendall((head + body).encode())
        pid = postgres.wait_for(WAITING)
    time.sleep(0.5)
    assert postgres.wait_for(WAITING) == pid
    postgres.configure(synchronous_standby_names="")
    answer = service.book(absent_standby, 1, key=key)
    assert answer.status == 200
    assert "bookings_indeterminate_total 0.0" in service.call("GET", "/metrics").body


def test_a_rival_of_a_booking_in_doubt_is_refused_in_time(
    service: Instance, postgres: Postgres, absent_standby: str
) -> None:
    first = book_in_background(service, absent_standby, uuid.uuid4().hex)
    postgres.wait_for(WAITING)
    rival = service.book(absent_standby, 1, key=uuid.uuid4().hex)
    assert (rival.status, rival.body["written"]) == (503, False)
    assert rival.seconds < 1
    postgres.configure(synchronous_standby_names="")
    assert first.result(10).status == 201
