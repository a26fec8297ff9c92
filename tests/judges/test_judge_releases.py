from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Judgement, Outcome, never_served

if TYPE_CHECKING:
    from tests.conftest import Story

GOOD, BAD = "sha256:good", "sha256:bad"


@pytest.fixture
def refusal(failover: Story) -> Story:
    """Every answer came from the good release; the bad one was given to a runbook that had to refuse it."""
    failover.serve(0.0, 31.0).change(lambda one: one.acknowledged, release=GOOD).without("runbook_started")
    return failover.add(
        10.7, "runbook_started", runbook="deploy", variables={"release_digest": BAD}, must_fail="not ready"
    )


def _judge(story: Story) -> Judgement:
    return never_served.judge(story.journal())


def test_answers_of_other_releases_alone_are_met(refusal: Story) -> None:
    judgement = _judge(refusal)
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)
    assert GOOD in judgement.because


def test_one_answer_of_the_refused_release_is_missed(refusal: Story) -> None:
    judgement = _judge(refusal.change(lambda one: one.n == 300, release=BAD))
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)


def test_even_where_the_workload_died(refusal: Story) -> None:
    refusal.change(lambda one: one.n == 300, release=BAD).closed = None
    assert _judge(refusal).outcome is Outcome.MISSED


def test_answers_that_name_no_release_tell_nothing(refusal: Story) -> None:
    assert _judge(refusal.change(lambda _: True, release=None)).outcome is Outcome.UNKNOWN


def test_one_booking_that_names_no_release_may_be_the_bad_ones(refusal: Story) -> None:
    refusal.change(lambda one: one.n == 300, release=None)
    judgement = _judge(refusal)
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)


def test_without_a_release_to_refuse_nothing_was_put_to_the_test(refusal: Story) -> None:
    refusal.without("runbook_started")
    refusal.add(10.7, "runbook_started", runbook="deploy", variables={"release_digest": BAD})
    assert _judge(refusal).outcome is Outcome.UNKNOWN


def test_a_workload_that_died_knows_nothing_of_the_rest(refusal: Story) -> None:
    refusal.closed = None
    assert _judge(refusal).outcome is Outcome.UNKNOWN
