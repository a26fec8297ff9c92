from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Judgement, Outcome, harm_within

if TYPE_CHECKING:
    from tests.conftest import Story


@pytest.fixture
def bad_release(failover: Story) -> Story:
    """A runbook that brings a bad release at 12 s and leaves it at 15 s; one answer in two fails meanwhile."""
    failover.without("fault_started", "fault_confirmed", "detected", "runbook_ended").serve(0.0, 31.0)
    failover.change(lambda one: 12.0 <= one.due < 15.0 and one.n % 2 == 0, good=False, status=500, because="500")
    return failover.add(18.0, "runbook_ended", runbook="db_failover", exit_code=2, because="rolled back")


def _judge(story: Story, seconds: float = 20.0) -> Judgement:
    return harm_within(seconds=seconds).judge(story.journal())


def test_the_harm_lasts_from_the_first_failure_to_the_end_of_the_last(bad_release: Story) -> None:
    judgement = _judge(bad_release)
    assert judgement.outcome is Outcome.MET
    assert judgement.measured == pytest.approx(2.91, abs=0.1)
    assert "500" in judgement.because


def test_a_longer_harm_is_missed(bad_release: Story) -> None:
    assert _judge(bad_release, seconds=2.0).outcome is Outcome.MISSED


def test_a_customer_who_was_never_answered_was_harmed_until_he_left(bad_release: Story) -> None:
    bad_release.change(lambda one: one.due == 15.0, good=False, ended=None)
    assert _judge(bad_release).measured == pytest.approx(4.0, abs=0.06)


def test_a_release_that_never_bit_proves_nothing(bad_release: Story) -> None:
    judgement = _judge(bad_release.serve(0.0, 31.0))
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)
    assert "no harm" in judgement.because


def test_harm_that_goes_on_to_the_end_is_missed(bad_release: Story) -> None:
    judgement = _judge(bad_release.fail(15.0, 31.0))
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, None)


def test_harm_that_only_the_heal_ended_is_missed(bad_release: Story) -> None:
    bad_release.without("heal_started").add(13.0, "heal_started")
    assert _judge(bad_release).outcome is Outcome.MISSED


def test_harm_whose_end_was_hardly_watched_is_unknown(bad_release: Story) -> None:
    bad_release.silence(15.5, 31.0).closed = 15.6
    assert _judge(bad_release).outcome is Outcome.UNKNOWN


def test_a_workload_that_died_knows_nothing_of_the_rest(bad_release: Story) -> None:
    bad_release.silence(25.0, 31.0).closed = None
    assert _judge(bad_release).outcome is Outcome.UNKNOWN


def test_a_runbook_that_outlived_the_watch_may_have_done_more(bad_release: Story) -> None:
    bad_release.without("runbook_ended")
    assert _judge(bad_release).outcome is Outcome.UNKNOWN


def test_without_a_clock_nothing_is_known(bad_release: Story) -> None:
    assert _judge(bad_release.without("runbook_started")).outcome is Outcome.UNKNOWN


def test_a_runbook_that_ended_before_the_next_request_was_due_was_watched(bad_release: Story) -> None:
    last = max(sample.due for sample in bad_release.samples)
    bad_release.without("runbook_ended").add(
        last + 0.04, "runbook_ended", runbook="db_failover", exit_code=2, because=""
    )
    assert _judge(bad_release).outcome is Outcome.MET


def test_a_runbook_that_ended_after_it_was_not(bad_release: Story) -> None:
    last = max(sample.due for sample in bad_release.samples)
    bad_release.without("runbook_ended").add(
        last + 0.5, "runbook_ended", runbook="db_failover", exit_code=2, because=""
    )
    assert _judge(bad_release).outcome is Outcome.UNKNOWN
