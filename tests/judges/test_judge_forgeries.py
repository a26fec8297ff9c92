from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from drills.forgeries import Forgery, ForgeryLedger
from drills.judges import Judgement, Outcome, forgeries_refused_within
from drills.judges.verdict import Verdict, summarize

if TYPE_CHECKING:
    from drills.journal import Journal
    from tests.conftest import Story

INTERVAL = 0.1
LEAK = 10.0


@dataclass
class Theft:
    """A run whose signing key leaks at 10 s and is revoked at 15 s; the forger tries until 30 s."""

    story: Story
    seen: list[Forgery] = field(default_factory=list)
    opened: bool = True
    closed: float | None = 30.1
    learned: bool = True

    def __post_init__(self) -> None:
        leak = {"fault": "SigningKeyLeaked", "host": "app1", "targets": ["the key"], "cure": "c1"}
        self.story.without("fault_started", "fault_confirmed").add(LEAK, "fault_started", **leak)
        self.story.add(LEAK + 0.3, "fault_confirmed", fault="SigningKeyLeaked", host="app1", because="accepted")
        self.seen = [forgery(n, LEAK + 0.05 + n * INTERVAL) for n in range(200)]

    def change(self, begin: float, end: float, **fields: Any) -> Theft:  # noqa: ANN401  # as many types as fields
        self.seen = [replace(one, **fields) if begin <= one.due < end else one for one in self.seen]
        return self

    def journal(self) -> Journal:
        opened = {"t": 0.0, "interval_s": INTERVAL, "timeout_s": 5.0} if self.opened else None
        learned = {"t": LEAK, "kid": "k1"} if self.learned else None
        closed = None if self.closed is None else {"t": self.closed}
        ledger = ForgeryLedger(tuple(self.seen), opened, learned, closed)
        return replace(self.story.journal(), forgeries=ledger)

    def judge(self, seconds: float = 6.0) -> Judgement:
        return forgeries_refused_within(seconds).judge(self.journal())


def forgery(n: int, due: float) -> Forgery:
    accepted = due < 15
    return Forgery(n, due, due, due + 0.01, *(("accepted", "") if accepted else ("refused", "unknown key")))


@pytest.fixture
def theft(failover: Story) -> Theft:
    return Theft(failover)


def test_refused_in_time_and_to_the_end_is_met_and_tells_how_long_it_took(theft: Theft) -> None:
    judgement = theft.judge()
    assert judgement.outcome is Outcome.MET
    assert judgement.measured == pytest.approx(5.06)
    assert "accepted 4.96 s after the leak" in judgement.because
    assert "of 200 forged tokens 50 accepted, 150 refused" in judgement.because


def test_a_service_that_goes_on_accepting_is_missed(theft: Theft) -> None:
    judgement = theft.change(0, 40, outcome="accepted").judge()
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, None)
    assert theft.judge(seconds=60).outcome is Outcome.UNKNOWN  # the watch ended before the time was over


def test_one_accepted_after_the_time_is_missed_however_many_were_refused(theft: Theft) -> None:
    assert theft.judge(seconds=4.9).outcome is Outcome.MISSED
    assert theft.change(25.0, 25.1, outcome="accepted").judge().outcome is Outcome.MISSED


def test_a_forger_with_a_wrong_key_proves_nothing(theft: Theft) -> None:
    judgement = theft.change(0, 40, outcome="refused").judge()
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)
    assert "no forged token was ever accepted" in judgement.because


@pytest.mark.parametrize("outcome", ["unanswered", "missed"])
def test_unanswered_is_not_refused(theft: Theft, outcome: str) -> None:
    theft.change(15.0, 40, outcome=outcome, ended=None)
    judgement = theft.judge()
    assert judgement.outcome is Outcome.UNKNOWN
    assert "the last of them was not refused" in judgement.because


def test_refused_without_a_break_only_after_the_time_is_unknown(theft: Theft) -> None:
    judgement = theft.change(20.0, 20.1, outcome="unanswered", ended=None).judge()
    assert judgement.outcome is Outcome.UNKNOWN
    assert "only from 10.16 s on" in judgement.because


def test_a_break_within_the_time_does_not_matter(theft: Theft) -> None:
    assert theft.change(12.0, 13.0, outcome="unanswered", ended=None).judge().outcome is Outcome.MET


def test_a_silence_after_the_time_is_unknown(theft: Theft) -> None:
    theft.seen = [one for one in theft.seen if not 20 <= one.due < 22]
    assert theft.judge().outcome is Outcome.UNKNOWN


def test_a_watch_that_was_cut_short_is_unknown(theft: Theft) -> None:
    theft.closed = None
    assert "the forger died" in theft.judge().because
    theft.closed, theft.seen = 16.5, [one for one in theft.seen if one.due < 16.4]
    assert "refusals were watched for only" in theft.judge().because


def test_a_watch_that_ended_before_the_runbook_says_nothing_of_the_rest(theft: Theft) -> None:
    theft.story.without("runbook_ended").add(40.0, "runbook_ended", runbook="db_failover", exit_code=0, because="")
    judgement = theft.judge()
    assert judgement.outcome is Outcome.UNKNOWN
    assert "db_failover" in judgement.because


def test_what_the_heal_revoked_is_no_merit_of_the_runbook(theft: Theft) -> None:
    theft.story.without("heal_started").add(14.0, "heal_started")
    assert theft.judge().outcome is Outcome.UNKNOWN
    assert theft.judge(seconds=3).outcome is Outcome.MISSED


def test_nobody_who_forged_and_no_leak_are_unknown(theft: Theft) -> None:
    assert forgeries_refused_within(6).judge(theft.story.journal()).outcome is Outcome.UNKNOWN
    theft.seen = []
    assert theft.judge().outcome is Outcome.UNKNOWN
    theft.opened = False
    assert theft.judge().outcome is Outcome.UNKNOWN
    theft.story.without("fault_started")
    assert theft.judge().outcome is Outcome.UNKNOWN


def test_a_leak_that_was_not_seen_to_bite_is_void(theft: Theft) -> None:
    theft.story.without("fault_confirmed").add(
        LEAK + 5, "fault_unconfirmed", fault="SigningKeyLeaked", host="app1", because="0 forged tokens were accepted"
    )
    theft.change(0, 40, outcome="refused")
    assert summarize(theft.journal()).verdict is Verdict.VOID
