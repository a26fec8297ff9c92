from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Judgement, Outcome, every_damage_caught
from drills.measurement import damages

if TYPE_CHECKING:
    from tests.conftest import Story

SAID = "Check on backup1: 3 problems; WAL is missing in the repository: 0001; nothing was changed. HINT: name another"


def _judge(story: Story) -> Judgement:
    return every_damage_caught.judge(story.journal())


def _damage(
    story: Story, t: float, fault: str = "SegmentMissing", cure: str = "put back", confirmed: str = ""
) -> Story:
    """A fault that took, and whose cure was applied eight seconds later."""
    story.add(t, "fault_started", fault=fault, host="backup1", targets=["a segment"], cure=cure)
    story.add(t + 8, "cure_applied", cure=cure, exit_code=0)
    return story.add(t + 1, confirmed or "fault_confirmed", fault=fault, host="backup1", because="it is gone")


def _look(
    story: Story, t: float, exit_code: int | None, because: str = "", saying: str | None = "wal is missing"
) -> Story:
    """A runbook that had to say so, and took two seconds."""
    meant = {} if saying is None else {"must_fail": saying}
    story.add(t, "runbook_started", runbook="restore", **meant)
    if exit_code is not None:
        story.add(t + 2, "runbook_ended", runbook="restore", exit_code=exit_code, because=because)
    return story


@pytest.fixture
def story(failover: Story) -> Story:
    """Nothing is damaged and no runbook was followed yet."""
    kinds = ("fault_started", "fault_confirmed", "cure_registered", "cure_applied", "runbook_started", "runbook_ended")
    return failover.without(*kinds)


def test_a_damage_that_is_named_before_it_is_undone_is_met(story: Story) -> None:
    judgement = _judge(_look(_damage(story, 10.0), 12.0, 2, SAID))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)
    assert judgement.because == "1 of 1: SegmentMissing on backup1 by restore: “WAL is missing in the repository: 0001”"


def test_a_runbook_that_ends_well_over_a_damage_is_missed(story: Story) -> None:
    judgement = _judge(_look(_damage(story, 10.0), 12.0, 0))
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)
    assert "SegmentMissing on backup1 was not caught by restore" in judgement.because
    assert "ended with 0" in judgement.because


def test_a_runbook_that_fails_for_another_reason_is_missed_and_both_are_told(story: Story) -> None:
    judgement = _judge(_look(_damage(story, 10.0), 12.0, 2, "backup1 is unreachable"))
    assert judgement.outcome is Outcome.MISSED
    assert "wal is missing" in judgement.because
    assert "backup1 is unreachable" in judgement.because


def test_one_catch_does_not_make_up_for_another_damage(story: Story) -> None:
    _look(_damage(story, 10.0), 12.0, 2, SAID)
    _look(_damage(story, 20.0, "PageFlipped", "dropped"), 22.0, 0)
    judgement = _judge(story)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)
    assert "PageFlipped" in judgement.because
    assert "SegmentMissing" not in judgement.because


def test_a_damage_that_must_be_named_twice_is_missed_when_it_is_named_once(story: Story) -> None:
    _look(_look(_damage(story, 10.0), 11.5, 2, SAID), 14.0, 0)
    assert _judge(story).outcome is Outcome.MISSED


def test_nothing_damaged_is_unknown(story: Story) -> None:
    judgement = _judge(_look(story, 12.0, 2, SAID))
    assert (judgement.outcome, judgement.because, judgement.measured) == (Outcome.UNKNOWN, "nothing was damaged", None)


def test_a_damage_that_nobody_looked_for_is_unknown(story: Story) -> None:
    judgement = _judge(_look(_damage(story, 10.0), 12.0, 0, saying=None))
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)
    assert "was not looked for" in judgement.because


def test_a_runbook_before_the_damage_or_after_its_cure_did_not_look_for_it(story: Story) -> None:
    _look(_look(_damage(story, 10.0), 5.0, 2, SAID), 19.0, 2, SAID)
    assert _judge(story).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("noted", ["fault_unconfirmed", "looked"])
def test_a_damage_that_is_not_proved_is_unknown_whatever_was_said(story: Story, noted: str) -> None:
    judgement = _judge(_look(_damage(story, 10.0, confirmed=noted), 12.0, 2, SAID))
    assert judgement.outcome is Outcome.UNKNOWN
    assert "was not proved" in judgement.because


def test_a_runbook_whose_end_was_not_seen_is_unknown(story: Story) -> None:
    judgement = _judge(_look(_damage(story, 10.0), 12.0, None))
    assert judgement.outcome is Outcome.UNKNOWN
    assert "was not seen" in judgement.because


def test_of_damages_that_lie_on_each_other_a_runbook_names_the_newest(story: Story) -> None:
    _damage(_damage(story, 10.0, "RoleDropped", "dropped"), 11.5, "PageFlipped", "dropped")
    _look(story, 13.0, 2, SAID)
    assert [len(damage.runbooks) for damage in damages(story.journal())] == [0, 1]
    assert "RoleDropped on backup1 was not looked for" in _judge(story).because


def test_the_same_fault_once_more_is_a_damage_of_its_own(story: Story) -> None:
    _look(_damage(story, 10.0), 12.0, 2, SAID)
    _damage(story, 20.0)
    judgement = _judge(story)
    assert judgement.outcome is Outcome.UNKNOWN
    assert [damage.caught for damage in damages(story.journal())] == [True, False]
