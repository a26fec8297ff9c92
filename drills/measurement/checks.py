"""What the runbooks' own proofs found: each check met, missed, unknown or not checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.measurement.runbooks import FollowedRunbook


@dataclass(frozen=True)
class Check:
    """One check that a task made on one host; `outcome` is met, missed, unknown or not checked."""

    host: str
    check: str
    outcome: str
    because: str


def checks(journal: Journal, within: FollowedRunbook | None = None) -> tuple[Check, ...]:
    """Every check, in the order in which they were made; `within` one runbook that was followed, if it is named."""
    return tuple(
        Check(str(entry.get("host")), str(one.get("check")), str(one.get("outcome")), str(one.get("because")))
        for entry in journal.all("task")
        if within is None or within.has(entry)
        for one in entry.get("checks") or ()
    )
