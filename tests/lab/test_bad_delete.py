"""Bookings are deleted by mistake. The drill brings them back; one that does not is missed, and healed all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.terminal import SABOTAGE
from tests.lab.test_sabotage import MISSED, judgement, verdict
from tests.lab.test_scenarios import figures, kept_its_rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Ended, Terminal

pytestmark = pytest.mark.lab


@pytest.fixture
def beside(lab: Cluster) -> Iterator[Cluster]:
    """The lab; afterwards nothing is kept aside, and no cluster stands beside the live one."""
    yield lab
    assert lab.sql(lab.primary, "SELECT count(*) FROM pg_namespace WHERE nspname = 'drill'", "bookings") == "0"
    assert "restored" not in lab.at("backup1", "pg_lsclusters --no-header; ls /var/lib/postgresql/15 || true")


def test_a_bad_delete_is_undone_while_customers_book(
    terminal: Terminal, beside: Cluster, recoveries: dict[str, str]
) -> None:
    ended = terminal.drill("undo_a_bad_delete")
    document = ended.document
    recoveries["undo_a_bad_delete"] = figures(document)
    assert (document["status"], document["heal"], document["verdict"]) == ("completed", "healed", "met"), ended
    assert ended.code == 0, ended
    assert document["writes"] | {"lost": 0, "duplicated": 0} == document["writes"], ended
    assert rows(beside, ended) >= document["writes"]["acknowledged"] > 0, ended
    assert judgement(ended, "deleted_rows_back")["outcome"] == "met", ended
    kept_its_rate(ended)


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["deletion_not_undone", "deletion_half_undone"])
def test_bookings_that_nobody_brings_back_are_lost_until_the_heal(
    scenario: str, terminal: Terminal, beside: Cluster
) -> None:
    ended = terminal.drill(scenario, program=SABOTAGE)
    assert verdict(ended) == ("missed", MISSED), ended
    assert judgement(ended, "no_acknowledged_write_lost")["outcome"] == "missed", ended
    assert judgement(ended, "no_double_booking")["outcome"] == "met", ended
    assert 0 < ended.document["writes"]["lost"] < ended.document["writes"]["acknowledged"], ended
    assert rows(beside, ended) >= ended.document["writes"]["acknowledged"], ended


@pytest.mark.long
def test_payments_that_nobody_brings_back_are_missed_until_the_heal(terminal: Terminal, beside: Cluster) -> None:
    ended = terminal.drill("payments_left_out", program=SABOTAGE)
    assert verdict(ended) == ("missed", MISSED), ended
    found = judgement(ended, "deleted_rows_back")
    assert found["outcome"] == "missed", ended
    assert "0 of " in found["because"], ended
    assert rows(beside, ended) >= ended.document["writes"]["acknowledged"], ended


def rows(lab: Cluster, ended: Ended) -> int:
    """How many bookings of the run the database has now."""
    query = f"SELECT count(*) FROM bookings.bookings WHERE event = '{ended.folder.name}'"  # noqa: S608  # our own name
    return int(lab.sql(lab.primary, query, "bookings"))
