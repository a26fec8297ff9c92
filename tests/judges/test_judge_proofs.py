from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Outcome, every_check_met

if TYPE_CHECKING:
    from tests.conftest import Story


def _proved(story: Story, **outcomes: str) -> Story:
    made = [
        {"check": name, "outcome": outcome.replace("_", " "), "because": "seen"} for name, outcome in outcomes.items()
    ]
    return story.add(13.0, "task", runbook="backup_verify", host="backup1", checks=made)


def test_every_check_met_is_met_and_what_was_left_out_is_named(failover: Story) -> None:
    judgement = every_check_met.judge(_proved(failover, rows="met", sequences="not_checked").journal())
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)
    assert judgement.because == "1 checks were met; not checked: sequences on backup1: seen"


def test_one_missed_check_is_missed_and_named(failover: Story) -> None:
    judgement = every_check_met.judge(_proved(failover, rows="met", pages="missed").journal())
    assert (judgement.outcome, judgement.because) == (Outcome.MISSED, "pages on backup1: seen")


@pytest.mark.parametrize("outcome", ["unknown", "perhaps", ""])
def test_a_check_without_a_clear_answer_is_unknown(failover: Story, outcome: str) -> None:
    assert every_check_met.judge(_proved(failover, rows="met", pages=outcome).journal()).outcome is Outcome.UNKNOWN


def test_no_check_at_all_is_unknown(failover: Story) -> None:
    judgement = every_check_met.judge(failover.journal())
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)


def test_checks_that_were_all_left_out_prove_nothing(failover: Story) -> None:
    assert every_check_met.judge(_proved(failover, rows="not_checked").journal()).outcome is Outcome.UNKNOWN
