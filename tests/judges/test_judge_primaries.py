from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drills.judges import Judgement, Outcome, one_primary_at_a_time

if TYPE_CHECKING:
    from tests.conftest import Story


def _judge(story: Story) -> Judgement:
    return one_primary_at_a_time.judge(story.journal())


def _look(story: Story, t: float, host: str, state: str, **data: Any) -> None:  # noqa: ANN401  # JSON values
    story.add(t, "looked", host=host, state=state, **{"timeline": None, "receiving_from": None, **data})


def test_a_good_run_had_one_primary(failover: Story) -> None:
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.MET
    assert "db1 on timeline 1, db2 on timeline 2" in judgement.because


def test_an_old_timeline_that_acknowledges_after_the_new_one_is_a_second_primary(failover: Story) -> None:
    failover.serve(15.0, 15.05, "db1", 1)
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)


def test_two_servers_on_one_timeline_are_two_primaries(failover: Story) -> None:
    assert _judge(failover.serve(15.0, 15.05, "db3", 2)).outcome is Outcome.MISSED


def test_an_old_answer_on_its_way_is_no_second_primary(failover: Story) -> None:
    failover.serve(9.95, 10.0, "db1", 1).change(lambda sample: 9.95 <= sample.due < 10.0, ended=12.5)
    assert _judge(failover).outcome is Outcome.MET


def test_a_repeat_names_the_server_of_the_first_answer(failover: Story) -> None:
    failover.change(lambda sample: sample.n == 300, purpose="repeat", status=200, server="db1", timeline=1)
    assert _judge(failover).outcome is Outcome.MET


def test_acknowledgements_without_a_name_are_unknown(failover: Story) -> None:
    failover.change(lambda sample: sample.n == 300, server=None)
    assert _judge(failover).outcome is Outcome.UNKNOWN


def test_nobody_looked(failover: Story) -> None:
    assert _judge(failover.without("looked")).outcome is Outcome.UNKNOWN


def test_two_hosts_seen_to_lead_at_once(failover: Story) -> None:
    _look(failover, 20.0, "db1", "primary", timeline=1)
    _look(failover, 20.0, "db4", "standby", receiving_from="db1")
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.MISSED


def test_two_hosts_seen_to_lead_at_once_need_no_timelines(failover: Story) -> None:
    failover.without("looked")
    for host, source in (("db1", "db3"), ("db2", "db4")):
        _look(failover, 20.0, host, "primary")
        _look(failover, 20.1, source, "standby", receiving_from=host)
    assert _judge(failover).because == "db1 and db2 both led at 20.00 s"


def test_an_old_timeline_seen_to_lead_after_the_new_one(failover: Story) -> None:
    _look(failover, 20.4, "db1", "primary", timeline=1)
    _look(failover, 20.4, "db4", "standby", receiving_from="db1")
    assert _judge(failover).outcome is Outcome.MISSED


def test_an_old_primary_that_nobody_receives_from_is_noted(failover: Story) -> None:
    failover.entries = [
        entry for entry in failover.entries if not (entry.kind == "looked" and entry.get("state") == "off")
    ]
    for second in range(11, 31):
        _look(failover, second + 0.001, "db1", "primary", timeline=1)
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.MET
    assert "db1 called itself primary at" in judgement.because


@pytest.mark.parametrize("begin", [11.0, 25.0])
def test_a_host_that_was_unreachable_for_long_was_not_observed(failover: Story, begin: float) -> None:
    failover.entries = [
        entry
        for entry in failover.entries
        if not (entry.kind == "looked" and entry.get("host") == "db1" and begin <= entry.t <= begin + 6)
    ]
    for second in range(6):
        _look(failover, begin + second, "db1", "unreachable")
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.UNKNOWN
    assert "db1 was not observed from" in judgement.because


def test_a_database_host_that_nobody_looked_at_is_unknown(failover: Story) -> None:
    failover.entries = [
        entry for entry in failover.entries if not (entry.kind == "looked" and entry.get("host") == "db3")
    ]
    assert _judge(failover).outcome is Outcome.UNKNOWN


def test_a_standby_that_takes_over_between_two_looks_is_no_second_primary(failover: Story) -> None:
    failover.without("looked")
    _look(failover, 11.10, "db2", "standby", receiving_from="db1")
    _look(failover, 11.30, "db3", "standby", receiving_from="db2")
    _look(failover, 11.34, "db1", "primary", timeline=1)
    _look(failover, 11.60, "db2", "primary", timeline=2)
    assert _judge(failover).outcome is not Outcome.MISSED
