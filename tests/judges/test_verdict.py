"""A green verdict that is false costs users their data: each of these spoils a good run in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import drills.judges
from drills.judges import Judge, Judgement, Outcome
from drills.judges.verdict import Heal, Status, Verdict, exit_code, summarize

if TYPE_CHECKING:
    from drills.journal import Journal
    from tests.conftest import Story


def _outcome(story: Story, judge: str) -> Judgement:
    return next(one for one in summarize(story.journal()).judgements if one.judge == judge)


def test_a_good_run_is_met(failover: Story) -> None:
    summary = summarize(failover.journal())
    assert [one.because for one in summary.judgements if one.outcome is not Outcome.MET] == []
    assert (summary.status, summary.verdict, summary.heal) == (Status.COMPLETED, Verdict.MET, Heal.HEALED)
    assert summary.reasons == ()
    assert exit_code(summary) == 0


def test_the_runbooks_are_judged_though_nobody_asked_for_it(failover: Story) -> None:
    assert _outcome(failover, "runbooks_succeeded").outcome is Outcome.MET


def test_a_gate_that_failed_makes_it_void(failover: Story) -> None:
    failover.add(0.2, "gate", probe="backup", ok=False, because="too old")
    assert summarize(failover.journal()).verdict is Verdict.VOID


def test_a_fault_that_never_took_makes_it_void(failover: Story) -> None:
    failover.without("fault_confirmed")
    assert summarize(failover.journal()).verdict is Verdict.VOID
    failover.add(10.2, "fault_unconfirmed", fault="HostPoweredOff", host="db1", because="it answers")
    summary = summarize(failover.journal())
    assert summary.reasons == ("the fault HostPoweredOff on db1 did not take: it answers",)
    assert (summary.verdict, exit_code(summary)) == (Verdict.VOID, 2)


def test_of_two_faults_each_must_be_confirmed(failover: Story) -> None:
    failover.add(10.1, "fault_started", fault="HostPoweredOff", host="db3", targets=["db3"])
    assert summarize(failover.journal()).verdict is Verdict.VOID


def test_nothing_written_before_the_fault_makes_it_void(failover: Story) -> None:
    failover.samples = [sample for sample in failover.samples if sample.due >= 10.0]
    assert summarize(failover.journal()).verdict is Verdict.VOID


def test_no_ledger_makes_it_void(failover: Story) -> None:
    failover.samples = []
    assert summarize(failover.journal()).verdict is Verdict.VOID


def test_void_beats_missed(failover: Story) -> None:
    failover.without("fault_confirmed").fail(12.0, 31.0)
    summary = summarize(failover.journal())
    assert Outcome.MISSED in {one.outcome for one in summary.judgements}
    assert summary.verdict is Verdict.VOID


def test_missed_beats_unknown(failover: Story) -> None:
    failover.without("read_back").fail(12.0, 31.0)
    summary = summarize(failover.journal())
    assert {Outcome.MISSED, Outcome.UNKNOWN} <= {one.outcome for one in summary.judgements}
    assert (summary.verdict, exit_code(summary)) == (Verdict.MISSED, 1)


def test_a_run_that_was_never_closed_is_not_met(failover: Story) -> None:
    summary = summarize(failover.without("closed").journal())
    assert (summary.status, summary.verdict, exit_code(summary)) == (Status.ABORTED, Verdict.UNKNOWN, 3)


def test_an_aborted_run_is_not_met(failover: Story) -> None:
    failover.without("closed").add(33.5, "aborted", because="SIGTERM").add(36.2, "closed", status="aborted")
    summary = summarize(failover.journal())
    assert (summary.verdict, exit_code(summary)) == (Verdict.UNKNOWN, 3)
    assert summary.reasons == ("the drill was aborted: SIGTERM",)


def test_a_torn_journal_is_not_met(failover: Story) -> None:
    assert summarize(replace(failover.journal(), cut=True)).verdict is Verdict.UNKNOWN


def test_a_refused_run_is_void(failover: Story) -> None:
    failover.entries = [entry for entry in failover.entries if entry.kind == "opened"]
    failover.samples = []
    failover.add(0.2, "refused", because="drills are not allowed here").add(0.3, "closed", status="refused")
    summary = summarize(failover.journal())
    assert (summary.status, summary.verdict, summary.heal) == (
        Status.REFUSED,
        Verdict.VOID,
        Heal.NOTHING_TO_HEAL,
    )
    assert exit_code(summary) == 3


def test_a_run_without_fault_and_runbook_is_void(failover: Story) -> None:
    failover.without("fault_started", "fault_confirmed", "runbook_started", "runbook_ended")
    assert summarize(failover.journal()).verdict is Verdict.VOID


@pytest.mark.parametrize("kinds", [["heal_started", "cure_applied", "heal_ended"], ["heal_ended"]])
def test_a_heal_that_was_not_seen_has_failed_and_outweighs_all(failover: Story, kinds: list[str]) -> None:
    summary = summarize(failover.without(*kinds).journal())
    assert (summary.heal, exit_code(summary)) == (Heal.FAILED, 4)


def test_a_heal_without_its_cures_has_failed(failover: Story) -> None:
    failover.add(9.95, "cure_registered", cure="c2", playbook="x.yml", limit="db2", variables={}, undoes="x")
    assert summarize(failover.journal()).heal is Heal.FAILED


def test_a_heal_that_another_process_made_up_for_counts(failover: Story) -> None:
    failover.without("heal_ended").add(36.1, "heal_ended", heal="failed", because="unreachable")
    assert summarize(failover.journal()).heal is Heal.FAILED
    failover.add(90.0, "heal_ended", heal="healed", because="replayed")
    assert summarize(failover.journal()).heal is Heal.HEALED


def test_a_fault_without_a_cure_is_not_healed_by_nothing(failover: Story) -> None:
    failover.without("cure_registered", "cure_applied", "heal_ended")
    failover.add(36.0, "heal_ended", heal="nothing_to_heal", because="no cures")
    assert summarize(failover.journal()).heal is Heal.FAILED


def test_a_judge_that_crashes_knows_nothing(failover: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: Journal, __: float | None) -> Judgement:
        raise ZeroDivisionError

    monkeypatch.setitem(drills.judges.READY_MADE, "recovered_within", Judge("recovered_within", 1.0, "s", crash))
    judgement = _outcome(failover, "recovered_within")
    assert (judgement.outcome, judgement.objective) == (Outcome.UNKNOWN, 10.0)
    assert "ZeroDivisionError" in judgement.because
    assert summarize(failover.journal()).verdict is Verdict.UNKNOWN


def test_a_judge_that_nobody_knows_is_unknown(failover: Story) -> None:
    opened = failover.entries[0]
    data = {**opened.data, "judges": [{"judge": "all_is_well", "objective": None, "unit": None}]}
    failover.entries[0] = replace(opened, data=data)
    assert summarize(failover.journal()).verdict is Verdict.UNKNOWN


def test_the_objective_is_the_journals(failover: Story) -> None:
    opened = failover.entries[0]
    data = {**opened.data, "judges": [{"judge": "recovered_within", "objective": 1.5, "unit": "s"}]}
    failover.entries[0] = replace(opened, data=data)
    judgement = _outcome(failover, "recovered_within")
    assert (judgement.outcome, judgement.objective) == (Outcome.MISSED, 1.5)


def test_the_document_is_the_one_of_the_design(failover: Story) -> None:
    document = summarize(failover.journal()).document("runs/x")
    assert list(document)[:11] == [
        "scenario",
        "environment",
        "status",
        "verdict",
        "heal",
        "judgements",
        "stamps",
        "durations",
        "writes",
        "sampling_interval_s",
        "run_dir",
    ]
    assert list(document["stamps"].items()) == [
        ("fault_started", 0.0),
        ("fault_confirmed", 0.2),
        ("first_failure", 0.0),
        ("detected", 0.6),
        ("runbook_started", 0.7),
        ("runbook_ended", 2.4),
        ("first_success", 2.01),
        ("stable", 4.01),
    ]
    assert list(document["writes"])[:6] == [
        "attempted",
        "acknowledged",
        "lost",
        "indeterminate",
        "recovered",
        "duplicated",
    ]


def _killed(story: Story, **ended: bool) -> Story:
    story.add(14.0, "runbook_started", runbook="deploy", interrupted_at="Switch")
    story.add(14.5, "fault_started", fault="ControllerKilled", host="controller", targets=["deploy at Switch"])
    return story.add(15.0, "runbook_ended", runbook="deploy", exit_code=-9, because="killed", **ended)


def test_a_controller_that_was_killed_is_a_fault_that_took(failover: Story) -> None:
    _killed(failover, interrupted=True)
    assert summarize(failover.journal()).verdict is Verdict.VOID
    failover.add(14.6, "fault_confirmed", fault="ControllerKilled", host="controller", because="gone")
    assert summarize(failover.journal()).verdict is Verdict.MET


def test_a_runbook_that_was_to_be_interrupted_and_was_not_makes_it_void(failover: Story) -> None:
    _killed(failover).add(14.6, "fault_confirmed", fault="ControllerKilled", host="controller", because="gone")
    assert summarize(failover.journal()).verdict is Verdict.VOID


def test_a_cure_that_was_registered_again_after_its_application_is_outstanding(failover: Story) -> None:
    failover.without("cure_applied").add(20.0, "cure_applied", cure="c1", exit_code=0, because="ok")
    assert summarize(failover.journal()).heal is Heal.HEALED
    failover.add(21.0, "cure_registered", cure="c1", playbook="power_on.yml", limit="db1", variables={}, undoes="x")
    summary = summarize(failover.journal())
    assert (summary.heal, exit_code(summary)) == (Heal.FAILED, 4)
    failover.add(36.0, "cure_applied", cure="c1", exit_code=0, because="ok")
    assert summarize(failover.journal()).heal is Heal.HEALED


def test_the_document_has_the_speed_of_the_answers_and_who_gave_them(failover: Story) -> None:
    failover.change(lambda one: one.acknowledged, release="sha256:1")
    document = summarize(failover.journal()).document("runs/x")
    assert document["latency"]["slowest_s"] == pytest.approx(0.01)
    assert list(document["releases"]) == ["sha256:1"]


NO = {"probe": "certificate_lasts", "because": "it is good for another 0:02:40", "within_s": 30.0}


@pytest.mark.parametrize(
    ("kind", "noted", "told"),
    [
        ("story_ended", {"because": "cert_renewal failed"}, "cert_renewal failed"),
        ("waited", {**NO, "ok": False}, "certificate_lasts said no for 30.0 s: it is good for another 0:02:40"),
        ("not_detected", NO, "certificate_lasts said no for 30.0 s: it is good for another 0:02:40"),
    ],
)
def test_a_story_that_ended_early_is_not_met(kind: str, noted: dict[str, object], told: str, failover: Story) -> None:
    failover.add(30.0, kind, **noted)
    summary = summarize(failover.journal())
    assert {one.outcome for one in summary.judgements} == {Outcome.MET}
    assert (summary.status, summary.verdict, exit_code(summary)) == (Status.COMPLETED, Verdict.UNKNOWN, 2)
    assert summary.reasons == (f"the story ended early: {told}",)


def test_a_story_in_which_every_wait_came_to_its_end_is_met(failover: Story) -> None:
    failover.add(30.0, "waited", probe="accepts_bookings", ok=True, because="every answer good", within_s=60.0)
    assert summarize(failover.journal()).verdict is Verdict.MET


def test_a_story_that_ended_early_may_be_missed_or_void_all_the_same(failover: Story) -> None:
    failover.add(30.0, "story_ended", because="accepts_bookings still says no after 5 s").fail(12.0, 31.0)
    assert summarize(failover.journal()).verdict is Verdict.MISSED
    failover.add(0.2, "gate", probe="backup", ok=False, because="too old")
    assert summarize(failover.journal()).verdict is Verdict.VOID
