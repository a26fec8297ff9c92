"""The service is back as soon as its database is."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.bookings.conftest import Answer, Instance, Postgres

CONNECTIONS = "SELECT nullif(count(*) >= {}, false) FROM pg_stat_activity WHERE usename = 'bookings'"


class Customers:
    """Book a seat every 20 ms, each in a thread of its own, and keep what happened."""

    def __init__(self, service: Instance, event: str) -> None:
        self.answers: list[tuple[float, Answer | None]] = []
        self._service, self._event = service, event
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Customers:  # noqa: PYI034 - nobody inherits from it
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        threads = []
        for seat in range(10_000):
            if self._over.wait(0.02):
                break
            threads.append(threading.Thread(target=self._book, args=(seat,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _book(self, seat: int) -> None:
        sent = time.monotonic()
        try:
            answer = self._service.book(self._event, seat, key=uuid.uuid4().hex, timeout=5)
        except OSError:
            self.answers.append((sent, None))
        else:
            self.answers.append((sent, answer))

    def first_success_after(self, moment: float) -> float:
        """Seconds from the moment to the first booking that was answered 201 after it."""
        ends = [sent + answer.seconds for sent, answer in self.answers if answer and answer.status == 201]
        return min((end for end in ends if end > moment), default=float("inf")) - moment


def test_bookings_go_on_within_a_third_of_a_second(
    start: Callable[..., Instance], postgres: Postgres, record_property: Callable[[str, object], None]
) -> None:
    service = start(pool_min=4)
    name = uuid.uuid4().hex
    service.open_event(name, 10_000)
    with Customers(service, name) as customers:
        time.sleep(1)
        postgres.stop("immediate")
        time.sleep(4)
        postgres.start()
        back = postgres_accepts(postgres)
        time.sleep(2)
    recovery = customers.first_success_after(back)
    record_property("recovery_s", round(recovery, 3))
    assert recovery < 0.3
    statuses = {answer.status for _, answer in customers.answers if answer}
    assert statuses == {201, 503}
    assert all(answer.seconds < 1 for _, answer in customers.answers if answer)
    assert postgres.wait_for(CONNECTIONS.format(4), 2.0)
    acknowledged = {answer.body["booking"] for _, answer in customers.answers if answer and answer.status == 201}
    assert acknowledged <= {row["booking"] for row in service.bookings(name)}


def postgres_accepts(postgres: Postgres) -> float:
    """Return the moment at which the server takes connections."""
    while True:
        try:
            postgres.connect().close()
        except psycopg.OperationalError:
            continue
        return time.monotonic()


def test_a_single_customer_after_a_long_outage_is_served_at_once(
    service: Instance, event: str, postgres: Postgres
) -> None:
    postgres.stop("immediate")
    for _ in range(3):
        answer = service.book(event, 1, key=uuid.uuid4().hex)
        assert (answer.status, answer.body["written"]) == (503, False)
        assert answer.seconds < 1
    postgres.start()
    answer = service.book(event, 1, key=uuid.uuid4().hex)
    assert answer.status == 201
    assert answer.seconds < 0.3


def test_connections_shut_down_while_idle_cost_nobody_an_error(
    service: Instance, event: str, postgres: Postgres
) -> None:
    assert postgres.wait_for(CONNECTIONS.format(4))
    with postgres.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bookings'")
    time.sleep(0.1)
    for seat in range(8):
        assert service.book(event, seat, key=uuid.uuid4().hex).status == 201
    assert postgres.wait_for(CONNECTIONS.format(4))


def test_a_server_that_never_answers_is_given_up_in_time(
    start: Callable[..., Instance], request: pytest.FixtureRequest
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        request.addfinalizer(silent.close)
        service = start(ready=False, database_port=silent.getsockname()[1])
        service.wait_until_alive()
        answer = service.book("e", 1, key="k")
    assert (answer.status, answer.body["written"]) == (503, False)
    assert answer.seconds < 1
    assert answer.headers["retry-after"] == "1"


def test_readiness_follows_the_database_and_health_does_not(service: Instance, postgres: Postgres) -> None:
    assert service.call("GET", "/readyz").status == 200
    postgres.stop("fast")
    unready = service.call("GET", "/readyz")
    assert (unready.status, unready.body["status"]) == (503, "database_unavailable")
    assert service.call("GET", "/healthz").status == 200
    unreleased = {"release": "unreleased", "digest": None, "colour": None, "schema": None}
    assert service.call("GET", "/version").body == unreleased
    postgres.start()
    assert service.wait_until_ready() < 0.3


def test_a_read_only_server_is_not_ready_and_takes_no_bookings(
    service: Instance, event: str, postgres: Postgres
) -> None:
    """A connection from before a demotion, and one made after it."""
    with postgres.connect() as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(0.2)
            answer = service.book(event, 1, key=uuid.uuid4().hex)
            assert (answer.status, answer.body["written"]) == (503, False)
            unready = service.call("GET", "/readyz")
            assert (unready.status, unready.body["status"]) == (503, "read_only")
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
    service.wait_until_ready()
