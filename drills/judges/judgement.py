"""What a judge is and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from drills.journal import Journal


class Outcome(StrEnum):
    """A promise was kept, or broken, or nobody can tell."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Judgement:
    """What one judge found, and why; `objective` and `measured` are in `unit`."""

    judge: str
    outcome: Outcome
    because: str
    objective: float | None = None
    measured: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Judge:
    """A promise that can be judged from a journal alone."""

    name: str
    objective: float | None
    unit: str | None
    decide: Callable[[Journal, float | None], Judgement]

    def judge(self, journal: Journal) -> Judgement:
        """Whether the promise was kept; a judge that breaks down has found out nothing."""
        try:
            return self.decide(journal, self.objective)
        except Exception as error:  # noqa: BLE001  # whatever went wrong, it must not pass for a verdict
            because = f"the judge failed: {type(error).__name__}: {error}"
            return Judgement(self.name, Outcome.UNKNOWN, because, self.objective, None, self.unit)
