"""The promise that rows which were deleted by mistake are back, each as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "deleted_rows_back"


def _decide(journal: Journal, objective: float | None) -> Judgement:
    outcome, because = _found(journal)
    return Judgement(NAME, outcome, because, objective)


def _found(journal: Journal) -> tuple[Outcome, str]:
    looks = [entry for entry in journal.all("waited") if entry.get("probe") == NAME]
    if not looks:
        return Outcome.UNKNOWN, "nobody looked whether the deleted rows are back"
    seen, heal = looks[-1], journal.first("heal_started")
    if heal is not None and heal.seq < seen.seq:
        return Outcome.UNKNOWN, f"{seen.get('because')}; but that was seen after the drill had begun to heal"
    return (Outcome.MET if seen.get("ok") is True else Outcome.MISSED), str(seen.get("because"))


deleted_rows_back = Judge(NAME, None, None, _decide)
"""Before the drill healed, every row that its fault had deleted was there again, compared column by column."""
