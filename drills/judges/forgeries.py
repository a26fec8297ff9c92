"""The promise that a signing key that has leaked is soon worth nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import STABLE_SECONDS, Forgeries, forgeries, running_at

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "forgeries_refused_within"


def forgeries_refused_within(seconds: float = 60.0) -> Judge:
    """So many seconds after the signing key leaked every forged token is refused, and goes on being refused.

    A token that nobody answered is not refused. Where none was accepted before, the leak bit nobody, and that none is
    accepted afterwards proves nothing.
    """
    return Judge(NAME, float(seconds), "s", _decide)


def _decide(journal: Journal, objective: float | None) -> Judgement:
    seen = forgeries(journal)
    if objective is None:
        return Judgement(NAME, Outcome.UNKNOWN, "the journal names no objective in seconds", None, None, "s")
    if seen is None:
        because = "no signing key leaked, or nobody forged tokens"
        return Judgement(NAME, Outcome.UNKNOWN, because, objective, None, "s")
    outcome, because = _found(journal, seen, objective)
    return Judgement(NAME, outcome, f"{because}; {seen.told()}", objective, seen.dead_after_s, "s")


def _found(journal: Journal, seen: Forgeries, objective: float) -> tuple[Outcome, str]:
    if seen.last_accepted is None:
        return Outcome.UNKNOWN, "no forged token was ever accepted, so there was nothing to put an end to"
    because = f"a forged token was accepted {seen.last_accepted - seen.leaked:.2f} s after the leak"
    if seen.last_accepted - seen.leaked > objective:
        return Outcome.MISSED, f"{because}; {objective:g} s were promised"
    if hidden := _hidden(journal, seen, objective):
        return Outcome.UNKNOWN, f"{because}, and none afterwards; but {hidden}"
    return Outcome.MET, f"{because}, and every one was refused afterwards"


def _hidden(journal: Journal, seen: Forgeries, objective: float) -> str:
    """What was not seen, so that a later forgery may have been accepted; empty if nothing."""
    if seen.refused_from is None:
        return "the last of them was not refused"
    if (refused := seen.refused_from - seen.leaked) > objective:
        return f"only from {refused:.2f} s on each was refused, and {objective:g} s were promised"
    if (watched := seen.ended - seen.refused_from) < STABLE_SECONDS:
        return f"refusals were watched for only {watched:.2f} s"
    if not seen.closed:
        return f"the forger died at {seen.ended - seen.leaked:.2f} s"
    if running := running_at(journal, seen.ended):
        return f"the watch ended before {', '.join(running)} had ended"
    return ""
