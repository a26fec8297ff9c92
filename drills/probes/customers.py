"""What the customers of a running workload see right now, read from the tail of their ledger."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drills.journal import LEDGER
from drills.workloads.ledger import LedgerTail

if TYPE_CHECKING:
    from pathlib import Path

# A request without an answer for this long is counted as bad, well before its own timeout.
SLOW_SECONDS = 0.25


@dataclass(frozen=True)
class Experience:
    """The customers' luck at one moment; all times are seconds since the run's anchor.

    `bad_since` is when the first request was sent of the bad ones since the last good answer, None while
    there is none. `good_since` is when the last bad one was sent, or the workload began.
    """

    now: float
    bad_in_a_row: int
    bad_since: float | None
    last_good: float | None
    good_since: float | None


class Customers:
    """Follows the ledger of one run."""

    def __init__(self, run_dir: Path, anchor: float) -> None:
        """`anchor` is the raw monotonic second that counts as zero."""
        self._tail = LedgerTail(run_dir / LEDGER)
        self._anchor = anchor
        self._waiting: dict[int, float] = {}
        self._bad: list[float] = []
        self._last_good: float | None = None
        self._last_good_sent = -1.0
        self._good_since: float | None = None

    def look(self) -> Experience:
        """Read what was added, and say how the customers fare."""
        now = time.monotonic() - self._anchor
        for line in self._tail.new_lines():
            self._take(line)
        slow = [sent for sent in self._waiting.values() if sent < now - SLOW_SECONDS]
        bad = [moment for moment in (*self._bad, *slow) if moment > self._last_good_sent]
        ill = max(bad, default=None)
        good_since = self._good_since if ill is None else max(ill, self._good_since or ill)
        return Experience(now, len(bad), min(bad, default=None), self._last_good, good_since)

    def _take(self, line: dict[str, Any]) -> None:
        kind = line["kind"]
        if kind == "opened":
            self._good_since = float(line["t"])
        elif kind == "sent":
            self._waiting[line["n"]] = float(line["t"])
        elif kind == "answered":
            sent = self._waiting.pop(line["n"], float(line["t"]))
            self._note(sent, ended=float(line["t"]), good=line["good"] is True)
        elif kind == "missed":
            self._note(float(line["due"]), ended=float(line["due"]), good=False)

    def _note(self, sent: float, *, ended: float, good: bool) -> None:
        if good:
            self._last_good = max(ended, self._last_good or ended)
            self._last_good_sent = max(sent, self._last_good_sent)
            self._bad = [moment for moment in self._bad if moment > sent]
        else:
            self._bad.append(sent)
            self._good_since = max(sent, self._good_since or sent)
