from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Judgement, Outcome, loses_at_most

if TYPE_CHECKING:
    from tests.conftest import Story


def _lose(story: Story, begin: float, end: float) -> Story:
    """What was acknowledged from `begin` up to `end` is in neither read-back."""
    gone = {sample.key for sample in story.samples if begin <= sample.due < end}
    for number in (1, 2):
        rows = story.rows(number)
        rows[:] = [row for row in rows if row[0] not in gone]
    return story


def _judge(story: Story, seconds: float = 60.0) -> Judgement:
    return loses_at_most(seconds=seconds).judge(story.journal())


def test_nothing_lost_is_met(failover: Story) -> None:
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)


def test_the_last_seconds_may_be_lost(failover: Story) -> None:
    judgement = _judge(_lose(failover, 7.0, 11.0))
    assert judgement.outcome is Outcome.MET
    fault = failover.journal().first("fault_started")
    assert fault is not None
    assert judgement.measured == pytest.approx(fault.t - 7.0, abs=0.1)


def test_more_than_was_promised_is_missed(failover: Story) -> None:
    assert _judge(_lose(failover, 7.0, 11.0), seconds=1.0).outcome is Outcome.MISSED


def test_a_loss_that_reaches_past_the_first_write_has_no_known_end(failover: Story) -> None:
    judgement = _judge(_lose(failover, 0.0, 11.0))
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)
    assert "no older write survived" in judgement.because


def test_a_write_that_is_lost_after_the_recovery_is_missed(failover: Story) -> None:
    judgement = _judge(_lose(failover, 25.0, 26.0))
    assert judgement.outcome is Outcome.MISSED
    assert "after customers were served again" in judgement.because


def test_what_was_never_read_back_is_unknown(failover: Story) -> None:
    assert _judge(failover.without("read_back")).outcome is Outcome.UNKNOWN


def test_without_a_fault_nothing_is_known(failover: Story) -> None:
    assert _judge(failover.without("fault_started")).outcome is Outcome.UNKNOWN


def test_a_workload_that_died_knows_nothing_of_the_rest(failover: Story) -> None:
    failover.closed = None
    assert _judge(failover).outcome is Outcome.UNKNOWN
