"""Schemas of several releases, forth and back, with bookings on the way that must not get lost."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bookings.conftest import Instance, Postgres, Program

pytestmark = pytest.mark.usefixtures("no_schema")

FIRST_FORM = """
    ALTER TABLE bookings.migrations DROP COLUMN kind, DROP COLUMN down, DROP COLUMN undo, DROP COLUMN needs
"""


def readiness(service: Instance) -> tuple[int, str]:
    answer = service.call("GET", "/readyz")
    return answer.status, answer.body["status"]


def take(service: Instance, event: str, seat: int) -> dict[str, Any]:
    """Book a seat with a hold; return what was acknowledged, with the key."""
    key = f"{event}-{seat}"
    answer = service.book(event, seat, key=key, customer=f"customer of {seat}", hold_seconds=600)
    assert answer.status == 201, answer
    return {"key": key, "seat": seat, "booking": answer.body["booking"]}


def assert_kept(service: Instance, event: str, taken: list[dict[str, Any]]) -> None:
    """Every booking is listed, repeated with the same answer, and can be paid for."""
    assert service.bookings(event) == taken
    for one in taken:
        repeat = service.book(
            event, one["seat"], key=one["key"], customer=f"customer of {one['seat']}", hold_seconds=600
        )
        assert (repeat.status, repeat.body["booking"]) == (200, one["booking"])
        assert service.pay(one["booking"], payment=one["key"]).body["outcome"] == "confirmed"


def assert_dark(service: Instance, event: str, seat: int) -> None:
    """It takes no booking, and says so."""
    refused = service.book(event, seat, key=uuid.uuid4().hex)
    assert (refused.status, refused.body["written"]) == (503, False)


def test_a_database_without_any_release_is_behind(release: Callable[[str], Program]) -> None:
    assert release("1.1.0").schema() == {
        "state": "behind",
        "database": 0,
        "release": 2,
        "because": "not applied: 0001_bookings.sql, 0002_buyer.sql",
        "to_undo": [],
        "breaks": [],
    }


def test_a_table_of_the_first_form_is_read_and_brought_up_to_date(
    release: Callable[[str], Program], postgres: Postgres
) -> None:
    release("1.0.0").say("migrate")
    with postgres.connect() as connection:
        connection.execute(FIRST_FORM)
    assert release("1.0.0").schema()["state"] == "works"
    assert release("1.1.0").schema()["state"] == "behind"
    assert release("1.1.0").say("migrate") == "applied 0002_buyer.sql\n"
    assert release("1.1.0").say("migrate") == ""
    with postgres.connect() as connection:
        rows = connection.execute("SELECT version, kind, down IS NOT NULL, undo, needs FROM bookings.migrations")
        assert rows.fetchall() == [(1, "expand", False, False, 0), (2, "expand", True, False, 0)]


def test_the_release_before_works_on_an_expanded_schema(
    release: Callable[[str], Program], start: Callable[..., Instance], postgres: Postgres
) -> None:
    """It is running and has its statements prepared while the schema changes under it."""
    old = start(release("1.0.0"))
    old.open_event("e")
    taken = [take(old, "e", seat) for seat in range(8)]
    release("1.1.0").say("migrate")
    assert readiness(old) == (200, "ready")
    taken += [take(old, "e", seat) for seat in range(8, 12)]
    new = start(release("1.1.0"))
    taken += [take(new, "e", seat) for seat in range(12, 16)]
    assert_kept(new, "e", taken)
    assert_kept(old, "e", taken)
    with postgres.connect() as connection:
        rows = connection.execute("SELECT seat, customer, buyer FROM bookings.bookings ORDER BY seat").fetchall()
    names = [f"customer of {seat}" for seat in range(16)]
    assert rows == [(seat, name, name if seat >= 8 else None) for seat, name in enumerate(names)]


def test_a_breaking_migration_breaks_the_release_before_until_it_is_undone(
    release: Callable[[str], Program], start: Callable[..., Instance]
) -> None:
    old = start(release("1.1.0"))
    old.open_event("e")
    taken = [take(old, "e", 0)]
    assert release("1.2.0").schema()["breaks"] == ["0003_place.sql"]
    new = start(release("1.2.0"))
    taken += [take(new, "e", seat) for seat in (1, 2)]
    assert_kept(new, "e", taken)

    assert_dark(old, "e", 3)
    assert old.call("GET", "/v1/bookings?event=e").status == 503
    assert readiness(old) == (503, "schema_ahead")
    found = release("1.1.0").schema()
    assert (found["state"], found["database"], found["release"]) == ("ahead", 3, 2)
    assert found["to_undo"] == ["0003_place.sql"]

    assert release("1.1.0").say("migrate-down") == "reverted 0003_place.sql\n"
    assert release("1.1.0").say("migrate-down") == ""
    assert old.wait_until_ready() < 1
    taken.append(take(old, "e", 3))
    assert_kept(old, "e", taken)
    assert readiness(new) == (503, "schema_behind")
    assert_dark(new, "e", 4)


def test_no_booking_is_lost_on_the_way_back_to_the_first_release(
    release: Callable[[str], Program], start: Callable[..., Instance]
) -> None:
    old = start(release("1.0.0"))
    old.open_event("e")
    taken = [take(old, "e", 0), take(start(release("1.1.0")), "e", 1), take(start(release("1.2.0")), "e", 2)]
    assert release("1.0.0").schema()["to_undo"] == ["0003_place.sql", "0002_buyer.sql"]
    assert release("1.0.0").say("migrate-down") == "reverted 0003_place.sql\nreverted 0002_buyer.sql\n"
    assert old.wait_until_ready() < 1
    taken.append(take(old, "e", 3))
    assert_kept(old, "e", taken)
    again = start(release("1.2.0"))
    assert_kept(again, "e", taken)


def test_a_contract_ends_the_old_release_and_no_booking(
    release: Callable[[str], Program], start: Callable[..., Instance], postgres: Postgres
) -> None:
    first = start(release("1.0.0"))
    first.open_event("e")
    taken = [take(first, "e", seat) for seat in range(3)]
    second = start(release("1.1.0"))
    taken += [take(second, "e", seat) for seat in range(3, 9)]
    third = start(release("2.0.0"))
    assert readiness(first) == (200, "ready")
    assert release("2.0.0").say("contract") == "applied 0004_buyer.contract.sql\n"
    assert release("2.0.0").say("contract") == ""

    assert readiness(first) == (503, "schema_contracted")
    assert_dark(first, "e", 20)
    for number, service in enumerate((second, third)):
        assert readiness(service) == (200, "ready")
        taken.append(take(service, "e", 10 + number))
        assert_kept(service, "e", taken)
    with postgres.connect() as connection:
        rows = connection.execute("SELECT buyer FROM bookings.bookings ORDER BY seat").fetchall()
    assert rows == [(f"customer of {one['seat']}",) for one in taken]


@pytest.mark.parametrize(
    ("serving", "changing", "command"),
    [("1.0.0", "1.1.0", "migrate"), ("1.1.0", "2.0.0", "contract"), ("1.0.0", "1.1.0", "migrate-down")],
)
def test_customers_notice_nothing_of_a_change_that_their_release_lives_with(
    release: Callable[[str], Program], start: Callable[..., Instance], serving: str, changing: str, command: str
) -> None:
    """Eight of them book, repeat and read all the time, on sessions that know the schema from before."""
    service = start(release(serving))
    service.open_event("e", 100_000)
    if command == "migrate-down":
        release(changing).say("migrate")
    over = threading.Event()

    def book_until_over(first: int) -> Counter[int]:
        statuses: Counter[int] = Counter()
        for seat in range(first, 100_000, 8):
            if over.is_set():
                break
            for _ in range(2):
                statuses[service.book("e", seat, key=f"e-{seat}").status] += 1
            statuses[service.call("GET", f"/v1/bookings?event=e&limit=1&after={seat}.{uuid.UUID(int=0)}").status] += 1
        return statuses

    with ThreadPoolExecutor(8) as pool:
        customers = [pool.submit(book_until_over, first) for first in range(8)]
        time.sleep(0.5)
        try:
            program = release(serving if command == "migrate-down" else changing)
            assert program.say(command)
            time.sleep(0.5)
        finally:
            over.set()
    answered = sum((customer.result() for customer in customers), Counter())
    assert set(answered) == {200, 201}
    assert answered[200] == 2 * answered[201] > 100


def test_what_a_contract_took_away_is_not_brought_back(release: Callable[[str], Program]) -> None:
    release("2.0.0").say("migrate")
    release("2.0.0").say("contract")
    found = release("1.0.0").schema()
    assert (found["state"], found["database"], found["to_undo"]) == ("contracted", 2, [])
    assert "0004_buyer.contract.sql" in found["because"]
    for program, more in ((release("1.0.0"), ()), (release("2.0.0"), ("--to", "1"))):
        assert "cannot revert 0004_buyer.contract.sql" in program.refuse("migrate-down", *more)
    assert release("1.1.0").schema()["state"] == "works"
    assert release("1.1.0").say("migrate-down") == ""


def test_a_breaking_migration_after_a_contract_can_be_undone(release: Callable[[str], Program]) -> None:
    release("2.0.0").say("migrate")
    release("2.0.0").say("contract")
    release("1.2.0").say("migrate")
    assert release("2.0.0").schema()["state"] == "ahead"
    assert release("2.0.0").say("migrate-down") == "reverted 0003_place.sql\n"
    assert release("2.0.0").schema()["state"] == "works"


def test_nothing_is_taken_away_before_everything_is_added(release: Callable[[str], Program]) -> None:
    release("1.0.0").say("migrate")
    assert "behind: not applied: 0002_buyer.sql" in release("2.0.0").refuse("contract")
    release("1.2.0").say("migrate")
    assert "ahead" in release("2.0.0").refuse("contract")


def test_a_migration_without_undo_is_refused_and_nothing_changes(release: Callable[[str], Program]) -> None:
    release("1.2.0").say("migrate")
    assert "cannot revert 0001_bookings.sql" in release("1.2.0").refuse("migrate-down", "--to", "0")
    assert release("1.2.0").schema()["state"] == "works"


def test_two_migrations_of_one_number_are_refused(release: Callable[[str], Program]) -> None:
    release("1.0.0").say("migrate")
    other = release("1.1.0")
    for suffix in (".sql", ".down.sql"):
        path = other.code / "bookings" / "schema" / f"0002_buyer{suffix}"
        path.rename(path.with_name(f"0002_payer{suffix}"))
    assert other.say("migrate") == "applied 0002_payer.sql\n"
    path.with_name("0002_payer.sql").rename(path.with_name("0002_buyer.sql"))
    assert "migration 2 of the database is 0002_payer.sql" in other.refuse("migrate")
    assert other.schema()["state"] == "behind"


def test_an_unreachable_database_is_said_to_be_one(program: Program) -> None:
    for command in ("migrate", "migrate-down", "contract", "schema"):
        done = program.run(program.settings(database_port=1), command)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {command}: the database: ")
        assert "HINT: " in done.stderr
