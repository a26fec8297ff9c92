"""What has been sent and is still on its way, and the loop that sends on time until it is told to end."""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from typing import TYPE_CHECKING, Protocol

from drills.workloads.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from drills.workloads.ending import Ending
    from drills.workloads.ledger import Ledger

IN_FLIGHT_S = 5.0


class Flight:
    """The requests that are on their way, of which a crash of any is told."""

    def __init__(self, per_second: float, crashed: Callable[[BaseException], None]) -> None:
        self._cap = max(2, round(per_second * IN_FLIGHT_S))
        self._crashed = crashed
        self._tasks: set[asyncio.Task[None]] = set()
        self.lateness = array("d")

    def full(self, wanted: int = 1) -> str:
        """Why no more of them can leave, in words; empty when they can."""
        if len(self._tasks) + wanted > self._cap:
            return f"{len(self._tasks)} requests are in flight already"
        return ""

    def start(self, asking: Coroutine[None, None, None], late_s: float) -> None:
        """Send it on its way, `late_s` seconds after it was due."""
        self.lateness.append(late_s)
        task = asyncio.get_running_loop().create_task(asking)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def settle(self, within_s: float) -> None:
        """Wait for the answers still to come; who has none by then stays without."""
        if self._tasks:
            _, hanging = await asyncio.wait(self._tasks, timeout=within_s)
            for task in hanging:
                task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(error)


class Clients(Protocol):
    """Who sends at each tick."""

    flight: Flight

    def send(self, tick: int, due: float) -> None:
        """Send what this tick calls for, or note why it cannot be sent."""

    def miss(self, due: float, because: str) -> None:
        """Note a tick at which nothing could be sent."""


async def keep_pace(clients: Clients, ending: Ending, ledger: Ledger, *, interval_s: float, timeout_s: float) -> None:
    """Have the clients send on time until the word to end comes, and note the end once their answers are there.

    Raises:
        BaseException: What crashed a part of this process.
    """
    pace = Pace(interval_s, clients.send, clients.miss)
    pace.start()
    await ending.said.wait()
    pace.stop()
    await clients.flight.settle(timeout_s + 1.0)
    if ending.crash is not None:
        raise ending.crash
    lateness = clients.flight.lateness
    ledger.note(
        "closed",
        t=ledger.clock(),
        cpu_s=round(time.process_time(), 3),
        attempted=len(lateness),
        late_p99_s=round(_percentile(lateness, 0.99), 6),
        late_max_s=round(max(lateness, default=0.0), 6),
    )


def _percentile(values: array[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0.0
