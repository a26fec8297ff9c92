"""What must never be met: drills that are spoilt on purpose, each in one way. Afterwards all is healed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.terminal import ROOT, SABOTAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Ended, Terminal

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

RUNBOOKS = {"DRILLBOOK_PLAYBOOKS": str(ROOT / "tests" / "lab" / "playbooks")}
MISSED, UNPROVED = 1, 2


@pytest.mark.parametrize(
    "scenario", ["fault_without_harm_or_detection", pytest.param("fault_without_harm", marks=pytest.mark.long)]
)
def test_a_fault_that_does_nothing_proves_nothing_and_no_runbook_is_followed(
    scenario: str, terminal: Terminal, lab: Cluster
) -> None:
    before = lab.primary, lab.timeline()
    ended = terminal.drill(scenario, program=SABOTAGE)
    assert verdict(ended) == ("void", UNPROVED), ended
    assert ended.document["stamps"]["runbook_started"] is None, ended
    assert any("did not take" in reason for reason in ended.document["reasons"]), ended
    assert (lab.primary, lab.timeline()) == before, ended


def test_a_runbook_that_succeeds_and_repairs_nothing_is_missed(terminal: Terminal) -> None:
    ended = terminal.drill("runbook_without_effect", program=SABOTAGE, **RUNBOOKS)
    assert verdict(ended) == ("missed", MISSED), ended
    assert judgement(ended, "runbooks_succeeded")["outcome"] == "met", ended
    assert judgement(ended, "recovered_within")["outcome"] == "missed", ended


@pytest.fixture
def read_only_bookings(lab: Cluster) -> Iterator[None]:
    """The service's sessions can read and not write."""
    end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'bookings'"
    lab.sql(lab.primary, "ALTER DATABASE bookings SET default_transaction_read_only = on")
    lab.sql(lab.primary, end_sessions)
    try:
        yield
    finally:
        lab.sql(lab.primary, "ALTER DATABASE bookings RESET default_transaction_read_only")
        lab.sql(lab.primary, end_sessions)


@pytest.mark.usefixtures("read_only_bookings")
def test_customers_who_cannot_write_prove_nothing_and_nothing_is_hurt(terminal: Terminal, lab: Cluster) -> None:
    before = lab.primary, lab.timeline()
    ended = terminal.drill("db_failover")
    assert (ended.document["verdict"], ended.code) == ("void", UNPROVED), ended
    assert ended.document["heal"] == "nothing_to_heal", ended
    assert (lab.primary, lab.timeline()) == before, ended


def test_bookings_that_were_acknowledged_and_are_gone_are_missed(terminal: Terminal) -> None:
    ended = terminal.drill("bookings_forgotten", program=SABOTAGE)
    assert verdict(ended) == ("missed", MISSED), ended
    assert judgement(ended, "no_acknowledged_write_lost")["outcome"] == "missed", ended
    assert judgement(ended, "no_double_booking")["outcome"] == "met", ended
    assert ended.document["writes"]["lost"] == 3, ended


def test_a_seat_that_was_sold_twice_is_missed(terminal: Terminal) -> None:
    ended = terminal.drill("seat_sold_twice", program=SABOTAGE)
    assert verdict(ended) == ("missed", MISSED), ended
    assert judgement(ended, "no_double_booking")["outcome"] == "missed", ended
    assert judgement(ended, "no_acknowledged_write_lost")["outcome"] == "met", ended


@pytest.mark.long
def test_what_cannot_be_read_back_is_unknown(terminal: Terminal) -> None:
    ended = terminal.drill("nothing_to_read_back", program=SABOTAGE)
    assert verdict(ended) == ("unknown", UNPROVED), ended
    assert judgement(ended, "no_acknowledged_write_lost")["outcome"] == "unknown", ended
    assert judgement(ended, "no_double_booking")["outcome"] == "unknown", ended
    assert ended.document["writes"]["lost"] is None, ended


def verdict(ended: Ended) -> tuple[str, int]:
    """The verdict and the exit code of a drill that was healed."""
    assert (ended.document["status"], ended.document["heal"]) == ("completed", "healed"), ended
    return ended.document["verdict"], ended.code


def judgement(ended: Ended, judge: str) -> dict[str, Any]:
    (found,) = [one for one in ended.document["judgements"] if one["judge"] == judge]
    return dict(found)
