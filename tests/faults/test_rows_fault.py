"""A careless DELETE, without a database: what is asked of it, and what is made of its answers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drills import checkout
from drills.connection import Answer, UnreachableError
from drills.faults import RowsDeleted
from drills.faults.fault import FaultError
from drills.probes import View
from drills.site import Host, Site

EVENT = "20260101T000000Z-undo_a_bad_delete"
DELETED = Answer(0, "4711|2026-01-01 00:00:10.5+00|120|3\n", "")


@dataclass
class Database:
    """A primary that gives the answers that the test put there; an answer that is missing is an unreachable host."""

    answers: list[Answer] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def run(self, command: str, *, timeout: float) -> Answer:
        assert timeout > 0
        self.commands.append(command)
        if not self.answers:
            raise UnreachableError("no route")
        return self.answers.pop(0)


def deletion(database: Database, event: str = EVENT) -> RowsDeleted:
    primary = Host("db1")
    primary.__dict__["ssh"] = database
    return RowsDeleted(primary, event)


def test_what_is_deleted_is_kept_in_the_same_transaction() -> None:
    database = Database([DELETED])
    deletion(database).inject()
    (command,) = database.commands
    words = shlex.split(command)
    assert "--single-transaction" in words
    assert "ON_ERROR_STOP=1" in words
    statements = [words[at + 1] for at, word in enumerate(words) if word == "-c"]
    assert ["CREATE TABLE drill.bookings" in one for one in statements] == [True, False]
    assert ["DELETE FROM" in one for one in statements] == [False, True]
    assert f"event = '{EVENT}'" in statements[0]
    assert "interval '5.0 seconds'" in statements[0]


def test_it_says_which_transaction_it_was_and_before_that_it_can_only_be_planned_with() -> None:
    fault = deletion(Database([DELETED]))
    assert fault.transaction.startswith("<")
    assert fault.before.startswith("<")
    fault.inject()
    assert (fault.transaction, fault.before) == ("4711", "2026-01-01 00:00:10.5+00")


@pytest.mark.parametrize(
    ("answer", "bit"),
    [
        ("120|0|3|0", True),
        ("120|1|3|0", False),
        ("120|0|3|1", False),
        ("120|0|0|0", False),
        ("0|0|0|0", False),
    ],
)
def test_it_has_bitten_only_if_bookings_and_payments_were_deleted_and_all_are_gone(answer: str, bit: bool) -> None:  # noqa: FBT001
    fault = deletion(Database([DELETED, Answer(0, f"{answer}\n", "")]))
    fault.inject()
    seen = fault.confirm()
    assert seen.ok is bit
    assert "120 bookings and 3 payments were deleted by transaction 4711" in seen.because


@pytest.mark.parametrize(
    ("answer", "back"),
    [
        ("120|120|3|3", True),
        ("120|119|3|3", False),
        ("120|120|3|2", False),
        ("120|120|0|0", False),
    ],
)
def test_it_is_undone_only_if_every_booking_and_every_payment_is_back(answer: str, back: bool) -> None:  # noqa: FBT001
    database = Database([Answer(0, f"{answer}\n", "")])
    seen = deletion(database).undone().look(View(Site(Path(), {}, {}, {}), lambda: None))
    assert seen.ok is back
    assert "of 120 deleted bookings and" in seen.because
    assert database.commands[0].count("INTERSECT") == 2


def test_what_cannot_be_looked_at_is_not_undone() -> None:
    seen = deletion(Database()).undone().look(View(Site(Path(), {}, {}, {}), lambda: None))
    assert (seen.ok, seen.because) == (False, "no route")


def test_a_primary_that_nobody_reaches_is_neither_hurt_nor_confirmed() -> None:
    fault = deletion(Database())
    with pytest.raises(FaultError, match="no route"):
        fault.inject()
    assert not fault.confirm().ok


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(0, "4711|2026-01-01 00:00:10.5+00|0|0\n", ""), "no booking that is older than 5 s"),
        (Answer(3, "", 'ERROR:  schema "drill" already exists\n'), "drillbook heal puts back what an earlier drill"),
        (Answer(3, "", "ERROR:  cannot execute DELETE in a read-only transaction\n"), "read-only transaction"),
    ],
)
def test_a_deletion_that_took_nothing_is_no_harm(answer: Answer, told: str) -> None:
    with pytest.raises(FaultError, match=told):
        deletion(Database([answer])).inject()


def test_a_name_that_is_no_event_never_reaches_the_database() -> None:
    database = Database([DELETED])
    with pytest.raises(FaultError, match="no name of an event"):
        deletion(database, "x' OR true --").inject()
    assert database.commands == []


def test_its_cure_acts_on_whoever_leads_then() -> None:
    cure = deletion(Database()).cure()
    assert (cure.limit, cure.of_fault) == ("database", True)
    assert (checkout.ROOT / cure.playbook).is_file()
