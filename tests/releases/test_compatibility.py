"""Which release works on which schema."""

from __future__ import annotations

import pytest

from lab.bookings.compatibility import Applied, judge

ONE = Applied(1, "0001_a.sql", "expand", undo=False, needs=0)
TWO = Applied(2, "0002_b.sql", "expand", undo=False, needs=0)
BREAKING = Applied(3, "0003_c.sql", "expand", undo=True, needs=0)
HARMLESS = Applied(4, "0004_d.sql", "expand", undo=False, needs=0)
CONTRACT = Applied(5, "0005_e.contract.sql", "contract", undo=False, needs=2)

FIRST = {1: "0001_a.sql"}
SECOND = FIRST | {2: "0002_b.sql"}
THIRD = SECOND | {3: "0003_c.sql"}


@pytest.mark.parametrize(
    ("applied", "expected", "state", "to_undo"),
    [
        ([], FIRST, "behind", []),
        ([ONE], FIRST, "works", []),
        ([ONE], SECOND, "behind", []),
        ([ONE, TWO], FIRST, "works", []),
        ([ONE, TWO, BREAKING], SECOND, "ahead", ["0003_c.sql"]),
        ([ONE, TWO, BREAKING], FIRST, "ahead", ["0003_c.sql", "0002_b.sql"]),
        ([ONE, TWO, BREAKING, HARMLESS], SECOND, "ahead", ["0004_d.sql", "0003_c.sql"]),
        ([ONE, TWO, BREAKING], THIRD, "works", []),
        ([ONE, TWO, HARMLESS], SECOND, "works", []),
        ([ONE, BREAKING], SECOND, "behind", []),
        ([ONE, TWO, CONTRACT], SECOND, "works", []),
        ([ONE, TWO, CONTRACT], FIRST, "contracted", []),
        ([ONE, TWO, BREAKING, CONTRACT], FIRST, "contracted", []),
        ([ONE, TWO, CONTRACT], THIRD, "behind", []),
    ],
)
def test_the_state_of_a_release_on_a_schema(
    applied: list[Applied], expected: dict[int, str], state: str, to_undo: list[str]
) -> None:
    found = judge(applied, expected)
    assert (found.state, found.to_undo) == (state, to_undo)
    assert found.because


def test_a_contract_does_not_count_as_a_version() -> None:
    found = judge([ONE, TWO, CONTRACT], SECOND)
    assert (found.database, found.release) == (2, 2)


def test_another_migration_under_the_same_number_is_not_the_one_expected() -> None:
    assert judge([ONE, TWO], {1: "0001_a.sql", 2: "0002_other.sql"}).state == "behind"


def test_a_row_of_the_tables_first_form_is_an_expand_migration() -> None:
    assert Applied.read({"version": 1, "name": "0001_a.sql", "applied_at": "…"}) == ONE
