"""Judges read a journal and answer met, missed or unknown, because ...; they touch nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.bookings import no_acknowledged_write_lost, no_double_booking
from drills.judges.certificates import certificate_kept, certificate_renewed
from drills.judges.damages import every_damage_caught
from drills.judges.forgeries import forgeries_refused_within
from drills.judges.handshakes import no_failed_handshake
from drills.judges.harm import harm_within
from drills.judges.judgement import Judge, Judgement, Outcome
from drills.judges.keys import every_old_key_refused
from drills.judges.primaries import one_primary_at_a_time
from drills.judges.proofs import every_check_met
from drills.judges.recovery import recovered_within
from drills.judges.recovery_point import loses_at_most
from drills.judges.releases import never_served
from drills.judges.rows import deleted_rows_back
from drills.judges.runbooks import runbook_within, runbooks_succeeded
from drills.judges.service import served_throughout

if TYPE_CHECKING:
    from drills.journal import Journal

__all__ = [
    "READY_MADE",
    "Judge",
    "Judgement",
    "Outcome",
    "certificate_kept",
    "certificate_renewed",
    "deleted_rows_back",
    "every_check_met",
    "every_damage_caught",
    "every_old_key_refused",
    "forgeries_refused_within",
    "harm_within",
    "judge_named",
    "loses_at_most",
    "never_served",
    "no_acknowledged_write_lost",
    "no_double_booking",
    "no_failed_handshake",
    "one_primary_at_a_time",
    "recovered_within",
    "runbook_within",
    "runbooks_succeeded",
    "served_throughout",
]

READY_MADE = {
    judge.name: judge
    for judge in (
        recovered_within(),
        served_throughout(),
        harm_within(),
        never_served,
        runbook_within(),
        no_acknowledged_write_lost,
        no_double_booking,
        no_failed_handshake,
        forgeries_refused_within(),
        certificate_kept,
        certificate_renewed,
        loses_at_most(),
        every_check_met,
        every_old_key_refused,
        one_primary_at_a_time,
        every_damage_caught,
        deleted_rows_back,
        runbooks_succeeded,
    )
}
"""Every judge by the name under which a journal keeps it."""


def judge_named(name: str, objective: float | None) -> Judge:
    """The judge that a journal names, holding its objective; one that nobody knows answers unknown."""
    known = READY_MADE.get(name)
    if known is not None:
        return Judge(name, objective, known.unit, known.decide)

    def nobody(_: Journal, objective: float | None) -> Judgement:
        return Judgement(name, Outcome.UNKNOWN, f"this version knows no judge called {name}", objective)

    return Judge(name, objective, None, nobody)
