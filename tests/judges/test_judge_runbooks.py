from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges import Judgement, Outcome, runbook_within, runbooks_succeeded

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


def _meant(story: Story, exit_code: int, because: str, ended: dict[str, bool] | None = None, **meant: str) -> Story:
    """A second runbook, that was meant to end otherwise than well."""
    story.add(13.0, "runbook_started", runbook="deploy", **meant)
    return story.add(14.0, "runbook_ended", runbook="deploy", exit_code=exit_code, because=because, **(ended or {}))


def test_a_failure_as_said_is_met(failover: Story) -> None:
    judgement = _judge(_meant(failover, 2, "app1: NOT ready within 30 s", must_fail="not ready"))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)
    assert "deploy failed as it had to" in judgement.because


def test_what_had_to_fail_and_ended_well_is_missed(failover: Story) -> None:
    judgement = _judge(_meant(failover, 0, "", must_fail="not ready"))
    assert (judgement.outcome, judgement.because) == (
        Outcome.MISSED,
        "deploy was to fail, saying “not ready”, and ended with 0",
    )


def test_a_failure_for_another_reason_is_missed_and_names_both(failover: Story) -> None:
    judgement = _judge(_meant(failover, 2, "app1 is unreachable", must_fail="not ready"))
    assert judgement.outcome is Outcome.MISSED
    assert "not ready" in judgement.because
    assert "app1 is unreachable" in judgement.because


def test_what_had_to_fail_and_was_not_seen_to_end_is_unknown(failover: Story) -> None:
    failover.add(13.0, "runbook_started", runbook="deploy", must_fail="not ready")
    assert _judge(failover).outcome is Outcome.UNKNOWN


def test_one_that_was_interrupted_as_meant_is_met(failover: Story) -> None:
    assert _judge(_meant(failover, -9, "killed", {"interrupted": True}, interrupted_at="Switch")).outcome is Outcome.MET


def test_one_that_was_to_be_interrupted_and_was_not_is_unknown(failover: Story) -> None:
    assert _judge(_meant(failover, 0, "", interrupted_at="Switch")).outcome is Outcome.UNKNOWN


def test_one_that_failed_before_it_could_be_interrupted_is_missed(failover: Story) -> None:
    assert _judge(_meant(failover, 2, "no", interrupted_at="Switch")).outcome is Outcome.MISSED


def test_one_that_died_though_nobody_meant_it_is_missed(failover: Story) -> None:
    assert _judge(_meant(failover, -9, "killed", {"interrupted": True})).outcome is Outcome.MISSED


def _within(story: Story, seconds: float) -> Judgement:
    return runbook_within(seconds=seconds).judge(story.journal())


def test_the_longest_runbook_counts_also_one_that_had_to_fail(failover: Story) -> None:
    failover.add(13.0, "runbook_started", runbook="deploy", must_fail="not ready")
    failover.add(20.0, "runbook_ended", runbook="deploy", exit_code=2, because="not ready")
    failover.add(21.0, "runbook_started", runbook="deploy").add(22.0, "runbook_ended", runbook="deploy", exit_code=0)
    judgement = _within(failover, 10.0)
    assert (judgement.outcome, judgement.measured, judgement.unit) == (Outcome.MET, 7.0, "s")
    assert _within(failover, 5.0).outcome is Outcome.MISSED


def test_one_that_was_cut_short_says_nothing_of_its_length(failover: Story) -> None:
    judgement = _within(_meant(failover, -9, "killed", {"interrupted": True}, interrupted_at="Switch"), 10.0)
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 1.7)


def test_a_length_without_an_end_is_unknown_unless_another_was_too_long(failover: Story) -> None:
    failover.add(13.0, "runbook_started", runbook="deploy")
    assert _within(failover, 10.0).outcome is Outcome.UNKNOWN
    assert _within(failover, 1.0).outcome is Outcome.MISSED


def test_without_a_runbook_no_length_is_known(failover: Story) -> None:
    assert _within(failover.without("runbook_started", "runbook_ended"), 10.0).outcome is Outcome.UNKNOWN
