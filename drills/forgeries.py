"""The ledger of somebody who forges tokens, read back: one forgery for each tick, in the order they were due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drills.attempts import first_of, read_attempts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCEPTED, REFUSED, UNANSWERED, MISSED = "accepted", "refused", "unanswered", "missed"


@dataclass(frozen=True)
class Forgery:
    """One forged token that was shown to the service or should have been, and what the service made of it.

    `outcome` is accepted (the forger was taken for somebody else), refused (the token was found to be bad),
    unanswered (nobody knows), or missed (a tick at which none could be shown). `due`, `begun` and `ended` are seconds
    since the run's anchor.
    """

    n: int
    due: float
    begun: float | None = None
    ended: float | None = None
    outcome: str = UNANSWERED
    because: str = ""

    @property
    def moment(self) -> float:
        """When it was shown, or should have been."""
        return self.due if self.begun is None else self.begun


@dataclass(frozen=True)
class ForgeryLedger:
    """All forgeries of a run; `closed` is None when the workload did not end in an orderly manner.

    `learned` is the line that says when the forger got a key, and its id; None when none came.
    """

    forgeries: tuple[Forgery, ...]
    opened: Mapping[str, Any] | None
    learned: Mapping[str, Any] | None
    closed: Mapping[str, Any] | None


def read_forgeries(path: Path, lines: list[dict[str, Any]]) -> ForgeryLedger:
    """Make sense of the lines of the ledger at `path`.

    Raises:
        UsageError: They are none of a ledger of forgeries.
    """
    opened, learned, closed = (first_of(lines, kind) for kind in ("opened", "learned", "closed"))
    return ForgeryLedger(read_attempts(path, lines, _forgery), opened, learned, closed)


def _forgery(tick: Mapping[str, Any], end: Mapping[str, Any] | None) -> Forgery:
    n, due = int(tick["n"]), float(tick["due"])
    if tick["kind"] == "missed":
        return Forgery(n, due, outcome=MISSED, because=str(tick.get("because", "")))
    if end is None:
        return Forgery(n, due, float(tick["t"]), because="the workload died before it ended")
    outcome = str(end["outcome"])
    if outcome not in {ACCEPTED, REFUSED, UNANSWERED}:
        raise ValueError(outcome)
    return Forgery(n, due, float(tick["t"]), float(end["t"]), outcome, str(end.get("because") or ""))
