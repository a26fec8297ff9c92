from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges import Judgement, Outcome, runbooks_succeeded

if TYPE_CHECKING:
    from tests.conftest import Story


def _judge(story: Story) -> Judgement:
    return runbooks_succeeded.judge(story.journal())


def test_a_runbook_that_ended_well_is_met(failover: Story) -> None:
    assert _judge(failover).outcome is Outcome.MET


def test_no_runbook_is_unknown(failover: Story) -> None:
    assert _judge(failover.without("runbook_started", "runbook_ended")).outcome is Outcome.UNKNOWN


def test_a_runbook_without_an_end_is_unknown(failover: Story) -> None:
    assert _judge(failover.without("runbook_ended")).outcome is Outcome.UNKNOWN


def test_one_failure_among_successes_is_missed(failover: Story) -> None:
    failover.add(13.0, "runbook_started", runbook="db_rejoin")
    failover.add(14.0, "runbook_ended", runbook="db_rejoin", exit_code=2, because="db1 is unreachable")
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.because) == (
        Outcome.MISSED,
        "db_rejoin ended with 2: db1 is unreachable",
    )
