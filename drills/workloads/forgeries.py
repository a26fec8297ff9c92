"""The forgeries workload as a scenario names it: somebody who signs tokens as the service does, once a key leaked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.forgeries import ACCEPTED
from drills.journal import FORGERIES
from drills.workloads.bookings import URL_VARIABLE
from drills.workloads.ledger import LedgerTail
from drills.workloads.process import RunningWorkload, check_positive

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = Path("logs", "forgeries.log")


@dataclass
class Forgeries:
    """A forger who shows `per_second` forged tokens a second to the service, and waits `timeout_s` for each answer.

    Until a key is learned none is shown. Each token says that somebody else shows it, and is good for years.
    """

    per_second: float
    timeout_s: float
    name: str = "forgeries"
    _running: RunningWorkload | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def interval_s(self) -> float:
        """The time between two forged tokens."""
        return 1 / self.per_second

    def start(
        self,
        run_dir: Path,
        event: str,
        variables: Mapping[str, object],
        anchor: float,
        environment: Mapping[str, str],
    ) -> RunningWorkload:
        """Start the process, and return once it waits for a key.

        Raises:
            UsageError: The process ended at once.
        """
        url = ["--url", str(variables.get(URL_VARIABLE, "")), "--event", event]
        self._running = RunningWorkload.started(
            "drills.workloads.forgery_client",
            [*url, "--per-second", repr(self.per_second)],
            ledger=run_dir.resolve() / FORGERIES,
            log=run_dir.resolve() / LOG,
            anchor=anchor,
            timeout_s=self.timeout_s,
            environment=environment,
        )
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
    check_positive("forgeries", per_second=per_second, timeout_s=timeout_s)
    return Forgeries(per_second, timeout_s)
