"""Attempts that are all alike: one at each tick, none waiting for another, each noted with what became of it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drills.workloads.flight import Flight
    from drills.workloads.ledger import Ledger


class Attempts(ABC):
    """Clients who send on time.

    The ledger gets `begun` and `ended` of each attempt, or `missed` where none could begin.
    """

    def __init__(self, ledger: Ledger, flight: Flight) -> None:
        self.ledger, self.flight = ledger, flight
        self._number = 0

    @abstractmethod
    async def attempt(self) -> dict[str, Any]:
        """Make one attempt, and return what is noted of its end: its outcome, and what was seen."""

    def send(self, tick: int, due: float) -> None:  # noqa: ARG002  # each tick is like the other
        """Begin an attempt, or note why none can begin."""
        if because := self.flight.full():
            self.miss(due, because)
            return
        now = time.monotonic()
        self._note("begun", due, t=self.ledger.clock(now))
        self.flight.start(self._end(self._number), now - due)

    def miss(self, due: float, because: str) -> None:
        """Note an attempt that could not begin."""
        self._note("missed", due, t=self.ledger.clock(), because=because)

    def _note(self, kind: str, due: float, **fields: Any) -> None:  # noqa: ANN401  # JSON values
        self._number += 1
        self.ledger.note(kind, n=self._number, due=self.ledger.clock(due), **fields)

    async def _end(self, number: int) -> None:
        found = await self.attempt()
        self.ledger.note("ended", n=number, t=self.ledger.clock(), **found)
