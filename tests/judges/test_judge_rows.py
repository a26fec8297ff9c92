from __future__ import annotations

from typing import TYPE_CHECKING

from drills.faults import RowsDeleted
from drills.judges import Judgement, Outcome, deleted_rows_back
from drills.site import Host

if TYPE_CHECKING:
    from tests.conftest import Story

PROBE = RowsDeleted(Host("db1"), "event").undone().name


def _look(story: Story, t: float, because: str, *, ok: bool) -> Judgement:
    story.add(t, "waited", probe=PROBE, ok=ok, because=because, within_s=10.0)
    return deleted_rows_back.judge(story.journal())


def test_rows_that_are_back_are_met(failover: Story) -> None:
    judgement = _look(failover, 20.0, "10 of 10 deleted payments are back", ok=True)
    assert (judgement.outcome, judgement.because) == (Outcome.MET, "10 of 10 deleted payments are back")


def test_rows_that_are_not_back_are_missed(failover: Story) -> None:
    judgement = _look(failover, 20.0, "9 of 10 deleted payments are back", ok=False)
    assert (judgement.outcome, judgement.because) == (Outcome.MISSED, "9 of 10 deleted payments are back")


def test_what_nobody_looked_at_is_unknown(failover: Story) -> None:
    failover.add(20.0, "waited", probe="accepts_bookings", ok=True, because="every answer good", within_s=60.0)
    assert deleted_rows_back.judge(failover.journal()).outcome is Outcome.UNKNOWN


def test_what_the_heal_brought_back_proves_nothing(failover: Story) -> None:
    judgement = _look(failover, 35.0, "10 of 10 deleted payments are back", ok=True)
    assert judgement.outcome is Outcome.UNKNOWN
    assert "after the drill had begun to heal" in judgement.because
