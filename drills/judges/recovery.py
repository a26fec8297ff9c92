"""The promise that customers are served again in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import STABLE_SECONDS, Measurement, Recovery, Watch, measure, unseen

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "recovered_within"


def recovered_within(seconds: float = 10.0) -> Judge:
    """Customers get good answers again, and go on getting them, within so many seconds of the fault.

    The figure ends with the first of those good answers that are followed by good answers alone. In a drill
    without a fault the time counts from the start of the first runbook.
    """
    return Judge(NAME, float(seconds), "s", _decide)


def _decide(journal: Journal, objective: float | None) -> Judgement:
    measurement = measure(journal)
    seen = measurement.watch
    if objective is None:
        outcome, because = Outcome.UNKNOWN, "the journal names no objective in seconds"
    elif seen is None:
        outcome, because = Outcome.UNKNOWN, "no clock was started, or no request was made"
    else:
        outcome, because = _found(journal, measurement, seen, objective)
        because += _reservations(seen)
    return Judgement(NAME, outcome, because, objective, measurement.durations["recovery_s"], "s")


def _found(journal: Journal, measurement: Measurement, seen: Watch, objective: float) -> tuple[Outcome, str]:
    match measurement.recovery:
        case Recovery.UNSEEN:
            watched = max(seen.ended - seen.started, 0.0)
            return Outcome.UNKNOWN, f"the customers' requests were watched for only {watched:.2f} s"
        case Recovery.DOWN:
            return _still_down(seen, objective)
        case Recovery.BY_HEAL:
            return _healed_first(journal, seen, objective)
        case Recovery.NOT_STABLE:
            return _not_stable(seen, objective)
        case Recovery.NO_FAILURE:
            because = f"no failed answer among {seen.asked} in {seen.ended - seen.started:.2f} s"
            return _if_watched_to_the_end(journal, seen, because)
        case Recovery.RECOVERED:
            return _recovered(journal, measurement, seen, objective)


def _recovered(journal: Journal, measurement: Measurement, seen: Watch, objective: float) -> tuple[Outcome, str]:
    recovery = measurement.durations["recovery_s"] or 0.0
    error = "unknown" if seen.sampling_error_s is None else f"+{seen.sampling_error_s:.2f}/-{seen.sampling_error_s:.2f}"
    because = (
        f"customers were served again after {recovery:.2f} s ({error}), "
        f"{measurement.answers.failed + measurement.answers.missed} answers failed"
    )
    if recovery > objective:
        last = (seen.last_failure or seen.started) - seen.started
        return Outcome.MISSED, f"{because}, the last of them at {last:.2f} s; {objective:g} s were promised"
    return _if_watched_to_the_end(journal, seen, because)


def _if_watched_to_the_end(journal: Journal, seen: Watch, because: str) -> tuple[Outcome, str]:
    """Met, if nothing happened that the watch could not have seen."""
    hidden = unseen(journal, seen)
    return (Outcome.UNKNOWN, f"{because}, but {hidden}") if hidden else (Outcome.MET, because)


def _still_down(seen: Watch, objective: float) -> tuple[Outcome, str]:
    down = (seen.last_failure or seen.started) - seen.started
    because = f"customers were still not served {down:.2f} s after the clock started, when the watch ended"
    return (Outcome.MISSED if down > objective else Outcome.UNKNOWN), because


def _healed_first(journal: Journal, seen: Watch, objective: float) -> tuple[Outcome, str]:
    healed, failed = ((t or seen.started) - seen.started for t in (seen.heal_started, seen.last_failure))
    because = (
        f"customers were served again only after the drill had begun to heal at {healed:.2f} s: "
        "the heal repaired the service, not the runbook"
    )
    if failed > healed and _was_served(journal, seen):
        because = f"customers were not served at {failed:.2f} s, after the drill had begun to heal at {healed:.2f} s"
    cut_short = journal.first("closed") is None or journal.first("aborted") is not None
    if cut_short and healed < objective:
        return Outcome.UNKNOWN, f"{because}; the drill was cut short before {objective:g} s had passed"
    return Outcome.MISSED, because


def _was_served(journal: Journal, seen: Watch) -> bool:
    """Whether the last answer before the heal was a good one."""
    before = [sample for sample in journal.samples if sample.moment < seen.unaided_end]
    return bool(before) and before[-1].good


def _not_stable(seen: Watch, objective: float) -> tuple[Outcome, str]:
    first = (seen.first_success or seen.ended) - seen.started
    because = (
        f"customers were served again at {first:.2f} s, but were watched for less than the {STABLE_SECONDS:g} s "
        "that make it stable"
    )
    return (Outcome.MISSED if first > objective else Outcome.UNKNOWN), because


def _reservations(seen: Watch) -> str:
    """What else the reader must know of the figure."""
    counted = "" if seen.clock == "fault_started" else "; no fault was set, so the clock started with the runbook"
    blind = [failure for failure in seen.failures if failure.silence]
    return counted + (f"; silences of the workload that count as down: {len(blind)}" if blind else "")
