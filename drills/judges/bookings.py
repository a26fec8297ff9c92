"""The promises about the customers' bookings: none is lost, none is made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import account, clock_start, newest_read_back, read_after_heal, read_backs, watch
from drills.measurement.writes import double_promises, rivalries

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.measurement import Writes

HEALED_FIRST = "the bookings were read back only after the drill had healed; what is there may be the merit of the heal"


def _lost(journal: Journal, objective: float | None) -> Judgement:
    writes = account(journal)
    outcome, because = _losses(journal, writes)
    measured = None if writes.lost is None else float(writes.lost)
    return Judgement("no_acknowledged_write_lost", outcome, because, objective, measured, "writes")


def _losses(journal: Journal, writes: Writes) -> tuple[Outcome, str]:
    if writes.lost is None:
        return Outcome.UNKNOWN, why_not_read(journal)
    because = f"{writes.lost} of {writes.acknowledged} acknowledged writes lost"
    if writes.lost and writes.lost_window:
        first, last = writes.lost_window
        return Outcome.MISSED, f"{because}, acknowledged between {first:.3f} s and {last:.3f} s of the run"
    because += f", {writes.recovered} of {writes.indeterminate} indeterminate ones turned up"
    if writes.late:
        because += f", {writes.late} were late: missing from the first read-back, present in the second"
    if writes.unexpected:
        because += f", {writes.unexpected} were there though refused"
    if journal.ledger_closed is None:
        return Outcome.UNKNOWN, f"{because}; but the workload died, so the ledger is not whole"
    if not acknowledged_afterwards(journal):
        return Outcome.UNKNOWN, f"{because}; but nothing was acknowledged after the fault"
    return Outcome.MET, because


def why_not_read(journal: Journal) -> str:
    """Why the bookings of the run are not known, in words."""
    entries = journal.all("read_back")
    if not entries:
        return "the bookings were never read back"
    incomplete = [entry for entry in entries if entry.get("complete") is not True]
    if incomplete:
        return f"a read-back was not complete: {incomplete[-1].get('because', 'no reason was noted')}"
    if read_after_heal(journal):
        return HEALED_FIRST
    rounds = [number for number, read in enumerate(read_backs(journal), start=1) if read is not None]
    found = ", ".join(str(number) for number in rounds) or "none"
    return f"two complete read-backs after the last acknowledgement are needed, rounds found: {found}"


def acknowledged_afterwards(journal: Journal) -> bool:
    """Whether a new write was acknowledged once the fault had bitten, or the planned runbook had ended."""
    clock, seen = clock_start(journal), watch(journal)
    if clock is None or seen is None:
        return False
    settled = journal.first("fault_confirmed" if clock.kind == "fault_started" else "runbook_ended")
    after = max(clock.t, settled.t if settled else clock.t, seen.first_failure or clock.t)
    return any(
        sample.acknowledged and sample.purpose in {"book", "rival"} and sample.moment > after
        for sample in journal.samples
    )


def _doubled(journal: Journal, objective: float | None) -> Judgement:
    seats, keys = double_promises(journal)
    found = newest_read_back(journal)
    if found is not None:
        seats, keys = (*seats, *found.double_seats()), (*keys, *found.double_keys())
    outcome, because = _doubles(journal, tuple(sorted(set(seats))), tuple(sorted(set(keys))))
    measured = None if outcome is Outcome.UNKNOWN else float(len(set(seats)) + len(set(keys)))
    return Judgement("no_double_booking", outcome, because, objective, measured, "bookings")


def _doubles(journal: Journal, seats: tuple[int, ...], keys: tuple[str, ...]) -> tuple[Outcome, str]:
    if seats or keys:
        named = [f"seat {seat}" for seat in seats] + [f"key {key}" for key in keys]
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""  # noqa: PLR2004  # enough to look into
        return Outcome.MISSED, f"booked twice: {', '.join(named[:5])}{more}"
    if newest_read_back(journal) is None:
        return Outcome.UNKNOWN, "no complete read-back after the last acknowledgement"
    if read_after_heal(journal):
        return Outcome.UNKNOWN, f"no seat was booked twice, but {HEALED_FIRST}"
    rivals = rivalries(journal)
    if not rivals:
        return Outcome.UNKNOWN, "no two customers asked for one seat and both had a definite answer"
    if journal.ledger_closed is None:
        return Outcome.UNKNOWN, "no seat was booked twice, but the workload died, so the ledger is not whole"
    return Outcome.MET, f"no seat and no key has two bookings, {rivals} seats were contested"


no_acknowledged_write_lost = Judge("no_acknowledged_write_lost", None, "writes", _lost)
"""Every write that the service acknowledged can be read back after the drill, twice."""

no_double_booking = Judge("no_double_booking", None, "bookings", _doubled)
"""No seat is sold twice and no request makes two bookings, whatever was repeated or asked for at once."""
