"""The promise that what was brought back is whole: each check of the runbooks' own proofs was met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import checks

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.measurement import Check

NAME = "every_check_met"
NOT_CHECKED = "not checked"
KNOWN = frozenset({"met", "missed", "unknown", NOT_CHECKED})


def _decide(journal: Journal, objective: float | None) -> Judgement:
    made = checks(journal)
    outcome, because = _found(made)
    measured = float(sum(check.outcome == "missed" for check in made)) if made else None
    return Judgement(NAME, outcome, because, objective, measured, "checks")


def _found(made: tuple[Check, ...]) -> tuple[Outcome, str]:
    if missed := _told(made, {"missed"}):
        return Outcome.MISSED, missed
    if unknown := _told(made, {check.outcome for check in made} - (KNOWN - {"unknown"})):
        return Outcome.UNKNOWN, unknown
    met = sum(check.outcome == "met" for check in made)
    if not met:
        return Outcome.UNKNOWN, "nothing was checked"
    left = _told(made, {NOT_CHECKED})
    return Outcome.MET, f"{met} checks were met" + (f"; not checked: {left}" if left else "; none was left out")


def _told(made: tuple[Check, ...], outcomes: set[str]) -> str:
    return "; ".join(f"{check.check} on {check.host}: {check.because}" for check in made if check.outcome in outcomes)


every_check_met = Judge(NAME, None, "checks", _decide)
"""Every check that a verification made was met; what it did not check is named."""
