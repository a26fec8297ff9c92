from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges import Judgement, Outcome, recovered_within

if TYPE_CHECKING:
    from tests.conftest import Story


def _judge(story: Story, seconds: float = 10.0) -> Judgement:
    return recovered_within(seconds=seconds).judge(story.journal())


def test_the_time_runs_from_the_fault_to_the_first_of_the_stable_successes(failover: Story) -> None:
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 2.01)
    assert "2.01 s (+0.05/-0.05)" in judgement.because


def test_a_miss_has_a_figure(failover: Story) -> None:
    judgement = _judge(failover, seconds=1.0)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 2.01)


def test_a_lucky_success_between_failures_is_no_recovery(failover: Story) -> None:
    failover.fail(12.05, 25.0)
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 15.01)


def test_a_relapse_at_the_end_undoes_the_recovery(failover: Story) -> None:
    judgement = _judge(failover.fail(29.9, 31.0))
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, None)


def test_a_relapse_shortly_before_the_end_is_not_stable(failover: Story) -> None:
    judgement = _judge(failover.fail(29.0, 29.05))
    assert judgement.outcome is Outcome.MISSED
    assert "2 s that make it stable" in judgement.because


def test_a_recovery_that_was_hardly_watched_is_unknown(failover: Story) -> None:
    failover.silence(13.0, 31.0).closed = 13.1
    assert _judge(failover.without("runbook_ended")).outcome is Outcome.UNKNOWN


def test_still_down_is_missed_only_once_the_time_is_over(failover: Story) -> None:
    failover.fail(12.0, 31.0)
    assert _judge(failover, seconds=10).outcome is Outcome.MISSED
    assert _judge(failover, seconds=60).outcome is Outcome.UNKNOWN


def test_what_comes_back_with_the_heal_was_not_repaired_by_the_runbook(failover: Story) -> None:
    failover.without("heal_started").fail(12.0, 15.0).add(14.0, "heal_started")
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, None)
    assert "the heal repaired the service, not the runbook" in judgement.because


def test_a_drill_cut_short_before_the_time_was_over_tells_nothing(failover: Story) -> None:
    failover.without("heal_started").fail(12.0, 15.0).add(14.0, "heal_started").add(13.9, "aborted", because="!")
    assert _judge(failover).outcome is Outcome.UNKNOWN
    assert _judge(failover, seconds=2.0).outcome is Outcome.MISSED


def test_a_heal_that_disturbs_the_service_is_a_relapse(failover: Story) -> None:
    failover.without("heal_started").add(20.0, "heal_started").fail(21.0, 22.0)
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.MISSED
    assert "not served at 11.95 s, after the drill had begun to heal at 10.00 s" in judgement.because


def test_the_heal_does_not_lend_its_time_to_stability(failover: Story) -> None:
    failover.without("heal_started").add(13.0, "heal_started")
    assert _judge(failover).outcome is Outcome.UNKNOWN


def test_a_workload_that_dies_during_the_outage_knows_nothing(failover: Story) -> None:
    failover.silence(11.0, 31.0).closed = None
    assert _judge(failover).outcome is Outcome.UNKNOWN


def test_a_workload_that_dies_after_the_recovery_knows_nothing_of_the_rest(failover: Story) -> None:
    failover.silence(25.0, 31.0).closed = None
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.UNKNOWN
    assert "the workload died" in judgement.because


def test_a_workload_that_stalled_at_the_end_counts_as_down(failover: Story) -> None:
    failover.silence(20.0, 31.0)
    assert _judge(failover).outcome is Outcome.MISSED


def test_a_silence_counts_as_down(failover: Story) -> None:
    failover.silence(13.0, 24.0)
    judgement = _judge(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 14.01)
    assert "silences of the workload that count as down: 1" in judgement.because


def test_requests_sent_late_in_one_go_do_not_hide_a_silence(failover: Story) -> None:
    failover.change(lambda sample: 13.0 <= sample.due < 24.0, sent=24.0, ended=24.01)
    assert _judge(failover).outcome is Outcome.MISSED


def test_missed_ticks_count_as_down(failover: Story) -> None:
    failover.change(lambda one: 13.0 <= one.due < 24.0, outcome="missed", good=False, sent=None, ended=None)
    assert _judge(failover).outcome is Outcome.MISSED


def test_a_watch_that_ended_before_the_fault_is_unknown(failover: Story) -> None:
    failover.silence(9.0, 31.0).closed = 9.1
    assert _judge(failover).outcome is Outcome.UNKNOWN


def test_a_watch_that_ended_before_the_runbook_is_unknown(failover: Story) -> None:
    failover.without("runbook_ended").add(40.0, "runbook_ended", runbook="db_failover", exit_code=0, because="")
    judgement = _judge(failover)
    assert judgement.outcome is Outcome.UNKNOWN
    assert "still running: db_failover" in judgement.because


def test_without_a_failed_answer_there_was_no_outage(failover: Story) -> None:
    judgement = _judge(failover.serve(10.0, 12.0))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)
    assert "no failed answer" in judgement.because


def test_without_a_fault_the_clock_starts_with_the_runbook(failover: Story) -> None:
    judgement = _judge(failover.without("fault_started", "fault_confirmed", "detected"))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 1.31)
    assert "no fault was set, so the clock started with the runbook" in judgement.because


def test_no_clock_is_unknown(failover: Story) -> None:
    assert _judge(failover.without("fault_started", "runbook_started")).outcome is Outcome.UNKNOWN
