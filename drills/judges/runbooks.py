"""The promises about the runbooks: they end as they were meant to, and in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import FollowedRunbook, followed_runbooks, says

if TYPE_CHECKING:
    from drills.journal import Journal

WITHIN = "runbook_within"


def runbook_within(seconds: float = 600.0) -> Judge:
    """No runbook that was followed took longer than so many seconds, be it to its success or to its refusal.

    One whose controller was killed on purpose was cut short; its time says nothing.
    """
    return Judge(WITHIN, float(seconds), "s", _decide_within)


def _decide(journal: Journal, objective: float | None) -> Judgement:
    followed = followed_runbooks(journal)
    missed = [flaw for one in followed if (flaw := _flaw(one))] + _nobodys_ends(journal, followed)
    open_questions = [question for one in followed if (question := _question(one))]
    measured = None if open_questions or not followed else float(len(missed))
    outcome, because = _found(followed, missed, open_questions)
    return Judgement("runbooks_succeeded", outcome, because, objective, measured, "failed")


def _found(followed: tuple[FollowedRunbook, ...], missed: list[str], questions: list[str]) -> tuple[Outcome, str]:
    if missed:
        return Outcome.MISSED, "; ".join(missed)
    if not followed:
        return Outcome.UNKNOWN, "no runbook was followed"
    if questions:
        return Outcome.UNKNOWN, "; ".join(questions)
    return Outcome.MET, "; ".join(_success(one) for one in followed)


def _flaw(one: FollowedRunbook) -> str | None:
    """What went wrong with a runbook that ended, if anything."""
    if one.ended is None or one.interrupted:
        return None
    if one.must_fail is None:
        return None if one.exit_code == 0 else f"{one.name} ended with {one.exit_code}: {one.because}"
    if one.exit_code == 0:
        return f"{one.name} was to fail, saying “{one.must_fail}”, and ended with 0"
    if not says(one.because, one.must_fail):
        return f"{one.name} was to fail, saying “{one.must_fail}”, but failed for another reason: {one.because}"
    return None


def _question(one: FollowedRunbook) -> str | None:
    """Why it is not known how a runbook fared, if so."""
    if one.ended is None:
        return f"the end of this runbook was not seen: {one.name}"
    if one.to_be_interrupted_at is not None and not one.interrupted:
        return f"{one.name} was to be interrupted at “{one.to_be_interrupted_at}”, and was not"
    return None


def _nobodys_ends(journal: Journal, followed: tuple[FollowedRunbook, ...]) -> list[str]:
    """The failures of runbooks whose start was not noted."""
    known = {one.ended.seq for one in followed if one.ended is not None}
    return [
        f"{entry.get('runbook')} ended with {entry.get('exit_code')}: {entry.get('because')}"
        for entry in journal.all("runbook_ended")
        if entry.seq not in known and entry.get("exit_code") != 0
    ]


def _success(one: FollowedRunbook) -> str:
    if one.interrupted:
        return f"{one.name} was interrupted at “{one.to_be_interrupted_at}”"
    if one.must_fail is not None:
        return f"{one.name} failed as it had to, saying “{one.must_fail}”"
    return f"{one.name} ended with 0"


def _decide_within(journal: Journal, objective: float | None) -> Judgement:
    followed = [one for one in followed_runbooks(journal) if one.to_be_interrupted_at is None]
    took = [(one.seconds, one.name) for one in followed if one.seconds is not None]
    longest, name = max(took, default=(None, ""))
    outcome, because = _found_within(followed, name, longest, objective)
    return Judgement(WITHIN, outcome, because, objective, longest, "s")


def _found_within(
    followed: list[FollowedRunbook], name: str, longest: float | None, objective: float | None
) -> tuple[Outcome, str]:
    if objective is None:
        return Outcome.UNKNOWN, "the journal names no objective in seconds"
    if longest is None:
        return Outcome.UNKNOWN, "no runbook was followed to its end"
    because = f"the longest of {len(followed)} runbooks was {name}: {longest:.2f} s"
    if longest > objective:
        return Outcome.MISSED, f"{because}; {objective:g} s were promised"
    unended = sorted({one.name for one in followed if one.ended is None})
    if unended:
        return Outcome.UNKNOWN, f"{because}; but the end of this runbook was not seen: {', '.join(unended)}"
    return Outcome.MET, because


runbooks_succeeded = Judge("runbooks_succeeded", None, "failed", _decide)
"""Every runbook that was followed ended as it was meant to: well, or failing as said. Judged in every drill."""
