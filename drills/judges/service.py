"""The promise that customers are served all the time, whatever is done to the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import STABLE_SECONDS, Latency, Watch, first_touch, latency, unseen, watch

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "served_throughout"


def served_throughout(slowest: float = 1.0) -> Judge:
    """From the first touch of the site to the watch's end, every request was answered well and in time.

    No request failed, no tick was missed, the workload was never silent, and no answer took longer than `slowest`
    seconds. The watch begins with the first runbook or fault, so a harm done by a deploy before a fault counts.
    """
    return Judge(NAME, float(slowest), "s", _decide)


def _decide(journal: Journal, objective: float | None) -> Judgement:
    seen = watch(journal, first_touch(journal))
    if seen is None:
        because = "nothing touched the site, or no request was made"
        return Judgement(NAME, Outcome.UNKNOWN, because, objective, None, "s")
    took = latency(journal.samples, seen.started)
    if objective is None:
        outcome, because = Outcome.UNKNOWN, "the journal names no objective in seconds"
    else:
        outcome, because = _found(journal, seen, took, objective)
    return Judgement(NAME, outcome, because, objective, took.slowest_s, "s")


def _found(journal: Journal, seen: Watch, took: Latency, objective: float) -> tuple[Outcome, str]:
    watched = seen.ended - seen.started
    because = f"{seen.asked} requests in {watched:.2f} s; {took.told()}"
    if seen.failures:
        first, silent = seen.failures[0], sum(failure.silence for failure in seen.failures)
        return Outcome.MISSED, (
            f"{len(seen.failures) - silent} requests failed or were missed and {silent} times nothing was asked, "
            f"the first at {first.begin - seen.started:.2f} s: {first.because}; of {because}"
        )
    if took.slowest_s is not None and took.slowest_s > objective:
        return Outcome.MISSED, f"none failed of {because}; {objective:g} s were promised"
    if took.slowest_s is None or watched < STABLE_SECONDS:
        return Outcome.UNKNOWN, f"the customers' requests were watched for only {max(watched, 0.0):.2f} s"
    if hidden := unseen(journal, seen):
        return Outcome.UNKNOWN, f"none failed of {because}; but {hidden}"
    return Outcome.MET, f"none failed of {because}"
