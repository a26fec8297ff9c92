"""The promise that whoever opens a TLS connection gets one, whatever becomes of certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import STABLE_SECONDS, Handshakes, first_touch, handshakes, running_at

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "no_failed_handshake"


def _decide(journal: Journal, objective: float | None) -> Judgement:
    clock = first_touch(journal)
    seen = handshakes(journal, clock)
    if seen is None or not seen.tried:
        because = "nobody shook hands" if clock else "nothing touched the site"
        return Judgement(NAME, Outcome.UNKNOWN, because, objective, None, "handshakes")
    outcome, because = _found(journal, seen)
    failed = float(sum(seen.failed.values()))
    return Judgement(NAME, outcome, because, objective, failed, "handshakes")


def _found(journal: Journal, seen: Handshakes) -> tuple[Outcome, str]:
    told = f"{seen.tried} handshakes, {len(seen.certificates)} certificates seen; {seen.latency.told()}"
    if seen.first_failure is not None:
        classes = ", ".join(f"{count} {name}" for name, count in sorted(seen.failed.items()))
        at = seen.first_failure.moment - seen.started
        return Outcome.MISSED, f"{classes}, the first at {at:.2f} s: {seen.first_failure.because}; of {told}"
    if seen.silences:
        begin, end = seen.silences[0]
        return Outcome.MISSED, f"none was begun for {end - begin:.2f} s at {begin - seen.started:.2f} s; of {told}"
    if not seen.closed:
        return Outcome.UNKNOWN, f"none failed, but the workload died at {seen.ended - seen.started:.2f} s; of {told}"
    if seen.ended - seen.started < STABLE_SECONDS:
        return Outcome.UNKNOWN, f"they were watched for only {seen.ended - seen.started:.2f} s; of {told}"
    if running := running_at(journal, seen.ended):
        return Outcome.UNKNOWN, f"none failed, but the watch ended before {', '.join(running)} had ended; of {told}"
    return Outcome.MET, f"none failed of {told}"


no_failed_handshake = Judge(NAME, None, "handshakes", _decide)
"""From the first touch of the site on, every new TLS connection was made, with a certificate as it should be."""
