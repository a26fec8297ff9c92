from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.measurement import Recovery, measure, watch

if TYPE_CHECKING:
    from tests.conftest import Story


def test_the_durations_of_a_good_run(failover: Story) -> None:
    assert measure(failover.journal()).durations == pytest.approx(
        {
            "recovery_s": 2.01,
            "outage_s": 2.01,
            "detection_s": 0.6,
            "decision_s": 0.1,
            "runbook_s": 1.7,
            "settle_s": -0.39,
            "down_s": 2.0,
        }
    )


def test_the_answers_of_a_good_run(failover: Story) -> None:
    answers = measure(failover.journal()).answers
    assert (answers.good, answers.failed, answers.missed, answers.failed_before) == (361, 40, 0, 0)


def test_a_request_on_its_way_at_the_fault_that_failed_is_the_first_failure(failover: Story) -> None:
    failover.serve(10.0, 10.5, "db1", 1).change(lambda one: one.due == 9.95, good=False, ended=10.3)
    assert measure(failover.journal()).stamps["first_failure"] == 10.0


def test_a_request_that_failed_before_the_fault_is_not_its_doing(failover: Story) -> None:
    failover.change(lambda one: one.due == 9.0, good=False)
    measurement = measure(failover.journal())
    assert measurement.answers.failed_before == 1
    assert measurement.durations["recovery_s"] == pytest.approx(2.01)


def test_the_first_success_is_the_earliest_answer_not_the_earliest_request(failover: Story) -> None:
    failover.change(lambda one: one.due == 12.0, ended=12.9)
    assert measure(failover.journal()).stamps["first_success"] == pytest.approx(12.06)


def test_a_good_answer_to_a_request_sent_before_the_last_failure_is_no_recovery(failover: Story) -> None:
    failover.serve(11.0, 11.95)
    assert measure(failover.journal()).stamps["first_success"] == pytest.approx(12.01)


def test_the_sampling_error_is_the_real_gap_at_the_edges(failover: Story) -> None:
    failover.silence(11.9, 12.1)
    assert measure(failover.journal()).sampling_error_s == pytest.approx(0.25)
    failover.silence(11.9, 12.3)
    assert measure(failover.journal()).sampling_error_s == pytest.approx(0.45)


def test_rivals_who_ask_at_once_do_not_make_the_watch_finer(failover: Story) -> None:
    failover.change(lambda one: one.due == 9.95, sent=9.9999).change(lambda one: one.due == 11.95, sent=11.9999)
    assert measure(failover.journal()).sampling_error_s == pytest.approx(0.05)


def test_the_time_down_adds_up_over_several_outages(failover: Story) -> None:
    failover.fail(15.0, 16.0).silence(20.0, 21.0)
    assert measure(failover.journal()).durations["down_s"] == pytest.approx(2.0 + 1.0 + 1.05)


def test_an_outage_that_the_heal_ended_has_a_length_but_no_recovery_time(failover: Story) -> None:
    failover.without("heal_started").fail(12.0, 15.0).add(14.0, "heal_started")
    durations = measure(failover.journal()).durations
    assert (durations["recovery_s"], durations["outage_s"]) == (None, 5.01)


def test_the_last_moments_of_an_orderly_end_are_no_silence(failover: Story) -> None:
    failover.closed = 31.0  # the last request left at 30.0 and may take 1 s
    seen = watch(failover.journal())
    assert seen is not None
    assert seen.recovery is Recovery.RECOVERED


def test_a_run_without_a_ledger_has_no_figures(failover: Story) -> None:
    failover.samples = []
    measurement = measure(failover.journal())
    assert measurement.recovery is Recovery.UNSEEN
    assert (measurement.sampling_interval_s, measurement.durations["recovery_s"]) == (None, None)


def test_a_runbook_that_tidies_up_is_no_part_of_the_repair(failover: Story) -> None:
    failover.add(15.0, "runbook_started", runbook="db_rejoin")
    failover.add(25.0, "runbook_ended", runbook="db_rejoin", exit_code=0, because="")
    assert measure(failover.journal()).durations["runbook_s"] == pytest.approx(1.7)


def test_two_runbooks_that_repair_count_from_the_first_to_the_last(failover: Story) -> None:
    failover.add(15.0, "runbook_started", runbook="deploy").fail(15.0, 16.0)
    failover.add(17.0, "runbook_ended", runbook="deploy", exit_code=0, because="")
    assert measure(failover.journal()).durations["runbook_s"] == pytest.approx(6.3)


def test_a_runbook_before_the_fault_is_no_part_of_the_repair(failover: Story) -> None:
    failover.add(3.0, "runbook_started", runbook="deploy")
    failover.add(8.0, "runbook_ended", runbook="deploy", exit_code=0, because="")
    measurement = measure(failover.journal())
    assert (measurement.stamps["runbook_started"], measurement.stamps["runbook_ended"]) == (10.7, 12.4)
    assert measurement.durations["decision_s"] == pytest.approx(0.1)
    assert measurement.durations["runbook_s"] == pytest.approx(1.7)
    assert measurement.durations["recovery_s"] == pytest.approx(2.01)


def test_without_a_runbook_after_the_fault_nobody_repaired_anything(failover: Story) -> None:
    failover.without("runbook_started", "runbook_ended")
    failover.add(3.0, "runbook_started", runbook="deploy")
    failover.add(8.0, "runbook_ended", runbook="deploy", exit_code=0, because="")
    measurement = measure(failover.journal())
    assert (measurement.stamps["runbook_started"], measurement.stamps["runbook_ended"]) == (None, None)


def test_percentiles_are_times_that_answers_really_took(failover: Story) -> None:
    failover.serve(0.0, 31.0).change(lambda one: one.due >= 29.95, ended=31.0)
    latency = measure(failover.journal()).latency
    assert (latency.p50_s, latency.p99_s, latency.slowest_s) == pytest.approx((0.01, 0.01, 1.05))


def test_releases_are_counted_in_the_order_in_which_they_first_answered(failover: Story) -> None:
    failover.serve(0.0, 31.0)
    failover.change(lambda one: one.due < 20.0, release="new").change(lambda one: one.due < 10.0, release="old")
    assert list(measure(failover.journal()).releases.items()) == [("old", 190), ("new", 200)]
