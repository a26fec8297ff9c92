from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from drills.handshakes import Handshake, HandshakeLedger
from drills.judges import Judgement, Outcome, certificate_kept, no_failed_handshake
from drills.measurement import first_touch, handshakes

if TYPE_CHECKING:
    from drills.journal import Journal
    from tests.conftest import Story

INTERVAL = 0.1


@dataclass
class Visit:
    """A failover's journal, and thirty seconds of handshakes beside it; the certificate changes at 15 s."""

    story: Story
    seen: list[Handshake] = field(default_factory=list)
    opened: bool = True
    closed: float | None = 30.1

    def __post_init__(self) -> None:
        self.seen = [good(n, n * INTERVAL) for n in range(300)]

    def change(self, begin: float, end: float, **fields: Any) -> Visit:  # noqa: ANN401  # as many types as fields
        self.seen = [replace(one, **fields) if begin <= one.due < end else one for one in self.seen]
        return self

    def journal(self) -> Journal:
        opened = {"t": 0.0, "interval_s": INTERVAL, "timeout_s": 1.0} if self.opened else None
        closed = None if self.closed is None else {"t": self.closed}
        return replace(self.story.journal(), handshakes=HandshakeLedger(tuple(self.seen), opened, closed))

    def judge(self) -> Judgement:
        return no_failed_handshake.judge(self.journal())


def good(n: int, due: float) -> Handshake:
    serial = "0A" if due < 15 else "0B"
    return Handshake(n, due, due, due + 0.02, due + 0.03, "good", serial, f"print of {serial}", "never")


@pytest.fixture
def visit(failover: Story) -> Visit:
    return Visit(failover)


def test_every_handshake_good_is_met_and_tells_figures_and_certificates(visit: Visit) -> None:
    judgement = visit.judge()
    assert (judgement.outcome, judgement.measured, judgement.unit) == (Outcome.MET, 0.0, "handshakes")
    assert "200 handshakes, 2 certificates seen" in judgement.because
    journal = visit.journal()
    seen = handshakes(journal, first_touch(journal))
    assert seen is not None
    assert [one.serial for one in seen.certificates] == ["0A", "0B"]
    assert [one.times for one in seen.certificates] == [50, 150]
    assert seen.latency.p99_s == pytest.approx(0.02)


@pytest.mark.parametrize("outcome", ["refused", "reset", "timeout", "expired", "wrong_name", "untrusted", "answer"])
def test_one_that_failed_is_missed_and_named(visit: Visit, outcome: str) -> None:
    visit.change(20.0, 20.05, outcome=outcome, fingerprint=None, because="as the test says")
    judgement = visit.judge()
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)
    assert f"1 {outcome}, the first at 10.00 s: as the test says" in judgement.because


def test_one_that_could_not_be_begun_or_never_ended_is_missed(visit: Visit) -> None:
    assert visit.change(20.0, 20.05, outcome="missed", begun=None, shaken=None, ended=None).judge().measured == 1.0
    assert visit.change(25.0, 25.05, outcome="unanswered", shaken=None, ended=None).judge().measured == 2.0


def test_one_that_was_on_its_way_when_the_site_was_touched_counts(visit: Visit) -> None:
    visit.change(9.9, 9.95, outcome="timeout", ended=10.9, shaken=None)
    assert visit.judge().outcome is Outcome.MISSED


def test_what_failed_before_anything_was_touched_is_not_its_doing(visit: Visit) -> None:
    assert visit.change(5.0, 6.0, outcome="refused").judge().outcome is Outcome.MET


def test_a_silence_is_missed(visit: Visit) -> None:
    visit.seen = [one for one in visit.seen if not 20 <= one.due < 22]
    judgement = visit.judge()
    assert judgement.outcome is Outcome.MISSED
    assert "none was begun for 2" in judgement.because


def test_nobody_who_shook_hands_is_unknown(visit: Visit) -> None:
    assert no_failed_handshake.judge(visit.story.journal()).outcome is Outcome.UNKNOWN
    visit.seen = []
    assert visit.judge().outcome is Outcome.UNKNOWN
    visit.story.without("fault_started", "runbook_started")
    assert visit.judge().because == "nothing touched the site"


def test_a_workload_that_died_knows_nothing_of_the_rest(visit: Visit) -> None:
    visit.closed = None
    assert visit.judge().outcome is Outcome.UNKNOWN
    assert visit.change(20.0, 20.05, outcome="reset").judge().outcome is Outcome.MISSED


def test_a_watch_that_ended_before_the_runbook_is_unknown(visit: Visit) -> None:
    visit.story.without("runbook_ended").add(40.0, "runbook_ended", runbook="db_failover", exit_code=0, because="")
    judgement = visit.judge()
    assert judgement.outcome is Outcome.UNKNOWN
    assert "db_failover" in judgement.because


def test_too_little_seen_is_unknown(visit: Visit) -> None:
    visit.seen, visit.closed = [one for one in visit.seen if one.due < 11], 11.0
    assert visit.judge().outcome is Outcome.UNKNOWN


def kept(visit: Visit, *, until: float = 30.0) -> Judgement:
    """A renewal that had to fail, and ended at 14 s; the drill heals at `until`."""
    visit.story.without("runbook_started", "runbook_ended", "heal_started")
    visit.story.add(11.0, "runbook_started", runbook="cert_renewal", must_fail="was not renewed")
    visit.story.add(14.0, "runbook_ended", runbook="cert_renewal", exit_code=2, because="was not renewed")
    visit.story.add(until, "heal_started")
    return certificate_kept.judge(visit.journal())


def test_a_certificate_that_changes_only_after_the_heal_is_kept(visit: Visit) -> None:
    judgement = kept(visit, until=14.9)
    assert (judgement.outcome, judgement.measured) == (Outcome.MET, 1.0)
    assert judgement.because == (
        "customers saw 0A in the 4.90 s before the drill began to heal, or the watch ended, and no other"
    )


def test_another_certificate_before_the_heal_is_missed(visit: Visit) -> None:
    judgement = kept(visit)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 2.0)
    assert "0A, 0B" in judgement.because


def test_a_certificate_is_kept_from_nothing_where_no_runbook_had_to_fail(visit: Visit) -> None:
    visit.seen = [one for one in visit.seen if one.serial == "0A"]
    assert certificate_kept.judge(visit.journal()).outcome is Outcome.UNKNOWN
    assert certificate_kept.judge(visit.story.journal()).because == "nobody saw a certificate"


def test_a_certificate_that_nobody_saw_after_the_failure_is_unknown(visit: Visit) -> None:
    visit.seen, visit.closed = [one for one in visit.seen if one.due < 12], None
    judgement = kept(visit)
    assert judgement.outcome is Outcome.UNKNOWN
    assert "nobody saw one after the runbook had failed" in judgement.because
