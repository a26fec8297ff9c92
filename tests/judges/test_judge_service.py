from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from drills.judges import Judge, Judgement, Outcome, served_throughout

if TYPE_CHECKING:
    from tests.conftest import Story


@pytest.fixture
def deploy(failover: Story) -> Story:
    """The runbook alone, and every customer served."""
    return failover.without("fault_started", "fault_confirmed", "detected").serve(0.0, 31.0)


def _judge(story: Story, slowest: float = 1.0) -> Judgement:
    return served_throughout(slowest=slowest).judge(story.journal())


def test_every_answer_good_and_in_time_is_met(deploy: Story) -> None:
    judgement = _judge(deploy)
    assert (judgement.outcome, judgement.unit) == (Outcome.MET, "s")
    assert judgement.measured == pytest.approx(0.01)
    assert "the slowest 0.010 s" in judgement.because


def test_one_failed_answer_is_missed(deploy: Story) -> None:
    judgement = _judge(deploy.fail(20.0, 20.05))
    assert judgement.outcome is Outcome.MISSED
    assert "1 requests failed or were missed" in judgement.because
    assert "timed out" in judgement.because


def test_one_slow_answer_is_missed_and_has_a_figure(deploy: Story) -> None:
    judgement = _judge(deploy.change(lambda one: one.due == 20.0, ended=20.4), slowest=0.3)
    assert judgement.outcome is Outcome.MISSED
    assert judgement.measured == pytest.approx(0.4)


def test_a_missed_tick_is_missed(deploy: Story) -> None:
    deploy.change(lambda one: one.due == 20.0, outcome="missed", good=False, sent=None, ended=None)
    assert _judge(deploy).outcome is Outcome.MISSED


def test_a_silence_is_missed(deploy: Story) -> None:
    assert _judge(deploy.silence(20.0, 22.0)).outcome is Outcome.MISSED


def test_a_failure_during_the_heal_counts(deploy: Story) -> None:
    deploy.without("heal_started").add(20.0, "heal_started").fail(25.0, 25.05)
    assert _judge(deploy).outcome is Outcome.MISSED


def test_what_failed_before_anything_was_touched_is_not_its_doing(deploy: Story) -> None:
    assert _judge(deploy.fail(5.0, 5.05)).outcome is Outcome.MET


def test_a_runbook_before_a_fault_is_watched_as_well(deploy: Story) -> None:
    deploy.add(20.0, "fault_started", fault="ControllerKilled", host="controller", targets=[]).fail(15.0, 15.05)
    assert _judge(deploy).outcome is Outcome.MISSED


def test_a_workload_that_died_knows_nothing_of_the_rest(deploy: Story) -> None:
    deploy.silence(25.0, 31.0).closed = None
    assert _judge(deploy).outcome is Outcome.UNKNOWN
    assert _judge(deploy.fail(20.0, 20.05)).outcome is Outcome.MISSED


def test_a_watch_that_ended_before_the_runbook_is_unknown(deploy: Story) -> None:
    deploy.without("runbook_ended").add(40.0, "runbook_ended", runbook="db_failover", exit_code=0, because="")
    assert _judge(deploy).outcome is Outcome.UNKNOWN


def test_too_little_seen_is_unknown(deploy: Story) -> None:
    deploy.silence(11.5, 31.0).closed = 11.6
    assert _judge(deploy).outcome is Outcome.UNKNOWN


def test_nothing_touched_nothing_asked_and_no_objective_are_unknown(deploy: Story) -> None:
    silent = replace(deploy.journal(), samples=())
    assert served_throughout().judge(silent).outcome is Outcome.UNKNOWN
    judge = served_throughout()
    assert Judge(judge.name, None, judge.unit, judge.decide).judge(deploy.journal()).outcome is Outcome.UNKNOWN
    assert _judge(deploy.without("runbook_started")).outcome is Outcome.UNKNOWN
