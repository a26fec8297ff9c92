"""Holds, payments, and how an instance comes, tells of itself and goes."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bookings.conftest import Instance, Postgres, Program


def test_an_expired_hold_frees_the_seat(service: Instance, event: str) -> None:
    held = service.book(event, 1, key=uuid.uuid4().hex, hold_seconds=0.3)
    assert held.status == 201
    assert held.body["held_until"]
    assert service.book(event, 1, key=uuid.uuid4().hex).status == 409
    time.sleep(0.35)
    assert service.bookings(event) == []
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.book(event, 1, key=uuid.uuid4().hex), range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    late = service.pay(held.body["booking"])
    assert (late.status, late.body["outcome"]) == (200, "refund_due")


def test_a_payment_turns_a_hold_into_a_sale(service: Instance, event: str) -> None:
    key = uuid.uuid4().hex
    held = service.book(event, 1, key=key, hold_seconds=0.5)
    assert service.pay(held.body["booking"]).body["outcome"] == "confirmed"
    time.sleep(0.55)
    assert service.book(event, 1, key=uuid.uuid4().hex).status == 409
    assert len(service.bookings(event)) == 1
    assert service.book(event, 1, key=key, hold_seconds=0.5).body == held.body


def test_a_repeated_payment_changes_nothing(service: Instance, event: str, postgres: Postgres) -> None:
    held = service.book(event, 1, key=uuid.uuid4().hex, hold_seconds=60).body["booking"]
    other = service.book(event, 2, key=uuid.uuid4().hex, hold_seconds=60).body["booking"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: service.pay(held, payment=f"p-{held}"), range(4)))
    assert {(answer.status, answer.body["outcome"]) for answer in answers} == {(200, "confirmed")}
    assert service.pay(other, payment=f"p-{held}").status == 422
    with postgres.connect() as connection:
        rows = connection.execute("SELECT count(*) FROM bookings.payments WHERE booking = %s", (held,)).fetchone()
    assert rows == (1,)


def test_a_forged_payment_is_refused(service: Instance, event: str, postgres: Postgres) -> None:
    held = service.book(event, 1, key=uuid.uuid4().hex, hold_seconds=60).body["booking"]
    assert service.pay(held, secret="guessed").status == 401
    assert service.call("POST", "/v1/webhooks/payments", b"{}").status == 401
    assert service.call("POST", "/v1/webhooks/payments", b"{}", X_Signature="sha256=é").status == 401
    with postgres.connect() as connection:
        state = connection.execute("SELECT state FROM bookings.bookings WHERE id = %s", (held,)).fetchone()
    assert state == ("held",)


def test_a_payment_for_nothing_is_refused(service: Instance) -> None:
    assert service.pay(str(uuid.uuid4())).status == 404
    assert service.pay("not a booking").status == 400


def test_sigterm_ends_readiness_first_then_the_requests_then_the_process(
    start: Callable[..., Instance], postgres: Postgres
) -> None:
    service = start(drain_seconds=0.6)
    name = uuid.uuid4().hex
    service.open_event(name)
    postgres.configure(synchronous_standby_names="nobody")
    postgres.await_quorum()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(service.book, name, 1, key=uuid.uuid4().hex)
        postgres.wait_for("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        service.process.terminate()
        time.sleep(0.2)
        unready = service.call("GET", "/readyz")
        assert (unready.status, unready.body["status"]) == (503, "draining")
        assert service.call("GET", "/healthz").headers["connection"] == "close"
        time.sleep(1.0)
        assert service.process.poll() is None, "it left with a booking still running"
        postgres.configure(synchronous_standby_names="")
        assert running.result(5).status == 201
    assert service.process.wait(5) == 0


def test_metrics_tell_requests_latency_and_pool(service: Instance, event: str) -> None:
    service.book(event, 1, key=uuid.uuid4().hex)
    text = service.call("GET", "/metrics").body
    assert 'bookings_requests_total{route="POST /v1/bookings",status="201"} 1.0' in text
    assert 'bookings_request_seconds_bucket{le="0.8",route="POST /v1/bookings"} 1.0' in text
    assert "bookings_pool_lent 0.0" in text


@pytest.mark.usefixtures("no_schema")
def test_the_schema_is_migrated_once_even_by_two_at_a_time(program: Program) -> None:
    with ThreadPoolExecutor(2) as pool:
        outputs = sorted(pool.map(lambda _: program.say("migrate"), range(2)))
    assert outputs[0] == ""
    assert outputs[1].splitlines()[0] == "applied 0001_bookings.sql"


@pytest.mark.usefixtures("no_schema")
def test_an_instance_without_schema_is_alive_but_not_ready(start: Callable[..., Instance], program: Program) -> None:
    service = start(ready=False)
    service.wait_until_alive()
    unready = service.call("GET", "/readyz")
    assert (unready.status, unready.body) == (
        503,
        {"status": "schema_behind", "because": "not applied: 0001_bookings.sql"},
    )
    answer = service.book("e", 1, key="k")
    assert (answer.status, answer.body["written"]) == (503, False)
    program.say("migrate")
    assert service.wait_until_ready() < 1
    assert service.call("GET", "/version").body["schema"]["state"] == "works"


def test_a_bad_settings_file_is_named_without_its_values(program: Program) -> None:
    for line in ("BOOKINGS_COLOUR=hush hush", "BOOKINGS_PORT=hush", "OTHER=hush"):
        done = program.run(program.settings(line), "serve")
        assert done.returncode == 78
        assert line.partition("=")[0] in done.stderr
        assert "hush" not in done.stderr
        assert "pass" not in done.stderr
