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
    assert "19 were acknowledged after the fault was confirmed" in judgement.because


def test_a_write_that_is_lost_after_the_restore_is_missed_though_failures_came_after_it(failover: Story) -> None:
    failover.without("read_back").serve(10.5, 11.0).read_back(31.0, 1).read_back(33.0, 2)
    assert _judge(failover).outcome is Outcome.MET
    judgement = _judge(_lose(failover, 10.5, 11.0))
    assert judgement.outcome is Outcome.MISSED
    assert "were acknowledged after the fault was confirmed" in judgement.because


def test_a_write_that_was_on_its_way_at_the_fault_may_be_lost(failover: Story) -> None:
    failover.serve(10.0, 10.2)
    judgement = _judge(_lose(failover, 10.0, 10.2))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)


def _book_again(story: Story, key: str, booking: str) -> Story:
    """The key of a write that is lost is repeated at 15 s, and makes another booking of its seat."""
    repeat = next(sample for sample in story.samples if sample.due >= 15.0)
    seat = next(sample.seat for sample in story.samples if sample.key == key)
    again = {"purpose": "repeat", "key": key, "seat": seat, "booking": booking, "good": False}
    return story.change(lambda sample: sample.n == repeat.n, outcome="acknowledged", status=201, **again)


def test_a_forgotten_key_that_is_booked_again_is_a_loss_of_the_fault(failover: Story) -> None:
    key = next(str(sample.key) for sample in failover.samples if sample.due >= 9.0)
    _book_again(_lose(failover, 9.0, 10.0), key, "another")
    for number in (1, 2):
        failover.rows(number).append([key, int(key.removeprefix("key-")), "another"])
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.MET
    assert judgement.measured == pytest.approx(1.0, abs=0.1)


def test_a_forgotten_key_that_is_booked_again_and_forgotten_again_is_missed(failover: Story) -> None:
    key = next(str(sample.key) for sample in failover.samples if sample.due >= 9.0)
    judgement = _judge(_book_again(_lose(failover, 9.0, 10.0), key, "another"))
    assert judgement.outcome is Outcome.MISSED
    assert "1 were acknowledged after the fault was confirmed" in judgement.because


def test_what_is_read_back_only_after_the_heal_is_unknown(failover: Story) -> None:
    failover.without("read_back").read_back(37.0, 1).read_back(39.0, 2)
    judgement = _judge(_lose(failover, 9.0, 10.0))
    assert judgement.outcome is Outcome.UNKNOWN
    assert "only after the drill had healed" in judgement.because


def test_what_was_never_read_back_is_unknown(failover: Story) -> None:
    assert _judge(failover.without("read_back")).outcome is Outcome.UNKNOWN


def test_without_a_fault_nothing_is_known(failover: Story) -> None:
    assert _judge(failover.without("fault_started")).outcome is Outcome.UNKNOWN


def test_a_workload_that_died_knows_nothing_of_the_rest(failover: Story) -> None:
    failover.closed = None
    assert _judge(failover).outcome is Outcome.UNKNOWN
