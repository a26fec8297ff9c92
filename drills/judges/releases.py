"""The promise that a release which must not be taken in use never answers a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import followed_runbooks, releases

if TYPE_CHECKING:
    from drills.journal import Journal, Sample

NAME = "never_served"
RELEASE = "release_digest"
CREATED = 201


def _decide(journal: Journal, objective: float | None) -> Judgement:
    refused = {
        str(one.started.get("variables", {})[RELEASE])
        for one in followed_runbooks(journal)
        if one.must_fail is not None and one.started.get("variables", {}).get(RELEASE)
    }
    given = releases(journal)
    outcome, because = _found(journal, refused, {name: number for name, number in given.items() if name in refused})
    measured = float(sum(given[name] for name in refused if name in given))
    return Judgement(NAME, outcome, because, objective, None if outcome is Outcome.UNKNOWN else measured, "answers")


def _found(journal: Journal, refused: set[str], bad: dict[str, int]) -> tuple[Outcome, str]:
    if bad:
        told = ", ".join(f"{number} by {name}" for name, number in bad.items())
        return Outcome.MISSED, f"customers were answered by a release that was to be refused: {told}"
    if not refused:
        return Outcome.UNKNOWN, f"no runbook that was to fail was given a {RELEASE}"
    names = releases(journal)
    if not names:
        return Outcome.UNKNOWN, "no answer names the release that gave it"
    nameless = sum(_should_be_named(sample) and sample.release is None for sample in journal.samples)
    if nameless:
        return Outcome.UNKNOWN, f"{nameless} new bookings do not name the release that made them"
    if journal.ledger_closed is None:
        return Outcome.UNKNOWN, "the workload died, so the ledger is not whole"
    told = ", ".join(f"{number} by {name}" for name, number in names.items())
    return Outcome.MET, f"every answer that names its release came from another one: {told}"


def _should_be_named(sample: Sample) -> bool:
    return sample.acknowledged and sample.status == CREATED


never_served = Judge(NAME, None, "answers", _decide)
"""No answer came from a release that was given to a runbook which had to refuse it."""
