"""The promise that no more than the last few seconds of writes are lost with a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.bookings import HEALED_FIRST, acknowledged_afterwards, why_not_read
from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import read_after_heal, recovery_point

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.measurement import RecoveryPoint

NAME = "loses_at_most"


def loses_at_most(seconds: float = 60.0) -> Judge:
    """Every acknowledged write that is lost had been acknowledged within so many seconds before the fault, or at it.

    None is lost that was acknowledged to a request which was sent after the fault was confirmed.
    It is known only if an older write of the same customers survived: how far the loss reaches is not seen where
    it reaches past their first write.
    """
    return Judge(NAME, float(seconds), "s", _decide)


def _decide(journal: Journal, objective: float | None) -> Judgement:
    if objective is None:
        return Judgement(NAME, Outcome.UNKNOWN, "the journal names no objective in seconds", None, None, "s")
    point = recovery_point(journal)
    if point is None:
        because = why_not_read(journal) if journal.first("fault_started") else "no fault was injected"
        return Judgement(NAME, Outcome.UNKNOWN, because, objective, None, "s")
    outcome, because = _found(journal, point, objective)
    return Judgement(NAME, outcome, because, objective, None if point.open_ended else point.seconds, "s")


def _found(journal: Journal, point: RecoveryPoint, objective: float) -> tuple[Outcome, str]:
    because = f"{point.lost} of {point.acknowledged} acknowledged writes lost"
    if point.lost:
        because += f", the oldest {point.seconds:.1f} s before the fault"
    if point.lost_afterwards:
        return Outcome.MISSED, f"{because}; {point.lost_afterwards} were acknowledged after the fault was confirmed"
    if point.seconds > objective:
        return Outcome.MISSED, f"{because}; {objective:g} s were promised"
    if hidden := _hidden(journal, point):
        return Outcome.UNKNOWN, f"{because}; but {hidden}"
    return Outcome.MET, because


def _hidden(journal: Journal, point: RecoveryPoint) -> str:
    """Why more may have been lost than was seen; empty if nothing speaks for it."""
    if read_after_heal(journal):
        return HEALED_FIRST
    if point.open_ended:
        return "no older write survived, so the loss may reach further back"
    if journal.ledger_closed is None:
        return "the workload died, so the ledger is not whole"
    return "" if acknowledged_afterwards(journal) else "nothing was acknowledged after the fault"
