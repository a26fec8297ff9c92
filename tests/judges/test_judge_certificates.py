"""A renewal gave customers a new certificate, or it did not; the one of the fault is no new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Judgement, Outcome, certificate_renewed
from tests.judges.test_judge_handshakes import Visit

if TYPE_CHECKING:
    from tests.conftest import Story

ANOTHER = {"serial": "0C", "fingerprint": "print of 0C"}


@pytest.fixture
def visit(failover: Story) -> Visit:
    """A renewal from 12 s to 16 s. Customers are shown 0A, and 0B from 15 s on."""
    visit = Visit(failover)
    visit.story.without("runbook_started", "runbook_ended")
    return renew(visit, 12.0)


def renew(visit: Visit, t: float, exit_code: int = 0, **meant: str) -> Visit:
    visit.story.add(t, "runbook_started", runbook="cert_renewal", **meant)
    visit.story.add(t + 4, "runbook_ended", runbook="cert_renewal", exit_code=exit_code, because="")
    return visit


def judge(visit: Visit) -> Judgement:
    return certificate_renewed.judge(visit.journal())


def test_a_certificate_that_nobody_was_shown_before_is_met(visit: Visit) -> None:
    judgement = judge(visit)
    assert (judgement.outcome, judgement.measured, judgement.unit) == (Outcome.MET, 1.0, "certificates")
    assert "the new certificate 0B, good until never, after the cert_renewal that ended at 16.00 s" in judgement.because


def test_the_same_certificate_afterwards_is_missed(visit: Visit) -> None:
    visit.change(15.0, 31.0, serial="0A", fingerprint="print of 0A")
    judgement = judge(visit)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 0.0)
    assert "0A" in judgement.because


def test_the_faults_own_certificate_is_no_new_one(visit: Visit) -> None:
    visit.change(10.0, 31.0, **ANOTHER)
    assert judge(visit).outcome is Outcome.MISSED
    # nobody came between the fault and the runbook
    visit.change(10.0, 12.0, serial="0A", fingerprint="print of 0A")
    assert judge(visit).outcome is Outcome.MISSED


def test_a_certificate_from_before_the_fault_is_no_new_one(visit: Visit) -> None:
    visit.change(10.0, 15.0, **ANOTHER).change(15.0, 31.0, serial="0A", fingerprint="print of 0A")
    assert judge(visit).outcome is Outcome.MISSED


def test_a_new_certificate_that_did_not_stay_is_missed(visit: Visit) -> None:
    visit.change(25.0, 31.0, serial="0A", fingerprint="print of 0A")
    assert judge(visit).outcome is Outcome.MISSED


@pytest.mark.parametrize("kind", ["story_ended", "heal_started", "runbook_started"])
def test_what_came_with_something_else_is_not_the_merit_or_the_fault_of_the_renewal(kind: str, visit: Visit) -> None:
    visit.story.without("heal_started").add(25.0, kind, runbook="another", because="something says no")
    visit.change(25.0, 31.0, serial="0A", fingerprint="print of 0A")
    assert judge(visit).outcome is Outcome.MET
    visit.change(15.0, 25.0, serial="0A", fingerprint="print of 0A").change(25.0, 31.0, **ANOTHER)
    assert judge(visit).outcome is Outcome.MISSED


def test_a_certificate_that_nobody_could_use_is_missed(visit: Visit) -> None:
    nothing = {"outcome": "expired", "serial": None, "fingerprint": None, "because": "it has expired"}
    visit.change(10.0, 15.0, **nothing)
    assert judge(visit).outcome is Outcome.MET
    visit.change(15.0, 31.0, **nothing)
    judgement = judge(visit)
    assert judgement.outcome is Outcome.MISSED
    assert "it has expired" in judgement.because


def test_where_nobody_shook_hands_afterwards_nothing_is_known(visit: Visit) -> None:
    visit.seen = [one for one in visit.seen if one.due < 16]
    assert judge(visit).outcome is Outcome.UNKNOWN
    visit.seen = []
    assert judge(visit).outcome is Outcome.UNKNOWN
    assert certificate_renewed.judge(visit.story.journal()).outcome is Outcome.UNKNOWN


def test_a_renewal_that_had_to_fail_or_failed_renews_nothing(visit: Visit) -> None:
    visit.story.without("runbook_started", "runbook_ended")
    assert judge(renew(visit, 12.0, exit_code=2, must_fail="was not renewed")).outcome is Outcome.UNKNOWN
    judgement = judge(renew(visit, 20.0, exit_code=2))
    assert (judgement.outcome, judgement.because) == (Outcome.UNKNOWN, "no cert_renewal ended well")


def test_each_of_two_renewals_gives_another_certificate(visit: Visit) -> None:
    renew(visit, 20.0)
    assert judge(visit).outcome is Outcome.MISSED
    judgement = judge(visit.change(22.0, 31.0, **ANOTHER))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 2.0)
