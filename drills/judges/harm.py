"""The promise that customers do not suffer for long from what should not have been done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import Recovery, Watch, first_touch, unseen, watch

if TYPE_CHECKING:
    from drills.journal import Journal, Sample

NAME = "harm_within"


def harm_within(seconds: float = 20.0) -> Judge:
    """From the first request that was not answered well to the end of the last one, no more than so many seconds.

    An answer that came later than a customer waits counts as none. Where nobody was harmed, nothing is proved: what
    should have been ended never bit.
    """
    return Judge(NAME, float(seconds), "s", _decide)


def _decide(journal: Journal, objective: float | None) -> Judgement:
    seen = watch(journal, first_touch(journal))
    if objective is None:
        return Judgement(NAME, Outcome.UNKNOWN, "the journal names no objective in seconds", None, None, "s")
    if seen is None:
        because = "nothing touched the site, or no request was made"
        return Judgement(NAME, Outcome.UNKNOWN, because, objective, None, "s")
    if not seen.failures:
        because = f"none of {seen.asked} requests failed: there was no harm that could have been ended"
        return Judgement(NAME, Outcome.UNKNOWN, because, objective, None, "s")
    harm = round(_end(journal, seen) - seen.failures[0].begin, 6)
    outcome, because = _found(journal, seen, harm, objective)
    ended = seen.recovery in {Recovery.RECOVERED, Recovery.NOT_STABLE}
    return Judgement(NAME, outcome, because, objective, harm if ended else None, "s")


def _found(journal: Journal, seen: Watch, harm: float, objective: float) -> tuple[Outcome, str]:
    first = seen.failures[0]
    told = f"{len(seen.failures)} requests failed, the first at {first.begin - seen.started:.2f} s: {first.because}"
    match seen.recovery:
        case Recovery.DOWN:
            return Outcome.MISSED, f"customers were still harmed when the watch ended; {told}"
        case Recovery.BY_HEAL:
            return Outcome.MISSED, f"the harm lasted until the drill itself had begun to heal; {told}"
    because = f"customers were harmed for {harm:.2f} s; {told}"
    if harm > objective:
        return Outcome.MISSED, f"{because}; {objective:g} s were promised"
    if seen.recovery is not Recovery.RECOVERED:
        return Outcome.UNKNOWN, f"{because}; but they were hardly watched afterwards"
    if hidden := unseen(journal, seen):
        return Outcome.UNKNOWN, f"{because}; but {hidden}"
    return Outcome.MET, because


def _end(journal: Journal, seen: Watch) -> float:
    """When the last customer who was not served had given up, or the last silence was over."""
    patience = 0.0 if journal.ledger_opened is None else float(journal.ledger_opened["timeout_s"])
    last = seen.last_failure or seen.started
    failed = (sample for sample in journal.samples if not sample.good)
    ends = (_given_up(sample, patience) for sample in failed if sample.moment <= last)
    return max((last, *ends))


def _given_up(sample: Sample, patience: float) -> float:
    if sample.sent is None:
        return sample.moment
    return sample.moment + patience if sample.ended is None else sample.ended
