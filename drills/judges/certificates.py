"""The promise that a certificate stays in use while no other can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import Certificate, first_touch, followed_runbooks, handshakes

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "certificate_kept"


def _decide(journal: Journal, objective: float | None) -> Judgement:
    clock = first_touch(journal)
    seen = handshakes(journal, clock)
    if clock is None or seen is None or not seen.certificates:
        return Judgement(NAME, Outcome.UNKNOWN, "nobody saw a certificate", objective, None, "certificates")
    heal = journal.first("heal_started")
    until = seen.ended if heal is None else min(heal.t, seen.ended)
    before = [one for one in seen.certificates if one.first < until]
    outcome, because = _found(journal, before, until - clock.t)
    return Judgement(NAME, outcome, because, objective, float(len(before)), "certificates")


def _found(journal: Journal, before: list[Certificate], watched_s: float) -> tuple[Outcome, str]:
    serials = ", ".join(one.serial for one in before) or "no certificate"
    told = f"{serials} in the {watched_s:.2f} s before the drill began to heal, or the watch ended"
    if len(before) > 1:
        return Outcome.MISSED, f"customers saw another certificate: {told}"
    failed = [one.ended.t for one in followed_runbooks(journal) if one.must_fail is not None and one.ended is not None]
    if not failed:
        return Outcome.UNKNOWN, f"no runbook had to fail meanwhile; customers saw {told}"
    # A certificate that nobody was shown afterwards may have been replaced by what the runbook did last.
    if not before or before[0].last < max(failed):
        return Outcome.UNKNOWN, f"nobody saw one after the runbook had failed; customers saw {told}"
    return Outcome.MET, f"customers saw {told}, and no other"


certificate_kept = Judge(NAME, None, "certificates", _decide)
"""From the first touch of the site until the drill heals, while a runbook has to fail, one certificate is served."""
