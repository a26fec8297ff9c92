"""The promise that there is never more than one primary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import leadership

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.measurement import Leadership


def _decide(journal: Journal, objective: float | None) -> Judgement:
    found = leadership(journal)
    outcome, because = _found(found)
    measured = None if outcome is Outcome.UNKNOWN else float(len(found.conflicts))
    return Judgement("one_primary_at_a_time", outcome, because, objective, measured, "conflicts")


def _found(found: Leadership) -> tuple[Outcome, str]:
    if found.conflicts:
        more = f"; {len(found.conflicts) - 1} more signs of it" if len(found.conflicts) > 1 else ""
        return Outcome.MISSED, found.conflicts[0] + more
    if not found.looks:
        return Outcome.UNKNOWN, "nobody looked at the database hosts"
    if found.blind:
        return Outcome.UNKNOWN, "; ".join(found.blind)
    if not found.sources:
        return Outcome.UNKNOWN, "no acknowledgement tells which server committed it"
    servers = ", ".join(f"{server} on timeline {timeline}" for server, timeline in found.sources)
    alone = "".join(f"; {claim}" for claim in found.alone)
    return Outcome.MET, f"writes were acknowledged one after the other by {servers}; {found.looks} looks agree{alone}"


one_primary_at_a_time = Judge("one_primary_at_a_time", None, "conflicts", _decide)
"""Once a new primary has acknowledged a write, no other server does, and no two are seen to lead at once."""
