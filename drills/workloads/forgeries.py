"""The forgeries workload as a scenario names it: somebody who signs tokens as the service does, once a key leaked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.forgeries import ACCEPTED
from drills.journal import FORGERIES
from drills.workloads.bookings import url_words
from drills.workloads.ledger import LedgerTail
from drills.workloads.workload import Setting, Workload

if TYPE_CHECKING:
    from drills.workloads.process import RunningWorkload


@dataclass
class Forgeries(Workload):
    """A forger who shows forged tokens to the service, and waits for each answer.

    Until a key is learned none is shown. Each token says that somebody else shows it, and is good for years.
    """

    _running: RunningWorkload | None = field(default=None, init=False, repr=False, compare=False)

    NAME = "forgeries"
    MODULE = "drills.workloads.forgery_client"
    LEDGER = FORGERIES

    def words(self, setting: Setting) -> list[str]:
        """To whom they are shown."""
        return [*url_words(setting.variables), "--event", setting.event]

    def start(self, setting: Setting) -> RunningWorkload:
        """Start the process, and return once it waits for a key."""
        self._running = super().start(setting)
        return self._running

    def learn(self, kid: str, private_pem: str) -> None:
        """Give the forger the key, through a pipe that ends in the memory of its process and nowhere else.

        Raises:
            UsageError: There is no forger.
        """
        if self._running is None:
            raise UsageError("nobody is there to forge tokens", "use forgeries() in the story before the key leaks")
        self._running.tell(json.dumps({"kid": kid, "private_pem": private_pem}).encode())

    def accepted(self) -> int:
        """How many forged tokens the service has accepted so far."""
        lines = LedgerTail(self._running.ledger).new_lines() if self._running is not None else []
        return sum(line.get("outcome") == ACCEPTED for line in lines)


def forgeries(per_second: float = 10, *, timeout_s: float = 5.0) -> Forgeries:
    """Somebody who forges tokens all the time, as soon as there is a key to forge them with.

    Raises:
        UsageError: The rate or the timeout is not a positive number.
    """
    return Forgeries(per_second, timeout_s)
