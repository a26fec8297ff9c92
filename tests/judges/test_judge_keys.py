from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.judges import Judgement, Outcome, every_old_key_refused
from drills.judges.keys import KINDS

if TYPE_CHECKING:
    from tests.conftest import Story


def tried(kind: str, **outcomes: str) -> list[dict[str, str]]:
    """Checks as the runbook notes them; `accepted` and `refused` are their outcomes."""
    of = {"accepted": "the current one is accepted", "refused": "the previous one is refused"}
    return [
        {"check": f"{kind}: {of[name]}", "outcome": outcome.replace("_", " "), "because": "seen"}
        for name, outcome in outcomes.items()
    ]


def rotated(story: Story, at: float, kind: str, *made: dict[str, str]) -> Story:
    story.add(at, "runbook_started", runbook="key_rotation", variables={"key_rotation_kind": kind})
    story.add(at + 0.1, "task", runbook="key_rotation", host="app1", checks=list(made))
    return story.add(at + 0.2, "runbook_ended", runbook="key_rotation", exit_code=0)


def judged(story: Story) -> Judgement:
    return every_old_key_refused.judge(story.journal())


def test_each_kind_that_was_changed_is_named_with_its_trials(failover: Story) -> None:
    rotated(failover, 20, "webhook_secret", *tried("webhook_secret", accepted="met", refused="met"))
    judgement = judged(rotated(failover, 21, "tls_key", *tried("tls_key", accepted="met", refused="met")))
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 0.0)
    assert "webhook_secret (accepted 1 times, refused 1), tls_key" in judgement.because


def test_an_old_key_that_is_accepted_is_missed(failover: Story) -> None:
    story = rotated(failover, 20, "tls_key", *tried("tls_key", accepted="met", refused="missed"))
    assert judged(story).outcome is Outcome.MISSED
    assert judged(story).because == "tls_key: the previous one is refused on app1: seen"


@pytest.mark.parametrize(
    ("outcomes", "because"),
    [
        ({}, "tls_key: nobody tried the new; nobody tried the old"),
        ({"accepted": "met"}, "tls_key: nobody tried the old"),
        ({"accepted": "met", "refused": "not_checked"}, "the previous one is refused on app1: not checked: seen"),
        ({"accepted": "unknown", "refused": "met"}, "the current one is accepted on app1: unknown: seen"),
    ],
)
def test_a_kind_that_was_not_tried_is_unknown(failover: Story, outcomes: dict[str, str], because: str) -> None:
    judgement = judged(rotated(failover, 20, "tls_key", *tried("tls_key", **outcomes)))
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, 1.0)
    assert because in judgement.because


def test_what_an_earlier_change_tried_proves_nothing_of_a_later_one(failover: Story) -> None:
    rotated(failover, 20, "tls_key", *tried("tls_key", accepted="met", refused="met"))
    assert judged(rotated(failover, 21, "tls_key")).outcome is Outcome.UNKNOWN


def test_all_means_every_kind(failover: Story) -> None:
    made = [check for kind in KINDS for check in tried(kind, accepted="met", refused="met")]
    assert judged(rotated(failover, 20, "all", *made)).outcome is Outcome.MET
    assert judged(rotated(failover, 21, "all", *made[2:])).outcome is Outcome.UNKNOWN


def test_no_change_at_all_is_unknown(failover: Story) -> None:
    assert (judged(failover).outcome, judged(failover).measured) == (Outcome.UNKNOWN, None)
